//! What a change of the view or of the policy costs: in the view, in the program, and to find the flows that are decided otherwise. Knows
//! nothing of texts.

use std::mem::swap;
use std::sync::Arc;
use std::time::Duration;

use compiler::{Change, Program, Tracked, View};
use lang::checked::{Checked, GroupId, Rule, RuleId, SetExpr};

use super::draw::Draw;
use super::timing::{in_ms, micros, quantile, timed};
use super::world::{self, Shape, World};

/// How many changes of the view are timed.
const CHANGES: u32 = 2_000;

/// How many rules are put in and taken out; fewer where there are many.
const EDITS: u32 = 1_000;
const EDITS_OF_MANY: u32 = 200;

/// The figures: microseconds of changes, milliseconds to find affected flows.
#[derive(Debug)]
pub(super) struct Figures {
    /// The middle, and of 100 the slowest.
    pub(super) moves: [f64; 2],
    pub(super) joins: [f64; 2],
    pub(super) members: [f64; 2],
    pub(super) inserts: [f64; 2],
    pub(super) removals: [f64; 2],
    pub(super) recompile_p50_ms: f64,
    pub(super) tracked_flows: usize,
    pub(super) tracked_mb: f64,
    pub(super) affected_mean_ms: f64,
    pub(super) affected_p50_ms: f64,
    pub(super) affected_p99_ms: f64,
    pub(super) affected_flows: f64,
}

/// A program, and twice its policy: one is in force, the other is edited to come next.
struct Bench {
    world: World,
    draw: Draw,
    view: View,
    program: Program,
    in_force: Arc<Checked>,
    next: Arc<Checked>,
    tracked: Tracked,
    affected: Vec<Duration>,
    affected_flows: usize,
}

/// Measures; so many flows are tracked.
pub(super) fn measure(world: World, program: Program, view: View, shape: Shape, flows: u32) -> Figures {
    let mut draw = Draw::new(11);
    let mut tracked = Tracked::new(&program);
    for _ in 0..flows {
        tracked.add(&program, &world::flow(&mut draw, &view, shape));
    }
    let (in_force, next) = (Arc::clone(program.policy()), Arc::new(world.policy.clone()));
    let edits = if next.rules.len() > 20_000 { EDITS_OF_MANY } else { EDITS };
    let mut bench = Bench { world, draw, view, program, in_force, next, tracked, affected: Vec::new(), affected_flows: 0 };
    let moves = bench.changes(|bench, mac| {
        let at = world::port(bench.draw.below(world::HOSTS));
        bench.view.attach(mac, at, &bench.in_force);
    });
    let joins = bench.changes(|bench, mac| {
        let user = world::user(&mut bench.draw);
        let before = bench.view.station(mac).map_or(Vec::new(), |station| station.users.clone());
        bench.view.login(mac, user.clone());
        for other in before.iter().filter(|other| **other != user).filter_map(|person| person.user) {
            bench.view.logout(mac, other);
        }
    });
    let members = sorted((0..edits).filter_map(|_| bench.member()).collect());
    let mut inserts = Vec::new();
    let mut removals = Vec::new();
    for _ in 0..edits {
        inserts.push(bench.insert());
        removals.extend(bench.remove());
    }
    let recompiled = sorted((0..5).map(|_| bench.recompile()).collect());
    let affected = sorted(std::mem::take(&mut bench.affected));
    let [moves, joins, members, inserts, removals] = [moves, joins, members, sorted(inserts), sorted(removals)]
        .map(|times| [micros(quantile(&times, 500)), micros(quantile(&times, 990))]);
    let count = u32::try_from(affected.len()).unwrap_or(1).max(1);
    Figures {
        moves,
        joins,
        members,
        inserts,
        removals,
        recompile_p50_ms: in_ms(quantile(&recompiled, 500)),
        tracked_flows: bench.tracked.len(),
        tracked_mb: in_mb(bench.tracked.bytes()),
        affected_mean_ms: in_ms(affected.iter().sum::<Duration>() / count),
        affected_p50_ms: in_ms(quantile(&affected, 500)),
        affected_p99_ms: in_ms(quantile(&affected, 990)),
        affected_flows: f64::from(u32::try_from(bench.affected_flows).unwrap_or(u32::MAX)) / f64::from(count),
    }
}

