//! The policy while it is put together: declarations, rules, what is left out; and at the end its text. Sees to it that no rule
//! makes the policy wider than the original, whatever of it cannot be said. Knows nothing of the language that it comes from.

use std::collections::BTreeSet;

use lang::import::{LoadError, Loader};
use lang::lint::random_mac::W0312;
use lang::source::SourceMap;

use crate::logic::{Cond, Unsaid};
use crate::names::{Kind, Names};
use crate::place::{Place, excerpt};
use crate::rule::{Duties, Rule, Verdict, is_plain};
use crate::split;
use crate::standin::{self, StandIns};
use crate::{Imported, LeftOut, Note, Problem};

/// How wide a line of the head is.
const WIDTH: usize = 80;

/// A policy that is being put together.
#[derive(Default)]
pub(crate) struct Draft {
    /// The names of its things.
    pub(crate) names: Names,
    pub(crate) stand_ins: StandIns,
    switches: Declared,
    locations: Declared,
    hosts: Declared,
    users: Declared,
    boxes: Declared,
    groups: Declared,
    body: Vec<String>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) notes: Vec<Note>,
    pub(crate) problems: Vec<Problem>,
}

/// Declarations of one sort, each with what it comes from; they are written in that order.
type Declared = Vec<(Place, String)>;

/// A statement of the original that a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) place: Place,
    /// Its text.
    pub(crate) what: String,
}

/// What a policy's head says of where it comes from.
pub(crate) struct Head<'a> {
    /// The file.
    pub(crate) file: &'a str,
    /// What it is: `a policy of Ethane (Pol-Eth)`.
    pub(crate) system: &'a str,
    /// What is to be known of every policy of that system: whole sentences.
    pub(crate) remarks: &'a [&'a str],
}

impl Draft {
    pub(crate) fn switch(&mut self, place: Place, text: String) {
        self.switches.push((place, text));
    }

    pub(crate) fn host(&mut self, place: Place, text: String) {
        self.hosts.push((place, text));
    }

    pub(crate) fn location(&mut self, place: Place, text: String) {
        self.locations.push((place, text));
    }

    pub(crate) fn user(&mut self, place: Place, text: String) {
        self.users.push((place, text));
    }

    pub(crate) fn group(&mut self, place: Place, text: String) {
        self.groups.push((place, text));
    }

    /// Declares a host of which the original says nothing but its name.
    pub(crate) fn stand_in_host(&mut self, name: &str, place: Place) {
        match self.stand_ins.mac() {
            Some(mac) => {
                self.host(place, format!("host {name} {{ mac {mac}; }}  # allow({W0312}): it stands in"));
                self.note(place, format!("host `{name}`: the original gives no MAC address, {mac} stands in"));
            }
            None => self.problems.push(Problem::new(place, "there are more hosts without a MAC address than stand-ins for them")),
        }
    }

    /// Declares a location of which the original says nothing but its name.
    pub(crate) fn stand_in_location(&mut self, name: &str, place: Place) {
        let port = self.stand_ins.location();
        self.location(place, format!("location {name} = {}:{port};", standin::SWITCH));
        self.note(place, format!("location `{name}`: the original gives no port, {}:{port} stands in", standin::SWITCH));
    }

    /// The name of a middlebox; declares it at its first mention.
    pub(crate) fn middlebox(&mut self, original: &str, place: Place) -> String {
        self.middlebox_like(original, original, place)
    }

    /// The name of a middlebox, spelled like another word.
    pub(crate) fn middlebox_like(&mut self, original: &str, like: &str, place: Place) -> String {
        let name = self.names.name_like(Kind::Middlebox, original, like);
        let declared = format!("middlebox {name} {{");
        if !self.boxes.iter().any(|(_, text)| text.starts_with(&declared)) {
            let port = self.stand_ins.port();
            self.boxes.push((place, format!("{declared} at {}:{port}; }}", standin::SWITCH)));
            self.note(place, format!("middlebox `{name}`: the original gives no port, {}:{port} stands in", standin::SWITCH));
        }
        name
    }

    pub(crate) fn note(&mut self, place: Place, text: impl Into<String>) {
        self.notes.push(Note { place, text: text.into() });
    }

