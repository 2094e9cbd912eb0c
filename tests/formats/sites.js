'use strict';
// Policies to be looked at, good and bad, under names that are not easily written as URIs, attributes or properties.

const fs = require('fs');
const path = require('path');

const HOSTS = 'host roo { mac 02:00:00:00:00:12; }\nhost kanga { mac 02:00:00:00:00:13; }\n';
const ODD_NAMES = [
  'a b.pol', 'a#b.pol', 'a%20b.pol', 'a?b&c=d.pol', 'a:b.pol', 'a,b;c.pol', 'käse 🐧.pol', 'quoted "a" \'b\'.pol', '<a>&amp;]]>.pol',
  'a\nb.pol', 'a\r::error::b.pol', 'a\tb.pol', 'escape\u001b[31m\u0007.pol', 'next\u0085line\u009b.pol', 'turned \u202egnp.pol', '{0} {x}.pol',
  '[a](b).pol', 'back\\slash.pol', '$(a) `b` ${c}.pol',
];
const UNKNOWN = 'allow from nobody;\n';

/** Text in which a finding stands behind characters of several bytes and several UTF-16 units, and what is found there. */
const WIDE = `${HOSTS}# é🐧\ngroup g = host { roo }; allow from roo for ssh ticket "é🐧 ü𝔘"; allow from nobody;\n`;

/** Findings of proofs: with flows that show them, with other places in this file, in others, and in the prelude. */
const PROVED = `include "parts/hosts #1.pol";
deny from roo to kanga;
allow from roo to kanga for ssh;
allow to broadcast for udp/67;
group twice = host { roo, roo };
service unused = tcp/80;
assert never from roo to kanga;
open: assert always from kanga to roo for ssh;
`;

/** Tests that pass and tests that fail, with a name of what ends elements, fills places in, and makes links and commands. */
const TESTED = `${HOSTS}allow from roo to kanga for ssh;
test "fine" { roo -> kanga tcp/22 => allow; }
test "a <b> & 'c' é🐧 {0} [see](https://example.org) ]]> %0A::error::x, y: z" {
    roo -> kanga tcp/22 => deny;  /* é🐧 */
    roo -> kanga tcp/23 => allow;
}
`.replace('/* é🐧 */', '# é🐧');

