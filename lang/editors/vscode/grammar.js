'use strict';
// The TextMate grammar of the policy language, from which `node grammar.js` writes syntaxes/pentane.tmLanguage.json.
// It mirrors the lexer and the heads of statements, so that a mistake in one statement colours no other. Knows nothing of what
// names stand for: that is for `pentane lsp`. `tests/editors/run` holds the words below against the tables of the language.

// The words, by what they do.
const BLOCKS = ['switch', 'host', 'gateway', 'middlebox'];
const VERDICTS = ['allow', 'deny', 'reject', 'redirect', 'pass', 'outbound-only'];
const CLAUSES = ['from', 'to', 'for', 'at', 'via', 'when', 'one-way', 'avoid', 'pin', 'limit', 'mirror', 'queue', 'log', 'audit',
  'until', 'owner', 'ticket'];
const MEMBERS = ['dpid', 'access', 'uplink', 'certificate', 'mac', 'ip', 'serves', 'routes', 'out', 'in', 'at'];
const OPERATORS = ['in', 'and', 'or', 'not'];
const KINDS = ['user', 'host', 'location', 'switch', 'network', 'mac', 'service'];
const SETS = ['any', 'none', 'unauthenticated', 'authenticated', 'registered', 'unregistered', 'internet', 'gateway', 'broadcast',
  'multicast', 'controller'];
const SOURCES = ['directory', 'tagged'];
const FIELDS = ['usrc', 'udst', 'hsrc', 'hdst', 'apsrc', 'apdst', 'dlsrc', 'dldst', 'dltype', 'vlan', 'pcp', 'nwsrc', 'nwdst',
  'dscp', 'protocol', 'tpsrc', 'tpdst', 'icmp-type', 'icmp-code'];
const PORTED = ['tcp', 'udp', 'sctp'];
const TYPED = ['icmp', 'icmpv6'];
const ETHER_TYPES = ['ipv4', 'ipv6', 'arp', 'lldp', 'eapol'];
const SERVICES = ['http', 'https', 'ssh', 'telnet', 'smtp', 'smtps', 'submission', 'dns', 'mdns', 'dhcp', 'dhcpv6', 'ntp', 'snmp',
  'snmptrap', 'syslog', 'ldap', 'ldaps', 'kerberos', 'radius', 'rdp', 'vnc', 'smb', 'imap', 'imaps', 'pop3', 'pop3s', 'nfs',
  'ftp', 'tftp', 'rsync', 'ipp', 'sip', 'sips', 'netbios', 'mysql', 'postgresql', 'ping'];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const HEADED = ['include', 'location', 'user', 'group', 'network', 'service', 'default', 'setting', 'test', 'section', 'time', 'assert',
  'invariant'];
const RESERVED = [...new Set([...BLOCKS, ...HEADED, 'by', ...VERDICTS, ...CLAUSES, ...MEMBERS, ...OPERATORS, ...SETS, ...SOURCES,
  ...FIELDS, ...PORTED, ...TYPED])];

// Pieces of patterns. A word goes on over `-` and `.` where a letter or digit follows.
const END = '(?![A-Za-z0-9_]|[.\\-]+[A-Za-z0-9_])';
const LITERAL_END = '(?![A-Za-z0-9_/]|[.\\-]+[A-Za-z0-9_]|:[A-Za-z0-9_:])';
const WORD = '[A-Za-z0-9_](?:[A-Za-z0-9_.\\-]*[A-Za-z0-9_])?';
const NAME = '[A-Za-z](?:[A-Za-z0-9_.\\-]*[A-Za-z0-9_])?';
const any = (words) => `(?:${words.join('|')})`;
const NAME_ONLY = `(?!${any(RESERVED)}${END})${NAME}${END}(?!:[A-Za-z0-9_])`;
const VERDICT = any(VERDICTS) + END;
// What may follow on the number of a port, a type or a code: decimal, or hexadecimal behind `0x`.
const PORT = '(?:0x0*[0-9A-Fa-f]{1,4}|0*(?:6553[0-5]|655[0-2]\\d|65[0-4]\\d{2}|6[0-4]\\d{3}|[1-5]\\d{4}|\\d{1,4}))';
const BYTE = '(?:0x0*[0-9A-Fa-f]{1,2}|0*(?:25[0-5]|2[0-4]\\d|1\\d{2}|\\d{1,2}))';
const BYTES = `${BYTE}(?:-${BYTE})?`;
const PAIR = '[0-9A-Fa-f]{2}';
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d{2}|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const CLOCK = '(?:(?:[01]\\d|2[0-3]):[0-5]\\d|24:00)';
const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const DAY = any(DAYS);

