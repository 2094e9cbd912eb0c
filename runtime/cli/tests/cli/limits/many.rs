//! Few lines that stand for very much, and very many lines that stand for little: rules, groups, services, times, tests, claims.

use super::{COMMANDS, Folder, lines};

/// Every command but the one that asks nothing of what the text means.
const ASKING: &[&str] = &["check", "test", "explain", "prove"];

fn users(count: usize) -> String {
    lines(count, |number| format!("user u{number};\n"))
}

/// Names joined, no more than a few on a line.
fn names(count: usize, joiner: &str) -> String {
    lines(count, |number| format!("u{number}{joiner}\n")) + "u0"
}

#[test]
fn groups_that_double_at_each_step_cost_no_more_than_their_text() {
    let folder = Folder::new("doubling");
    for (first, step) in [
        ("group g0 = user { a };\ngroup h0 = user { b };\n", "(g@ | h@)"),
        ("group g0 = user { a };\ngroup h0 = user { b };\n", "((g@ | h@) & (h@ | g@)) - (g@ & h@)"),
        ("group g0 = user directory \"a\";\ngroup h0 = user directory \"b\";\n", "(g@ | h@) & (h@ | g@)"),
    ] {
        let steps = lines(80, |number| {
            let of = step.replace('@', &number.to_string());
            format!("group g{0} = {of};\ngroup h{0} = {of} | g{number};\n", number + 1)
        });
        let asked = "allow from g80 to h80;\ntest \"x\" { g80 -> internet => deny; }\nassert never from g80 to internet;\n";
        folder.put("a.pol", format!("user a;\nuser b;\n{first}{steps}{asked}invariant subset(h80, g80);\n"));
        for command in COMMANDS {
            folder.command(command, "a.pol");
        }
    }
}

#[test]
fn rules_of_large_sets_cost_no_more_than_their_text() {
    let folder = Folder::new("large-sets");
    let ports = lines(5_000, |number| format!("tcp/{}-{},\n", number * 10 + 1, number * 10 + 5)) + "udp/53";
    for ends in [format!("user {{ {} }}", names(5_000, ",")), names(5_000, " |"), format!("{} - u1", names(400, " -"))] {
        let text = format!("{}service s = {ports};\nallow from {ends} to {ends} for s;\ndeny for s;\n", users(5_000));
        folder.put("a.pol", text);
        for command in ["check", "explain", "prove"] {
            let run = folder.command(command, "a.pol");
            assert!([0, 1].contains(&run.code), "{command}: {run}");
        }
    }
    let big = format!("{}group big = user {{ {} }};\n", users(50_000), names(50_000, ","));
    let text = format!("{big}group rest = big - user {{ {} }};\nallow from rest;\n", names(49_000, ","));
    assert_eq!(folder.checked(&text).code, 0);
    folder.refused(&["test"], format!("{big}test \"x\" {{ big -> big => deny; }}\n"), "E0403", "a.pol:");
}

#[test]
fn conditions_with_too_many_alternatives_are_refused() {
    let folder = Folder::new("alternatives");
    let all = (1..=1_000).map(|port| format!("(tpdst = {port} or tpsrc = {port})")).collect::<Vec<_>>().join(" and\n");
    folder.refused(ASKING, format!("allow when {all};\n"), "E0230", "a.pol:1:1");
    let any = (1..=1_000).map(|port| format!("(tpdst = {port} and tpsrc = {port})")).collect::<Vec<_>>().join(" or\n");
    folder.refused(&["check"], format!("allow when not ({any});\n"), "E0230", "a.pol:1:1");
    let some = "deny when (dscp = 1 or pcp = 1) and (dscp = 2 or pcp = 2) and (dscp = 3 or pcp = 3) and (dscp = 4 or pcp = 4);\n";
    folder.refused(&["check"], some.repeat(40_000), "E0231", "a.pol:");
    let chain = "tcp/1 |\n".repeat(100_000);
    folder.refused(&["check"], format!("allow when protocol = {chain} udp;\n"), "E0206", "a.pol:1:");
}