/** Each with a name, its files, what is given to the commands, and what has to be found there, lest a check finds nothing to check. */
const SITES = [
  { name: 'no finding', files: { 'a.pol': `${HOSTS}allow from roo to kanga for ssh;\ntest "t" { roo -> kanga tcp/22 => allow; }\n` } },
  { name: 'no tests', files: { 'a.pol': `${HOSTS}allow from roo to kanga for ssh;\n` } },
  { name: 'tests that fail', files: { 'a.pol': TESTED }, failing: 2 },
  { name: 'errors of syntax', files: { 'a.pol': 'user bob\nallow form bob;\nallow from {;\nallow from "[a](b) {0} <é🐧>";\ntest {\n' } },
  { name: 'errors of names and kinds', files: { 'a.pol': `${HOSTS}host roo { mac 02:00:00:00:00:12; }\nallow from nobody to 10.4.0.1/16;\nallow from ssh;\n` } },
  { name: 'findings of proofs', files: { 'main.pol': PROVED, 'parts/hosts #1.pol': HOSTS }, entries: ['main.pol'], holds: ['"logicalLocations"', '"physicalLocation"', 'a flow that shows it: '] },
  { name: 'characters that hide text', files: { 'a.pol': '# \u202e\nuser b\u200bob;\nallow from "\u001b[31m\u2066x";\n# ]]>\u0000\u0085\uffff\ntest "\u001b" { }\n' } },
  { name: 'columns behind wide characters', files: { 'a.pol': WIDE }, shows: { E0201: 'nobody' } },
  { name: 'columns behind a byte order mark', files: { 'a.pol': `\ufeffuser bob; ${UNKNOWN}${UNKNOWN}` }, shows: { E0201: 'nobody' } },
  { name: 'columns of lines that end in two characters', files: { 'a.pol': `user bob;\r\n  ${UNKNOWN}`.replaceAll('\n', '\r\n') }, shows: { E0201: 'nobody' } },
  { name: 'an empty file', files: { 'a.pol': '' } },
  { name: 'nothing but a byte order mark', files: { 'a.pol': '\ufeff' } },
  { name: 'a file that is not UTF-8', files: { 'a.pol': Buffer.from('user a;\nuser gr\xfcn;\n', 'latin1') } },
  { name: 'a file that is not there', files: {}, entries: ['gone <1> & "2".pol'] },
  { name: 'a folder for a file, beside a file', files: { 'a.pol': UNKNOWN, 'b.pol/c.pol': UNKNOWN }, entries: ['a.pol', 'b.pol'] },
  { name: 'an include that is not there', files: { 'a.pol': 'include "gone #1.pol";\n' } },
  { name: 'two files', files: { 'a.pol': `${HOSTS}${UNKNOWN}`, 'b.pol': 'allow from somebody;\n' } },
  { name: 'a file of a folder below', files: { 'sub folder/ü#%/a.pol': 'include "b c.pol";\nallow from nobody;\n', 'sub folder/ü#%/b c.pol': UNKNOWN } },
  { name: 'a file beside the folder', files: { 'inner/x.pol': '', 'outer file.pol': UNKNOWN }, folder: 'inner', entries: ['../outer file.pol'] },
  { name: 'a file by its whole path', files: { 'a file #1.pol': UNKNOWN }, absolute: true },
  { name: 'severities of pentane.toml', files: { 'a.pol': `${HOSTS}allow from roo to kanga;\nallow from roo to kanga;\n`, 'pentane.toml': '[severity]\nW0302 = "error"\nW0303 = "info"\nW0304 = "info"\n' }, entries: ['a.pol'], holds: ['"level": "note"'] },
  { name: 'many findings', files: { 'a.pol': Array.from({ length: 300 }, (_, number) => `allow from nobody-${number};\n`).join('') } },
];

/** Writes the files of a site into a folder of its own; gives the site with where to go and what to name. */
function laid(root, site, number) {
  const top = path.join(root, String(number));
  fs.mkdirSync(top);
  for (const [name, text] of Object.entries(site.files)) {
    fs.mkdirSync(path.dirname(path.join(top, name)), { recursive: true });
    fs.writeFileSync(path.join(top, name), text);
  }
  const named = site.entries ?? Object.keys(site.files).filter((name) => name.endsWith('.pol')).slice(0, site.files['b.pol'] ? 2 : 1);
  const entries = site.absolute ? named.map((name) => path.join(top, name)) : named;
  return { ...site, folder: path.join(top, site.folder ?? '.'), entries };
}

/** The sites of this file, one for each odd name, and the policies of the repository where they lie. */
function sites(root, repository) {
  const odd = ODD_NAMES.map((name) => ({ name: `a file called ${JSON.stringify(name)}`, files: { [name]: `${HOSTS}${UNKNOWN}` } }));
  const made = [...SITES, ...odd].map((site, number) => laid(root, site, number));
  const folders = fs.readdirSync(path.join(repository, 'policies'));
  const shipped = folders.flatMap((folder) => {
    const place = path.join(repository, 'policies', folder);
    const names = fs.readdirSync(place).filter((name) => name.endsWith('.pol'));
    return names.map((name) => ({ name: `policies/${folder}/${name}`, folder: repository, entries: [`policies/${folder}/${name}`] }));
  });
  if (shipped.length < 10) throw new Error(`only ${shipped.length} policies were found`);
  return [...made, ...shipped];
}

/** True if a finding is that a file that was named cannot be had: it is in no text. */
function isWithoutPlace({ code, file }, { folder, entries }) {
  const isFile = fs.statSync(path.join(folder, file), { throwIfNoEntry: false })?.isFile();
  return code === 'E0130' && entries.includes(file) && !isFile;
}

module.exports = { isWithoutPlace, sites };
