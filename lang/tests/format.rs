//! The canonical form: nothing is lost, nothing changes its meaning, and printing twice is printing once.

use lang::ast::File;
use lang::format::format;
use lang::parse::parse;
use lang::source::SourceMap;

fn formatted(text: &str) -> Result<String, usize> {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    format(&sources, id).map_err(|diagnostics| diagnostics.len())
}

fn tree(text: &str) -> (File, usize) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let (file, diagnostics) = parse(&sources, id);
    (file, diagnostics.len())
}

/// The tree without its places.
fn shape(file: &File) -> String {
    let debug = format!("{:?}", file.items);
    let mut out = String::new();
    let mut rest = debug.as_str();
    while let Some(at) = rest.find("Span { ") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

fn comments(text: &str) -> Vec<String> {
    let (file, _) = tree(text);
    file.comments.iter().map(|comment| text[comment.span.range()].trim_end().to_owned()).collect()
}

fn keeps_all(text: &str) -> String {
    let once = formatted(text).unwrap_or_else(|count| format!("{count} errors in\n{text}"));
    assert_eq!(Ok(&once), formatted(&once).as_ref(), "printing twice is printing once\n{once}");
    assert_eq!(shape(&tree(text).0), shape(&tree(&once).0), "the tree is the same\n{once}");
    assert_eq!(comments(text), comments(&once), "comments are kept, in order\n{once}");
    once
}

#[test]
fn the_campus_in_canonical_form() {
    insta::assert_snapshot!(keeps_all(include_str!("campus.pol")));
}

#[test]
fn comments_and_blank_lines_stay_where_they_belong() {
    let text = "\n\n# head\r\n\r\n\r\n# of the switch\nswitch  e{ # behind the brace\n  dpid 0x01 ; # the id\n\n\n  # ports\n  access 1-4,7 ;\n  \
                # last words\n} # done\nuser a;user b;   # both\nallow from a # who\n   to b; # end\n# tail\n\n\n# very last";
    insta::assert_snapshot!(keeps_all(text));
}

#[test]
fn expressions_keep_their_meaning() {
    let text = "allow from (a | b) & c - (d - e) | (f | g);\nallow from (a and b) and c or not (d or e) and (not f);\n\
                allow from not a|b to multicast 239.1.0.0/16 at edge1:05;\n\
                deny when not(usrc in students and(tpdst=80 or tpdst in{ 22,8000-8080 , })) or nwdst not in lab | 10.0.0.0/8;\n\
                deny when (usrc = a or usrc != b) and (hsrc = c and dltype = 0x800);\n\
                group g = {a,b};group h = mac{02:00:00:00:00:0A,02-00-00-00-00-0b};\n\
                label:outbound-only from laptops for ssh,tcp/80 via p,q log;";
    insta::assert_snapshot!(keeps_all(text));
}

#[test]
fn long_lists_and_rules_are_broken() {
    let names: Vec<String> = (0..60).map(|n| format!("host-number-{n}")).collect();
    let text = format!(
        "group all = host {{ {} }}; # all of them\nallow from {} for tcp/80, tcp/443 when usrc in students and tpdst in 1-1000 log;\n\
         network n = {};",
        names.join(","),
        names[..9].join("|"),
        (0..20).map(|n| format!("10.{n}.0.0/16")).collect::<Vec<_>>().join(",")
    );
    insta::assert_snapshot!(keeps_all(&text));
}

#[test]
fn a_text_with_errors_is_not_printed() {
    assert_eq!(formatted("allow form x;\nuser a"), Err(2));
}

/// Blanks of any sort between tokens: whatever the layout was, the canonical form is the same but for blank lines and comments.
#[test]
fn any_layout_is_read_and_printed() {
    let text = include_str!("campus.pol");
    let (file, _) = tree(text);
    let in_comment = |at: usize| file.comments.iter().any(|comment| comment.span.range().contains(&at));
    let quoted = text.find("test \"").unwrap()..text.find("\" {").unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..300 {
        let mut out = String::new();
        for (at, c) in text.char_indices() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let free = c == ' ' && !in_comment(at) && !quoted.contains(&at);
            match (free, (state >> 33) % 40) {
                (true, 0) => out.push_str("\n\n\n"),
                (true, 1) => out.push_str("\r\n\t"),
                (true, 2) => out.push_str(" # one\n# two\n"),
                (true, 3) => out.push_str("\n\n# alone\n\n"),
                _ => out.push(c),
            }
        }
        let once = keeps_all(&out);
        assert!(once.ends_with("}\n"), "{once}");
    }
}

/// Comments and line breaks between any two tokens of a policy: nothing gets lost and the meaning stays.
#[test]
fn comments_survive_at_any_place() {
    let text = include_str!("campus.pol");
    let (file, _) = tree(text);
    let in_comment = |at: usize| file.comments.iter().any(|comment| comment.span.range().contains(&at));
    let blanks: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).filter(|at| !in_comment(*at)).collect();
    let quoted = text.find("test \"").unwrap()..text.find("\" {").unwrap();
    for at in blanks.into_iter().filter(|at| !quoted.contains(at)) {
        let text = format!("{} # here {{ }} ; \"\n{}", &text[..at], &text[at..]);
        let once = keeps_all(&text);
        assert!(once.contains("# here"));
    }
}

#[test]
fn the_end_of_a_rule_has_its_time_of_day_behind_a_t() {
    for (written, printed) in [
        ("2026-12-24 10:00", "2026-12-24T10:00"),
        ("2026-12-24 # noon\n 12:00:30", "2026-12-24T12:00:30"),
        ("2026-12-24T10:00", "2026-12-24T10:00"),
        ("2026-12-24", "2026-12-24"),
    ] {
        let text = keeps_all(&format!("allow from any until {written};\n"));
        assert!(text.contains(&format!("until {printed}")), "{text}");
    }
}
