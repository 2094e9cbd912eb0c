'use strict';
// The engine of Vim: texts to what it shows each of their characters as.

const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');

/** Runs a script in Vim, silently, without any settings of the user; fails if it says anything or does not come to its end. */
function run(script, folder, environment) {
  // In this mode errors are not said, but kept.
  const last = 'call writefile([v:errmsg], $PENTANE_ERROR) | qall!';
  const words = ['-Nu', 'NONE', '-i', 'NONE', '-n', '-es', '-S', script, '-c', last];
  const kept = path.join(folder, 'error.txt');
  const env = { ...process.env, TERM: 'dumb', PENTANE_ERROR: kept, ...environment };
  const done = spawnSync('vim', words, { cwd: folder, env, timeout: 120_000, encoding: 'utf8' });
  const said = [done.stdout, done.stderr, fs.existsSync(kept) && fs.readFileSync(kept, 'utf8')].filter(Boolean).join('').trim();
  if (done.error) throw done.error;
  if (done.status !== 0 || said !== '') throw new Error(`vim ended with ${done.status ?? done.signal}: ${said}`);
}

/** The group of each character of each text; `runtime` is the folder with the files for Vim. */
function engine(runtime, texts) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pentane-vim-'));
  try {
    const names = texts.map((_, place) => `${String(place).padStart(5, '0')}.pol`);
    texts.forEach((text, place) => fs.writeFileSync(path.join(folder, names[place]), text));
    run(path.join(__dirname, 'probe.vim'), folder, { PENTANE_VIM: runtime });
    const shown = JSON.parse(fs.readFileSync(path.join(folder, 'shown.json'), 'utf8'));
    if (shown.map((one) => one.file).join() !== names.join()) throw new Error('vim did not show all texts');
    return shown.map((one, place) => ({ type: one.type, groups: spread(one.lines, texts[place]) }));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** The groups of a text's lines as one list, with nothing for ends of lines, by the same count as JavaScript's. */
function spread(lines, text) {
  const groups = [];
  for (const [place, line] of text.split('\n').entries()) {
    const names = lines[place] ?? [];
    [...line].forEach((character, at) => groups.push(...Array(character.length).fill(names[at])));
    groups.push('');
  }
  groups.pop();
  return groups;
}

/** What each class is in Vim. */
const SHOWN = {
  address: ['Address', 'Address6'],
  case: ['Case'],
  claim: ['Claim'],
  clause: ['Clause', 'ShortForm', 'HeadClause', 'Audit', 'At'],
  code: ['Code'],
  comment: ['Comment', 'CommentMark', 'Reason'],
  date: ['Date'],
  day: ['Day'],
  declaration: ['Declaration', 'ByDefault'],
  escape: ['Escape'],
  ethertype: ['EtherType'],
  field: ['Field', 'TimeField', 'TypeField'],
  kind: ['Kind', 'ServiceKind', 'KindOfEnd'],
  label: ['Label'],
  length: ['Length'],
  mac: ['Mac'],
  member: ['Member'],
  name: ['Name'],
  number: ['Number', 'NumberPart'],
  operator: ['Operator'],
  place: ['Place'],
  port: ['Port'],
  protocol: ['Protocol', 'ProtocolPart'],
  rate: ['Rate'],
  reference: ['Reference', 'Named', 'Decider'],
  relation: ['Relation'],
  service: ['Service'],
  set: ['Set', 'AnySet'],
  setting: ['SettingName'],
  source: ['Source', 'RadiusClass'],
  statement: ['Declaration'],
  string: ['String'],
  suppression: ['Suppression'],
  symbol: ['Delimiter', 'Symbol', 'Arrow', 'Comma', 'Terminator', 'Colon', 'LabelColon', 'Slash', 'PrefixSlash', 'Empty', 'To'],
  target: ['Target'],
  time: ['Time'],
  unit: ['Unit'],
  value: ['SettingValue'],
  verdict: ['Verdict'],
};

/** True if a character of this group is shown as one of the class. */
function shows(group, kind) {
  if (kind === 'invalid') return isInvalid(group);
  if (!(kind in SHOWN)) throw new Error(`no group is known for the class \`${kind}\`: add it to tests/editors/vim.js`);
  return SHOWN[kind].some((name) => group === `pentane${name}`);
}

const isInvalid = (group) => group.endsWith('Error');

module.exports = { engine, run, shows, isInvalid };