    /// Notes that something has no counterpart.
    pub(crate) fn leave_out(&mut self, place: Place, what: &str, why: impl Into<String>) {
        let found = LeftOut { place, what: excerpt(what), why: why.into() };
        if !self.left_out.contains(&found) {
            self.left_out.push(found);
        }
    }

    /// A line of the body as it is: a comment, a brace, or nothing.
    pub(crate) fn line(&mut self, text: impl Into<String>) {
        self.body.push(text.into());
    }

    /// Lines of comment.
    pub(crate) fn comments(&mut self, texts: &[String]) {
        self.body.extend(texts.iter().map(|text| format!("# {text}")));
    }

    /// A rule, as far as it can be said, so that the policy is no wider by what cannot.
    pub(crate) fn rule(&mut self, verdict: Verdict, cond: &Cond, duties: &Duties, origin: &Origin) {
        let gaps = cond.gaps();
        if gaps.is_empty() {
            return self.say(verdict, &cond.settled(), duties, origin);
        }
        let (at_least, at_most) = (cond.at_least(), cond.at_most());
        match verdict {
            Verdict::OutboundOnly => self.outbound_only(cond, &Cond::Any, origin),
            Verdict::Allow | Verdict::Pass => {
                let none = at_most == Cond::Never;
                let effect = if none { "the rule is left out" } else { "the rule covers only what can be said" };
                self.gaps(&gaps, effect);
                self.say(verdict, &at_most, duties, origin);
                // What may have been bound to something must not pass unbound.
                if !duties.is_empty() && at_least != at_most {
                    self.gaps(&gaps, "what the rule may have meant beyond is denied, since it binds what it allows");
                    self.say(Verdict::Deny, &at_least, &Duties::default(), origin);
                }
            }
            Verdict::Deny | Verdict::Redirect => {
                let all = at_least == Cond::Any;
                self.gaps(&gaps, if all { "the rule denies everything" } else { "the rule denies whatever it may have meant" });
                self.say(Verdict::Deny, &at_least, &Duties::default(), origin);
            }
        }
    }

    /// What others initiate towards these ends is denied, whatever it is; then this traffic of theirs is allowed.
    pub(crate) fn outbound_only(&mut self, ends: &Cond, traffic: &Cond, origin: &Origin) {
        let cond = Cond::All(vec![ends.clone(), traffic.clone()]);
        if cond.gaps().is_empty() && is_plain(&cond.settled()) {
            // One statement, which must not be cut: the deny half goes before all of the allow half.
            self.body.push(Rule::new(Verdict::OutboundOnly, cond.settled()).text());
        } else {
            self.rule(Verdict::Deny, &ends.mirrored(), &Duties::default(), origin);
            self.rule(Verdict::Allow, &cond, &Duties::default(), origin);
        }
    }

    fn gaps(&mut self, gaps: &[&Unsaid], effect: &str) {
        for gap in gaps {
            self.leave_out(gap.place, &gap.what, format!("{}: {effect}", gap.why));
        }
    }

    fn say(&mut self, verdict: Verdict, cond: &Cond, duties: &Duties, origin: &Origin) {
        if *cond == Cond::Never {
            return;
        }
        match split::portions(cond) {
            Some(portions) => {
                for cond in portions {
                    let rule = Rule { verdict, cond, duties: duties.clone() }.text();
                    // Said twice in one breath, it is said once.
                    if self.body.last() != Some(&rule) {
                        self.body.push(rule);
                    }
                }
            }
            None => {
                let message = format!("`{}` has too many alternatives, even cut into several rules", excerpt(&origin.what));
                self.problems.push(Problem::new(origin.place, message).help("write it as several rules"));
            }
        }
    }

    /// That what no rule matches is denied; not behind a rule that denies already: one of the two would make no difference.
    pub(crate) fn nothing_else(&mut self) {
        let denies = |line: &String| line.starts_with("deny ") || line == "deny;";
        if !self.body.iter().rfind(|line| !line.is_empty()).is_some_and(denies) {
            self.otherwise(Verdict::Deny);
        }
    }

    /// What happens to a flow that no rule matches.
    pub(crate) fn otherwise(&mut self, verdict: Verdict) {
        let word = if verdict == Verdict::Allow { "allow" } else { "deny" };
        self.body.push(format!("default {word};"));
    }