#[test]
fn rules_that_tell_very_much_apart_are_compared_or_left_undecided() {
    let folder = Folder::new("apart");
    for text in [
        lines(20_000, |number| format!("allow for tcp/{};\n", number + 1)),
        lines(30_000, |number| format!("allow to 10.{}.{}.0/24;\n", number >> 8, number & 255)),
        lines(20_000, |number| format!("allow when dlsrc = 02:00:00:00:{:02x}:{:02x};\n", number >> 8, number & 255)),
        lines(20_000, |number| format!("allow when vlan = {} and pcp = {};\n", number % 4094 + 1, number % 8)),
        lines(20_000, |number| format!("r{number}: allow for tcp/80 until 20{}-0{}-01;\n", 30 + number % 60, number % 9 + 1)),
        lines(20_000, |number| format!("allow from user directory \"d{number}\";\n")),
        lines(10_000, |number| format!("section s{number} {{\npass for tcp/{};\n}}\n", number + 1)),
    ] {
        let run = folder.checked(text);
        assert_eq!(run.code, 0, "{run}");
    }
    let nested = lines(30_000, |number| format!("deny for tcp/{}-{};\n", number + 1, 65_535 - number));
    folder.refused(ASKING, nested, "E0231", "a.pol:30000:1");
    let types = lines(60_000, |number| format!("allow when dltype = {} and tpdst = {number};\n", 1_600 + number));
    folder.refused(&["check"], types, "E0231", "a.pol:60000:1");
    folder.refused(&["check"], "allow when protocol = 0-255;\n".repeat(100_000), "E0231", "a.pol:");
}

#[test]
fn what_is_claimed_without_end_is_refused_or_undecided() {
    let folder = Folder::new("claims");
    folder.refused(
        ASKING,
        format!("user a;\nallow from a;\n{}", "assert always from a;\n".repeat(100_000)),
        "E0231",
        "a.pol:20003:1",
    );
    let groups = lines(50, |number| format!("group g{number} = user {{ {} }};\n", names(1_000, ",")));
    let all = lines(2_500, |number| format!("invariant subset(g{}, g{});\n", number / 50, number % 50));
    folder.refused(&["check", "prove"], format!("{}{groups}{all}", users(1_000)), "E0231", "a.pol:");
    // Undecided is no pass, and says so.
    let scoped = |number: usize| {
        let user = number % 1_000;
        format!("section s{number} scope (from u{user}) {{\nallow from u{user} for tcp/{};\n}}\n", number + 1)
    };
    folder.put("a.pol", users(1_000) + &lines(25_000, scoped));
    for command in ["check", "prove"] {
        let run = folder.command(command, "a.pol");
        assert_eq!((run.code, run.stdout.contains("E0408")), (3, true), "{command}: {run}");
    }
}

#[test]
fn a_hundred_thousand_tests_are_run() {
    let folder = Folder::new("tests");
    let cases = "a -> internet => allow;\n".repeat(100_000);
    folder.put("a.pol", format!("user a;\nallow from a;\ntest \"x\" {{\n{cases}}}\n"));
    let run = folder.command("test", "a.pol");
    assert_eq!((run.code, run.stdout.starts_with("ok: 100000 test cases passed")), (0, true), "{run}");
    let group = format!("{}group g = user {{ {} }};\nallow from g;\n", users(300), names(300, ","));
    let lines_of_all = "g -> g => allow;\n".repeat(100);
    folder.refused(&["check", "test"], format!("{group}test \"x\" {{\n{lines_of_all}}}\n"), "E0231", "a.pol:");
    let prefixes = lines(20_000, |number| format!("deny to 8.{}.{}.0/24;\n", number >> 8, number & 255));
    let text = format!("{prefixes}user a;\ntest \"x\" {{\n{}}}\n", "a -> internet => deny;\n".repeat(10_000));
    folder.refused(&["test"], text, "E0231", "a.pol:");
    let crowd = "user a\n".repeat(300_000);
    assert_eq!(folder.checked(format!("user a;\ntest \"x\" {{ {crowd} -> internet => deny; }}\n")).code, 0);
}

