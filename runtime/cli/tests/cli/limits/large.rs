//! Long lines, long files, deep nesting, long words.

use super::{COMMANDS, Folder, lines};

const MIB: usize = 1 << 20;

#[test]
fn a_line_of_a_hundred_megabytes_is_a_message() {
    let folder = Folder::new("line");
    folder.put("a.pol", "x".repeat(100_000_000));
    for command in COMMANDS {
        let run = folder.command(command, "a.pol");
        assert_eq!(run.code, if *command == "fmt" { 2 } else { 1 }, "{command}: {run}");
        assert!(format!("{}{}", run.stdout, run.stderr).contains("has more than 16777216 bytes"), "{command}: {run}");
    }
    folder.refused(COMMANDS, format!("user bob;\nuser eve; # {}\n", "x".repeat(MIB)), "E0114", "a.pol:2:1");
}

#[test]
fn a_million_lines_are_read_or_refused() {
    let folder = Folder::new("lines");
    let fitting = lines(1_000_000, |number| format!("user u{number:x};\n"));
    assert!(fitting.len() < 16 * MIB && fitting.len() > 10 * MIB);
    let run = folder.checked(&fitting);
    assert_eq!((run.code, run.stdout.starts_with("ok: 0 rules")), (0, true), "{run}");
    let run = folder.checked(lines(1_000_000, |number| format!("user user-{number};\n")));
    assert_eq!((run.code, run.stdout.contains("has more than 16777216 bytes")), (1, true), "{run}");
}

#[test]
fn a_million_rules_are_a_message_with_every_command() {
    let folder = Folder::new("rules");
    // The prelude's rules count, too.
    let text = |rules| format!("user u;\n{}", "deny to u;\n".repeat(rules));
    folder.refused(&["check"], text(1_000_000), "E0231", "a.pol:1999");
    folder.refused(&["test", "explain", "prove"], text(205_000), "E0231", "a.pol:1999");
}

#[test]
fn more_words_than_fit_the_memory_are_a_message() {
    let folder = Folder::new("words");
    let boxes = "m,".repeat(400_000) + "\n";
    folder.refused(&["check"], format!("user a;\nallow from a via {}m;\n", boxes.repeat(7)), "E0114", "a.pol:");
    folder.refused(&["fmt"], ";\n".repeat(5_100_000), "E0114", "a.pol:");
    for part in ["b.pol", "c.pol"] {
        folder.put(part, ";\n".repeat(2_600_000) + "user a;\n");
    }
    folder.refused(&["test", "explain"], "include \"b.pol\";\ninclude \"c.pol\";\n", "E0114", "a.pol:2:9");
}

#[test]
fn nesting_of_ten_thousand_is_a_message() {
    let folder = Folder::new("nesting");
    let depth = 10_000;
    for (open, close) in [("(", ")"), ("{", "}"), ("user {", "}"), ("not (", ")")] {
        let text = format!("user a;\nallow when {}usrc = a{};\nuser b;\n", open.repeat(depth), close.repeat(depth));
        folder.refused(&["check", "fmt"], text, "E0113", "a.pol:2:");
    }
    let heads = lines(depth, |number| format!("section s{number} {{\n"));
    folder.refused(COMMANDS, format!("user a;\n{heads}allow from a;\n{}", "}\n".repeat(depth)), "E0113", "a.pol:202:1");
    let left_open = lines(300_000, |number| format!("section s{number} {{\n"));
    folder.refused(&["check"], left_open, "E0113", "a.pol:201:1");
    for text in [format!("allow from {}", "(".repeat(1_000_000)), ")\n".repeat(1_000_000), "}\n".repeat(1_000_000)] {
        assert_eq!(folder.checked(text).code, 1);
    }
}

#[test]
fn references_ten_thousand_deep_are_a_message() {
    let folder = Folder::new("references");
    let groups = lines(10_000, |number| format!("group g{} = {{ g{number} }};\n", number + 1));
    let text = format!("user a;\ngroup g0 = user {{ a }};\n{groups}allow from g10000;\n");
    let commands: Vec<&str> = COMMANDS.iter().copied().filter(|command| *command != "fmt").collect();
    folder.refused(&commands, text, "E0206", "a.pol:501:7");
    let services = lines(10_000, |number| format!("service s{} = s{number}, tcp/{number};\n", number + 1));
    folder.refused(&["check"], format!("service s0 = udp/1;\n{services}allow for s10000;\n"), "E0206", "a.pol:");
    let times = lines(10_000, |number| format!("time t{} = t{};\n", 10_000 - number, 9_999 - number));
    folder.refused(&["check"], format!("{times}time t0 = mon;\nallow when time in t10000;\n"), "E0206", "a.pol:");
}

#[test]
fn includes_end_in_a_message() {
    let folder = Folder::new("includes");
    for number in 0..10_000 {
        folder.put(&format!("{number}.pol"), format!("include \"{}.pol\";\nuser u{number};\n", number + 1));
    }
    folder.put("10000.pol", "user last;\n");
    let run = folder.command("check", "0.pol");
    assert_eq!((run.code, run.stdout.contains("[E0135] Error: "), run.stdout.contains("63.pol:1:9")), (1, true, true), "{run}");
    folder.refused(&["check"], lines(10_000, |number| format!("include \"x/{number}.pol\";\n")), "E0130", "a.pol:1:9");
    folder.put("b.pol", "include \"c.pol\";\n");
    folder.put("c.pol", "include \"a.pol\";\n");
    let run = folder.checked("include \"b.pol\";\n");
    assert_eq!((run.code, run.stdout.contains("[E0131] Error: "), run.stdout.contains("c.pol:1:9")), (1, true, true), "{run}");
    assert_eq!(folder.checked("include \"a.pol\";\n".repeat(100_000)).code, 1);
}

#[test]
fn long_words_are_no_long_messages() {
    let folder = Folder::new("long-words");
    let long = "n".repeat(500_000);
    let run = folder.checked(format!("user {long};\nallow from {long};\n"));
    assert_eq!(run.code, 0, "{run}");
    for (text, code) in [
        (format!("allow from {long};\n"), "E0201"),
        (format!("allow for tcp/{};\n", "9".repeat(500_000)), "E0123"),
        (format!("allow to {}1;\n", "1.".repeat(250_000)), "E0121"),
        (format!("allow for {};\n", "tcp/".repeat(100_000)), "E0125"),
        (format!("user bob;\nallow from bob owner \"{long}\" limit {long};\n"), "E0127"),
        (format!("user a{};\n", "-".repeat(900_000)), "E0101"),
        (format!("user a;\nallow from {};\n", "' ".repeat(400_000)), "E0106"),
    ] {
        let run = folder.checked(text);
        assert_eq!((run.code, run.stdout.contains(code)), (1, true), "{code}: {run}");
        assert!(run.stdout.len() < 10_000, "{code} says {} bytes", run.stdout.len());
    }
    let run = folder.checked(format!("user u;\ntest \"{}\" {{ u -> internet => deny; }}\n", "\u{e4}".repeat(400_000)));
    assert_eq!(run.code, 0, "{run}");
}
