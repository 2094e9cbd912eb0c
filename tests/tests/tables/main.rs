//! Flow tables in software switches against the reference evaluator: every shipped policy, what is planned for a whole view and what
//! is installed for single conversations, in both versions of OpenFlow, a million frames.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be made has failed the test")]

mod fabric;
mod frames;

use std::sync::Arc;

use compiler::plan::{Asked, Means};
use compiler::template::Template;
use compiler::{Identity, Program, View, destination, source};
use fabric::{Cable, Fabric, Fate};
use frames::Draw;
use lang::checked::{Checked, Verdict};
use lang::eval;
use lang::flow::{End, Flow, Judgement};
use lang::import::{self, LoadError, Loader};
use net::{Dpid, FlowKey, FlowMatch, Location, Time};
use runtime::course::Course;
use runtime::dialect::Version;
use runtime::map::Map;
use runtime::tables;

/// Some Wednesday morning.
const NOW: Time = Time(1_790_000_000_000_000);
/// Frames for each policy, version and way of installing.
const FRAMES: usize = 32_000;
/// Conversations that are installed before single frames are sent.
const CONVERSATIONS: usize = 600;

/// The entries of the shipped policies, relative to their folder.
const POLICIES: [&str; 8] = [
    "branch/branch.pol",
    "campus/campus.pol",
    "home/home.pol",
    "hospital/hospital.pol",
    "lab/campus.pol",
    "snac/snac.pol",
    "stanford/stanford.pol",
    "university/university.pol",
];

struct Shipped;

impl Loader for Shipped {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        std::fs::read(tests::repository().join("policies").join(path)).map_err(|_| LoadError::NotFound)
    }
}

/// A policy over a view that it fits, with cables between its switches.
struct Site {
    policy: Arc<Checked>,
    program: Program,
    view: View,
    cables: Vec<Cable>,
}

impl Site {
    fn new(path: &str, draw: &mut Draw) -> Site {
        let read = import::load(&[path], &Shipped);
        let (checked, found) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
        let policy = Arc::new(checked.unwrap_or_else(|| panic!("{path}: {found:?}")));
        let view = frames::seated(&policy, draw);
        let cables = fabric::row(&policy);
        Site { program: Program::compile(policy.clone(), &view), view, cables, policy }
    }

    fn map(&self) -> Map {
        Map::new(&self.policy, &self.cables)
    }

    fn ends(&self, at: Location, key: &FlowKey) -> Option<(End, End)> {
        match (source(&self.policy, &self.view, at, key), destination(&self.policy, &self.view, key)) {
            (Identity::Known(src), Identity::Known(dst)) => Some((src, dst)),
            (Identity::Known(_), Identity::Refused(_)) | (Identity::Refused(_), _) => None,
        }
    }

    /// What the reference evaluator says of a packet, and where it would go.
    fn judged(&self, at: Location, key: &FlowKey) -> Option<(Judgement, Option<Location>)> {
        let (src, dst) = self.ends(at, key)?;
        let to = dst.location;
        let flow = Flow { src, dst, headers: Program::headers(key), time: Some(NOW) };
        Some((eval::judge(&self.policy, &flow), to))
    }
}

/// How many frames had which fate.
#[derive(Debug, Default)]
struct Count {
    delivered: usize,
    dropped: usize,
    asked: usize,
}

impl Count {
    fn all(&self) -> usize {
        self.delivered + self.dropped + self.asked
    }

    fn add(&mut self, other: &Count) {
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.asked += other.asked;
    }
}

fn versions() -> [(Version, Means); 2] {
    [(Version::V10, Means { modern: false, blocks: false }), (Version::V13, Means { modern: true, blocks: true })]
}

#[test]
fn what_is_planned_for_a_view_does_what_policy_says() {
    let mut all = Count::default();
    for (path, seed) in POLICIES.into_iter().zip(1..) {
        let draw = &mut Draw::new(seed);
        let site = Site::new(path, draw);
        for (version, means) in versions() {
            let plan = site.program.plan(&site.view, &Asked { between: None, means, limit: 2_000_000 }, NOW).unwrap();
            let lines = tables::of_plan(&plan, &site.policy, Some(&mut site.map()));
            let entries =
                lines.iter().flat_map(|(dpid, lines)| lines.iter().map(|line| (*dpid, line.slot, line.actions.clone())));
            let mut fabric = Fabric::new(&site.cables, version, entries);
            all.add(&play_planned(&site, &mut fabric, draw, path));
        }
    }
    assert!(all.all() == POLICIES.len() * 2 * FRAMES && all.delivered > 10_000 && all.dropped > 10_000, "{all:?}");
}

fn play_planned(site: &Site, fabric: &mut Fabric, draw: &mut Draw, path: &str) -> Count {
    let mut count = Count::default();
    for _ in 0..FRAMES {
        let (at, frame, key) = frames::frame(draw, &site.view);
        let judged = site.judged(at, &key);
        match fabric.send(at, &frame) {
            Fate::Asked => count.asked += 1,
            Fate::Dropped => {
                count.dropped += 1;
                let denied = judged.as_ref().is_none_or(|(judgement, _)| judgement.verdict == Verdict::Deny);
                assert!(denied, "{path}: {key:?} at {at} is dropped: {judged:?}");
            }
            Fate::Delivered(to) => {
                count.delivered += 1;
                let (judgement, there) = judged.unwrap_or_else(|| panic!("{path}: {key:?} at {at} is nobody's"));
                assert_eq!((judgement.verdict, there), (Verdict::Allow, Some(to)), "{path}: {key:?} at {at}");
                assert!(judgement.via.is_empty(), "{path}: {key:?} at {at} goes around {:?}", judgement.via);
            }
        }
    }
    count
}

