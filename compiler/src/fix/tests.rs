//! What is repaired, what is left, and that wrong repairs are refused.

use lang::repair::Edit;
use lang::source::Span;

use super::*;

/// 2026-11-27.
const NOW: Time = Time(1_795_737_600_000_000);

const SITE: &str = "host a { mac 00:16:3e:00:00:01; }\nhost b { mac 00:16:3e:00:00:02; }\nuser bob;\nuser eve;\n";

const LINES: u32 = 4;

fn sources_of(texts: &[(&str, &str)]) -> SourceMap {
    let mut sources = SourceMap::default();
    for (name, text) in texts {
        sources.add(*name, *text);
    }
    sources
}

fn request<'a>(entries: &'a [String], sources: &'a SourceMap) -> Request<'a> {
    let severities = &|found: &mut Vec<Diagnostic>| found.retain(|one| one.code.text() != "W0306");
    Request { entries, sources, now: Some(NOW), budget: Budget::default(), severities }
}

/// The text without the site's, what was done and what was left. Doing it again does nothing more.
fn tidied(text: &str) -> (String, Vec<String>, Vec<String>) {
    let first = once(text);
    let again = once(&first.0);
    assert_eq!((&again.0, again.1.len(), again.2.len()), (&first.0, 0, first.2.len()), "{text}");
    first
}

fn once(text: &str) -> (String, Vec<String>, Vec<String>) {
    let whole = format!("{SITE}{text}");
    let sources = sources_of(&[("x.pol", &whole)]);
    let entries = ["x.pol".to_owned()];
    let fixed = fix(&request(&entries, &sources)).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
    let new = fixed.changed.first().map_or(whole, |changed| changed.new.to_string());
    let done = fixed.done.iter().map(|one| format!("{} {} {}", one.line - LINES, one.code, one.what));
    let left = fixed.left.iter().map(|one| format!("{} {} {}", one.old_line - LINES, one.code, one.why));
    (new.strip_prefix(SITE).unwrap().to_owned(), done.collect(), left.collect())
}

#[test]
fn what_is_plain_goes_and_comments_stay() {
    let (new, done, left) = tidied(
        "# groups\n\ngroup idle = user { bob };  # nobody\n# of b\ngroup g = host { b, b };\n\n# rules\ndeny from a to b;\n\
         deny from a to b for ssh;  # once more\n\nallow from g for ssh;\n# why\nallow from g;\n\
         deny when hsrc = a and hsrc = b;\ndefault deny;\n\nuser pete;  # allow(W0303): not any more\n",
    );
    assert_eq!(
        new, "# groups\n\n# of b\ngroup g = host { b };\n\n# rules\n\n# why\nallow from g;\ndefault deny;\n\nuser pete;\n",
        "{done:#?}"
    );
    assert_eq!(
        done,
        [
            "3 W0301 removed the group `idle`, which nothing uses",
            "5 W0302 removed the second `b`",
            "8 W0304 removed `deny from a to b;`, which makes no difference",
            "9 W0303 removed `deny from a to b for ssh;`, which decides nothing",
            "11 W0304 removed `allow from g for ssh;`, which makes no difference",
            "14 W0305 removed `deny when hsrc = a and hsrc = b;`, which no flow can match",
            "17 W0702 removed `# allow(W0303): not any more`, which silences nothing",
        ]
    );
    assert_eq!(left, Vec::<String>::new());
}

/// A comment with a reason says that a rule is meant: neither goes, not even together with what made the rule useless.
#[test]
fn what_is_marked_as_meant_stays() {
    let mark = "# allow(W0303): on purpose";
    let (new, done, _) = tidied(&format!("allow from a;\nallow from a;  {mark}\nallow from a;\n"));
    assert_eq!((new, done.len()), (format!("allow from a;\nallow from a;  {mark}\n"), 1));
    for text in [
        format!("allow from a to b;\nallow from a to b for ssh;  {mark}\nallow from a;\n"),
        format!("allow from a to b;\n{mark}\nallow from a to b for ssh;\nallow from a;\n"),
        "allow from a;\nallow from a;  # allow(W0304): on purpose\n".to_owned(),
    ] {
        let (new, done, left) = tidied(&text);
        assert_eq!((new.as_str(), done.len()), (text.as_str(), 0), "{done:?} {left:?}");
        assert!(!left.is_empty(), "{text}");
    }
}

