'use strict';
// All checks of the formats for other tools: `main.js BINARY FETCHED`. What is in a policy, the binary says by its own JSON; that the
// JSON is right is for the tests of the packages.

const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { differences, documented } = require('./documented');
const github = require('./github');
const junit = require('./junit');
const sarif = require('./sarif');
const { sites } = require('./sites');

const [BINARY, FETCHED] = process.argv.slice(2);
const ROOT = path.resolve(__dirname, '..', '..');

let passed = 0;
let failed = 0;

/** One check: it fails by throwing, or by returning what is wrong. */
function check(name, body) {
  let trouble;
  try {
    trouble = [body() ?? []].flat();
  } catch (error) {
    trouble = [error.stack ?? String(error)];
  }
  if (trouble.length === 0) passed += 1;
  else failed += 1;
  console.log(`${trouble.length === 0 ? 'ok' : 'not ok'} ${passed + failed} - ${name}`);
  for (const line of trouble.join('\n').split('\n').filter(Boolean).slice(0, 20)) console.log(`  # ${line}`);
}

/** The exit code and standard output of a command; whoever asks for a format of programs gets nothing on standard error. */
function answer(site, command, format) {
  const done = spawnSync(BINARY, [command, '--format', format, '--', ...site.entries], { cwd: site.folder, maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  if (done.stderr.length > 0) throw new Error(`on standard error: ${done.stderr}`);
  return { code: done.status, text: new TextDecoder('utf-8', { fatal: true }).decode(done.stdout) };
}

/** What is to be found in the other formats: findings, those of tests that failed among them. */
function findings(json) {
  if (json.schema === 'pentane.check/1') return json.diagnostics;
  const failures = json.tests.filter((test) => test.result === 'failed');
  return failures.map(({ name, file, line, flow, expected, actual }) => {
    const message = `${name}: ${flow} => ${expected}, but it is ${actual}`;
    return { code: 'E0401', severity: 'error', message, file, line, related: [], witness: null };
  });
}

/** The checks of one command on one site. */
function look(site, command, tools) {
  let json;
  let code;
  let found = [];
  const names = `${command}, ${site.name}`;
  check(`JSON: ${names}`, () => {
    const told = answer(site, command, 'json');
    [json, code] = [JSON.parse(told.text), told.code];
    found = findings(json);
    const example = tools.documented.get(json.schema);
    return example ? differences(json, example, json.schema) : [`the schema is ${json.schema}`];
  });
  if (json === undefined) return;
  const told = (format) => {
    const { code: ended, text } = answer(site, command, format);
    return { text, trouble: ended === code ? [] : [`it ends with ${ended}, and with ${code} for JSON`] };
  };
  check(`SARIF: ${names}`, () => {
    const { text, trouble } = told('sarif');
    const log = JSON.parse(text);
    // The JSON of tests has no columns: they are those of the log itself.
    if (json.schema === 'pentane.test/1') {
      found.forEach((one, number) => { one.column = log.runs[0].results[number].locations[0].physicalLocation.region.startColumn; });
    }
    return [...trouble, ...tools.sarif(log), ...sarif.compare(log, found, site)];
  });
  check(`JUnit: ${names}`, () => {
    const { text, trouble } = told('junit');
    const invalid = tools.junit.flatMap(([name, validate]) => validate(text).map((line) => `${name}: ${line}`));
    const report = tools.read(text);
    const wrong = json.schema === 'pentane.test/1' ? junit.compareTests(report, json.tests) : junit.compare(report, found, site);
    return [...trouble, ...invalid, ...wrong];
  });
  check(`GitHub: ${names}`, () => {
    const { text, trouble } = told('github');
    return [...trouble, ...github.compare(text, found, site)];
  });
  check(`there is something to check: ${names}`, () => {
    const lacking = (site.holds ?? []).filter((part) => command === 'check' && !answer(site, command, 'sarif').text.includes(part));
    const codes = Object.keys(site.shows ?? {}).filter((wanted) => !found.some((one) => one.code === wanted));
    const failing = command === 'test' ? site.failing ?? 0 : 0;
    const missing = [...lacking, ...codes];
    return found.length >= failing ? missing.map((one) => `${one} was not found`) : [`${found.length} findings`];
  });
}

/** That the validators refuse what is wrong: each break of a sound document. */
function control(site, tools) {
  const log = answer(site, 'check', 'sarif').text;
  for (const [name, spoil] of Object.entries(sarif.BREAKS)) {
    check(`the schema of SARIF refuses ${name}`, () => {
      const broken = JSON.parse(log);
      spoil(broken);
      return tools.sarif(broken).length > 0 ? [] : ['it is taken'];
    });
  }
  const report = answer(site, 'check', 'junit').text;
  for (const [name, spoil] of Object.entries(junit.BREAKS)) {
    for (const [schema, validate] of tools.junit) {
      check(`${schema} refuses ${name}`, () => {
        const broken = spoil(report);
        if (broken === report) return ['nothing was broken'];
        return validate(broken).length > 0 ? [] : ['it is taken'];
      });
    }
  }
}

/** Commands that answer in formats of their own refuse those of other tools. */
function refusals(site) {
  const others = { prove: [], fix: ['--dry-run'], explain: ['roo -> kanga tcp/22'], import: ['pol-eth'] };
  for (const [command, before] of Object.entries(others)) {
    for (const format of ['sarif', 'github', 'junit']) {
      check(`${command} has no ${format}`, () => {
        const done = spawnSync(BINARY, [command, ...before, ...site.entries, '--format', format], { cwd: site.folder, encoding: 'utf8' });
        const right = done.status === 2 && done.stdout === '' && done.stderr.startsWith('error: ');
        return right ? [] : [`it ends with ${done.status}: ${done.stdout}${done.stderr}`];
      });
    }
  }
}

function main() {
  const tools = {
    documented: documented(path.join(ROOT, 'docs', 'cli.md')),
    sarif: sarif.validator(FETCHED),
    junit: junit.validators(FETCHED),
    read: junit.reader(FETCHED),
  };
  const folder = path.join(FETCHED, 'sites');
  fs.mkdirSync(folder);
  const all = sites(fs.realpathSync(folder), ROOT);
  control(all.find((site) => site.name === 'errors of syntax'), tools);
  refusals(all[0]);
  for (const site of all) {
    for (const command of ['check', 'test']) look(site, command, tools);
  }
}

try {
  main();
} catch (error) {
  failed += 1;
  console.log(`not ok - the checks did not come to their end\n${error.stack ?? error}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
