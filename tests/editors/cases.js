'use strict';
// Small texts, and what their parts are to be shown as. In `GOOD`, all is legal; in `BAD`, the binary refuses the text,
// and what is wrong with it is shown as `invalid`, and the rest as if nothing were.

const GOOD = [
  [
    'a rule with a label',
    'guest-web: allow from any at waps for web, https via http-proxy log;',
    [
      ['guest-web', 'label'], [':', 'symbol'], ['allow', 'verdict'], ['from', 'clause'], ['any', 'set'],
      ['at', 'clause'], ['waps', 'reference'], ['for', 'clause'], ['web', 'reference'], [',', 'symbol'],
      ['https', 'service'], ['via', 'clause'], ['http-proxy', 'reference'], ['log', 'clause'], [';', 'symbol'],
    ],
  ],
  [
    'a label without a blank',
    'ssh.in_2:allow from roo;',
    [
      ['ssh.in_2', 'label'], [':', 'symbol'], ['allow', 'verdict'],
    ],
  ],
  [
    'a label on a line of its own',
    'web :\n  allow to internet;',
    [
      ['web', 'label'], [':', 'symbol'], ['allow', 'verdict'],
    ],
  ],
  [
    'audit before the verdict',
    'audit deny from roo ticket "NET-3";',
    [
      ['audit', 'clause'], ['deny', 'verdict'], ['ticket', 'clause'], ['"NET-3"', 'string'],
    ],
  ],
  [
    'a verdict with a hyphen',
    'outbound-only from laptops;',
    [
      ['outbound-only', 'verdict'], ['from', 'clause'], ['laptops', 'reference'],
    ],
  ],
  [
    'a redirection',
    'redirect portal from unauthenticated;',
    [
      ['redirect', 'verdict'], ['portal', 'target'], ['unauthenticated', 'set'],
    ],
  ],
  [
    'a rule over lines',
    'allow from\n    user bob |\n    roo\n    to lab;\ndeny to lab;',
    [
      ['allow', 'verdict'], ['user', 'kind'], ['bob', 'reference'], ['|', 'symbol'], ['roo', 'reference'],
      ['to', 'clause'], ['deny', 'verdict'],
    ],
  ],

  [
    'a switch',
    'switch edge-1.a { dpid 0x00a2; access 1-24, 30; uplink 25; }',
    [
      ['switch', 'declaration'], ['edge-1.a', 'name'], ['{', 'symbol'], ['dpid', 'member'], ['0x00a2', 'number'],
      [';', 'symbol'], ['access', 'member'], ['1-24', 'number'], [',', 'symbol'], ['30', 'number'],
      ['uplink', 'member'], ['25', 'number'], ['}', 'symbol'],
    ],
  ],
  [
    'a name on the next line',
    'host\n  roo\n{ mac 02:00:00:00:00:12; at edge1:1; }',
    [
      ['host', 'declaration'], ['roo', 'name'], ['mac', 'member'], ['02:00:00:00:00:12', 'mac'], ['at', 'member'],
      ['edge1', 'place'], [':', 'symbol'], ['1', 'port'],
    ],
  ],
  [
    'MAC addresses',
    'host roo { mac AA:bb:0c:0D:00:12, 02-00-00-00-00-1f; }',
    [
      ['AA:bb:0c:0D:00:12', 'mac'], ['02-00-00-00-00-1f', 'mac'],
    ],
  ],
  [
    'IP addresses',
    'host roo { mac 02:00:00:00:00:12; ip 10.0.9.10, 2001:db8::1, 1:2:3:4:5:6:7:8, ::1, fe80::, 64:ff9b::192.0.2.33; }',
    [
      ['10.0.9.10', 'address'], ['2001:db8::1', 'address'], ['1:2:3:4:5:6:7:8', 'address'], ['::1', 'address'],
      ['fe80::', 'address'], ['64:ff9b::192.0.2.33', 'address'],
    ],
  ],
  [
    'prefixes',
    'network lab = 10.4.0.0/16, 2001:db8:4::/48, ::/0, 0.0.0.0/0, 255.255.255.255;',
    [
      ['network', 'declaration'], ['lab', 'name'], ['=', 'symbol'], ['10.4.0.0', 'address'], ['/', 'symbol'],
      ['16', 'length'], ['2001:db8:4::', 'address'], ['48', 'length'], ['::', 'address'], ['/', 'symbol'],
      ['0', 'length'], ['0.0.0.0', 'address'], ['255.255.255.255', 'address'],
    ],
  ],
  [
    'a middlebox',
    'middlebox ids { in core:40; out core:41; }',
    [
      ['middlebox', 'declaration'], ['ids', 'name'], ['in', 'member'], ['core', 'place'], ['40', 'port'],
      ['out', 'member'],
    ],
  ],
  [
    'a location',
    'location wap1 = edge1:5;',
    [
      ['location', 'declaration'], ['wap1', 'name'], ['edge1', 'place'], ['5', 'port'],
    ],
  ],
  [
    'a gateway declared and meant',
    'gateway border { at core:48; }\nallow to gateway;',
    [
      ['gateway', 'declaration'], ['border', 'name'], ['gateway', 'set'],
    ],
  ],
  [
    'services',
    'service build = tcp/8000-8080, udp/0x50, sctp, icmp/3/1, icmpv6/128, ip/89, ssh, web;',
    [
      ['service', 'declaration'], ['build', 'name'], ['tcp', 'protocol'], ['/', 'symbol'], ['8000-8080', 'port'],
      ['udp', 'protocol'], ['0x50', 'port'], ['sctp', 'protocol'], ['icmp', 'protocol'], ['3', 'number'],
      ['/', 'symbol'], ['1', 'number'], ['icmpv6', 'protocol'], ['128', 'number'], ['ip', 'protocol'],
      ['89', 'number'], ['ssh', 'service'], ['web', 'reference'],
    ],
  ],
  [
    'groups',
    'group g = host { griffin, roo, } | desktops & phones - { roo };',
    [
      ['group', 'declaration'], ['g', 'name'], ['host', 'kind'], ['{', 'symbol'], ['griffin', 'reference'],
      ['}', 'symbol'], ['|', 'symbol'], ['desktops', 'reference'], ['&', 'symbol'], ['phones', 'reference'],
      ['-', 'symbol'], ['roo', 'reference'], ['}', 'symbol'], [';', 'symbol'],
    ],
  ],
  [
    'a group of services',
    'group g = service { ssh, web, tcp/80 } | dns;\ngroup h = ssh;',
    [
      ['service', 'kind'], ['ssh', 'service'], ['web', 'reference'], ['tcp', 'protocol'], ['80', 'port'],
      ['dns', 'reference'], ['h', 'name'], ['ssh', 'reference'],
    ],
  ],
  [
    'groups that others fill',
    'group g = user radius class "guest";\ngroup h = user directory "cn=a";\ngroup i = tagged "t";',
    [
      ['user', 'kind'], ['radius', 'source'], ['class', 'source'], ['"guest"', 'string'], ['directory', 'source'],
      ['tagged', 'source'],
    ],
  ],
  [
    'words that are names elsewhere',
    'host class { mac 02:00:00:00:00:12; }\nallow from always to never for radius;\nallow from http to mon;',
    [
      ['class', 'name'], ['always', 'reference'], ['never', 'reference'], ['radius', 'service'],
      ['http', 'reference'], ['mon', 'reference'],
    ],
  ],

  [
    'conditions',
    'allow when usrc in students and not nwdst != lab or (tpdst in { 80, 8000-8080 } and icmp-type == 8 and vlan not in 5-7);',
    [
      ['when', 'clause'], ['usrc', 'field'], ['in', 'operator'], ['students', 'reference'], ['and', 'operator'],
      ['not', 'operator'], ['nwdst', 'field'], ['!=', 'symbol'], ['or', 'operator'], ['(', 'symbol'],
      ['tpdst', 'field'], ['{', 'symbol'], ['80', 'number'], ['8000-8080', 'number'], ['}', 'symbol'],
      ['icmp-type', 'field'], ['==', 'symbol'], ['8', 'number'], ['not', 'operator'], ['in', 'operator'],
      ['5-7', 'number'], [')', 'symbol'], [';', 'symbol'],
    ],
  ],
  [
    'protocols in conditions',
    'allow when protocol in { ssh, tcp, 89 } - web and hsrc = ssh;',
    [
      ['protocol', 'field'], ['ssh', 'service'], ['tcp', 'protocol'], ['89', 'number'], ['-', 'symbol'],
      ['web', 'reference'], ['and', 'operator'], ['hsrc', 'field'], ['ssh', 'reference'],
    ],
  ],
  [
    'Ethernet types',
    'allow when dltype in { ipv4, 0x86dd } and hsrc = arp;',
    [
      ['dltype', 'field'], ['ipv4', 'ethertype'], ['0x86dd', 'number'], ['hsrc', 'field'], ['arp', 'reference'],
    ],
  ],
  [
    'short forms in conditions',
    'allow when from roo and for ssh, dns or at wap1;',
    [
      ['from', 'clause'], ['roo', 'reference'], ['for', 'clause'], ['ssh', 'service'], ['dns', 'service'],
      ['or', 'operator'], ['at', 'clause'], ['wap1', 'reference'],
    ],
  ],
  [
    'obligations',
    'allow for udp/5004 avoid edge1:26, roo pin edge1:1 vlan 30 limit 20mbps mirror ids queue 2 one-way;',
    [
      ['udp', 'protocol'], ['5004', 'port'], ['avoid', 'clause'], ['edge1', 'place'], ['26', 'port'],
      ['roo', 'reference'], ['pin', 'clause'], ['vlan', 'clause'], ['30', 'number'], ['limit', 'clause'],
      ['20', 'rate'], ['mbps', 'unit'], ['mirror', 'clause'], ['queue', 'clause'], ['2', 'number'],
      ['one-way', 'clause'],
    ],
  ],
  [
    'ends of rules',
    'deny until 2027-03-31 owner "netsec";\ndeny until 2026-12-31T18:00;',
    [
      ['until', 'clause'], ['2027-03-31', 'date'], ['owner', 'clause'], ['2026-12-31T18:00', 'date'],
    ],
  ],
  [
    'a set of groups on the segment',
    'allow to multicast 239.1.0.0/16;',
    [
      ['multicast', 'set'], ['239.1.0.0', 'address'], ['16', 'length'],
    ],
  ],

  [
    'windows of time',
    'time t = mon-fri 08:00-18:00, sat, daily 22:00-24:00, 2026-12-24 to 2027-01-06, office;',
    [
      ['time', 'declaration'], ['t', 'name'], ['mon-fri', 'day'], ['08:00-18:00', 'time'], ['sat', 'day'],
      ['daily', 'day'], ['22:00-24:00', 'time'], ['2026-12-24', 'date'], ['to', 'symbol'], ['2027-01-06', 'date'],
      ['office', 'reference'],
    ],
  ],
  [
    'tests of the time',
    'allow when time in office and time not in break;',
    [
      ['time', 'field'], ['in', 'operator'], ['office', 'reference'], ['time', 'field'], ['not', 'operator'],
      ['in', 'operator'], ['break', 'reference'],
    ],
  ],
  [
    'settings',
    'setting multi-user = most-restrictive;\nsetting time-zone = "Europe/Berlin";',
    [
      ['setting', 'declaration'], ['multi-user', 'setting'], ['=', 'symbol'], ['most-restrictive', 'value'],
      ['time-zone', 'setting'], ['"Europe/Berlin"', 'string'],
    ],
  ],
  [
    'defaults',
    'default redirect portal;',
    [
      ['default', 'declaration'], ['redirect', 'verdict'], ['portal', 'target'],
    ],
  ],
  [
    'sections',
    'section lab scope (from lab or to host { a, b }) owner "it" {\n    a: deny to lab;\n'
      + '    host roo { mac 02:00:00:00:00:12; }\n    section inner { pass; }\n}\nallow to b;',
    [
      ['section', 'declaration'], ['lab', 'name'], ['scope', 'clause'], ['(', 'symbol'], ['from', 'clause'],
      ['lab', 'reference'], ['or', 'operator'], ['host', 'kind'], [')', 'symbol'], ['owner', 'clause'],
      ['"it"', 'string'], ['{', 'symbol'], ['a', 'label'], ['deny', 'verdict'], ['host', 'declaration'],
      ['roo', 'name'], ['}', 'symbol'], ['section', 'declaration'], ['inner', 'name'], ['pass', 'verdict'],
      ['}', 'symbol'], ['}', 'symbol'], ['allow', 'verdict'],
    ],
  ],
  [
    'a section of a reserved-looking name',
    'section scope scope (to lab) { deny to lab; }',
    [
      ['scope', 'name'], ['scope', 'clause'],
    ],
  ],
  [
    'claims',
    'open: assert always from phones and unauthenticated to internet for web via ids;',
    [
      ['open', 'label'], ['assert', 'declaration'], ['always', 'claim'], ['from', 'clause'], ['phones', 'reference'],
      ['and', 'operator'], ['unauthenticated', 'set'], ['for', 'clause'], ['web', 'reference'], ['via', 'clause'],
      ['ids', 'reference'],
    ],
  ],
  [
    'invariants',
    'invariant disjoint(students, profs);',
    [
      ['invariant', 'declaration'], ['disjoint', 'relation'], ['(', 'symbol'], ['students', 'reference'],
      [',', 'symbol'], ['profs', 'reference'], [')', 'symbol'], [';', 'symbol'],
    ],
  ],
  [
    'includes',
    'include "more \\"rules\\".pol";',
    [
      ['include', 'declaration'], ['"more ', 'string'], ['\\"', 'escape'], ['rules', 'string'], ['\\"', 'escape'],
      ['.pol"', 'string'], [';', 'symbol'],
    ],
  ],

  [
    'lines of tests',
    'test "x # y" {\n'
      + '    user bob host rphone at wap2 -> internet tcp/80 => allow via http-proxy, ids by guest-web;\n'
      + '    none at edge1:3 -> 10.0.9.10 icmp => deny by default;\n}',
    [
      ['test', 'declaration'], ['"x # y"', 'string'], ['{', 'symbol'], ['user', 'kind'], ['bob', 'reference'],
      ['host', 'kind'], ['rphone', 'reference'], ['at', 'clause'], ['wap2', 'reference'], ['->', 'symbol'],
      ['internet', 'set'], ['tcp', 'protocol'], ['80', 'port'], ['=>', 'symbol'], ['allow', 'verdict'],
      ['via', 'clause'], ['http-proxy', 'reference'], ['by', 'case'], ['guest-web', 'reference'], ['none', 'set'],
      ['at', 'clause'], ['edge1', 'place'], ['3', 'port'], ['10.0.9.10', 'address'], ['icmp', 'protocol'],
      ['deny', 'verdict'], ['by', 'case'], ['default', 'declaration'], ['}', 'symbol'],
    ],
  ],
  [
    'traffic and times of tests',
    'test "x" {\n    bob & staff->roo https vlan 5 dltype ipv4 time mon 10:00 => redirect portal;\n'
      + '    host dns -> dns dns time 2026-12-24T10:00\n        => reject;\n}\nallow to lab;',
    [
      ['bob', 'reference'], ['&', 'symbol'], ['staff', 'reference'], ['->', 'symbol'], ['roo', 'reference'],
      ['https', 'service'], ['vlan', 'field'], ['5', 'number'], ['dltype', 'field'], ['ipv4', 'ethertype'],
      ['time', 'field'], ['mon', 'day'], ['10:00', 'time'], ['=>', 'symbol'], ['redirect', 'verdict'],
      ['portal', 'target'], ['host', 'kind'], ['dns', 'reference'], ['dns', 'service'], ['dns', 'service'],
      ['2026-12-24T10:00', 'date'], ['=>', 'symbol'], ['reject', 'verdict'], ['}', 'symbol'], ['allow', 'verdict'],
      ['to', 'clause'],
    ],
  ],
  [
    'a verdict on a line of its own in a test',
    'test "x" {\n    a -> b =>\n    allow;\n    c -> d => deny;\n}',
    [
      ['=>', 'symbol'], ['allow', 'verdict'], ['c', 'reference'], ['=>', 'symbol'], ['deny', 'verdict'],
      ['}', 'symbol'],
    ],
  ],

  [
    'comments',
    '# allow from roo; "x\nuser bob;  # the ÿoungest\n',
    [
      ['# allow from roo; "x', 'comment'], ['user', 'declaration'], ['bob', 'name'], ['# the ÿoungest', 'comment'],
    ],
  ],
  [
    'comments that silence',
    'user bob; # allow(W0301): kept\n#allow( W0302 ) : also\n# allow W0301: not\n',
    [
      ['allow', 'suppression'], ['W0301', 'code'], ['kept', 'comment'], ['allow', 'suppression'], ['W0302', 'code'],
      ['also', 'comment'], ['allow W0301', 'comment'],
    ],
  ],
  [
    'letters of all alphabets in strings',
    'deny owner "Ämter, 総務" ticket "T";',
    [
      ['"Ämter, 総務"', 'string'], ['ticket', 'clause'], ['"T"', 'string'],
    ],
  ],
];

