//! What the demo shows. Knows nothing of what happens next.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use daemon::log::{port_name, switch_name};
use daemon::policy::rule_count;
use daemon::reactor::Clock;
use daemon::{Observer, Reload};
use lang::checked::{Checked, RuleId, Verdict};
use lang::flow::{End, Flow, Place};
use lang::flowspec::location_text;
use net::{IpProto, Time, Transport};
use runtime::event::Decided;
use runtime::{Controller, Event, Status};

use super::story::Story;
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded};
use crate::output::{Output, Paint};
use crate::report::counted;

/// Standard output, and what was counted for the summary.
pub struct Screen<'o> {
    out: &'o mut Output,
    folder: PathBuf,
    clock: Clock,
    start: Time,
    by_rule: BTreeMap<String, Tally>,
    revoked: usize,
    failure: Option<Failure>,
}

/// How often a rule decided, and where it stands in the policy in force: the default behind all rules.
#[derive(Default)]
struct Tally {
    allowed: u64,
    denied: u64,
    place: String,
    rank: usize,
}

/// Shows what the daemon tells.
pub struct Watcher<'o>(pub Rc<RefCell<Screen<'o>>>);

impl Observer for Watcher<'_> {
    fn event(&mut self, event: &Event, _peer: Option<SocketAddr>, controller: &Controller) {
        self.0.borrow_mut().event(event, controller.policy());
    }

    fn reloaded(&mut self, reload: &Reload<'_>) {
        if let Reload::Refused(loaded) = reload {
            let report = loaded.report();
            self.0.borrow_mut().line(&report);
        }
    }
}

