'use strict';
// Reads the words of the language out of the Rust sources that are its tables. A row that is not understood is an error, and so is
// a table with fewer words than there ever were: a table that was moved or rewritten must not pass for an empty one.

const fs = require('fs');
const path = require('path');

const ROOT = path.resolve(__dirname, '..', '..');

/** The text between two marks of a source file. */
function between(file, from, to) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
  const start = text.indexOf(from);
  const end = text.indexOf(to, start + from.length);
  if (start < 0 || end < 0) throw new Error(`${file}: no text between \`${from}\` and \`${to}\``);
  return text.slice(start + from.length, end);
}

/** What was found, unless it is less than there was when this was written. */
function enough(found, file, from, least) {
  if (found.length >= least) return found;
  throw new Error(`${file}: ${found.length} words behind \`${from}\`, and there were ${least} at least`);
}

/** The words of a table, one a row; `row` finds the word, and what else it captures. */
function rows(file, from, to, row, least) {
  const found = [];
  for (const line of between(file, from, to).split('\n').map((text) => text.trim())) {
    if (line === '' || line.startsWith('//')) continue;
    const read = row.exec(line);
    if (!read) throw new Error(`${file}: this row is not understood: ${line}`);
    found.push(read.slice(1));
  }
  return enough(found, file, from, least);
}

/** The quoted words of a piece of code. */
function quoted(file, from, to, least) {
  const found = [...between(file, from, to).matchAll(/"([a-z-]+)"/g)].map((read) => read[1]);
  return enough(found, file, from, least);
}

const BUILTIN = 'lang/src/builtin.rs';
const STATEMENTS = 'lang/src/parse/build/statements.rs';
const PAIR = /^\("([a-z0-9_-]+)", .*\),$/;

/** All words, as pairs of a class and a word. */
function words() {
  const all = [];
  const add = (kind, list) => all.push(...list.map((word) => ({ kind, word })));
  const keywords = rows('lang/src/keyword.rs', '\nkeywords! {', '\n}', /^[A-Za-z]+ "([a-z-]+)" ([A-Z][a-z]+),$/, 49);
  // What the table calls a set makes one, out of what others know.
  for (const [word, role] of keywords) add(role === 'Set' ? 'source' : role.toLowerCase(), [word]);
  add('field', rows('lang/src/keyword.rs', 'const END_FIELDS: &[(&str, CondField)] = &[', '\n];', PAIR, 6).flat());
  const header = /^row\(Field::\w+, "([a-z0-9_-]+)", .*\),$/;
  const headers = rows('lang/net/src/field.rs', 'pub const FIELDS: &[FieldInfo] = &[', '\n];', header, 14);
  // Fields that a policy cannot name are spelled as in OpenFlow.
  add('field', headers.flat().filter((word) => !word.includes('_')));
  add('set', rows(BUILTIN, 'pub const SETS: &[(&str, SetMeaning)] = &[', '\n];', PAIR, 11).flat());
  add('protocol', rows(BUILTIN, 'pub const PROTOCOLS: &[(&str, IpProto)] = &[', '\n];', PAIR, 5).flat());
  add('ethertype', rows(BUILTIN, 'pub const ETHER_TYPES: &[(&str, EtherType)] = &[', '\n];', PAIR, 5).flat());
  add('service', rows(BUILTIN, 'pub const SERVICES: &[(&str, &[WellKnownTerm])] = &[', '\n];', PAIR, 37).flat());
  add('day', rows('lang/src/calendar.rs', 'pub const WEEKDAYS: [(&str, Weekday); 7] = [', '\n];', PAIR, 7).flat());
  add('unit', quoted('lang/src/literal/when.rs', 'pub const RATES: [(&str, u64); 4] = ', ';', 4));
  // Words that are names everywhere else.
  add('day', quoted('lang/src/literal/when.rs', '[] => Days::Every,', '=> Days::Every', 1));
  add('relation', quoted(STATEMENTS, 'let known = [', '];', 3));
  add('claim', quoted(STATEMENTS, 'self.unknown_word(&word, "claim", ', ';', 2));
  add('setting', quoted(STATEMENTS, 'self.not_among(syntax::E0112, name, "setting", ', ';', 2));
  add('value', quoted(STATEMENTS, 'self.not_among(syntax::E0112, value, "value of `multi-user`", ', ';', 2));
  add('target', quoted(STATEMENTS, '"place to redirect to", ', ';', 1));
  add('source', quoted(STATEMENTS, '"thing that RADIUS tells of a user", ', ';', 1));
  add('part', quoted(STATEMENTS, `"part of a section's head", `, ';', 2));
  return all;
}

module.exports = { ROOT, words };
