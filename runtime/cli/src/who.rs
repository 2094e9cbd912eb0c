//! `pentane who`: who can reach something, and what can be reached from somewhere? Asks the compiler, tells by rule. Knows nothing of
//! how it is found out.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args as ClapArgs, Subcommand};
use compiler::analysis::{Other, Reach, Reached};
use lang::checked::{Checked, Cond, EndTest, Group, GroupId, Kind, SetExpr};
use lang::flow::Side;
use lang::flowspec::flow_text;

use crate::effort::{Effort, MORE};
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded, hung};
use crate::json::{self, Got, Rule, Who};
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::question::Part;
use crate::report::{self, Format, counted};
use crate::{absent, excerpt, hash, question};

/// How many names of a list are told to people; JSON has all.
pub const MAX_NAMES: usize = 12;

/// What `who` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(subcommand)]
    question: Question,
}

impl Args {
    /// Which policy, and in which view; nothing where no question is asked.
    pub fn policy_mut(&mut self) -> Option<&mut PolicyArgs> {
        match &mut self.question {
            Question::CanReach(ends) | Question::IsReachableFrom(ends) => Some(&mut ends.policy),
            Question::Other(_) => None,
        }
    }
}

/// From which end it is asked.
#[derive(Subcommand, Debug)]
enum Question {
    /// Who may start conversations with these
    CanReach(Ends),
    /// With whom these may start conversations
    IsReachableFrom(Ends),
    /// Anything else: most likely ends without a question.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Which ends, and of which policy.
#[derive(ClapArgs, Debug)]
struct Ends {
    /// The ends, as they stand behind `to` or `from` in a rule: 'www', 'servers', 'any at waps'
    #[arg(value_name = "X")]
    ends: String,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    effort: Effort,
    /// For these services alone, as they stand behind `for` in a rule
    #[arg(long = "for", value_name = "SERVICES")]
    services: Option<String>,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// Tells who gets through.
///
/// # Errors
/// There is no policy, or nobody takes the output.
pub fn who(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let (name, word, side, asked) = match &args.question {
        Question::CanReach(ends) => ("can-reach", "to", Side::Src, ends),
        Question::IsReachableFrom(ends) => ("is-reachable-from", "from", Side::Dst, ends),
        Question::Other(words) => return Err(no_question(words)),
    };
    if asked.format != Format::Human {
        out.plain();
    }
    misplaced(name, asked)?;
    let policy = Policy::load(&asked.policy)?;
    if policy.program.is_none() {
        report::write_instead(out, &policy, asked.format)?;
        return Ok(policy.exit_without_program());
    }
    let services = asked.services.as_ref().map(|services| Part { behind: "for", argument: "--for", text: services });
    let ends = Part { behind: word, argument: "X", text: &asked.ends };
    let read = match question::read(&policy, &[std::iter::once(ends).chain(services).collect()]) {
        Ok(read) => read,
        Err(unreadable) => return unreadable.tell(out, &policy, asked.format),
    };
    let checked = read.program.policy();
    let analysis = read.analysis(&policy, asked.effort.budget());
    let reach = match (&analysis, read.patterns.first()) {
        (Some(analysis), Some(pattern)) => analysis.reach(pattern, side),
        _ => Reach { rows: Vec::new(), settled: false },
    };
    match asked.format {
        Format::Json => json::write(out, &as_json(name, asked, &policy, checked, &reach))?,
        Format::Concise => in_order(checked, &reach).into_iter().try_for_each(|row| {
            let at = rule_place(checked, row).map(|(file, line)| format!("{file}:{line}: ")).unwrap_or_default();
            out.line(format!("{at}{} by {}", everyone(checked, row, side), by(checked, row)))
        })?,
        _ => write_text(out, &policy, &Told { policy: checked, reach: &reach, side }, &read.patterns)?,
    }
    Ok(if reach.settled { Exit::Good } else { Exit::Undecided })
}

/// What to say of words without a question.
fn no_question(words: &[String]) -> Failure {
    let first = words.first().map_or("", String::as_str);
    Failure::Cannot(format!(
        "`{first}` is no question: ask `pentane who can-reach X` who may start conversations with X, or `pentane who \
         is-reachable-from X` with whom X may"
    ))
}

/// Says so where a file stands where the ends are expected, or a word more where files are.
fn misplaced(question: &str, asked: &Ends) -> Result<(), Failure> {
    let Some(missing) = asked.policy.missing().next() else { return Ok(()) };
    let ends = &asked.ends;
    if ends.ends_with(".pol") || Path::new(ends).is_file() {
        return Err(Failure::Cannot(format!(
            "`{ends}` is a file, and `{missing}` is none: X stands first, `who {question} {missing} {ends}`"
        )));
    }
    if missing.contains(['.', '/']) {
        return Ok(());
    }
    Err(Failure::Cannot(format!(
        "`{missing}` is no file: X is one argument, in quotes where it is several words, `who {question} '{ends} {missing}'`, and \
         services stand behind `--for`"
    )))
}

fn by(policy: &Checked, row: &Reached) -> String {
    row.rule.map_or_else(|| "default".to_owned(), |id| lang::testing::rule_label(policy, id))
}

/// Where the deciding statement stands; nothing for a default that is not written.
fn rule_place(policy: &Checked, row: &Reached) -> Option<(String, u32)> {
    let at = policy.sources.position(policy.deciding_span(row.rule)?);
    Some((at.file.to_string(), at.line))
}

fn via(policy: &Checked, row: &Reached) -> Vec<String> {
    row.via.iter().filter_map(|id| policy.middleboxes.get(id.index())).map(|one| one.name.to_string()).collect()
}

fn names<'p, I: Copy>(all: &[I], name: impl Fn(I) -> Option<&'p str>) -> Vec<String> {
    all.iter().filter_map(|id| name(*id)).map(str::to_owned).collect()
}

fn user_names(policy: &Checked, row: &Reached) -> Vec<String> {
    names(&row.users, |id| policy.users.get(id.index()).map(|user| &*user.name))
}

fn host_names(policy: &Checked, row: &Reached) -> Vec<String> {
    names(&row.hosts, |id| policy.hosts.get(id.index()).map(|host| &*host.name))
}

/// The dynamic groups that all are in, by the names that the policy gives them.
fn member_of(policy: &Checked, row: &Reached) -> Vec<String> {
    let is_named = |group: &&Group, id: GroupId| group.members == SetExpr::Leaf(EndTest::Group(id));
    let name = |id: &GroupId| {
        let named = policy.groups.iter().find(|group| is_named(group, *id));
        named.or_else(|| policy.groups.get(id.index())).map(|group| group.name.to_string())
    };
    row.members_of.iter().filter_map(name).collect()
}

/// The ends that are no hosts, as the language calls them.
fn other_names(policy: &Checked, row: &Reached) -> Vec<String> {
    let name = |other: &Other| match other {
        Other::Unregistered => "unregistered".to_owned(),
        Other::Internet => "internet".to_owned(),
        Other::Gateway(id) => {
            policy.gateways.get(id.index()).map_or_else(|| "gateway".to_owned(), |one| format!("gateway {}", one.name))
        }
        Other::Broadcast => "broadcast".to_owned(),
        Other::Multicast => "multicast".to_owned(),
        Other::Controller => "controller".to_owned(),
    };
    row.others.iter().map(name).collect()
}

/// Users as people would say it.
fn users_text(policy: &Checked, row: &Reached) -> String {
    let declared = user_names(policy, row);
    let all = declared.len() == policy.users.len() && row.undeclared;
    match (all, row.nobody) {
        (true, true) => "any user, or none".to_owned(),
        (true, false) => "any user who is logged in".to_owned(),
        (false, nobody) => {
            let mut parts: Vec<String> = Vec::new();
            if !declared.is_empty() {
                parts.push(list(&declared, group_of(policy, Kind::User, &ids(&row.users, EndTest::User))));
            }
            parts.extend(row.undeclared.then(|| "users who are not declared".to_owned()));
            parts.extend(nobody.then(|| "no user".to_owned()));
            parts.join(", ")
        }
    }
}

fn hosts_text(policy: &Checked, row: &Reached) -> String {
    let hosts = host_names(policy, row);
    let mut parts = Vec::new();
    if !hosts.is_empty() && hosts.len() == policy.hosts.len() {
        parts.push(format!("all {}", counted(hosts.len(), "registered host")));
    } else if !hosts.is_empty() {
        parts.push(list(&hosts, group_of(policy, Kind::Host, &ids(&row.hosts, EndTest::Host))));
    }
    parts.extend(other_names(policy, row));
    parts.join(", ")
}

fn ids<I: Copy>(all: &[I], test: impl Fn(I) -> EndTest) -> BTreeSet<EndTest> {
    all.iter().map(|id| test(*id)).collect()
}

/// The name of a declared group that has just these members.
fn group_of(policy: &Checked, kind: Kind, wanted: &BTreeSet<EndTest>) -> Option<String> {
    let is_it = |set: &SetExpr| {
        let mut members = BTreeSet::new();
        leaves(policy, set, &mut members).is_some() && members == *wanted
    };
    let mut groups = policy.groups.iter().filter(|group| group.kind == kind && group.dynamic.is_none());
    groups.find(|group| wanted.len() > 1 && is_it(&group.members)).map(|group| group.name.to_string())
}

/// The members of a set, if it is a union of single ones.
pub fn leaves(policy: &Checked, set: &SetExpr, members: &mut BTreeSet<EndTest>) -> Option<()> {
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => {
            let group = policy.groups.get(id.index()).filter(|group| group.dynamic.is_none())?;
            leaves(policy, &group.members, members)
        }
        SetExpr::Leaf(test @ (EndTest::User(_) | EndTest::Host(_))) => {
            members.insert(*test);
            Some(())
        }
        SetExpr::Union(parts) => parts.iter().try_for_each(|part| leaves(policy, part, members)),
        SetExpr::Leaf(_) | SetExpr::Intersection(..) | SetExpr::Difference(..) => None,
    }
}