    /// The policy, laid out.
    pub(crate) fn finish(mut self, head: &Head<'_>) -> Result<Imported, Vec<Problem>> {
        self.left_out.sort();
        self.left_out.dedup();
        self.notes.sort();
        self.notes.dedup();
        if self.problems.is_empty() {
            match laid_out(&self.text(head)) {
                Ok(text) => return Ok(Imported { text, left_out: self.left_out, notes: self.notes }),
                Err(problems) => self.problems = problems,
            }
        }
        self.problems.sort();
        self.problems.dedup();
        Err(self.problems)
    }

    fn text(&mut self, head: &Head<'_>) -> String {
        let mut lines = self.head(head);
        if self.stand_ins.name_somebody() && !self.switches.is_empty() {
            self.body.splice(0..0, standin::GUARD.iter().map(|line| (*line).to_owned()));
        }
        if self.stand_ins.ports() > 0 {
            let (name, dpid, last) = (standin::SWITCH, standin::DPID, self.stand_ins.ports());
            self.switch(Place::default(), format!("switch {name} {{ dpid {dpid:#x}; access 1-{last}; }}"));
        }
        let sorts =
            [&mut self.switches, &mut self.locations, &mut self.hosts, &mut self.users, &mut self.boxes, &mut self.groups];
        for declared in sorts.into_iter().filter(|declared| !declared.is_empty()) {
            declared.sort_by_key(|(place, _)| *place);
            lines.push(String::new());
            lines.extend(declared.iter().map(|(_, text)| text.clone()));
        }
        lines.push(String::new());
        wrap(&mut lines, "", "The original has no rules beyond these. Without this section, Pentane's own would stand here.");
        lines.push("section prelude {".to_owned());
        lines.push("}".to_owned());
        lines.push(String::new());
        lines.append(&mut self.body);
        lines.join("\n") + "\n"
    }

    fn head(&self, head: &Head<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        wrap(&mut lines, "", &format!("Imported from {}, {}.", excerpt(head.file), head.system));
        for remark in head.remarks {
            wrap(&mut lines, "", remark);
        }
        if !self.left_out.is_empty() {
            lines.push("#".to_owned());
            wrap(&mut lines, "", "Left out, each with its line and column in the original:");
            for LeftOut { place, what, why } in &self.left_out {
                wrap(&mut lines, "  ", &format!("{}:{} `{what}`: {why}.", place.line, place.column));
            }
        }
        if !self.notes.is_empty() {
            lines.push("#".to_owned());
            wrap(&mut lines, "", "To be known, and to be filled in before this policy is put in force:");
            for Note { place, text } in &self.notes {
                wrap(&mut lines, "  ", &format!("{}:{} {text}.", place.line, place.column));
            }
        }
        lines
    }
}

/// A paragraph as lines of comment.
fn wrap(lines: &mut Vec<String>, indent: &str, text: &str) {
    let mut line = format!("# {indent}");
    let mut blank = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !blank && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, format!("# {indent}    ")));
            blank = true;
        }
        if !blank {
            line.push(' ');
        }
        line.push_str(word);
        blank = false;
    }
    lines.push(line);
}

/// The text in the one layout, if it is a policy without errors: whatever went wrong before, no other leaves this package.
fn laid_out(text: &str) -> Result<String, Vec<Problem>> {
    const NAME: &str = "imported.pol";
    let mut sources = SourceMap::default();
    let id = sources.add(NAME, text);
    let told = |found: &[lang::diag::Diagnostic], sources: &SourceMap| {
        let errors = found.iter().filter(|found| found.severity == lang::diag::Severity::Error);
        let lines: BTreeSet<String> = errors.map(|found| format!("{}: {}", sources.text(found.span), found.message)).collect();
        let told = |line: String| {
            Problem::new(
                Place { line: 1, column: 1 },
                format!("what would be carried over is no sound policy: {}", excerpt(&line)),
            )
        };
        lines.into_iter().map(told).collect::<Vec<_>>()
    };
    let text = lang::format::format(&sources, id).map_err(|found| told(&found, &sources))?;
    let loaded = lang::import::load(&[NAME], &Alone(&text));
    let (checked, found) = lang::check::check(&loaded.sources, &loaded.policy, loaded.diagnostics);
    if checked.is_some() { Ok(text) } else { Err(told(&found, &loaded.sources)) }
}

/// One file and no other.
struct Alone<'a>(&'a str);