#[test]
fn what_is_installed_for_conversations_passes_them_and_their_answers() {
    let mut all = Count::default();
    for (path, seed) in POLICIES.into_iter().zip(100..) {
        let draw = &mut Draw::new(seed);
        let site = Site::new(path, draw);
        for (version, _) in versions() {
            for wide in [false, true] {
                let mut map = site.map();
                let (steps, allowed) = conversations(&site, &mut map, draw, wide);
                let mut fabric = Fabric::new(&site.cables, version, steps.into_iter());
                all.add(&play_conversations(&site, &mut fabric, draw, path, &allowed));
            }
        }
    }
    assert!(all.all() == POLICIES.len() * 4 * FRAMES / 2, "{all:?}");
    assert!(all.delivered > 5_000 && all.dropped > 5_000, "{all:?}");
}

type Steps = Vec<(Dpid, runtime::install::Slot, runtime::dialect::Actions)>;

/// Entries of random conversations, and the packets that they were for.
fn conversations(site: &Site, map: &mut Map, draw: &mut Draw, wide: bool) -> (Steps, Vec<(Location, FlowKey)>) {
    let (mut steps, mut allowed) = (Vec::new(), Vec::new());
    for _ in 0..CONVERSATIONS {
        let (at, _, key) = frames::frame(draw, &site.view);
        let Some((src, dst)) = site.ends(at, &key) else { continue };
        let judgement = site.program.judge_key(&src, &dst, &key, NOW);
        let template = match wide {
            true => site.program.widest(&key, (&src, &dst), NOW),
            false => site.program.template(&key, &dst, &judgement),
        };
        if !template.installable || judgement.verdict != Verdict::Allow && judgement.verdict != Verdict::Deny {
            continue;
        }
        let way = dst.location.filter(|_| judgement.verdict == Verdict::Allow);
        let course = way.map(|to| map.course(&site.policy, (at, to), &template, |id| site.view.places_of(&site.policy, id)));
        let course = match (judgement.verdict, course) {
            (Verdict::Allow, Some(Ok(course))) => course,
            (Verdict::Allow, _) => continue,
            (Verdict::Deny | Verdict::Reject | Verdict::Redirect, _) => Course::default(),
        };
        if judgement.verdict == Verdict::Allow {
            allowed.push((at, key));
        }
        let all = tables::of_conversation(&template, at, &course, None);
        steps.extend(all.into_iter().map(|step| (step.dpid, step.slot, step.actions)));
    }
    (steps, allowed)
}

/// Whatever is delivered may be sent, or answers what may.
fn play_conversations(site: &Site, fabric: &mut Fabric, draw: &mut Draw, path: &str, allowed: &[(Location, FlowKey)]) -> Count {
    let mut count = Count::default();
    for _ in 0..FRAMES / 2 {
        let (at, frame, key) = match draw.below(3) {
            0 if !allowed.is_empty() => frames::again(draw, &site.view, allowed),
            _ => frames::frame(draw, &site.view),
        };
        let judged = site.judged(at, &key);
        match fabric.send(at, &frame) {
            Fate::Asked => count.asked += 1,
            Fate::Dropped => {
                count.dropped += 1;
                let denied = judged.as_ref().is_none_or(|(judgement, _)| judgement.verdict == Verdict::Deny);
                assert!(denied, "{path}: {key:?} at {at} is dropped: {judged:?}");
            }
            Fate::Delivered(to) => {
                count.delivered += 1;
                let may = judged.is_some_and(|(judgement, there)| judgement.verdict == Verdict::Allow && there == Some(to));
                let answers = site
                    .judged(to, &key.reply())
                    .is_some_and(|(judgement, there)| judgement.verdict == Verdict::Allow && there == Some(at));
                assert!(may || answers, "{path}: {key:?} at {at} is delivered to {to}");
            }
        }
    }
    count
}

#[test]
fn a_million_packets_of_each_policys_templates_are_answered_as_the_first() {
    for (path, seed) in POLICIES.into_iter().zip(200..) {
        let draw = &mut Draw::new(seed);
        let site = Site::new(path, draw);
        let (mut packets, mut wide, mut templates) = (0, 0, 0);
        while packets < 1_000_000 {
            let (at, _, key) = frames::frame(draw, &site.view);
            let Some((src, dst)) = site.ends(at, &key) else { continue };
            let template = site.program.widest(&key, (&src, &dst), NOW);
            if !template.installable {
                continue;
            }
            templates += 1;
            wide += usize::from(template.region.transport != FlowMatch::exact(&key).transport);
            packets += alike(&site, draw, (at, &key), &template, path);
        }
        assert!(wide > templates / 10, "{path}: {wide} of {templates} templates are wide");
    }
}

/// How many packets of a template were compared with its first.
fn alike(site: &Site, draw: &mut Draw, (at, key): (Location, &FlowKey), template: &Template, path: &str) -> usize {
    const EACH: usize = 500;
    let act = |judgement: Judgement| Judgement { rule: None, ..judgement };
    let first = site.judged(at, key).map(|(judgement, _)| act(judgement));
    for _ in 0..EACH {
        let packet = frames::inside(draw, &site.view, &template.region, key);
        assert!(template.region.matches(at.port, &packet), "{path}: {packet:?} {:?}", template.region);
        match site.judged(at, &packet) {
            Some((judgement, _)) => assert_eq!(Some(act(judgement)), first, "{path}: {key:?} {packet:?} {:?}", template.region),
            // Nobody's packets may be dropped, and nothing else.
            None => assert_eq!(template.verdict, Verdict::Deny, "{path}: {packet:?}"),
        }
    }
    EACH
}