const BAD = [
  [
    'words of the language as names',
    'host access { mac 02:00:00:00:00:11; }',
    [
      ['host', 'declaration'], ['access', 'invalid'], ['mac', 'member'],
    ],
  ],
  [
    'names that start with a digit',
    'allow from 8021x-printers;',
    [
      ['from', 'clause'], ['8021x-printers', 'invalid'], [';', 'symbol'],
    ],
  ],
  [
    'names in other letters',
    'allow from gr\u0456ffin;\ndeny to lab;',
    [
      ['gr\u0456ffin', 'invalid'], [';', 'symbol'], ['deny', 'verdict'],
    ],
  ],
  [
    'addresses out of range',
    'network lab = 10.4.0.256, 10.4.0.0/33, 2001:db8::/129, 1:2:3, ::ffff:10.0.0.1, 10.0.0.010;',
    [
      ['10.4.0.256', 'invalid'], ['10.4.0.0/33', 'invalid'], ['2001:db8::/129', 'invalid'], ['1:2:3', 'invalid'],
      ['::ffff:10.0.0.1', 'invalid'], ['10.0.0.010', 'invalid'], [';', 'symbol'],
    ],
  ],
  [
    'MAC addresses that are too short',
    'host roo { mac 02:00:00:00:12; }',
    [
      ['02:00:00:00:12', 'invalid'], [';', 'symbol'],
    ],
  ],
  [
    'services that are none',
    'allow for tpc/80, tcp/65536, tcp/, icmp/256, tcp/80/1 to lab;',
    [
      ['tpc/80', 'invalid'], ['tcp/65536', 'invalid'], ['tcp/', 'invalid'], ['icmp/256', 'invalid'],
      ['tcp/80/1', 'invalid'], ['to', 'clause'], ['lab', 'reference'],
    ],
  ],
  [
    'ports that are none',
    'location wap1 = edge1:0;\nlocation wap2 = edge1:eth0;',
    [
      ['edge1:0', 'invalid'], ['edge1:eth0', 'invalid'],
    ],
  ],
  [
    'times that are none',
    'time t = 25:00-26:00, 8:00-9:00, 2026-13-01;',
    [
      ['25:00-26:00', 'invalid'], ['8:00-9:00', 'invalid'], ['2026-13-01', 'invalid'],
    ],
  ],
  [
    'rates that are none',
    'allow limit 0mbps;\nallow limit 5mb;',
    [
      ['0mbps', 'invalid'], ['5mb', 'invalid'],
    ],
  ],
  [
    'settings, claims of sets and verdicts that there are none of',
    'setting zone = "UTC";\ninvariant equal(a, b);\ndefault pass;',
    [
      ['zone', 'invalid'], ['equal', 'invalid'], ['(', 'symbol'], ['default', 'declaration'], ['pass', 'invalid'],
    ],
  ],
  [
    'comments of other languages',
    '// no\n/* no\n   no */ deny to lab;',
    [
      ['// no', 'invalid'], ['/* no', 'invalid'], ['no */', 'invalid'], ['deny', 'verdict'],
    ],
  ],
  [
    'single quotes and stray characters',
    "deny owner 'x' from lab !roo;",
    [
      ["'", 'invalid'], ["'", 'invalid'], ['from', 'clause'], ['!', 'invalid'], ['roo', 'reference'],
    ],
  ],
  [
    'strings without an end',
    'include "a.pol;\nuser bob;',
    [
      ['include', 'declaration'], ['"a.pol', 'invalid'], [';', 'symbol'], ['user', 'declaration'], ['bob', 'name'],
    ],
  ],
  [
    'characters that hide',
    'allow from roo; # a\u202eb\u3164c\u2713\nallow owner "a\u200bb\u00a0c\ue000";',
    [
      ['# a', 'comment'], ['\u202e', 'invalid'], ['b', 'comment'], ['\u3164', 'invalid'], ['c\u2713', 'comment'],
      ['allow', 'verdict'], ['"a', 'string'], ['\u200b', 'invalid'], ['b', 'string'], ['\u00a0', 'invalid'], ['c', 'string'], ['\ue000', 'invalid'], ['"', 'string'],
    ],
  ],

  // A mistake in one statement shows in no other.
  [
    'a missing semicolon',
    'allow from { roo, griffin\ndeny to lab;\nhost roo { mac 02:00:00:00:00:12; }',
    [
      ['{', 'symbol'], ['griffin', 'reference'], ['deny', 'verdict'], ['to', 'clause'], ['lab', 'reference'],
      ['host', 'declaration'], ['roo', 'name'],
    ],
  ],
  [
    'a missing brace',
    'host roo { mac 02:00:00:00:00:12;\nuser bob;\ngroup g = a;\ntest "x" {\n    a -> b => allow;\n'
      + 'switch s { dpid 1; }',
    [
      ['user', 'declaration'], ['bob', 'name'], ['group', 'declaration'], ['g', 'name'], ['test', 'declaration'],
      ['=>', 'symbol'], ['switch', 'declaration'], ['s', 'name'], ['dpid', 'member'],
    ],
  ],
  [
    'a block that is never opened',
    'host roo;\nweb: allow to internet for http\nsecond: assert never to lab;\ndefault deny;',
    [
      ['roo', 'name'], ['web', 'label'], ['allow', 'verdict'], ['http', 'service'], ['second', 'label'],
      ['assert', 'declaration'], ['never', 'claim'], ['default', 'declaration'], ['deny', 'verdict'],
    ],
  ],
  [
    'a missing semicolon in a section',
    'section s {\n    allow from a for http\n    deny from b\n}\nuser bob;',
    [
      ['http', 'service'], ['deny', 'verdict'], ['b', 'reference'], ['}', 'symbol'], ['user', 'declaration'],
      ['bob', 'name'],
    ],
  ],
  [
    'a parenthesis that is never closed',
    'allow when (vlan = 5 and\ndeny to lab;',
    [
      ['(', 'symbol'], ['vlan', 'field'], ['deny', 'verdict'], ['lab', 'reference'],
    ],
  ],
  [
    'a brace too many',
    'user bob; }\nuser bill;',
    [
      ['}', 'invalid'], ['user', 'declaration'], ['bill', 'name'],
    ],
  ],
];

/** A case with the place of each part, found in the order in which the parts are listed. */
function placed([name, text, parts], legal) {
  let at = 0;
  const is = parts.map(([part, kind]) => {
    const start = text.indexOf(part, at);
    if (start < 0) throw new Error(`${name}: no \`${part}\` from ${at} on in ${text}`);
    at = start + part.length;
    return { start, end: at, kind };
  });
  return { name, text, is, legal };
}

const CASES = [...GOOD.map((one) => placed(one, true)), ...BAD.map((one) => placed(one, false))];

module.exports = { CASES };