impl<'o> Screen<'o> {
    /// Nothing shown yet. Policy files are named without `folder`.
    pub fn new(out: &'o mut Output, folder: &Path, clock: Clock) -> Screen<'o> {
        let folder = folder.to_owned();
        Screen { out, folder, clock, start: clock.now(), by_rule: BTreeMap::new(), revoked: 0, failure: None }
    }

    /// True once nobody reads.
    pub fn is_gone(&self) -> bool {
        self.failure.is_some()
    }

    /// How it ended.
    pub fn ended(&mut self) -> Result<Exit, Failure> {
        self.failure.take().map_or(Ok(Exit::Good), Err)
    }

    /// What is going to be seen.
    pub fn opening(&mut self, policy: &Checked, address: SocketAddr) {
        self.line(&format!(
            "Ethane's campus on this machine: {}, {}, {}.",
            counted(rule_count(policy), "rule"),
            counted(policy.hosts.len(), "host"),
            counted(policy.switches.len(), "switch")
        ));
        self.line(&format!("Software switches speak OpenFlow to the daemon at {address}.\n"));
    }

    /// The policy file was written.
    pub fn policy_edited(&mut self, rule: &str, error: Option<std::io::Error>) {
        match error {
            None => {
                self.line("");
                self.stamped("edit", Paint::Bold, &format!("campus.pol gets a new first rule: {rule}"), "");
            }
            Some(error) => self.line(&format!("the policy file cannot be changed: {error}")),
        }
    }

    /// What it all came to.
    pub fn summary(&mut self, status: &Status, story: &Story<'_>) {
        let counters = status.counters;
        let seconds = self.clock.now().since(self.start).as_secs_f64();
        let opened = counted(story.answered + story.silent, "conversation");
        let lines = [
            format!("In {seconds:.0} s, hosts opened {opened}: {} answered, {} not.", story.answered, story.silent),
            format!(
                "The daemon allowed {} times, denied {} times and revoked {}. What an entry carries is not decided again; who \
                 goes on after a deny is denied again when the drop entry has expired.",
                counters.allowed,
                counters.denied,
                counted(self.revoked, "conversation")
            ),
            format!(
                "{}, {}, {}. Flow entries in the switches: {}.",
                counted(status.switches, "switch"),
                counted(status.links, "link"),
                counted(status.stations, "station"),
                story.entries()
            ),
        ];
        self.line("");
        for line in lines.iter().flat_map(|line| folded(line, WIDTH)) {
            self.line(&line);
        }
        self.line("\nallowed  denied  decided by");
        let mut tallies: Vec<_> = std::mem::take(&mut self.by_rule).into_iter().collect();
        tallies.sort_by_key(|(_, tally)| tally.rank);
        for (text, Tally { allowed, denied, place, .. }) in tallies {
            self.line(&format!("{allowed:>7}  {denied:>6}  {}", shortened(&format!("{place}  {text}"), WIDTH - 17)));
        }
        self.flush();
    }

    fn event(&mut self, event: &Event, policy: &Checked) {
        match event {
            Event::Decided(decided) => self.decided(decided, policy),
            Event::Revoked { flow, allowed_by, denied_by, .. } => {
                self.revoked += 1;
                let now = denied_by.map(|rule| format!(", now denied by {}", self.place(policy, rule)));
                let before = self.short(allowed_by);
                let why = format!("was allowed by {before}{}", now.unwrap_or_default());
                self.stamped("revoke", Paint::Red, flow, &why);
            }
            Event::PolicyInForce { kept, changed, .. } => {
                self.place_again(policy);
                let text = format!("the new policy is in force: {kept} kept untouched, {changed} revoked");
                self.stamped("policy", Paint::Bold, &text, "");
                self.line("");
            }
            Event::SwitchJoined { dpid, version } => {
                let text = format!("switch {} joined, OpenFlow {version}", switch_name(policy, *dpid));
                self.stamped("switch", Paint::Bold, &text, "");
            }
            Event::LinkUp(link) => {
                let text = format!("{} is wired to {}", port_name(policy, link.from), port_name(policy, link.to));
                self.stamped("link", Paint::Bold, &text, "");
            }
            Event::Unroutable { flow, why } => {
                self.stamped("no way", Paint::Red, &brief(policy, flow), &why.to_string());
            }
            Event::Spoofed { mac, why, .. } => {
                self.stamped("spoof", Paint::Red, &mac.to_string(), &why.to_string());
            }
            _ => {}
        }
        self.flush();
    }

    fn decided(&mut self, decided: &Decided, policy: &Checked) {
        let place = self.place(policy, decided.rule);
        let text = rule_text(policy, decided.rule);
        let tally = self.by_rule.entry(text.clone()).or_default();
        tally.place.clone_from(&place);
        tally.rank = decided.rule.map_or(usize::MAX, RuleId::index);
        let (word, paint) = match decided.verdict {
            Verdict::Allow => {
                tally.allowed += 1;
                ("allow", Paint::Green)
            }
            Verdict::Deny | Verdict::Reject | Verdict::Redirect => {
                tally.denied += 1;
                (decided.verdict.word(), Paint::Red)
            }
        };
        self.stamped(word, paint, &brief(policy, &decided.flow), &format!("{place}  {text}"));
    }

    /// Rules that have decided may stand elsewhere in a new policy.
    fn place_again(&mut self, policy: &Checked) {
        for rule in policy.rules.iter().map(|rule| Some(rule.id)).chain([None]) {
            let place = self.place(policy, rule);
            if let Some(tally) = self.by_rule.get_mut(&rule_text(policy, rule)) {
                tally.place = place;
                tally.rank = rule.map_or(usize::MAX, RuleId::index);
            }
        }
    }

    /// A deciding rule's place, without the folder.
    fn place(&self, policy: &Checked, rule: Option<RuleId>) -> String {
        self.short(&daemon::log::place(policy, rule))
    }

    fn short(&self, place: &str) -> String {
        let folder = format!("{}/", self.folder.display());
        place.replace(&folder, "")
    }

    /// A line with the time and a word before it; what follows goes on the next line where there is no room.
    fn stamped(&mut self, word: &str, paint: Paint, text: &str, more: &str) {
        let at = self.clock.now().since(self.start).as_secs_f64();
        let word = self.out.paint(paint, &format!("{word:<6}"));
        let mut lines = folded(text, WIDTH - 17).into_iter().chain((!more.is_empty()).then(|| shortened(more, WIDTH - 17)));
        self.line(&format!("{at:6.2}s  {word}  {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.line(&format!("{:17}{line}", ""));
        }
    }

    fn line(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = self.out.line(text).err();
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.out.flush().err();
        }
    }
}

/// A flow in few words: who, where, to whom, for what.
fn brief(policy: &Checked, flow: &Flow) -> String {
    let place = flow.src.location.map(|at| format!(" at {}", location_text(policy, at))).unwrap_or_default();
    let service = match (flow.headers.proto, flow.headers.transport) {
        (Some(IpProto::TCP), Some(Transport::Ports { dst, .. })) => format!("tcp/{dst}"),
        (Some(IpProto::UDP), Some(Transport::Ports { dst, .. })) => format!("udp/{dst}"),
        (Some(IpProto::ICMP | IpProto::ICMPV6), _) => "ping".to_owned(),
        (Some(proto), _) => format!("ip/{}", proto.0),
        (None, _) => flow.headers.dl_type.map(|kind| format!("{kind:?}")).unwrap_or_default(),
    };
    format!("{}{place} -> {} {service}", who(policy, &flow.src), who(policy, &flow.dst))
}

fn who(policy: &Checked, end: &End) -> String {
    let host = end.host.and_then(|id| policy.hosts.get(id.index())).map(|host| host.name.to_string());
    let address = end.address.map(|address| address.to_string());
    let known = host.or(address).or_else(|| end.mac.map(|mac| mac.to_string())).unwrap_or_else(|| "?".to_owned());
    match end.place {
        Place::Internet(_) => format!("internet ({known})"),
        Place::Gateway(id) => policy.gateways.get(id.index()).map_or(known, |gateway| gateway.name.to_string()),
        Place::Inside | Place::Controller => known,
        Place::Broadcast => "broadcast".to_owned(),
        Place::Multicast => format!("multicast {known}"),
    }
}

/// A deciding rule's text, in one line.
fn rule_text(policy: &Checked, rule: Option<RuleId>) -> String {
    policy.deciding_span(rule).map(|span| one_line(policy.sources.text(span))).unwrap_or_default()
}

/// White space folded.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No more than so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
