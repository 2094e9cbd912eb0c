//! The reader of the language, from outside: sources beside their reports.

use lang::ast::{File, Item};
use lang::codes::syntax;
use lang::diag::{Diagnostic, MAX_REPORTS};
use lang::parse::{MAX_LINE, parse, parse_flow};
use lang::report::{Style, WIDTH, concise, render};
use lang::source::SourceMap;

const CAMPUS: &str = include_str!("campus.pol");

fn read(text: &str) -> (File, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let (file, diagnostics) = parse(&sources, id);
    (file, diagnostics, sources)
}

/// Each report on a line: place, code, message, other places, help.
fn lines(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let line = |found: &Diagnostic| {
        let at = sources.position(found.span);
        let related = found.related.iter().map(|other| format!(" [{}: {}]", sources.position(other.span).line, other.message));
        let help = found.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}:{} {} {}{}{help}\n", at.line, at.column, found.code, found.message, related.collect::<String>())
    };
    diagnostics.iter().map(line).collect()
}

fn told(text: &str) -> String {
    let (_, diagnostics, sources) = read(text);
    lines(&diagnostics, &sources)
}

/// Sources beside their reports, one after the other.
fn beside(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("{text}\n-----\n{}=====\n", told(text))).collect()
}

#[test]
fn the_campus_is_read_without_a_report() {
    let (file, _, _) = read(CAMPUS);
    assert_eq!(told(CAMPUS), "");
    assert!(file.items.iter().all(|item| !matches!(item, Item::Error(_))));
    assert_eq!((file.items.len(), file.comments.len()), (44, 11));
}

#[test]
fn line_ends_tabs_a_byte_order_mark_and_a_missing_final_newline_change_nothing() {
    let (plain, _, _) = read(CAMPUS);
    for text in
        [CAMPUS.replace('\n', "\r\n"), format!("\u{feff}{CAMPUS}"), CAMPUS.replace("  ", "\t"), CAMPUS.trim_end().to_owned()]
    {
        let (file, diagnostics, sources) = read(&text);
        assert_eq!(lines(&diagnostics, &sources), "");
        assert_eq!((file.items.len(), file.comments.len()), (plain.items.len(), plain.comments.len()));
    }
}