/// A general rule and what spells it out could each go: the general one is what was meant, wherever it stands.
#[test]
fn the_general_rule_stays() {
    let names = "group staff = host { a };\nservice web = tcp/80, tcp/443;\n";
    let general = "allow from staff to b for web;\n";
    let parts = "allow from a to b for http;\nallow from a to b for https;\n";
    for text in [format!("{general}{parts}"), format!("{parts}{general}"), format!("{general}{parts}{general}")] {
        let (new, done, left) = tidied(&format!("{names}{text}"));
        assert_eq!((new, left), (format!("{names}{general}"), Vec::new()), "{text}\n{done:#?}");
    }
    // Where a part has a name, it stays and decides; the rest of the general rule does as well.
    let named = parts.replacen("allow", "counted: allow", 1);
    let kept = "counted: allow from a to b for http;\n";
    assert_eq!(tidied(&format!("{names}{named}{general}")).0, format!("{names}{kept}{general}"));
}

#[test]
fn what_may_have_been_meant_is_left_with_its_reason() {
    for (text, left) in [
        ("deny from a;\nallow from a to b;\n", "2 W0303 it was to decide otherwise than those before it do"),
        ("allow from a;\nagain: allow from a to b;\n", "2 W0303 it has a name, logs, or belongs to somebody"),
        ("allow from a;\nallow from a to b log;\n", "2 W0303 it has a name, logs, or belongs to somebody"),
        ("allow when hsrc = a and hsrc = b owner \"x\";\n", "1 W0305 it has a name, logs, or belongs to somebody"),
        ("allow from a;\nallow\n    # the printer\n    from a to b;\n", "2 W0303 a comment stands inside it"),
        (
            "allow from a;\n# allow(W0308): known\nallow from a when not tpdst = 80;\n",
            "3 W0303 a comment says of it that it is meant",
        ),
        ("group g = host { a,\n    b, # her\n    b # again\n};\nallow from g;\n", "3 W0302 no edit is known"),
        ("group idle = host { a };\ndefault deny;\n", "1 W0301 no rule is there that could use it"),
        ("allow from a until 2036-12-31;  # allow(W0314): told\n", "1 W0702 what it silences comes and goes"),
        ("allow from a;  # allow(W0304): counted\n", "1 W0702 what it silences comes and goes"),
        ("deny for tcp/0-65535 log;\ndeny for tcp;\ndefault allow;\n", "2 W0303 this would be answered otherwise: "),
        (
            "invariant disjoint(g, h);\ngroup g = user tagged \"g\";\ngroup h = user tagged \"h\";\nallow from g & h;\ndefault deny;\n",
            "4 W0305 this would be answered otherwise: ",
        ),
    ] {
        let told = tidied(text);
        assert_eq!((&*told.0, &told.1), (text, &Vec::new()), "{text}");
        assert!(told.2.len() == 1 && told.2[0].starts_with(left), "{text}\n{told:?}");
    }
}

#[test]
fn names_that_nothing_uses_any_more_go_along() {
    let (new, done, _) = tidied(
        "group x = user { bob };\ngroup y = x | user eve;\nservice s = tcp/80;\ntime t = mon;\ngroup z = host { a };\n\
         allow from z for s when time in t;\nallow from z;\n",
    );
    assert_eq!(new, "group z = host { a };\nallow from z;\n");
    assert_eq!(done.len(), 5, "{done:#?}");
    // What goes along cannot always: then nothing does.
    let text = "group x =\n    # two\n    user { bob };\nallow from a;\nallow from a to b when usrc in x;\n";
    let (new, done, left) = tidied(text);
    assert_eq!((&*new, done.len(), left), (text, 0, vec!["5 W0303 W0301 would follow".to_owned()]));
}

#[test]
fn a_network_says_what_the_internet_is_not() {
    let text = "network lan = 10.0.0.0/24;\nallow from a;\n";
    assert_eq!(tidied(text).0, "allow from a;\n");
    let text = format!("switch edge {{ dpid 0x1; }}\ngateway g {{ at edge:1; }}\n{text}");
    assert_eq!(tidied(&text).0, text);
}