/** All forms of an IPv6 address: eight groups, or fewer around one `::`, the last two of which may be an IPv4 address. */
function ipv6() {
  const group = '[0-9A-Fa-f]{1,4}';
  const forms = [`(?:${group}:){6}${IPV4}`, `(?:${group}:){7}${group}`];
  for (let head = 7; head >= 0; head -= 1) {
    const before = head === 0 ? '::' : `${group}(?::${group}){${head - 1}}::`;
    const left = 7 - head;
    const tails = [];
    if (left >= 2) tails.push(`(?:${group}:){0,${left - 2}}${IPV4}`);
    if (left >= 1) tails.push(`${group}(?::${group}){0,${left - 1}}`);
    forms.push(tails.length === 0 ? before : `${before}(?:${tails.join('|')})?`);
  }
  // An IPv4 address in IPv6 form is refused: no packet carries it.
  return `(?!::[fF]{4}:(?:${IPV4}|${group}:${group})${LITERAL_END})(?:${forms.join('|')})`;
}

// Where a statement surely starts, at the beginning of a line, whatever stands before: an unfinished statement ends there.
const HEADS = [
  '(?:include|test)\\s+"',
  `default\\s+${VERDICT}`,
  `${any(BLOCKS)}\\s+${NAME}\\s*\\{`,
  `section\\s+${NAME}\\s*(?:\\{|(?:owner|scope)${END})`,
  `invariant\\s+${NAME}\\s*\\(`,
  `(?:setting|group|network|service|location|time)\\s+${NAME}\\s*=(?!>)`,
  `user\\s+${NAME}\\s*;`,
  `${NAME}\\s*:\\s*(?:(?:audit${END}\\s*)?${VERDICT}|assert${END})`,
  `assert\\s+${NAME}\\s+(?!=)`,
];
const NEXT = `(?=^\\s*(?:${[...HEADS, `(?:audit${END}\\s+)?${VERDICT}`].join('|')}))`;
// In a test, a verdict may stand on a line of its own.
const NEXT_IN_TEST = `(?=^\\s*(?:${HEADS.join('|')}))`;
// Where a list of services, or the value of a field, is over.
const OVER = `(?=[;)}]|=>|->|${any([...CLAUSES, 'and', 'or', 'by', 'vlan'])}${END})|${NEXT}`;

const scope = (name) => ({ name: `${name}.pentane` });
const include = (...names) => names.map((name) => ({ include: `#${name}` }));
const captures = (names) => Object.fromEntries(names.map((name, place) => [place + 1, scope(name)]));
const match = (pattern, ...names) => ({ match: pattern, captures: captures(names) });
const whole = (pattern, name) => ({ match: pattern, name: `${name}.pentane` });
const one = (words, name) => whole(`(${words.join('|')})${END}`, `${name}.$1`);

const TERMINATOR = 'punctuation.terminator.statement';
const OPEN = 'punctuation.section.block.begin';
const CLOSE = 'punctuation.section.block.end';

/** A statement from its first word to its `;`. */
function simple(begin, names, patterns) {
  return {
    begin,
    beginCaptures: captures(names),
    end: `(;)|(?=\\})|${NEXT}`,
    endCaptures: { 1: scope(TERMINATOR) },
    patterns,
  };
}

/** A statement from its first word to the `}` of its block; where the next one starts, its head and the lines of its body end. */
function block(word, head, body, next = NEXT, nextInBody = `|${next}`) {
  return {
    begin: `(${word})${END}`,
    beginCaptures: { 1: scope('keyword.declaration.$1') },
    end: `(\\})|(;)|${next}`,
    endCaptures: { 1: scope(CLOSE), 2: scope(TERMINATOR) },
    patterns: [
      ...include('trivia'),
      { begin: '\\{', beginCaptures: { 0: scope(OPEN) }, end: `(?=\\})${nextInBody}`, patterns: body },
      ...head,
    ],
  };
}