#[test]
fn five_independent_mistakes_earn_five_reports() {
    let text = "\
switch edge1 { dpid 0x1; acess 1-24; uplink 25-26; }
host griffin { mac 02:00:00:00:00:11; at edge1:1; }
host roo { mac 02:00:00:00:12; }
group desktops = host { griffin, roo ;
alow from desktops;
deny from any
allow from desktops to nfs-server for tcp/65536;
user bob;
default allow;
";
    insta::assert_snapshot!(beside(&[text]));
    let (file, diagnostics, _) = read(text);
    assert_eq!(diagnostics.len(), 6, "five, and the missing semicolon");
    let names = file.items.iter().filter(|item| matches!(item, Item::User(_) | Item::Default(_) | Item::Host(_))).count();
    assert_eq!(names, 4, "what stands between the mistakes is read");
}

#[test]
fn a_missing_semicolon_is_reported_where_it_is_missing_and_swallows_nothing() {
    let rules =
        "deny from phones\nallow from desktops\nguest: allow from any\nuser bob\nhost x { mac 02:00:00:00:00:01 }\ndefault deny";
    let blocks = "switch a { dpid 0x1\n  access 1-2 uplink 3 }\nhost b {\n  mac 02:00:00:00:00:01\n  at a:1\n}\nuser c;";
    let tests = "test \"t\" {\n  bob -> internet tcp/80 => allow\n  bob -> internet tcp/22 => deny by default\n}\nuser bob;";
    let one_line = "deny from phones allow from desktops; default allow";
    insta::assert_snapshot!(beside(&[rules, blocks, tests, one_line]));
    let items = |text| read(text).0.items.iter().filter(|item| !matches!(item, Item::Error(_))).count();
    assert_eq!([items(rules), items(blocks), items(tests), items(one_line)], [6, 3, 2, 3]);
}

#[test]
fn blocks_and_strings_that_are_never_closed_do_not_swallow_the_file() {
    insta::assert_snapshot!(beside(&[
        "host a { mac 02:00:00:00:00:01;\nhost b { mac 02:00:00:00:00:02; }\nuser c;",
        "host a { mac 02:00:00:00:00:01;",
        "host a { mac",
        "test \"t\" {\n  a -> b => allow;\ndeny from any;\nuser c;",
        "include \"inventory.pol;\nuser bob;",
        "test \"a guest {\n  a -> b => allow;\n}\nuser bob;",
        "user bob; }\nuser bill;",
        "allow from (a | b;\nallow from a | b);\nuser bob;",
        "section x {\n  allow from a;\n",
        "host griffin mac 02:00:00:00:00:11; at edge1:1; }\nuser bob;",
    ]));
}

#[test]
fn wrong_words_are_met_with_the_right_ones() {
    insta::assert_snapshot!(beside(&[
        "allow form desktops;",
        "hots griffin { mac 02:00:00:00:00:11; at edge1:1; }\nuser bob;",
        "host griffin { mca 02:00:00:00:00:11; }",
        "host griffin { mac 10.0.0.1; ip edge1:1; at 5; }",
        "host access { mac 02:00:00:00:00:11; }\nuser any;\nuser tcp;\nuser queue;\nuser vlan;",
        "allow from from x;\nallow to;\nallow from a, b;\nallow from a for;\ndeny deny;",
        "group g = host {};\ngroup h = ;\ngroup = a;",
        "allow from a when tpdst 80;\nallow when usrc bob;\nallow when tpdst in;\nallow tpdst = 80;",
        "location wap1 = edge1;\nlocation wap2 edge1:5;\nlocation wap3 = edge1:0;",
        "setting multi-usr = least-restrictive;\nsetting multi-user = most;\nsetting x = y;",
        "default outbound-only;\ndefault;",
        "test \"t\" {\n  a b => allow;\n  a -> tcp/80 => allow;\n  tcp/80 a -> b => deny;\n  a -> b => outbound-only;\n  a -> b;\n}",
        "@\nuser a@b;\n// a comment\nuser c; /* another */\nuser d;",
        "25;\n\"x\";\n{ }\n( ;\nuser e;",
    ]));
}

#[test]
fn values_are_refused_with_what_was_meant() {
    insta::assert_snapshot!(beside(&[
        "network lab = 10.4.0.1/16, 10.5.0.0/33, 10.6.0.0/16, ::ffff:10.0.0.1, 10.4/16;",
        "service s = tcp/65536, tcp/90-80, tpc/80, icmp/300, tcp/80, web;",
        "allow when vlan = 4095 or vlan = 0 or pcp in { 1, 8 } or dscp = 64 or tpdst in 80-65536 | 70000;",
        "switch s { dpid 0x10000000000000000; access 0-4, 24-1; uplink 4294967041; }",
        "switch s { dpid 0x1; certificate \"sha1:2f\"; certificate sha256:00; }",
        "host h { mac 01:00:5e:00:00:01, ff:ff:ff:ff:ff:ff; ip 10.0.0.0/24; at s:0; }",
    ]));
}

#[test]
fn letters_of_other_alphabets_and_hidden_characters_are_refused() {
    insta::assert_snapshot!(
        beside(&[
            "host gr\u{456}ffin { mac 02:00:00:00:00:11; }",
            "user \u{fc}nal;\nallow from \u{201c}bob\u{201d};",
            "user bob;\u{0} # \u{202e}gnp.evil\nuser b\u{200b}ill;",
            "# gr\u{fc}n ist erlaubt\ntest \"gr\u{fc}n\" { bob -> internet => allow; }",
            "user\u{a0}bob\u{200b};\nallow from b\u{200b}ob\u{a0}-\u{a0}bob; # salle\u{202f}12\ntest \"a\u{3000}b\" { bob -> internet => allow; }",
            "user bo\u{34f}b;\u{3164} # \u{2800}\u{17b4}\u{fe00}\u{fffc}\u{1d173}\u{f8ff} \u{1f427}\u{fe0f}",
        ])
        .replace('\u{0}', "<NUL>")
        .replace(lang::source::hides, "<HIDDEN>")
    );
}

#[test]
fn sections_times_and_statements_about_the_policy_are_read_and_their_mistakes_met() {
    insta::assert_snapshot!(beside(&[
        "group profs = user directory \"cn=profs\";\ngroup x = user radius class \"staff\";\ngroup y = user radius clas \"staff\";",
        "time office = mon-fri 08:00-18:00, sat, 2026-12-24 to 2027-01-06;\ntime t = mo-fr 8-18;\ntime u = 25:00-26:00, 18:00;",
        "allow from user plum to lab for ssh, rdp when not time in office and from x limit 50mbps log;\nallow from a limit 50;",
        "section finance scope (to x or from x) owner \"netsec\" {\n  deny from a;\n  section y { pass; }\n}\nuser a;",
        "section x scop (to a) { deny from a; }\nsection y scope (to b) scope (to c) { }\nsection z\n  deny from a;\n}\nuser a;",
        "section x scope (to a) {\n  deny from a\n  alow from b;\n  allow from c;\nuser a;",
        "assert nver from phones to computers;\nx: assert always from a;\ninvariant disjoint(a);\ninvariant disjont(a, b);",
        "allow from a vlan 5 until 2026-12-31;\nallow from a vlan 5000 until 2026-02-30;\nallow from a until soon;",
        "default reject;\ntest \"t\" { a -> b => redirect; a -> b => redirect portal; a -> b => pass; a -> b => redirect elsewhere; }",
        "redirect portal from a\nallow from b;\nredirect from a;\nredirect wall from a;",
        "allow from a avoid core, edge1:25 mirror ids queue 3 one-way via ids;\nallow from a queue x;\nallow from a pin;",
        "setting time-zone = \"Europe/Berln\";\nsetting time-zone = \"Europe/Berlin\";",
        "test \"t\" { a -> b tcp/80 vlan 5 dscp 46 time mon 10:00 => allow; a -> b vlan 5000 => allow; a -> b time 10 => allow; }",
        "test \"t\" { user bob & profs -> b => allow; a -> b dltype arp tpsrc 5 time 2026-12-24 10:00 => deny; }",
    ]));
}

/// Pages whose example cannot be a short text: it needs other files, many bytes, or bytes that no page should hold.
const TOLD_IN_WORDS: &[lang::codes::Code] = &[
    syntax::E0108,
    syntax::E0109,
    syntax::E0113,
    syntax::E0114,
    syntax::E0115,
    syntax::E0130,
    syntax::E0131,
    syntax::E0132,
    syntax::E0133,
    syntax::E0134,
    syntax::E0135,
    syntax::E0136,
];

#[test]
fn the_example_of_each_page_earns_its_code() {
    for page in syntax::PAGES.iter().filter(|page| !TOLD_IN_WORDS.contains(&page.code)) {
        let codes: Vec<_> = read(page.example).1.iter().map(|found| found.code).collect();
        assert!(codes.contains(&page.code), "{} is not earned by its example, but {codes:?}", page.code);
    }
}

#[test]
fn depth_length_and_number_of_reports_are_bounded() {
    for (open, close) in [("(", ")"), ("{", "}"), ("not (", ")")] {
        let deep = format!("allow from {}a{};\nuser bob;", open.repeat(100_000), close.repeat(100_000));
        let (file, diagnostics, _) = read(&deep);
        assert_eq!(diagnostics.first().map(|found| found.code), Some(syntax::E0113), "{open}");
        assert!(matches!(file.items.last(), Some(Item::User(_))), "{open}");
    }
    let fitting = format!("allow when {}usrc = a{};", "not (".repeat(190), ")".repeat(190));
    assert_eq!(told(&fitting), "");
    assert!(told(&format!("allow from {}a;", "a | ".repeat(100_000))).is_empty(), "length is not depth");
    let open = format!("allow from {}", "(".repeat(100_000));
    assert!(read(&open).1.iter().any(|found| found.code == syntax::E0113));
    let long = format!("# {}\n", "x".repeat(MAX_LINE));
    assert_eq!(read(&long).1.iter().map(|found| found.code).collect::<Vec<_>>(), [syntax::E0114]);
    let many = "@;\n".repeat(1 << 20);
    let (_, diagnostics, _) = read(&many);
    assert_eq!(diagnostics.len(), MAX_REPORTS + 1);
    assert_eq!(diagnostics.last().map(|found| found.code), Some(syntax::E0115));
}

#[test]
fn flows_are_read_alone() {
    let read_flow = |text: &str| {
        let mut sources = SourceMap::default();
        let id = sources.add("flow", text);
        let (flow, diagnostics) = parse_flow(&sources, id);
        let shape = flow.map(|flow| (flow.src.len(), flow.dst.len(), flow.service.is_some()));
        assert_eq!(shape.is_some(), diagnostics.is_empty(), "{text}");
        format!("{text}\n  {shape:?}\n  {}", lines(&diagnostics, &sources))
    };
    let flows = [
        "user gina host gphone at wap1:3 -> www tcp/80",
        "students -> nfs-server ssh",
        "bob at edge1:3 -> 10.0.9.10 icmp",
        "roo -> broadcast udp/67",
        "roo -> multicast 239.1.1.1 udp/5353",
        "mac 02:00:00:00:00:11 at wap1 -> gateway",
        "any -> internet",
        "roo",
        "roo ->",
        "",
        "roo -> tcp/80",
        "roo -> internet tcp/99999",
        "roo -> internet tcp/80 => allow",
        "roo -> queue",
    ];
    insta::assert_snapshot!(flows.map(read_flow).join("\n"));
}

/// A small generator of numbers, so that runs repeat.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}

/// What must hold for every text: it is read, reports are in the text, they are bounded, and a tree with holes has a report.
fn holds(text: &str) {
    let (file, diagnostics, sources) = read(text);
    assert!(diagnostics.len() <= MAX_REPORTS + 1);
    for found in &diagnostics {
        let range = found.span.range();
        assert!(text.get(range).is_some(), "a report outside the text: {found:?}\n{text}");
        assert_eq!(concise(found, &sources).lines().count(), 1, "{found:?}");
    }
    if let Some(found) = diagnostics.first() {
        let drawn = render(found, &sources, Style::default());
        assert!(drawn.lines().all(|line| line.chars().count() <= WIDTH), "{drawn}");
    }
    let holes = file.items.iter().any(|item| matches!(item, Item::Error(_)));
    assert!(!holes || !diagnostics.is_empty(), "a silent hole in\n{text}");
}

/// The page of the language's reference that shows all of it.
#[test]
fn the_whole_language_in_one_page_is_understood() {
    assert_eq!(told(include_str!("whole.pol")), "");
}

#[test]
fn a_file_cut_off_anywhere_is_read() {
    let campus = CAMPUS.replace("allowed", "erl\u{e4}ubt");
    for (end, _) in campus.char_indices() {
        holds(&campus[..end]);
    }
}

#[test]
fn mutated_files_are_read() {
    let pieces = [
        "{",
        "}",
        "(",
        ")",
        ";",
        ",",
        "->",
        "=>",
        "\"",
        "#",
        "allow",
        "host",
        "x",
        "redirect",
        "10.0.0.0/8",
        ":",
        "\n",
        "\u{e4}",
        "\u{0}",
        "not",
        "in",
        "vlan",
        "user x;",
        "a:",
        "::",
        "/*",
        "65536",
        "-",
        "radius class",
    ];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2000 {
        let mut text = CAMPUS.to_owned();
        for _ in 0..=numbers.below(4) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[numbers.below(places.len())];
            let other = places[numbers.below(places.len())];
            match numbers.below(3) {
                0 => text.insert_str(at, pieces[numbers.below(pieces.len())]),
                1 => text
                    .replace_range(at.min(other)..at.min(other) + text[at.min(other)..].chars().next().unwrap().len_utf8(), ""),
                _ => text.replace_range(at.min(other)..at.max(other).min(at.min(other) + 60).max(at.min(other)), ""),
            }
        }
        holds(&text);
    }
}