#[test]
fn of_two_that_stand_for_each_other_one_stays() {
    let (new, done, _) = tidied("allow from a to b for ssh;\nallow to b from a for ssh;\nallow from b;\n");
    assert_eq!(new, "allow from a to b for ssh;\nallow from b;\n");
    assert_eq!(done.len(), 1);
    let (new, _, _) = tidied("allow from a;\nallow from a;\nallow from a;\nallow from a;\n");
    assert_eq!(new, "allow from a;\n");
    let (new, _, _) = tidied("deny from a for tcp;\nallow from b;\ndeny from a for udp;\ndeny from a;\ndefault deny;\n");
    assert_eq!(new, "allow from b;\ndefault deny;\n");
}

/// A bad one among many does not keep the others.
#[test]
fn what_cannot_be_proved_together_is_proved_apart() {
    let mut text = String::new();
    for n in 0..9 {
        text.push_str(&format!("group g{n} = user {{ bob }};\n"));
    }
    text.push_str("deny for tcp/0-65535 log;\ndeny for tcp;\n");
    for n in 0..9 {
        text.push_str(&format!("allow from a to b for udp/{n};\n"));
    }
    text.push_str("allow from a to b for udp;\ndefault allow;\n");
    let (new, done, left) = tidied(&text);
    assert_eq!(new, "deny for tcp/0-65535 log;\ndeny for tcp;\ndefault allow;\n", "{done:#?} {left:#?}");
    assert_eq!((done.len(), left.len()), (19, 1));
}

#[test]
fn a_text_that_was_laid_out_stays_so_and_another_is_not_touched_beyond_its_edits() {
    let names: Vec<String> = (10..40).map(|n| format!("host-{n}")).collect();
    let hosts: String = (10..40).map(|n| format!("host host-{n} {{ mac 00:16:3e:00:01:{n}; }}\n")).collect();
    let list = names[..13].join(", ");
    let long = format!("{hosts}group g = host {{\n    {list}, host-10\n}};\nallow from g;\n");
    let (new, ..) = tidied(&long);
    let rest = format!("group g = host {{\n    {list}\n}};\n");
    let flat = format!("group g = host {{ {list} }};\n");
    assert_eq!(new, format!("{hosts}{}allow from g;\n", if flat.len() <= 121 { flat } else { rest }));
    let (new, ..) = tidied("group   g = host { b,   b };\nallow   from g;  ;\n".trim_end_matches("  ;\n"));
    assert_eq!(new, "group   g = host { b };\nallow   from g;");
}

#[test]
fn all_texts_of_a_policy_are_tidied() {
    let main = format!("include \"more.pol\";\n{SITE}allow from g;\nallow from g to b;\n");
    let sources = sources_of(&[("etc/main.pol", &main), ("etc/more.pol", "group g = host { a, a };\ngroup idle = g;\n")]);
    let entries = ["etc/main.pol".to_owned()];
    let fixed = fix(&request(&entries, &sources)).unwrap();
    let told: Vec<String> = fixed.done.iter().map(|one| format!("{}:{} {}", one.file, one.line, one.code)).collect();
    assert_eq!(told, ["etc/main.pol:7 W0303", "etc/more.pol:1 W0302", "etc/more.pol:2 W0301"]);
    assert_eq!(fixed.changed.len(), 2);
    assert_eq!(*fixed.changed[1].new, *"group g = host { a };\n");
    for (text, why) in [("group idle = host { a };\n", Some(Why::Empties)), ("# no more\ngroup idle = host { a };\n", None)] {
        let sources = sources_of(&[("m.pol", &format!("include \"more.pol\";\n{SITE}allow from a;\n")), ("more.pol", text)]);
        let fixed = fix(&request(&["m.pol".to_owned()], &sources)).unwrap();
        assert_eq!(fixed.left.first().map(|one| one.why.clone()), why, "{text}");
    }
}

#[test]
fn a_policy_with_errors_is_none_of_its_business() {
    for text in ["allow from nobody-known;\n", "allow from a;\nassert never from a;\n", "allow from a until 2020-01-01;\n"] {
        let whole = format!("{SITE}{text}");
        let sources = sources_of(&[("x.pol", &whole)]);
        assert!(fix(&request(&["x.pol".to_owned()], &sources)).is_err(), "{text}");
    }
}

