'use strict';
// For each word of the language a text in which it stands legally, the word between `«` and `»`, and what a reader should take it
// for. A word that has no place here is an error: whoever adds it to the language shows where it stands.

const STATEMENTS = {
  include: '«include» "other.pol";',
  switch: '«switch» edge1 { dpid 0x1; }',
  location: '«location» wap1 = edge1:5;',
  host: '«host» roo { mac 02:00:00:00:00:12; }',
  user: '«user» bob;',
  group: '«group» all = a | b;',
  network: '«network» lab = 10.4.0.0/16;',
  service: '«service» web = tcp/80;',
  gateway: '«gateway» border { at core:48; }',
  middlebox: '«middlebox» ids { at core:42; }',
  default: '«default» deny;',
  setting: '«setting» time-zone = "Europe/Berlin";',
  test: '«test» "x" { a -> b => allow; }',
  section: '«section» lab { allow to lab; }',
  time: '«time» office = mon;',
  assert: '«assert» never from a to b;',
  invariant: '«invariant» nonempty(a);',
};

const VERDICTS = {
  redirect: '«redirect» portal from roo for http;',
  pass: 'section lab { «pass» from roo; }',
};

const CLAUSES = {
  from: 'allow «from» roo;',
  to: 'allow «to» roo;',
  for: 'allow «for» http;',
  at: 'allow «at» wap1;',
  via: 'allow «via» ids;',
  when: 'allow «when» vlan = 5;',
  'one-way': 'allow via ids «one-way»;',
  avoid: 'allow «avoid» edge1:26;',
  pin: 'allow «pin» edge1:1;',
  limit: 'allow «limit» 5mbps;',
  mirror: 'allow «mirror» ids;',
  queue: 'allow «queue» 2;',
  log: 'allow «log»;',
  audit: 'allow «audit»;',
  until: 'allow «until» 2026-12-31;',
  owner: 'allow «owner» "it";',
  ticket: 'allow «ticket» "NET-1";',
};

const MEMBERS = {
  dpid: 'switch edge1 { «dpid» 0x1; }',
  access: 'switch edge1 { dpid 0x1; «access» 1-24; }',
  uplink: 'switch edge1 { dpid 0x1; «uplink» 25; }',
  certificate: 'switch edge1 { dpid 0x1; «certificate» "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"; }',
  mac: 'host roo { «mac» 02:00:00:00:00:12; }',
  ip: 'host roo { «ip» 10.0.0.1; }',
  serves: 'host roo { mac 02:00:00:00:00:12; at edge1:1; «serves» dhcp; }',
  routes: 'host roo { mac 02:00:00:00:00:12; «routes» 10.9.0.0/16; }',
  out: 'middlebox ids { in core:1; «out» core:2; }',
};

const OPERATORS = {
  in: 'allow when vlan «in» { 1, 2 };',
  and: 'allow when vlan = 5 «and» pcp = 1;',
  or: 'allow from a «or» b;',
  not: 'allow from «not» a;',
};

const SOURCES = {
  directory: 'group g = user «directory» "cn=staff";',
  tagged: 'group g = host «tagged» "quarantine";',
  class: 'group g = user radius «class» "guest";',
};

const PARTS = {
  scope: 'section lab «scope» (to lab) { deny to lab; }',
  owner: 'section lab «owner» "it" { deny to lab; }',
};

/** Where a word of a class stands: by name, or in the same way as all of its class. */
const PLACES = {
  statement: (word) => STATEMENTS[word],
  verdict: (word) => VERDICTS[word] ?? `«${word}» from roo;`,
  clause: (word) => CLAUSES[word],
  member: (word) => MEMBERS[word],
  operator: (word) => OPERATORS[word],
  case: (word) => (word === 'by' ? 'test "x" { a -> b => allow «by» rule; }' : undefined),
  source: (word) => SOURCES[word],
  part: (word) => PARTS[word],
  field: (word) => `allow when «${word}» = x;`,
  set: (word) => `allow from «${word}»;`,
  protocol: (word) => `allow for «${word}»;`,
  ethertype: (word) => `allow when dltype = «${word}»;`,
  service: (word) => `allow for «${word}»;`,
  day: (word) => `time office = «${word}» 08:00-18:00;`,
  unit: (word) => `allow limit 5«${word}»;`,
  relation: (word) => `invariant «${word}»(${word === 'nonempty' ? 'a' : 'a, b'});`,
  claim: (word) => `assert «${word}» from a to b;`,
  setting: (word) => `setting «${word}» = ${word === 'time-zone' ? '"UTC"' : 'most-restrictive'};`,
  value: (word) => `setting multi-user = «${word}»;`,
  target: (word) => `redirect «${word}» from roo;`,
};

/** What the word is to be shown as, where that is not its class: the head of a section reads like the clauses of a rule. */
const SHOWN = { part: 'clause' };

/** The case of a word of a class. */
function place({ kind, word }) {
  const marked = PLACES[kind]?.(word);
  const start = marked?.indexOf(`«${word}»`) ?? -1;
  if (start < 0) throw new Error(`no place is known for \`${word}\`, which is a ${kind}: add one to tests/editors/places.js`);
  const text = marked.replace('«', '').replace('»', '');
  return { name: `${kind} ${word}`, text: `${text}\n`, is: [{ start, end: start + word.length, kind: SHOWN[kind] ?? kind }] };
}

module.exports = { place };