/// Editors show a carriage return alone as a line end, the lexer does not: what seems to be a rule would be a comment.
#[test]
fn a_carriage_return_without_a_line_feed_is_refused_wherever_it_stands() {
    for text in ["default allow;\n# guests stay out\rdeny to b;\n", "user bob;\ruser bill;", "test \"a\rb\" { }", "user bob;\r"] {
        let (_, diagnostics, sources) = read(text);
        let found: Vec<_> = diagnostics.iter().filter(|found| found.code == syntax::E0108).collect();
        assert_eq!(found.len(), 1, "{text:?}");
        assert_eq!(sources.text(found[0].span), "\r");
        assert_eq!(found[0].help.as_deref(), Some("write LF or CRLF line ends"));
    }
    let (_, diagnostics, _) = read("user bob; # a comment\r\nuser bill;\r\n");
    assert_eq!(diagnostics, Vec::new());
}

/// One mistake in a line of a test is one report, and what stands behind the line is read.
#[test]
fn a_line_of_a_test_that_is_no_case_is_one_report() {
    let lines = [
        "a -> b allow;",
        "a -> b tcp/80 deny by r;",
        "a -> b\n    allow;",
        "a -> b => allow please;",
        "a -> b => allow allow;",
        "a -> b => deny deny from c;",
        "a -> b => allow default allow;",
        "a -> b;",
        "a b => allow;",
        "a -> b = allow;",
    ];
    let mut told = String::new();
    for line in lines {
        let text = format!("test \"x\" {{\n    {line}\n    c -> d => allow;\n}}\nuser bob;\n");
        let (file, diagnostics, sources) = read(&text);
        assert_eq!((diagnostics.len(), file.items.len()), (1, 2), "{line}: {diagnostics:#?}");
        assert!(matches!(file.items[1], Item::User(_)), "{line}");
        told += &format!("{line}\n  {}", self::lines(&diagnostics, &sources));
    }
    insta::assert_snapshot!(told);
    let (file, diagnostics, _) = read("test \"x\" {\n    a -> b => allow\nallow from c;\nuser bob;\n");
    assert_eq!((diagnostics.len(), file.items.len()), (1, 3), "{diagnostics:#?}");
}

