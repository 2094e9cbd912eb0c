'use strict';
// SARIF 2.1.0: a log against the schema of OASIS, and against what the binary finds by its own JSON.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { isWithoutPlace } = require('./sites');
const { fileURLToPath, pathToFileURL } = require('url');

/** The schema of the standard, as the committee at OASIS keeps it. */
const ID = 'https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json';
const DIGEST = 'af47e7b67f24efe74076621fd3a5fbe7398add9e84fe820c971219a385895cea';

const LEVELS = { error: 'error', warning: 'warning', info: 'note' };

/** A function that says what is wrong with a log by the schema; `fetched` is where everything was fetched to. */
function validator(fetched) {
  const { packages } = JSON.parse(fs.readFileSync(path.join(fetched, 'sarif.json'), 'utf8'));
  const crate = packages.find((one) => one.name === 'serde-sarif');
  const text = fs.readFileSync(path.join(path.dirname(crate.manifest_path), 'src', 'schema.json'));
  const digest = crypto.createHash('sha256').update(text).digest('hex');
  const schema = JSON.parse(text);
  if (schema.$id !== ID || digest !== DIGEST) throw new Error(`the schema of SARIF is another: ${schema.$id}, ${digest}`);
  const Ajv = require(path.join(fetched, 'node_modules', 'ajv'));
  // One pattern of the schema, of the language of a run, is none in the stricter grammar that the validator takes by default.
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
  require(path.join(fetched, 'node_modules', 'ajv-formats'))(ajv);
  const validate = ajv.compile(schema);
  return (log) => (validate(log) ? [] : validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`));
}

/** What a reader of the standard shows for a message: §3.11.5 and §3.11.6. */
function shown(text) {
  const trouble = [];
  if (/[{}]/.test(text.replaceAll('{{', '').replaceAll('}}', ''))) trouble.push(`a place to fill in: ${text}`);
  if (/(^|[^\\])\[([^[\]\\]|\\.)*\]\(/.test(text)) trouble.push(`a link: ${text}`);
  return { text: text.replaceAll('{{', '{').replaceAll('}}', '}').replaceAll('\\](', ']('), trouble };
}

/** The text of a region, by characters; `undefined` if the file has no such region. */
function regionText(file, { startLine, startColumn, endLine, endColumn }) {
  const text = new TextDecoder('utf-8').decode(fs.readFileSync(file));
  const lines = text.split('\n').map((line) => [...line]);
  const inside = (line, column) => line >= 1 && line <= lines.length && column >= 1 && column <= lines[line - 1].length + 1;
  if (!inside(startLine, startColumn) || !inside(endLine, endColumn)) return undefined;
  if (endLine < startLine || (endLine === startLine && endColumn < startColumn)) return undefined;
  const cut = lines.slice(startLine - 1, endLine);
  cut[cut.length - 1] = cut[cut.length - 1].slice(0, endColumn - 1);
  cut[0] = cut[0].slice(startColumn - 1);
  return cut.map((line) => line.join('')).join('\n');
}

/** Where a location is, read as a browser reads a link in the folder that the command ran in, and what is wrong with it. */
function read({ artifactLocation, region }, folder) {
  const file = fileURLToPath(new URL(artifactLocation.uri, `${pathToFileURL(folder)}/`));
  if (!fs.existsSync(file)) return { file, trouble: [`${artifactLocation.uri} is no file`] };
  const text = regionText(file, region);
  return { file, text, trouble: text === undefined ? [`no such region: ${JSON.stringify(region)} of ${file}`] : [] };
}

/** One result against one finding. */
function compareOne(result, rules, found, site) {
  const trouble = [];
  const same = (what, got, wanted) => {
    if (got !== wanted) trouble.push(`${what} is ${JSON.stringify(got)}, and ${JSON.stringify(wanted)} was found`);
  };
  same('ruleId', result.ruleId, found.code);
  same('the rule at ruleIndex', rules[result.ruleIndex]?.id, found.code);
  same('level', result.level, LEVELS[found.severity]);
  const message = shown(result.message.text);
  trouble.push(...message.trouble);
  same('the first line', message.text.split('\n')[0], found.message.split('\n')[0]);
  if (found.witness && !message.text.includes(found.witness.flow)) trouble.push(`no witness in ${message.text}`);
  if (result.locations) {
    const [{ physicalLocation }] = result.locations;
    const at = read(physicalLocation, site.folder);
    trouble.push(...at.trouble);
    same('the file', at.file, path.resolve(site.folder, found.file));
    same('the line', physicalLocation.region.startLine, found.line);
    same('the column', physicalLocation.region.startColumn, found.column);
    if (site.shows?.[found.code]) same('the text of the region', at.text, site.shows[found.code]);
  } else if (!isWithoutPlace(found, site)) {
    trouble.push(`${found.message} has no place`);
  }
  const related = result.relatedLocations ?? [];
  same('the number of other places', related.length, found.related.length);
  related.forEach((other, number) => {
    same('the number of a place', other.id, number + 1);
    if (other.physicalLocation) trouble.push(...read(other.physicalLocation, site.folder).trouble);
    else same('the place', other.logicalLocations[0].name, found.related[number].file);
  });
  return trouble;
}

/** What is wrong with a log of what was found. */
function compare(log, found, site) {
  const [run] = log.runs;
  const { rules } = run.tool.driver;
  const trouble = [];
  if (log.runs.length !== 1 || run.columnKind !== 'unicodeCodePoints') trouble.push('it is not one run that counts characters');
  if (run.results.length !== found.length) return [`${run.results.length} results, and ${found.length} findings`];
  const used = new Set(found.map(({ code }) => code));
  if (rules.length !== used.size || rules.some(({ id }) => !used.has(id))) trouble.push(`rules: ${rules.map(({ id }) => id)}`);
  for (const { id, shortDescription, fullDescription, help, defaultConfiguration } of rules) {
    const level = id.startsWith('W') ? 'warning' : 'error';
    if (defaultConfiguration.level !== level) trouble.push(`${id} is by default ${defaultConfiguration.level}`);
    if (![shortDescription, fullDescription, help].every((part) => part?.text)) trouble.push(`${id} is not described`);
    if (!help.markdown.startsWith(`# ${id}: `)) trouble.push(`${id} has the help of another`);
    for (const part of [shortDescription, fullDescription, help]) trouble.push(...shown(part.text).trouble);
  }
  return [...trouble, ...found.flatMap((one, number) => compareOne(run.results[number], rules, one, site))];
}

/** Changes that make a sound log with a result a wrong one: each has to be refused. */
const BREAKS = {
  'another version': (log) => { log.version = '2.2.0'; },
  'no tool': (log) => { delete log.runs[0].tool; },
  'a level that does not exist': (log) => { log.runs[0].results[0].level = 'fatal'; },
  'a property that does not exist': (log) => { log.runs[0].results[0].colour = 'red'; },
  'a column of zero': (log) => { log.runs[0].results[0].locations[0].physicalLocation.region.startColumn = 0; },
  'a blank in a URI': (log) => { log.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri = 'a b.pol'; },
  'a result without a message': (log) => { delete log.runs[0].results[0].message; },
  'a rule without an id': (log) => { delete log.runs[0].tool.driver.rules[0].id; },
  'an unknown way to count columns': (log) => { log.runs[0].columnKind = 'bytes'; },
};

module.exports = { BREAKS, compare, validator };