/** The name that a statement declares. */
const declared = (name) => [whole(NAME_ONLY, name), ...include('misplaced')];

/** `group NAME = …;` */
function assigned(word, name, value) {
  return simple(`(${word})${END}`, ['keyword.declaration.$1'], [
    ...include('trivia'),
    {
      begin: '==?(?!>)',
      beginCaptures: { 0: scope('keyword.operator.assignment') },
      end: `(?=;|\\})|${NEXT}`,
      patterns: value,
    },
    ...declared(name),
  ]);
}

const braces = (patterns) => ({
  begin: '\\{',
  beginCaptures: { 0: scope(OPEN) },
  end: `(\\})|(?=;)|${NEXT}`,
  endCaptures: { 1: scope(CLOSE) },
  patterns,
});

/** A region behind a word, up to where lists and values are over. */
const behind = (word, name, patterns) => ({
  begin: `(${word})${END}`,
  beginCaptures: { 1: scope(name) },
  end: OVER,
  patterns,
});

const repository = {
  hidden: whole('[\\x{0}-\\x{8}\\x{b}-\\x{c}\\x{e}-\\x{1f}\\x{7f}-\\x{a0}\\x{ad}\\x{34f}\\x{61c}\\x{115f}-\\x{1160}\\x{1680}'
    + '\\x{17b4}-\\x{17b5}\\x{180b}-\\x{180f}\\x{2000}-\\x{200f}\\x{2028}-\\x{202f}\\x{205f}-\\x{206f}\\x{2800}\\x{3000}\\x{3164}'
    + '\\x{e000}-\\x{f8ff}\\x{fe00}-\\x{fe0d}\\x{feff}\\x{ffa0}\\x{fff0}-\\x{fffc}\\x{1bca0}-\\x{1bca3}\\x{1d173}-\\x{1d17a}'
    + '\\x{e0000}-\\x{e0fff}\\x{f0000}-\\x{10ffff}]', 'invalid.illegal.hidden'),
  trivia: { patterns: include('hidden', 'comment', 'foreign') },
  comment: {
    name: 'comment.line.number-sign.pentane',
    begin: '#+',
    beginCaptures: { 0: scope('punctuation.definition.comment') },
    end: '$',
    patterns: [
      match('\\G[ \\t]*(allow)(\\()[ \\t]*([A-Z]\\d{4})[ \\t]*(\\))(?:[ \\t]*(:))?', 'keyword.other.suppression',
        'punctuation.section.group.begin', 'constant.other.code', 'punctuation.section.group.end',
        'punctuation.separator.reason'),
      ...include('hidden'),
    ],
  },
  foreign: {
    patterns: [
      whole('//.*$', 'invalid.illegal.comment'),
      { name: 'invalid.illegal.comment.pentane', begin: '/\\*', end: '\\*/' },
    ],
  },
  string: {
    patterns: [
      // Not closed on its line: a `;` or `{` at the end is what it was meant to be.
      whole('"(?:[^"\\\\]|\\\\.)*?\\\\?(?=[;{]?\\s*$)', 'invalid.illegal.string'),
      {
        name: 'string.quoted.double.pentane',
        begin: '"',
        beginCaptures: { 0: scope('punctuation.definition.string.begin') },
        end: '"',
        endCaptures: { 0: scope('punctuation.definition.string.end') },
        patterns: [whole('\\\\.', 'constant.character.escape'), ...include('hidden')],
      },
    ],
  },

  // Statements.
  statements: {
    patterns: [
      ...include('trivia'),
      match(`(${NAME_ONLY})\\s*(:)`, 'entity.name.function.rule', 'punctuation.separator.label'),
      match(`(${NAME})(:)(?=(?:${any(VERDICTS)})${END})`, 'entity.name.function.rule', 'punctuation.separator.label'),
      ...include('include', 'declaration', 'rule', 'assert', 'invariant', 'default', 'setting', 'section', 'test'),
      one(['audit'], 'keyword.other.clause'),
      whole(';', TERMINATOR),
      ...include('string', 'literal', 'reference'),
    ],
  },
  include: simple(`(include)${END}`, ['keyword.declaration.$1'], include('trivia', 'string', 'misplaced')),
  declaration: {
    patterns: [
      ...BLOCKS.map((word) => block(word, declared(`entity.name.type.${word}`), include('member'))),
      simple(`(user)${END}`, ['keyword.declaration.$1'], [...include('trivia'), ...declared('entity.name.type.user')]),
      assigned('location', 'entity.name.type.location', include('trivia', 'literal', 'reference')),
      assigned('group', 'entity.name.type.group', include('expression')),
      assigned('network', 'entity.name.type.network', include('trivia', 'comma', 'literal', 'misplaced')),
      assigned('service', 'entity.name.type.service', include('services')),
      assigned('time', 'entity.name.type.time', include('windows')),
    ],
  },
  member: {
    patterns: [
      ...include('trivia', 'string', 'literal'),
      match(`(serves)${END}\\s+(none)${END}`, 'keyword.other.member.serves', 'constant.language.set.none'),
      one(MEMBERS, 'keyword.other.member'),
      whole(';', 'punctuation.terminator.member'),
      ...include('comma', 'reference'),
    ],
  },
  rule: {
    patterns: [
      simple(`(redirect)${END}(?:\\s+(portal)${END})?`, ['keyword.control.verdict.$1', 'constant.language.target.$2'],
        include('clauses')),
      simple(`(${any(VERDICTS)})${END}`, ['keyword.control.verdict.$1'], include('clauses')),
    ],
  },
  assert: simple(`(assert)${END}(?:\\s+(never|always)${END})?`, ['keyword.declaration.$1', 'keyword.control.claim.$2'],
    include('clauses')),
  invariant: simple(`(invariant)${END}`, ['keyword.declaration.$1'], [
    ...include('trivia'),
    one(['disjoint', 'subset', 'nonempty'], 'support.function.relation'),
    ...include('parentheses'),
    whole(`${WORD}${END}`, 'invalid.illegal.relation'),
    ...include('junk'),
  ]),
  default: simple(`(default)${END}`, ['keyword.declaration.$1'], include('trivia', 'outcome', 'misplaced')),
  outcome: {
    patterns: [
      match(`(redirect)${END}\\s+(portal)${END}`, 'keyword.control.verdict.$1', 'constant.language.target.$2'),
      // What the other two decide depends on more than one flow.
      one(VERDICTS.filter((word) => word !== 'pass' && word !== 'outbound-only'), 'keyword.control.verdict'),
    ],
  },
  setting: simple(`(setting)${END}`, ['keyword.declaration.$1'], [
    ...include('trivia'),
    {
      begin: '==?(?!>)',
      beginCaptures: { 0: scope('keyword.operator.assignment') },
      end: `(?=;|\\})|${NEXT}`,
      patterns: [
        ...include('trivia', 'string'),
        one(['least-restrictive', 'most-restrictive'], 'constant.language.value'),
        whole(NAME_ONLY, 'constant.other.value'),
        ...include('misplaced'),
      ],
    },
    one(['multi-user', 'time-zone'], 'support.constant.setting'),
    whole(`${WORD}${END}`, 'invalid.illegal.setting'),
    ...include('junk'),
  ]),
  section: block('section', [
    match(`(scope)${END}(?=\\s*\\()`, 'keyword.other.clause.$1'),
    one(['owner'], 'keyword.other.clause'),
    ...include('string', 'parentheses'),
    ...declared('entity.name.section'),
  ], include('statements'), NEXT, ''),
  test: block('test', include('string', 'misplaced'), include('case'), NEXT_IN_TEST),

  // Inside rules and claims.
  clauses: {
    patterns: [
      behind('for', 'keyword.other.clause.$1', include('services')),
      match(`(vlan)${END}(?=\\s+\\d)`, 'keyword.other.clause.$1'),
      ...include('rate', 'string'),
      one(CLAUSES, 'keyword.other.clause'),
      ...include('expression'),
    ],
  },
  expression: {
    patterns: [
      ...include('trivia', 'sources', 'string', 'literal'),
      behind('protocol', 'variable.language.field.$1', include('services')),
      behind('dltype', 'variable.language.field.$1', include('etherTypes')),
      {
        begin: `(service)${END}\\s*(\\{)`,
        beginCaptures: { 1: scope('storage.type.kind.$1'), 2: scope(OPEN) },
        end: `(\\})|(?=;)|${NEXT}`,
        endCaptures: { 1: scope(CLOSE) },
        patterns: include('services'),
      },
      one(['from', 'to', 'at'], 'keyword.other.clause'),
      behind('for', 'keyword.other.clause.$1', include('services')),
      one(['time'], 'variable.language.field'),
      ...include('field', 'kind', 'set', 'parentheses'),
      braces(include('expression')),
      ...include('operator', 'comma', 'reference'),
    ],
  },
  parentheses: {
    begin: '\\(',
    beginCaptures: { 0: scope('punctuation.section.group.begin') },
    end: `(\\))|(?=;)|${NEXT}`,
    endCaptures: { 1: scope('punctuation.section.group.end') },
    patterns: include('expression'),
  },
  services: {
    patterns: [
      ...include('trivia', 'literal'),
      one(SERVICES, 'support.constant.service'),
      one(['service'], 'storage.type.kind'),
      one(['any'], 'constant.language.set'),
      braces(include('services')),
      ...include('operator', 'comma', 'reference'),
    ],
  },
  etherTypes: {
    patterns: [
      ...include('trivia', 'literal'),
      one(ETHER_TYPES, 'constant.language.ethertype'),
      braces(include('etherTypes')),
      ...include('operator', 'comma', 'reference'),
    ],
  },
  windows: {
    patterns: [
      ...include('trivia', 'day', 'literal'),
      one(['to'], 'keyword.operator.range'),
      ...include('comma', 'reference'),
    ],
  },
  day: whole(`(?:${DAY}(?:-${DAY})?|daily)${END}`, 'constant.language.day'),

  // Lines of a test.
  case: {
    patterns: [
      ...include('trivia'),
      whole('=>', 'keyword.operator.verdict'),
      whole('->', 'keyword.operator.arrow'),
      whole(';', 'punctuation.terminator.case'),
      ...include('outcome', 'sources', 'string', 'literal'),
      {
        begin: `(time)${END}`,
        beginCaptures: { 1: scope('variable.language.field.$1') },
        end: `(?=[;}]|=>)|${NEXT_IN_TEST}`,
        patterns: include('trivia', 'day', 'literal', 'misplaced'),
      },
      match(`(dltype)${END}\\s+(${any(ETHER_TYPES)})${END}`, 'variable.language.field.$1', 'constant.language.ethertype.$2'),
      behind('via', 'keyword.other.clause.$1', include('trivia', 'comma', 'reference')),
      one(['default'], 'keyword.declaration'),
      match(`(by)${END}(?:\\s+(${NAME_ONLY}))?`, 'keyword.other.case.$1', 'variable.other.rule'),
      match(`(at)${END}(?:\\s+(${NAME_ONLY}))?`, 'keyword.other.clause.$1', 'variable.other.reference'),
      match(`(${KINDS.filter((word) => word !== 'service').join('|')})${END}\\s+(${NAME_ONLY})`, 'storage.type.kind.$1',
        'variable.other.reference'),
      one(SERVICES, 'support.constant.service'),
      ...include('field', 'kind', 'set'),
      whole('&', 'keyword.operator.set'),
      ...include('comma', 'reference'),
    ],
  },

  // Words.
  field: one(FIELDS, 'variable.language.field'),
  kind: one(KINDS, 'storage.type.kind'),
  set: one(SETS, 'constant.language.set'),
  sources: {
    patterns: [
      match(`(radius)${END}\\s+(class)${END}`, 'support.function.set.$1', 'support.function.set.$2'),
      match(`(${SOURCES.join('|')})${END}`, 'support.function.set.$1'),
    ],
  },
  operator: {
    patterns: [
      one(OPERATORS, 'keyword.operator.word'),
      whole('!=|==?(?!>)', 'keyword.operator.comparison'),
      whole('[|&]|-(?!>)', 'keyword.operator.set'),
    ],
  },
  comma: whole(',', 'punctuation.separator.comma'),
  reference: { patterns: [whole(NAME_ONLY, 'variable.other.reference'), ...include('misplaced')] },
  // Words and characters that cannot stand here.
  misplaced: {
    patterns: [
      whole(`${any(RESERVED)}${END}`, 'invalid.illegal.reserved'),
      whole(`${WORD}${END}`, 'invalid.illegal.name'),
      ...include('junk'),
    ],
  },
  junk: whole('[^\\s]', 'invalid.illegal.character'),

  // Literals, the longest shapes first.
  literal: {
    patterns: [
      whole('[A-Za-z0-9_.\\-]*[^\\x00-\\x7F](?:[A-Za-z0-9_.\\-]|[^\\x00-\\x7F])*', 'invalid.illegal.name'),
      whole(`(?:${PAIR}(?::${PAIR}){5}|${PAIR}(?:-${PAIR}){5})${LITERAL_END}`, 'constant.numeric.mac'),
      match(`(${ipv6()})(?:(/)(0*(?:12[0-8]|1[01]\\d|\\d{1,2})))?${LITERAL_END}`, 'constant.numeric.address.ipv6',
        'punctuation.separator.prefix', 'constant.numeric.prefix-length'),
      match(`(${IPV4})(?:(/)(0*(?:3[0-2]|[12]?\\d)))?${LITERAL_END}`, 'constant.numeric.address.ipv4',
        'punctuation.separator.prefix', 'constant.numeric.prefix-length'),
      match(`(${NAME})(:)(0*[1-9]\\d*)${LITERAL_END}`, 'variable.other.switch', 'punctuation.separator.port',
        'constant.numeric.port'),
      ...include('serviceLiteral'),
      whole(`${CLOCK}-${CLOCK}${LITERAL_END}|${CLOCK}${LITERAL_END}`, 'constant.numeric.time'),
      whole(`${DATE}T${CLOCK}(?::[0-5]\\d)?${LITERAL_END}`, 'constant.numeric.date'),
      whole('(?:[A-Za-z0-9_]+(?::[A-Za-z0-9_]+)*)?(?:::(?:[A-Za-z0-9_.]+(?::[A-Za-z0-9_.]+)*)?)+(?:/[A-Za-z0-9]*)?',
        'invalid.illegal.literal'),
      whole(`${WORD}(?::${WORD})+(?:/[A-Za-z0-9]*)?`, 'invalid.illegal.literal'),
      whole(`${WORD}(?:/(?:${WORD})?)+`, 'invalid.illegal.literal'),
      whole(`${DATE}${END}`, 'constant.numeric.date'),
      whole(`0x[0-9A-Fa-f]+${END}`, 'constant.numeric.hex'),
      whole(`\\d+(?:-\\d+)?${END}`, 'constant.numeric.decimal'),
    ],
  },
  serviceLiteral: {
    patterns: [
      match(`(${PORTED.join('|')})(/)(${PORT}(?:-${PORT})?)${LITERAL_END}`, 'support.type.protocol.$1',
        'punctuation.separator.protocol', 'constant.numeric.port'),
      match(`(${TYPED.join('|')})(/)(${BYTES})(?:(/)(${BYTES}))?${LITERAL_END}`, 'support.type.protocol.$1',
        'punctuation.separator.protocol', 'constant.numeric.type', 'punctuation.separator.protocol', 'constant.numeric.code'),
      match(`(ip)(/)(${BYTES})${LITERAL_END}`, 'support.type.protocol.$1', 'punctuation.separator.protocol',
        'constant.numeric.protocol'),
      whole(`(${[...PORTED, ...TYPED].join('|')})${END}(?![/:][A-Za-z0-9_:])(?!/)`, 'support.type.protocol.$1'),
    ],
  },
  rate: match(`(0*[1-9]\\d*)((?i:[gmk]?bps))${END}`, 'constant.numeric.rate', 'keyword.other.unit.rate'),
};

const grammar = {
  $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
  information_for_contributors: ['Written by grammar.js: change that, and run `node grammar.js`.'],
  name: 'Pentane policy',
  scopeName: 'source.pentane',
  fileTypes: ['pol'],
  patterns: [
    { match: '\\A\\x{feff}', name: 'comment.byte-order-mark.pentane' },
    ...include('statements'),
  ],
  repository,
};

module.exports = { grammar };

if (require.main === module) {
  const path = require('path').join(__dirname, 'syntaxes', 'pentane.tmLanguage.json');
  require('fs').writeFileSync(path, `${JSON.stringify(grammar, null, 2)}\n`);
}