/// The places of the blanks of a text that stand between words: not in strings, nor in comments.
fn blanks(text: &str) -> Vec<usize> {
    let (mut string, mut comment) = (false, false);
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '\n' => (string, comment) = (false, false),
            '"' if !comment => string = !string,
            '#' if !string => comment = true,
            ' ' if !string && !comment => found.push(at),
            _ => {}
        }
    }
    // Behind the last word before a comment, the line has ended.
    found.retain(|at| !text.get(at + 1..).unwrap_or("").trim_start_matches(' ').starts_with('#'));
    found
}

#[test]
fn a_line_may_end_between_any_two_words() {
    let sets = "deny from gateway to { a };\nallow from any to gateway for ssh;\nallow from host { a } to switch { b };\n\
        assert never from gateway to { a };\n";
    for text in [CAMPUS, include_str!("whole.pol"), sets] {
        let wanted = told(text);
        assert_eq!(wanted, "");
        let blanks = blanks(text);
        assert!(blanks.len() >= 25);
        for at in &blanks {
            let mut broken = text.to_owned();
            broken.replace_range(at..&(at + 1), "\n");
            assert_eq!(told(&broken), wanted, "{:?}", text.get(at.saturating_sub(40)..(at + 30).min(text.len())));
        }
        let mut broken = text.to_owned();
        blanks.iter().for_each(|at| broken.replace_range(at..&(at + 1), "\n"));
        assert_eq!(told(&broken), wanted, "every word on its line");
    }
}
