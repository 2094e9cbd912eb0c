//! Random policies with things in them that can go: after they went, every flow is answered as before, every other comment is there,
//! and there is nothing left to do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be made has failed the test")]

use std::collections::BTreeMap;

use compiler::Budget;
use compiler::fix::{Fixed, Request, fix};
use lang::check::check_loaded;
use lang::checked::{Checked, Verdict};
use lang::diag::Diagnostic;
use lang::eval;
use lang::flow::{Flow, Judgement};
use lang::import::{self, LoadError, Loaded, Loader};
use lang::source::SourceMap;

/// Xorshift64, seeded.
struct Draw(u64);

impl Draw {
    fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % (bound as u64)).unwrap()
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

const INVENTORY: &str = "switch edge { dpid 0x1; access 1-24; }\nmiddlebox ids { at edge:20; }\nmiddlebox proxy { at edge:21; }\n\
    gateway border { at edge:24; }\nhost a { mac 00:16:3e:00:00:01; ip 10.0.0.1; at edge:1; }\nhost b { mac 00:16:3e:00:00:02; }\n\
    host c { mac 00:16:3e:00:00:03; ip 10.0.0.3; }\nuser bob;\nuser eve;\nnetwork lan = 10.0.0.0/24;\n\
    group ab = host { a, b };\ngroup people = user { bob, eve };\nservice web = tcp/80, tcp/443;\ntime work = mon-fri 08:00-18:00;\n";

const ENDS: &[&str] =
    &["a", "b", "c", "ab", "people", "bob", "eve", "lan", "none", "internet", "any", "10.0.0.0/25", "unregistered"];
const SERVICES: &[&str] = &["tcp", "udp", "web", "tcp/80", "tcp/0-1023", "icmp", "tcp/1-65535"];
const CONDITIONS: &[&str] =
    &["time in work", "apsrc = edge:3", "tpsrc in 1-1023", "not protocol = tcp", "vlan = 5", "usrc in people"];

/// A rule; the same words in another order say the same.
fn rule(draw: &mut Draw) -> String {
    let verdict = draw.pick(&["allow", "allow", "deny", "deny", "reject"]);
    let mut text = format!("{verdict} from {} to {}", draw.pick(ENDS), draw.pick(ENDS));
    if draw.chance(2) {
        text.push_str(&format!(" for {}", draw.pick(SERVICES)));
    }
    if draw.chance(3) {
        text.push_str(&format!(" when {}", draw.pick(CONDITIONS)));
    }
    if verdict == "allow" && draw.chance(5) {
        text.push_str(draw.pick(&[" via ids", " via proxy", " via proxy, ids", " limit 5mbps"]));
    }
    if draw.chance(8) {
        text.push_str(draw.pick(&[" log", " audit", " owner \"x\"", " until 2036-01-01"]));
    }
    text + ";"
}

/// Statements with something that can go: what another one says already, what cannot be, what nothing uses.
fn statements(draw: &mut Draw) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut rules: Vec<String> = Vec::new();
    for n in 0..6 + draw.below(10) {
        let text = match draw.below(12) {
            0 => format!("group idle{n} = host {{ a, {} }};", draw.pick(&["b", "c", "a"])),
            1 => format!("group twice{n} = user {{ bob, eve, bob }};\nallow from twice{n} to lan;"),
            2 => format!("service idle{n} = tcp/{n};"),
            3 => format!("time idle{n} = sat {n:02}:00-23:00;"),
            4 => format!("deny from a to {} when hsrc = b;", draw.pick(ENDS)),
            5 if !rules.is_empty() => rules[draw.below(rules.len())].clone(),
            6 if !rules.is_empty() => rules[draw.below(rules.len())].replacen(" to any", " to c", 1),
            7 => format!("group only{n} = host {{ b }};\ndeny from only{n} to c for tcp/{n};"),
            _ => rule(draw),
        };
        if text.starts_with("allow") || text.starts_with("deny") || text.starts_with("reject") {
            rules.push(text.clone());
        }
        all.extend(text.lines().map(str::to_owned));
    }
    if draw.chance(4) {
        all.insert(draw.below(all.len()), "setting multi-user = most-restrictive;".to_owned());
    }
    if draw.chance(4) {
        let (first, len) = (draw.below(all.len()), all.len());
        let last = first + draw.below(len - first);
        let is_setting = |line: &String| line.starts_with("setting");
        if !all[first..=last].iter().any(is_setting) {
            all.insert(last + 1, "}".to_owned());
            all.insert(first, "section part {".to_owned());
            if draw.chance(2) {
                all.insert(first + 1, "pass for udp/53;".to_owned());
            }
        }
    }
    all.push(draw.pick(&["default allow;", "default deny;", "default reject;"]).to_owned());
    all
}

/// The statements with numbered comments and blank lines among them, laid out as `fmt` does or as it comes.
fn text(draw: &mut Draw) -> String {
    let mut text = INVENTORY.to_owned();
    let mut number = 0;
    let mut comment = || {
        number += 1;
        format!("# c{number}.")
    };
    for statement in statements(draw) {
        if draw.chance(4) {
            text.push('\n');
        }
        if draw.chance(4) {
            text.push_str(&format!("{}\n", comment()));
        }
        let broken = draw.chance(12).then(|| draw.pick(&[" from ", " to ", ", ", " = "]));
        match broken {
            Some(word) => text.push_str(&statement.replacen(word, &format!(" {}\n    {word}", comment()), 1)),
            None => text.push_str(&statement),
        }
        match draw.below(10) {
            0 => text.push_str("  # allow(W0308): once\n"),
            1 | 2 => text.push_str(&format!("  {}\n", comment())),
            3 => text.push(' '),
            _ => text.push('\n'),
        }
    }
    text.push('\n');
    if draw.chance(2) { lang::format::format(&sources(&text), sources(&text).iter().next().unwrap().0).unwrap() } else { text }
}