/// What the refusal of a repair would be that takes one text out and puts another one in.
fn refused(text: &str, out: &str, into: &str) -> Option<Why> {
    let whole = format!("{SITE}{text}");
    let sources = sources_of(&[("x.pol", &whole)]);
    let entries = ["x.pol".to_owned()];
    let request = request(&entries, &sources);
    let state = State::load(&request, Texts::new(&sources)).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
    let at = whole.find(out).unwrap();
    let size = |bytes: usize| u32::try_from(bytes).unwrap();
    let source = sources.iter().next().unwrap().0;
    let span = Span { source, start: size(at), end: size(at + out.len()) };
    let key = Key::of(&Diagnostic::new(lang::lint::redundant_rule::W0304, span, "x"), &sources);
    let edits = vec![Edit { span, text: into.to_owned() }];
    let wrong = Candidate {
        code: lang::lint::redundant_rule::W0304,
        key,
        turn: candidate::Turn::First,
        at: span,
        edits,
        what: String::new(),
    };
    let work = Work { request: &request, state, done: Vec::new(), refused: BTreeMap::new() };
    work.attempt(&[&wrong]).err()
}

/// Tells whether a refusal is of some kind.
type Kind = fn(&Why) -> bool;

#[test]
fn a_wrong_repair_is_refused() {
    let text = "section prelude { }\ngroup g = host { a };\ngroup h = user directory \"h\";\ntime t = mon;\nservice s = tcp/80;\nx: allow from a to b;\n\
         deny from a;\nallow to g when time in t or protocol in s;\nallow from h for udp;\n\
         section c scope (from b) { deny from b; }\ndefault reject;\nassert never from a when hdst != b;\n\
         test \"t\" { a -> b => allow; }\n";
    assert_eq!(refused(text, "x: allow from a to b;", "x: allow to b from a;"), None);
    let wrong: [(&str, &str, Kind); 14] = [
        ("x: allow from a to b;\n", "", |why| matches!(why, Why::Flow(_))),
        ("deny from a;\n", "", |why| matches!(why, Why::Finds(code) if code.text() == "E0405")),
        ("deny from b; }", "}", |why| matches!(why, Why::Flow(_))),
        ("x: allow from a to b;", "x: allow from a;", |why| matches!(why, Why::Finds(_))),
        ("x: allow", "y: allow", |why| matches!(why, Why::Says(_))),
        ("to b;", "to b log;", |why| matches!(why, Why::Says(_))),
        ("{ a };\ngroup", "{ a, b };\ngroup", |why| matches!(why, Why::Says(_))),
        ("\"h\"", "\"i\"", |why| matches!(why, Why::Says(_))),
        ("= mon", "= tue", |why| matches!(why, Why::Says(_))),
        ("tcp/80", "tcp/81", |why| matches!(why, Why::Says(_))),
        ("default reject", "default deny", |why| matches!(why, Why::Says(_))),
        ("group g = host { a };\n", "", |why| matches!(why, Why::Finds(code) if code.text() == "E0201")),
        ("assert never from a when hdst != b;\n", "", |why| matches!(why, Why::Says(_))),
        ("a -> b => allow", "b -> a => deny", |why| matches!(why, Why::Finds(_) | Why::Says(_))),
    ];
    for (out, into, as_wanted) in wrong {
        let why = refused(text, out, into).unwrap_or_else(|| panic!("{out} may not become {into}"));
        assert!(as_wanted(&why), "{out} -> {into}: {why:?}");
    }
}

#[test]
fn without_the_steps_for_it_nothing_is_proved_and_nothing_done() {
    let whole = format!("{SITE}deny from a to b;\ngroup idle = user {{ bob }};\ndeny to b;\nallow from a;\n");
    let sources = sources_of(&[("x.pol", &whole)]);
    let entries = ["x.pol".to_owned()];
    let budget = Budget { claim: 0, ..Budget::default() };
    let fixed = fix(&Request { budget, ..request(&entries, &sources) }).unwrap();
    assert_eq!(fixed.done.len(), 1, "the name needs no proof about flows: {:?}", fixed.done);
    assert_eq!(fixed.left.iter().map(|one| one.why.clone()).collect::<Vec<_>>(), [Why::Undecided]);
}
