//! What the emulated hosts do, and when the policy changes. Knows nothing of sockets or of the daemon.

use std::cell::RefCell;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use emulator::{Campus, ConversationId, Network};
use net::Time;

use super::CAMPUS;
use super::screen::Screen;

/// An address beyond the gateway (RFC 5737).
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// Time for switches and links to be found before hosts talk.
const PRELUDE: Duration = Duration::from_millis(800);
/// Between two conversations.
const PACE: Duration = Duration::from_millis(450);
/// The policy changes at half time, but no later than this.
const CHANGE: Duration = Duration::from_secs(9);
/// The rule that comes in then.
const NEW_RULE: &str = "deny from griffin to internet;   # comes in while the demo runs\n";

/// Somebody talks to somebody.
struct Scene {
    from: &'static str,
    to: &'static str,
    port: u16,
}

const fn scene(from: &'static str, to: &'static str, port: u16) -> Scene {
    Scene { from, to, port }
}

/// One round; it is played over and over. Port 0 is a ping.
const SCENES: &[Scene] = &[
    scene("griffin", "http-server", 80),
    scene("http-server", "griffin", 22),
    scene("rphone", "internet", 80),
    scene("rphone", "internet", 22),
    scene("roo", "griffin", 22),
    scene("gphone", "nfs-server", 80),
    scene("glaptop", "internet", 443),
    scene("griffin", "glaptop", 22),
    scene("rlaptop", "roo", 0),
    scene("gphone", "rphone", 5060),
    scene("nfs-server", "http-server", 2049),
    scene("griffin", "internet", 80),
];

/// Conversations that stay open all the time.
const KEPT: &[Scene] = &[scene("griffin", "internet", 443), scene("roo", "nfs-server", 2049)];

/// How far the story is.
pub struct Story<'o> {
    network: Network,
    screen: Rc<RefCell<Screen<'o>>>,
    file: PathBuf,
    until: Option<Duration>,
    start: Time,
    next_scene: Time,
    scenes: usize,
    kept: Vec<(&'static str, ConversationId)>,
    changed: bool,
    opened: Vec<(&'static str, ConversationId)>,
    /// Conversations that were answered.
    pub answered: usize,
    /// Conversations that were not.
    pub silent: usize,
}

impl<'o> Story<'o> {
    /// A story that has not begun. `file` is the policy that it will change.
    pub fn new(screen: Rc<RefCell<Screen<'o>>>, file: PathBuf, until: Option<Duration>) -> Story<'o> {
        Story {
            network: Campus::ethane(2).build(Time(0), Duration::ZERO),
            screen,
            file,
            until,
            start: Time(0),
            next_scene: Time(0),
            scenes: 0,
            kept: Vec::new(),
            changed: false,
            opened: Vec::new(),
            answered: 0,
            silent: 0,
        }
    }

    /// Builds the network at this time.
    pub fn begin(&mut self, now: Time) -> &Network {
        self.network = Campus::ethane(2).build(now, Duration::from_micros(20));
        self.start = now;
        self.next_scene = now.after(PRELUDE);
        &self.network
    }

    /// The network.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Plays what is due; false once the time is over or nobody watches.
    pub fn goes_on(&mut self, now: Time) -> bool {
        let played = now.since(self.start);
        if self.until.is_some_and(|until| played >= until) || self.screen.borrow().is_gone() {
            return false;
        }
        let half = self.until.map_or(CHANGE, |until| (until / 2).min(CHANGE));
        if !self.changed && played >= half.max(PRELUDE) {
            self.change_policy();
        }
        if now >= self.next_scene {
            self.next_scene = now.after(PACE);
            self.play(now);
        }
        true
    }

    /// Entries that the emulated switches hold now, without those that send misses up.
    pub fn entries(&self) -> usize {
        self.network.switches().flat_map(emulator::Switch::flows).filter(|flow| flow.priority > 0).count()
    }

    /// Counts what came of the conversations.
    pub fn told(&mut self) {
        for (from, id) in std::mem::take(&mut self.opened) {
            let host = self.network.find(from).and_then(|node| self.network.host(node));
            match host.map(|host| host.outcome(id).is_success()) {
                Some(true) => self.answered += 1,
                _ => self.silent += 1,
            }
        }
    }

    fn play(&mut self, now: Time) {
        if self.kept.is_empty() {
            for scene in KEPT {
                if let Some(id) = self.converse(scene, true, now) {
                    self.kept.push((scene.from, id));
                }
            }
        }
        for (from, id) in &self.kept {
            if let Some(host) = self.network.find(from).and_then(|node| self.network.host_mut(node)) {
                host.say(*id, now);
            }
        }
        if let Some(scene) = SCENES.get(self.scenes % SCENES.len()) {
            self.converse(scene, false, now);
        }
        self.scenes += 1;
    }

    fn converse(&mut self, scene: &Scene, kept: bool, now: Time) -> Option<ConversationId> {
        let to = match scene.to {
            "internet" => OUTSIDE,
            name => self.network.host(self.network.find(name)?)?.ip(),
        };
        let host = self.network.host_mut(self.network.find(scene.from)?)?;
        let id = match (scene.port, kept) {
            (0, _) => host.ping(to, now),
            (port, true) => host.open_tcp_kept(to, port, now),
            (port, false) => host.open_tcp(to, port, now),
        };
        self.opened.push((scene.from, id));
        Some(id)
    }

    /// Puts the new rule before all others. The daemon sees that the file changed.
    fn change_policy(&mut self) {
        self.changed = true;
        let rules_start = CAMPUS.find("\ndeny ").map_or(CAMPUS.len(), |place| place + 1);
        let (head, rules) = CAMPUS.split_at(rules_start);
        let beside = self.file.with_extension("new");
        let written = fs::write(&beside, format!("{head}{NEW_RULE}{rules}")).and_then(|()| fs::rename(&beside, &self.file));
        self.screen.borrow_mut().policy_edited(NEW_RULE.trim_end(), written.err());
    }
}
