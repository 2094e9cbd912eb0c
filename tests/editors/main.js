'use strict';
// All checks of the files for editors: `main.js BINARY MODULES`. The words and cases are the same for both engines; what is legal
// and what is not, the binary says.

const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { CASES } = require('./cases');
const { place } = require('./places');
const { ROOT, words } = require('./tables');
const textmate = require('./textmate');
const vim = require('./vim');

const [BINARY, MODULES] = process.argv.slice(2);
const EDITORS = path.join(ROOT, 'lang', 'editors');
const VIM = path.join(EDITORS, 'vim');
const GRAMMAR = path.join(EDITORS, 'vscode', 'syntaxes', 'pentane.tmLanguage.json');

let passed = 0;
let failed = 0;

/** One check: it fails by throwing, or by returning what is wrong. */
async function check(name, body) {
  let trouble;
  try {
    trouble = [(await body()) ?? []].flat();
  } catch (error) {
    trouble = [error.stack ?? String(error)];
  }
  if (trouble.length === 0) passed += 1;
  else failed += 1;
  console.log(`${trouble.length === 0 ? 'ok' : 'not ok'} ${passed + failed} - ${name}`);
  for (const line of trouble.join('\n').split('\n').filter(Boolean).slice(0, 40)) console.log(`  # ${line}`);
}

/** True if the binary can read the text. */
function isLegal(text) {
  const done = spawnSync(BINARY, ['fmt', '-'], { input: text, encoding: 'utf8' });
  if (done.error) throw done.error;
  return done.status === 0;
}

/** Sound texts of the repository: shipped policies, those of the tests, the prelude, and the examples of the reference. */
function policies() {
  const found = [];
  const add = (name) => found.push({ name, text: fs.readFileSync(path.join(ROOT, name), 'utf8'), is: [], legal: true });
  const entries = fs.readdirSync(path.join(ROOT, 'policies'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => `policies/${entry.name}`);
  for (const folder of [...folders, 'lang/tests']) {
    const names = fs.readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith('.pol'));
    names.forEach((name) => add(`${folder}/${name}`));
  }
  add('lang/src/builtin/prelude.pol');
  const pages = ['docs/language.md', 'docs/tutorial.md'];
  for (const page of pages) {
    const text = fs.readFileSync(path.join(ROOT, page), 'utf8');
    for (const block of text.matchAll(/^```pentane([^\n]*)\n([^]*?)^```$/gm)) {
      const line = text.slice(0, block.index).split('\n').length;
      if (!block[1].includes('error=')) found.push({ name: `${page}:${line}`, text: block[2], is: [], legal: true });
    }
  }
  if (found.length < 40) throw new Error(`only ${found.length} policies were found`);
  // Long enough for Vim to look at the end without having read it all.
  const joined = { name: 'all of them in one text', text: found.map((one) => one.text).join(''), is: [], legal: true };
  return [...found, joined];
}

/** Where a character stands, and its neighbours. */
function at(text, offset) {
  const line = text.slice(0, offset).split('\n').length;
  return `line ${line}: \`${text.slice(offset, offset + 24).split('\n')[0]}\``;
}

/** What is wrong with how a text is shown: parts shown as something else, and what is shown as nothing or as an error. */
function compare({ text, is }, shown, engine) {
  const trouble = [];
  if (shown.length !== text.length) return [`${shown.length} characters of ${text.length} are shown`];
  for (const { start, end, kind } of is) {
    const place = shown.slice(start, end).findIndex((what) => !engine.shows(what, kind));
    const wrong = start + place;
    if (place >= 0) trouble.push(`${at(text, wrong)} is to be shown as ${kind}, and is shown as ${shown[wrong]}`);
  }
  for (let offset = 0; offset < text.length; offset += 1) {
    if (/\s/.test(text[offset])) continue;
    if (shown[offset].length === 0) trouble.push(`${at(text, offset)} is shown as nothing`);
    const meant = is.some(({ start, end, kind }) => kind === 'invalid' && start <= offset && offset < end);
    if (engine.isInvalid(shown[offset]) && !meant) trouble.push(`${at(text, offset)} is shown as an error: ${shown[offset]}`);
  }
  return trouble.slice(0, 5);
}

/** The words by class, the cases and the policies, as groups that are one check each. */
function groups() {
  const all = words();
  const kinds = [...new Set(all.map((one) => one.kind))];
  const byKind = kinds.map((kind) => {
    const cases = all.filter((one) => one.kind === kind).map((one) => ({ ...place(one), legal: true }));
    return { name: `words, ${kind}: ${cases.length}`, cases };
  });
  const single = CASES.map((one) => ({ name: one.name, cases: [one] }));
  return [...byKind, ...single, { name: 'policies of the repository', cases: policies() }];
}

async function main() {
  const all = groups();
  for (const group of all) {
    await check(`as the binary reads it: ${group.name}`, () => {
      const wrong = group.cases.filter((one) => isLegal(one.text) !== one.legal);
      return wrong.map((one) => `${one.name} is ${one.legal ? 'refused' : 'taken'}: ${one.text}`);
    });
  }
  const named = (one, trouble) => trouble.map((line) => `${one.name}: ${line}`);

  const tokenise = await textmate.engine(path.join(MODULES, 'engine', 'node_modules'), GRAMMAR);
  for (const group of all) {
    const compared = (one) => named(one, compare(one, tokenise(one.text), textmate));
    await check(`TextMate: ${group.name}`, () => group.cases.flatMap(compared));
  }

  const shown = vim.engine(VIM, all.flatMap((group) => group.cases.map((one) => one.text)));
  await check('Vim: the type of the file', () => shown.filter((one) => one.type !== 'pentane').map((one) => `it is ${one.type}`));
  let next = 0;
  for (const group of all) {
    const mine = shown.slice(next, next + group.cases.length);
    next += group.cases.length;
    const compared = (one, place) => named(one, compare(one, mine[place].groups, vim));
    await check(`Vim: ${group.name}`, () => group.cases.flatMap(compared));
  }

  const surroundings = { binary: BINARY, modules: MODULES, editors: EDITORS };
  for (const [name, body] of [...require('./plugin').checks(surroundings), ...require('./extension').checks(surroundings)]) {
    await check(name, body);
  }
}

main().catch((error) => {
  failed += 1;
  console.log(`not ok - the checks did not come to their end\n${error.stack ?? error}`);
}).finally(() => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
});