/// The names, as far as a line should go; the group that has just them first.
pub fn list(names: &[String], group: Option<String>) -> String {
    let some = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<&str>>().join(", ");
    let more = if names.len() > MAX_NAMES { format!(" and {} more", names.len() - MAX_NAMES) } else { String::new() };
    match group {
        Some(group) => format!("{group} ({some}{more})"),
        None => format!("{some}{more}"),
    }
}

/// What is told of one end, in the order in which it is: heading and text.
fn end_lines(policy: &Checked, row: &Reached, side: Side) -> Vec<(&'static str, String)> {
    let members = member_of(policy, row).join(", ");
    let members = (!members.is_empty()).then_some(("all in", members));
    let (users, hosts) = (users_text(policy, row), hosts_text(policy, row));
    if side == Side::Src {
        return [Some(("users", users)), members, Some(("on", hosts))].into_iter().flatten().collect();
    }
    // Of a responder it is its machine that is asked for. Who is logged in there matters where a rule asks for somebody.
    let is_anyone = user_names(policy, row).len() == policy.users.len() && row.undeclared;
    let matters = !row.nobody || (!is_anyone && (!row.users.is_empty() || row.undeclared));
    [Some(("to", hosts)), matters.then_some(("logged in there", users)), members].into_iter().flatten().collect()
}

