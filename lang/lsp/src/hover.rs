//! What is known of the name or the rule at a place, as Markdown. Knows nothing of how it was found out.

use lang::ast::Item;
use lang::checked::{Checked, EndTest, Group, GroupId, HostId, Part, Rule, UserId};
use lang::eval::end_passes;
use lang::facts::RuleFact;
use lang::flow::{End, Person};
use lang::source::Span;
use lang::testing::rule_label;
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};
use net::Time;

use crate::lens::fact;
use crate::names::{Declaration, Occurrence, Sort, Space};
use crate::place::Place;

/// How many members are told by name.
const MAX_MEMBERS: usize = 24;

/// What is to be said of the byte.
pub(crate) fn hover(place: &Place<'_>, offset: usize, now: Time) -> Option<Hover> {
    let (span, lines) = match place.name(offset) {
        Some(name) => (name.span, of_name(place, name, now)?),
        None => of_verdict(place, offset, now)?,
    };
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: lines.join("\n\n") });
    Some(Hover { contents, range: place.snapshot.range(span) })
}

/// The word that says what a rule does stands for the rule.
fn of_verdict(place: &Place<'_>, offset: usize, now: Time) -> Option<(Span, Vec<String>)> {
    let Item::Rule(rule) = place.item(offset)? else { return None };
    let range = rule.verdict.span.range();
    (range.start <= offset && offset <= range.end).then(|| (rule.verdict.span, of_rule(place, rule.span, now)))
}

fn of_name(place: &Place<'_>, name: &Occurrence, now: Time) -> Option<Vec<String>> {
    let Some(declared) = place.snapshot.names().declaration(name.space, &name.name) else {
        return of_well_known(&name.name);
    };
    let head = match name.space {
        Space::Labels => return Some(of_rule(place, declared.item, now)),
        Space::Declared | Space::Heads => declaration(place, &declared),
    };
    let mut lines = vec![head];
    if let Some(policy) = place.policy() {
        match declared.sort {
            Sort::User => lines.extend(groups_of_user(policy, &name.name)),
            Sort::Host => lines.extend(groups_of_host(policy, &name.name)),
            Sort::Group(_) | Sort::Network => lines.extend(members(policy, &name.name)),
            Sort::Section => lines.extend(of_section(policy, &name.name)),
            Sort::Switch
            | Sort::Location
            | Sort::Service
            | Sort::Gateway
            | Sort::Middlebox
            | Sort::Time
            | Sort::Rule
            | Sort::Assertion => {}
        }
    }
    if name.space == Space::Heads {
        return Some(lines);
    }
    let uses = place.snapshot.names().places(name.space, &name.name).filter(|one| !one.declares).count();
    lines.push(match uses {
        0 => "used nowhere".to_owned(),
        1 => "used once".to_owned(),
        uses => format!("used {uses} times"),
    });
    Some(lines)
}

/// The declaration, as the text has it; of long ones the beginning.
fn declaration(place: &Place<'_>, declared: &Declaration) -> String {
    const LONGEST: usize = 400;
    let text = place.snapshot.sources.text(declared.item);
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { "\u{2026}" } else { "" };
    format!("```pentane\n{shown}{more}\n```")
}

fn of_well_known(name: &str) -> Option<Vec<String>> {
    let terms = lang::builtin::service(name)?;
    let shown: Vec<String> = terms.iter().map(ToString::to_string).collect();
    Some(vec![format!("```pentane\nservice {name} = {};\n```", shown.join(", ")), "well-known service".to_owned()])
}

/// What is known of a rule.
fn of_rule(place: &Place<'_>, statement: Span, now: Time) -> Vec<String> {
    let text = place.snapshot.sources.text(statement);
    let mut lines = vec![format!("```pentane\n{text}\n```")];
    let Some(policy) = place.policy() else { return lines };
    // Of a statement that is two rules, the half that its author means.
    let meant = place.rules(statement).find(|rule| !matches!(rule.part, Part::OutboundDeny | Part::PinDeny));
    let Some(rule) = meant else { return lines };
    lines.extend(standing(place, policy, rule));
    lines.extend(rule.until.map(|end| expiry(policy, end, now)));
    let owner = rule.owner.as_ref().map(|owner| format!("owner: {owner}"));
    lines.extend(owner);
    let section = rule.section.and_then(|id| policy.sections.get(id.index()));
    lines.extend(section.map(|section| format!("section: {}", section.name)));
    lines
}

/// What the rule decides, and who decides the rest of what it matches.
fn standing(place: &Place<'_>, policy: &Checked, rule: &Rule) -> Vec<String> {
    let Some(proof) = place.proof else { return vec!["what it decides is being found out".to_owned()] };
    let cases = proof.cases_of(rule.id);
    let tests = format!("decides {cases} {} of the tests", if cases == 1 { "case" } else { "cases" });
    let first = match fact(proof, rule.id) {
        Some(RuleFact::MatchesNothing) => "no flow matches it".to_owned(),
        Some(RuleFact::Shadowed(by)) => {
            let by: Vec<_> = by.iter().map(|taken| (taken.by, taken.share)).collect();
            format!("decides nothing: {}", others(policy, &by))
        }
        Some(RuleFact::Redundant(..)) => "makes no difference: without it the same would be decided".to_owned(),
        Some(RuleFact::Decides(_) | RuleFact::Undecided) | None => match proof.share(rule.id) {
            None => return vec![tests],
            Some(share) => {
                let rest = if share.others.is_empty() {
                    String::new()
                } else {
                    format!("; the rest: {}", others(policy, &share.others))
                };
                format!(
                    "matches {} of all flows, decides {} of those{rest} (shares of sampled flows)",
                    percent(share.matched),
                    percent(share.decided)
                )
            }
        },
    };
    vec![first, tests]
}