fn sources(text: &str) -> SourceMap {
    let mut sources = SourceMap::default();
    sources.add("x.pol", text);
    sources
}

struct One<'t>(&'t str);

impl Loader for One<'_> {
    fn read(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

fn load(text: &str) -> (Loaded, Option<Checked>) {
    let loaded = import::load(&["x.pol"], &One(text));
    let checked = check_loaded(&loaded).0;
    (loaded, checked)
}

fn tidied(text: &str) -> Result<Fixed, Vec<Diagnostic>> {
    let severities = &|found: &mut Vec<Diagnostic>| found.retain(|one| one.code.text() != "W0306");
    let budget = Budget { claim: 400_000, ..Budget::default() };
    fix(&Request { entries: &["x.pol".to_owned()], sources: &sources(text), now: None, budget, severities })
}

/// A flow of one machine to another, in words that say all of it.
fn flow(draw: &mut Draw) -> String {
    let users = draw.pick(&["user none", "user bob", "user eve", "user bob user eve", "user unregistered user bob"]);
    let (src, dst) = (
        draw.pick(&["host a", "host b at edge:3", "host c at edge:4", "unregistered 10.0.0.200 at edge:5"]),
        ["host a", "host b", "host c", "internet 8.8.8.8", "host b 10.0.0.130", "unregistered", "gateway", "user eve host b"],
    );
    let dst = draw.pick(&dst);
    let service =
        draw.pick(&["tcp/80", "tcp/443", "tcp/0", "udp/53", "tcp/9 tpsrc 80", "icmp", "tcp/2", "tcp/7 vlan 5", "udp/9", "ip/89"]);
    let time = draw.pick(&["mon 10:00", "sat 12:00", "sun 03:00"]);
    format!("{users} {src} -> {dst} {service} time {time}")
}

/// An answer, with the text of rules in place of their numbers.
fn answer(policy: &Checked, flow: &Flow) -> (Verdict, String, Vec<String>) {
    let Judgement { verdict, via, duties, audited, .. } = eval::judge(policy, flow);
    let words = |id| policy.rule(id).map(|rule| policy.sources.text(rule.span).to_owned()).unwrap_or_default();
    (verdict, format!("{via:?} {duties:?}"), audited.into_iter().map(words).collect())
}

fn one_flow(policy: &Checked, text: &str) -> Option<Flow> {
    let flows = lang::flowspec::read(policy, text).unwrap_or_else(|why| panic!("{text}: {:?}", why.found));
    assert!(flows.len() < 2, "{text}");
    flows.into_iter().next()
}

/// Comments, and for each whether it stands behind a statement on its line.
fn comments(loaded: &Loaded) -> BTreeMap<String, bool> {
    let all = loaded.policy.files.iter().flat_map(|file| &file.comments);
    all.map(|comment| (loaded.sources.text(comment.span).to_owned(), !comment.own_line)).collect()
}

#[test]
fn tidying_a_policy_changes_no_answer_and_loses_no_comment() {
    let (mut gone, mut compared, mut stable, mut by_code) = (0, 0, 0, BTreeMap::new());
    for seed in 0..400 {
        let draw = &mut Draw::new(seed);
        let old_text = text(draw);
        let (old_loaded, old) = load(&old_text);
        let Some(old) = old else { panic!("seed {seed}: {:#?}\n{old_text}", old_loaded.diagnostics) };
        let fixed = tidied(&old_text).unwrap_or_else(|found| panic!("seed {seed}: {found:#?}\n{old_text}"));
        let new_text = fixed.changed.first().map_or(old_text.clone(), |one| one.new.to_string());
        let (new_loaded, new) = load(&new_text);
        let new = new.unwrap_or_else(|| panic!("seed {seed}: {:#?}\n{new_text}", new_loaded.diagnostics));
        gone += fixed.done.len();
        fixed.done.iter().for_each(|one| *by_code.entry(one.code).or_insert(0) += 1);

        for _ in 0..150 {
            let words = flow(draw);
            let (Some(mut before), Some(mut after)) = (one_flow(&old, &words), one_flow(&new, &words)) else { continue };
            if draw.chance(6) {
                // A later fragment.
                (before.headers.transport, after.headers.transport) = (None, None);
            }
            compared += 1;
            assert_eq!(answer(&old, &before), answer(&new, &after), "seed {seed}: {words}\n{old_text}\n=====\n{new_text}");
        }

        let left = comments(&new_loaded);
        for (comment, behind) in comments(&old_loaded) {
            let line = old_text.lines().position(|line| line.contains(&comment)).unwrap() + 1;
            let went = behind && fixed.done.iter().any(|one| one.line as usize == line);
            assert!(
                went || left.contains_key(&comment) || comment.contains("allow("),
                "seed {seed}: {comment}\n{old_text}\n=====\n{new_text}"
            );
        }

        let again = tidied(&new_text).unwrap();
        assert!(again.done.is_empty() && again.changed.is_empty(), "seed {seed}: {:#?}\n{new_text}", again.done);
        assert_eq!(again.left.len(), fixed.left.len(), "seed {seed}");
        let laid_out = |text: &str| lang::format::format(&sources(text), sources(text).iter().next().unwrap().0).unwrap() == text;
        if laid_out(&old_text) {
            stable += 1;
            assert!(laid_out(&new_text), "seed {seed}\n{new_text}");
        }
    }
    assert!(gone > 1_500 && compared > 30_000 && stable > 100 && by_code.len() >= 5, "{gone} {compared} {stable} {by_code:?}");
}