impl Loader for Alone<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "imported.pol" { Ok(self.0.as_bytes().to_vec()) } else { Err(LoadError::NotFound) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::Side;

    const HEAD: Head<'static> = Head { file: "x.pol", system: "a policy of nobody", remarks: &[] };

    fn origin() -> Origin {
        Origin { place: Place { line: 3, column: 1 }, what: "rule".to_owned() }
    }

    fn gap() -> Cond {
        Cond::unsaid(Place { line: 3, column: 8 }, "func(f)", "nothing runs it")
    }

    fn body(fill: impl FnOnce(&mut Draft)) -> (Vec<String>, Vec<LeftOut>) {
        let mut draft = Draft::default();
        fill(&mut draft);
        (draft.body, draft.left_out)
    }

    #[test]
    fn an_allow_with_a_gap_allows_less_and_a_deny_denies_more() {
        let vlan = Cond::field("vlan = 5");
        let cond = Cond::All(vec![vlan.clone(), gap()]);
        let none = Duties::default();
        let (allowed, left_out) = body(|draft| draft.rule(Verdict::Allow, &cond, &none, &origin()));
        assert!(allowed.is_empty(), "{allowed:?}");
        assert_eq!(left_out[0].why, "nothing runs it: the rule is left out");
        let (denied, _) = body(|draft| draft.rule(Verdict::Deny, &cond, &none, &origin()));
        assert_eq!(denied, ["deny when vlan = 5;"]);
        let (redirected, _) = body(|draft| draft.rule(Verdict::Redirect, &cond, &none, &origin()));
        assert_eq!(redirected, ["deny when vlan = 5;"]);
        let either = Cond::Either(vec![vlan, gap()]);
        let (some, _) = body(|draft| draft.rule(Verdict::Pass, &either, &none, &origin()));
        assert_eq!(some, ["pass when vlan = 5;"]);
    }

    #[test]
    fn what_was_bound_never_passes_unbound() {
        let cond = Cond::All(vec![Cond::end(Side::Src, crate::logic::Class::Host, "roo"), gap()]);
        let duties = Duties { via: vec!["ids".to_owned()], limit: None };
        let (rules, _) = body(|draft| draft.rule(Verdict::Allow, &cond, &duties, &origin()));
        assert_eq!(rules, ["deny from roo;"]);
    }

    #[test]
    fn what_is_no_sound_policy_does_not_leave() {
        let mut draft = Draft::default();
        draft.line("allow from nobody-declared-this;");
        let problems = draft.finish(&HEAD).unwrap_err();
        assert!(problems[0].message.contains("nobody-declared-this"), "{problems:?}");
        let mut draft = Draft::default();
        draft.line("allow from;");
        assert!(draft.finish(&HEAD).is_err());
    }

    #[test]
    fn a_policy_with_stand_ins_and_real_switches_is_guarded() {
        let text = |real: bool, fill: fn(&mut Draft)| {
            let mut draft = Draft::default();
            fill(&mut draft);
            if real {
                draft.switch(Place::default(), "switch edge { dpid 0x1; }".to_owned());
            }
            draft.otherwise(Verdict::Deny);
            draft.finish(&HEAD).unwrap().text
        };
        let host = |draft: &mut Draft| draft.stand_in_host("roo", Place::default());
        let location = |draft: &mut Draft| draft.stand_in_location("wap", Place::default());
        let middlebox = |draft: &mut Draft| drop(draft.middlebox("ids", Place::default()));
        let guarded = |text: String| text.contains("\ndeny from host tagged \"stand-in\";\n");
        assert!(guarded(text(true, host)) && guarded(text(true, location)));
        assert!(!guarded(text(false, host)) && !guarded(text(true, middlebox)));
    }

    #[test]
    fn the_head_says_what_was_left_out_and_breaks_its_lines() {
        let mut draft = Draft::default();
        draft.leave_out(Place { line: 7, column: 2 }, "meter: big", "why ".repeat(60).trim());
        draft.otherwise(Verdict::Deny);
        let text = draft.finish(&HEAD).unwrap().text;
        assert!(text.starts_with("# Imported from x.pol, a policy of nobody.\n#\n# Left out, each"), "{text}");
        assert!(text.contains("#   7:2 `meter: big`: why why") && text.ends_with("\ndefault deny;\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