fn others(policy: &Checked, by: &[(lang::checked::RuleId, f64)]) -> String {
    let first = by.iter().take(3);
    first.map(|(id, part)| format!("`{}` {}", rule_label(policy, *id), percent(*part))).collect::<Vec<_>>().join(", ")
}

/// A part as people say it; a little is never nothing, and nearly all is not all.
pub(crate) fn percent(part: f64) -> String {
    match part * 100.0 {
        part if part <= 0.0 => "0 %".to_owned(),
        part if part < 0.1 => "less than 0.1 %".to_owned(),
        part if part < 10.0 => format!("{part:.1} %"),
        part if part > 99.0 && part < 100.0 => "more than 99 %".to_owned(),
        part => format!("{part:.0} %"),
    }
}

fn expiry(policy: &Checked, end: Time, now: Time) -> String {
    const DAY: u64 = 24 * 60 * 60 * 1_000_000;
    let at = policy.calendar.text(end);
    if end <= now {
        return format!("expired: it matches nothing since {at}");
    }
    let days = (end.0 - now.0) / DAY;
    match days {
        0 => format!("ends at {at}: in less than a day"),
        1 => format!("ends at {at}: in 1 day"),
        days => format!("ends at {at}: in {days} days"),
    }
}

fn of_section(policy: &Checked, name: &str) -> Vec<String> {
    let Some(section) = policy.sections.iter().find(|section| &*section.name == name) else { return Vec::new() };
    let mut lines = Vec::new();
    let rules = section.end.0 - section.first.0;
    lines.push(format!("{rules} {}", if rules == 1 { "rule" } else { "rules" }));
    lines.extend(section.owner.as_ref().map(|owner| format!("owner: {owner}")));
    lines
}

fn members(policy: &Checked, name: &str) -> Vec<String> {
    let Some((id, group)) = (0..).map(GroupId).zip(&policy.groups).find(|(_, group)| &*group.name == name) else {
        return Vec::new();
    };
    if let Some(source) = &group.dynamic {
        return vec![format!("members are known at run time: {source}")];
    }
    let members = members_of(policy, id, group);
    let mut text: Vec<String> = members.iter().take(MAX_MEMBERS).map(|name| format!("`{name}`")).collect();
    if members.len() > MAX_MEMBERS {
        text.push(format!("and {} more", members.len() - MAX_MEMBERS));
    }
    match members.len() {
        0 => vec!["no declared members".to_owned()],
        1 => vec![format!("1 member: {}", text.join(", "))],
        count => vec![format!("{count} members: {}", text.join(", "))],
    }
}

/// Declared users, hosts, locations and switches that are in a group.
fn members_of(policy: &Checked, id: GroupId, _: &Group) -> Vec<String> {
    let test = EndTest::Group(id);
    let users = (0..).map(UserId).zip(&policy.users).filter(|(user, _)| {
        let person = Person::declared(*user);
        end_passes(policy, test, &End::default(), Some(&person))
    });
    let hosts = (0..)
        .map(HostId)
        .zip(&policy.hosts)
        .filter(|(id, _)| host_ends(policy, *id).iter().any(|end| end_passes(policy, test, end, None)));
    let locations = policy
        .locations
        .iter()
        .filter(|place| end_passes(policy, test, &End { location: Some(place.at), ..End::default() }, None));
    let switches = policy.switches.iter().filter(|switch| {
        let at = net::Location::new(switch.dpid, net::PortNo(1));
        end_passes(policy, test, &End { location: Some(at), ..End::default() }, None)
    });
    let mut names: Vec<String> = users.map(|(_, user)| user.name.to_string()).collect();
    names.extend(hosts.map(|(_, host)| host.name.to_string()));
    names.extend(locations.map(|place| place.name.to_string()));
    names.extend(switches.map(|switch| switch.name.to_string()));
    names
}

/// A host as it may be met: with each of its MAC addresses and addresses.
fn host_ends(policy: &Checked, id: HostId) -> Vec<End> {
    let Some(host) = policy.hosts.get(id.index()) else { return Vec::new() };
    let plain = End { host: Some(id), location: host.pin, ..End::default() };
    let macs = host.macs.iter().map(|mac| End { mac: Some(*mac), ..plain.clone() });
    let addresses = host.addresses.iter().map(|address| End { address: Some(*address), ..plain.clone() });
    macs.chain(addresses).chain([plain.clone()]).collect()
}

fn groups_of_user(policy: &Checked, name: &str) -> Vec<String> {
    let Some((id, _)) = (0..).map(UserId).zip(&policy.users).find(|(_, user)| &*user.name == name) else { return Vec::new() };
    let person = Person::declared(id);
    in_groups(policy, |test| end_passes(policy, test, &End::default(), Some(&person)))
}

fn groups_of_host(policy: &Checked, name: &str) -> Vec<String> {
    let Some((id, _)) = (0..).map(HostId).zip(&policy.hosts).find(|(_, host)| &*host.name == name) else { return Vec::new() };
    let ends = host_ends(policy, id);
    in_groups(policy, |test| ends.iter().any(|end| end_passes(policy, test, end, None)))
}

fn in_groups(policy: &Checked, holds: impl Fn(EndTest) -> bool) -> Vec<String> {
    let all = (0..).map(GroupId).zip(&policy.groups).filter(|(id, group)| group.dynamic.is_none() && holds(EndTest::Group(*id)));
    let names: Vec<String> = all.map(|(_, group)| format!("`{}`", group.name)).collect();
    if names.is_empty() { vec!["in no group".to_owned()] } else { vec![format!("in {}", names.join(", "))] }
}