/// In megabytes, with one digit behind the point.
pub(super) fn in_mb(bytes: usize) -> f64 {
    (f64::from(u32::try_from(bytes / 1_000).unwrap_or(u32::MAX)) / 100.0).round() / 10.0
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

fn insert_into(policy: &mut Checked, at: usize, rule: Rule) {
    policy.rules.insert(at, rule);
    number_from(policy, at);
}

fn remove_from(policy: &mut Checked, at: usize) {
    policy.rules.remove(at);
    number_from(policy, at);
}

fn number_from(policy: &mut Checked, at: usize) {
    for (id, rule) in (0..).map(RuleId).zip(&mut policy.rules).skip(at) {
        rule.id = id;
    }
}

fn set_members(policy: &mut Checked, group: GroupId, members: SetExpr) {
    if let Some(group) = policy.groups.get_mut(group.index()) {
        group.members = members;
    }
}

impl Bench {
    /// How long it took to take each of many changes of a station into the program, ascending.
    fn changes(&mut self, mut change: impl FnMut(&mut Bench, net::MacAddr)) -> Vec<Duration> {
        let mut times = Vec::new();
        for _ in 0..CHANGES {
            let mac = world::station(&mut self.draw);
            change(self, mac);
            let ((), time) = timed(|| self.program.update(&self.view, &[mac]));
            times.push(time);
            self.tracked.view_changed(&self.program, &[mac]);
        }
        sorted(times)
    }

    /// Puts the edited policy in force and edits the other one alike.
    fn put_in_force(
        &mut self,
        edit: impl Fn(&mut Checked),
        put: impl FnOnce(&mut Program, Arc<Checked>, &View) -> Change,
    ) -> Duration {
        if let Some(next) = Arc::get_mut(&mut self.next) {
            edit(next);
        }
        let next = Arc::clone(&self.next);
        let (change, time) = timed(|| put(&mut self.program, next, &self.view));
        let (affected, finding) = timed(|| self.tracked.recompiled(&self.program, &change));
        self.affected.push(finding);
        self.affected_flows += affected.decided.len() + affected.reasoned.len();
        swap(&mut self.in_force, &mut self.next);
        if let Some(before) = Arc::get_mut(&mut self.next) {
            edit(before);
        }
        time
    }

    fn place(&mut self, behind: usize) -> usize {
        let count = self.in_force.rules.len() + behind;
        self.draw.below(u32::try_from(count).unwrap_or(1)) as usize
    }

    fn insert(&mut self) -> Duration {
        let at = self.place(1);
        let rule = self.world.rule(&mut self.draw, RuleId(0));
        self.put_in_force(
            |policy| insert_into(policy, at, rule.clone()),
            |program, policy, view| program.replace_rules(policy, view, at..at, at..at + 1),
        )
    }

    fn remove(&mut self) -> Option<Duration> {
        let at = self.place(0);
        (at < self.in_force.rules.len()).then(|| {
            self.put_in_force(
                |policy| remove_from(policy, at),
                |program, policy, view| program.replace_rules(policy, view, at..at + 1, at..at),
            )
        })
    }

    /// A user in a group, or out of it.
    fn member(&mut self) -> Option<Duration> {
        let (group, members) = world::change_members(&mut self.draw, &self.in_force)?;
        let before = self.affected.len();
        let time = self.put_in_force(
            |policy| set_members(policy, group, members.clone()),
            |program, policy, view| program.replace_members(policy, view, group),
        );
        // Told are the figures of rules.
        self.affected.truncate(before);
        Some(time)
    }

    /// A rule put in, without being told which.
    fn recompile(&mut self) -> Duration {
        let at = self.place(1);
        let rule = self.world.rule(&mut self.draw, RuleId(0));
        let before = self.affected.len();
        let time = self.put_in_force(
            |policy| insert_into(policy, at, rule.clone()),
            |program, policy, view| program.recompile(policy, view),
        );
        self.affected.truncate(before);
        time
    }
}