#[test]
fn windows_of_time_are_bounded() {
    let folder = Folder::new("windows");
    let window = |number: usize| {
        format!("2030-{:02}-{:02} to 2031-01-01 {:02}:{:02}-23:59,\n", number % 12 + 1, number % 28 + 1, number % 20, number % 60)
    };
    let asked =
        "allow when time in t until 2029-01-01;\nallow when not time in t;\ntest \"x\" { 10.0.0.1 -> 10.0.0.2 => allow; }\n";
    let text = |count| format!("time t = {}sat;\n{asked}", lines(count, window));
    assert!([0, 1].contains(&folder.checked(text(900)).code));
    folder.refused(ASKING, text(20_000), "E0206", "a.pol:1:6");
}

#[test]
fn declarations_of_one_thing_a_thousandfold_are_bounded() {
    let folder = Folder::new("inventory");
    let macs =
        lines(100_000, |number| format!("02:00:00:{:02x}:{:02x}:{:02x},\n", number >> 16, number >> 8 & 255, number & 255));
    let addresses = lines(100_000, |number| format!("10.{}.{}.{},\n", number >> 16, number >> 8 & 255, number & 255));
    let (macs, addresses) = (macs.trim_end().trim_end_matches(','), addresses.trim_end().trim_end_matches(','));
    folder.refused(&["check", "explain"], format!("host s {{ mac {macs}; ip {addresses}; }}\n"), "E0231", "a.pol:1:");
    let run = folder.checked("user u;\n".repeat(1_000_000));
    assert_eq!((run.code, run.stdout.contains("998999 more errors are not shown")), (1, true), "{run}");
    let run = folder.checked(users(200_000) + &lines(200_000, |number| format!("allow from v{number};\n")));
    assert_eq!((run.code, run.stdout.contains("unknown name `v0`")), (1, true), "{run}");
    let run = folder.checked("# allow(W0301): so it is\n".repeat(500_000) + "user x;\n");
    assert_eq!((run.code, run.stdout.contains("more warnings are not shown")), (0, true), "{run}");
}

#[test]
fn conditions_of_very_many_tests_cost_no_more_than_their_text() {
    let folder = Folder::new("tests-of-one");
    let tests = |count: usize| (0..count).map(|port| format!("tpdst = {}", port % 60_000)).collect::<Vec<_>>().join(" and\n");
    folder.put("a.pol", format!("allow when {};\n", tests(200_000)));
    for command in ASKING {
        assert!([0, 1].contains(&folder.command(command, "a.pol").code), "{command}");
    }
    folder.put("a.pol", format!("{}allow when usrc not in {{ {} }};\n", users(20_000), names(20_000, ",")));
    for command in ["check", "explain"] {
        assert_eq!(folder.command(command, "a.pol").code, 0, "{command}");
    }
    let either = format!("allow when (tpsrc = 1 or tpsrc = 2) and {};\n", tests(20_000));
    folder.refused(ASKING, either, "E0230", "a.pol:1:1");
}

#[test]
fn ports_and_prefixes_are_ranges_however_many_they_hold() {
    let folder = Folder::new("ranges");
    let text = "switch s { dpid 1; access 1-4294967040; }\nnetwork n = 0.0.0.0/0, ::/0;\nallow at s for tcp/0-65535;\n\
        deny from n to n when vlan in 1-4094 and tpdst in 0-65535;\ntest \"x\" { 10.0.0.1 at s:1 -> 0.0.0.0/0 tcp/0-65535 => allow; }\n";
    folder.put("a.pol", text);
    for command in ASKING {
        assert!([0, 1].contains(&folder.command(command, "a.pol").code), "{command}");
    }
    folder.refused(ASKING, format!("{text}test \"y\" {{ s -> internet => deny; }}\n"), "E0403", "a.pol:6:");
    let ranges = lines(100_000, |number| format!("{}-{},\n", number * 3 + 5, number * 3 + 6));
    assert_eq!(folder.checked(format!("switch s {{ dpid 1; access {ranges}1; }}\nallow at s;\n")).code, 0);
    let prefixes = lines(200_000, |number| format!("{}.{}.{}.0/24,\n", 11 + (number >> 16), number >> 8 & 255, number & 255));
    folder.put("a.pol", format!("network n = {prefixes}10.0.0.0/8;\nallow to n;\nassert never from n to n;\n"));
    for command in ["check", "explain", "fmt"] {
        assert!([0, 1, 3].contains(&folder.command(command, "a.pol").code), "{command}");
    }
}