/// `people (bob, eve); on all 3 registered hosts, unregistered`
fn everyone(policy: &Checked, row: &Reached, side: Side) -> String {
    let lines = end_lines(policy, row, side);
    let one = |(heading, text): &(&str, String)| match *heading {
        "users" => text.clone(),
        heading => format!("{heading} {text}"),
    };
    lines.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn is_of_prelude(policy: &Checked, row: &Reached) -> bool {
    row.rule.is_some_and(|rule| rule < policy.prelude_end)
}

/// The rows as people want them: what the site says before what every site has.
fn in_order<'r>(policy: &Checked, reach: &'r Reach) -> Vec<&'r Reached> {
    let (prelude, site): (Vec<_>, Vec<_>) = reach.rows.iter().partition(|row| is_of_prelude(policy, row));
    site.into_iter().chain(prelude).collect()
}

/// An answer for people.
struct Told<'a> {
    policy: &'a Checked,
    reach: &'a Reach,
    /// The end that it is about.
    side: Side,
}

impl Told<'_> {
    fn row(&self, out: &mut Output, row: &Reached) -> Result<(), Failure> {
        let via = via(self.policy, row);
        let via = if via.is_empty() { String::new() } else { format!(" via {}", via.join(", ")) };
        let word = out.paint(Paint::Green, "allow");
        out.line(format!("{word}{via} by {}", by(self.policy, row)))?;
        if let Some(span) = self.policy.deciding_span(row.rule) {
            out.text(&excerpt::of(&self.policy.sources, span, "    "))?;
        }
        let mut lines = end_lines(self.policy, row, self.side);
        lines.push(("such as", flow_text(self.policy, &row.flow)));
        let width = lines.iter().map(|(heading, _)| heading.len()).max().unwrap_or(0).max(8);
        for (heading, text) in lines {
            let text = folded(&text, WIDTH - width - 3).join(&format!("\n{:1$}", "", width + 3));
            out.line(format!("  {heading:width$} {text}"))?;
        }
        out.line("")
    }
}

fn write_text(out: &mut Output, policy: &Policy, told: &Told<'_>, patterns: &[Cond]) -> Result<(), Failure> {
    let Told { policy: checked, reach, .. } = told;
    let mut is_site = true;
    for row in in_order(checked, reach) {
        if is_site && is_of_prelude(checked, row) {
            is_site = false;
            out.line("by the prelude:\n")?;
        }
        told.row(out, row)?;
    }
    if let Some(note) = absent::note(policy, checked, patterns) {
        out.line(note)?;
    }
    let world = policy.world_text() + policy.but_ways_text();
    let last = match (reach.rows.is_empty(), reach.settled) {
        (true, true) => format!("nobody, {world}"),
        (false, true) => format!("nobody else, {world}"),
        (_, false) => format!("whether there is anybody else was not found out\n{MORE}"),
    };
    out.line(hung(&format!("{last}; policy {}", hash::shown(&policy.hash))))
}

fn as_json(name: &'static str, asked: &Ends, policy: &Policy, checked: &Checked, reach: &Reach) -> Who {
    let one = |row: &Reached| Got {
        rule: Rule::deciding(checked, row.rule),
        via: via(checked, row),
        users: user_names(checked, row),
        nobody: row.nobody,
        undeclared_users: row.undeclared,
        hosts: host_names(checked, row),
        others: other_names(checked, row),
        members_of: member_of(checked, row),
        flow: flow_text(checked, &row.flow),
    };
    Who {
        schema: "pentane.who/1",
        question: name,
        ends: asked.ends.clone(),
        services: asked.services.clone(),
        policy: policy.hash.clone(),
        world: policy.world(),
        allowed: reach.rows.iter().map(one).collect(),
        settled: reach.settled,
    }
}
