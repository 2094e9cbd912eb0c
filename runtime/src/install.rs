//! Two tables for each switch: the entries that are wanted and those that are believed present. What differs is sent, and nothing
//! else sends flow-mods. Knows nothing of why an entry is wanted.

mod verify;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use net::{Dpid, FlowKey, FlowMatch, MacAddr, PortNo, TransportMatch};
use openflow::ExactEntry;
use rustc_hash::FxHashMap;

use crate::dialect::{self, Actions, Inexpressible, ToSwitch};
use crate::effect::Effects;
use crate::record::{self, FlowId};
use crate::session::{Session, Voice};
use crate::settings::Settings;

/// Priority of conversations and denials.
pub const FLOW_PRIORITY: u16 = 0x4000;
/// Priority of entries that drop what a quarantined sender sends.
pub const QUARANTINE_PRIORITY: u16 = 0x7000;
/// Priority of entries for more than one flow: a conversation of its own goes before them.
pub const WIDE_PRIORITY: u16 = FLOW_PRIORITY - 1;
/// Priority of entries that stop what no conversation brought to its place: under whatever a conversation wants there.
pub const STRAY_PRIORITY: u16 = FLOW_PRIORITY - 2;
/// Priority of entries that drop what a port asks too much: under everything that a conversation wants, and that is planned.
pub const SHED_PRIORITY: u16 = 0x0100;
/// The same of one sender, where something is planned: that asks the controller as well, and goes with the rest of its sender's.
pub const SENDER_SHED_PRIORITY: u16 = 0x2000;
/// Priority of the entries that send what is left to the controller: all of it, or what must come whole.
pub const MISS_PRIORITY: u16 = 0;

/// What makes an entry the same entry (OpenFlow 1.3.5 §5.2: match and priority).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What it matches.
    pub region: FlowMatch,
    /// Its priority.
    pub priority: u16,
}

/// What an entry should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What happens to packets; nothing drops them.
    pub actions: Actions,
    /// Its provenance.
    pub cookie: u64,
    /// How it ends.
    pub ends: Ends,
}

/// How an entry ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Never.
    Never,
    /// Never, and nobody misses it: an entry for what may never come, which goes with others.
    Kept,
    /// When no packet matched for a time; the switch tells us if it is to be told.
    Idle {
        /// A FLOW_REMOVED is wanted.
        notify: bool,
    },
    /// After the time of drop entries.
    Hard,
    /// After so many seconds.
    For(u16),
}

impl Ends {
    /// True for what ends by itself whatever is sent, and is not begun anew.
    #[must_use]
    pub fn is_hard(self) -> bool {
        match self {
            Ends::Never | Ends::Kept | Ends::Idle { .. } => false,
            Ends::Hard | Ends::For(_) => true,
        }
    }
}

/// What a difference between wanted and present came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Entries that were right.
    pub kept: usize,
    /// Entries put in.
    pub added: usize,
    /// Entries of ours taken out.
    pub removed: usize,
    /// Entries of others taken out.
    pub foreign: usize,
    /// Entries of others that the settings leave where they are.
    pub adopted: usize,
}

/// The two tables of every switch.
#[derive(Debug)]
pub struct Tables {
    switches: FxHashMap<Dpid, Table>,
    hasher: FixedState,
}

/// Both tables of one switch, joined by slot.
#[derive(Debug)]
struct Table {
    slots: HashMap<Slot, Pair, FixedState>,
    /// Slots that something was sent for since the switch was last asked what it holds, while its answer is awaited.
    touched: Option<HashSet<Slot, FixedState>>,
}

/// What is wanted and what is believed present in one slot; never neither.
#[derive(Clone, Debug, Default)]
struct Pair {
    wanted: Option<Wanted>,
    present: Present,
}

/// What is believed present in a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Present {
    /// Nothing.
    #[default]
    Absent,
    /// What is wanted there.
    AsWanted,
    /// Something, or nothing: whatever is wanted is sent again, and what is not is taken out.
    Doubtful,
    /// Something else: what it does, and its cookie.
    Other(Box<(Actions, u64)>),
}

impl Pair {
    /// Wants something, which may be what is there.
    fn want(&mut self, wanted: Wanted) {
        if wanted.ends.is_hard() {
            // It ends by itself, and nobody tells: it is never believed to be there.
            (self.present, self.wanted) = (Present::Absent, Some(wanted));
            return;
        }
        self.present = match std::mem::take(&mut self.present) {
            Present::AsWanted => match self.wanted.take() {
                // What stays without a timeout and what does not are not told apart by what they do.
                Some(was) if (was.ends == Ends::Kept) != (wanted.ends == Ends::Kept) => Present::Doubtful,
                Some(was) if was.actions == wanted.actions && was.cookie == wanted.cookie => Present::AsWanted,
                Some(was) => Present::Other(Box::new((was.actions, was.cookie))),
                None => Present::Absent,
            },
            Present::Other(has) if has.0 == wanted.actions && has.1 == wanted.cookie => Present::AsWanted,
            other => other,
        };
        self.wanted = Some(wanted);
    }

    /// Wants nothing any more.
    fn unwant(&mut self) {
        if let Some(was) = self.wanted.take()
            && self.present == Present::AsWanted
        {
            self.present = Present::Other(Box::new((was.actions, was.cookie)));
        }
    }

    /// Something is there.
    fn found(&mut self, actions: Actions, cookie: u64) {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.ends.is_hard()) {
            return;
        }
        let same = self.wanted.as_ref().is_some_and(|wanted| wanted.actions == actions && wanted.cookie == cookie);
        self.present = if same { Present::AsWanted } else { Present::Other(Box::new((actions, cookie))) };
    }

    fn is_empty(&self) -> bool {
        self.wanted.is_none() && self.present == Present::Absent
    }
}

impl Table {
    fn touch(&mut self, slot: &Slot) {
        if let Some(touched) = &mut self.touched {
            touched.insert(*slot);
        }
    }

    fn change(&mut self, slot: &Slot, change: impl FnOnce(&mut Pair)) {
        if let Entry::Occupied(mut entry) = self.slots.entry(*slot) {
            change(entry.get_mut());
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

impl Tables {
    /// Empty tables; the seed keeps senders from choosing headers that collide.
    #[must_use]
    pub fn new(seed: u64) -> Tables {
        Tables { switches: FxHashMap::default(), hasher: FixedState::with_seed(seed) }
    }

    fn table(&mut self, dpid: Dpid) -> &mut Table {
        let hasher = &self.hasher;
        self.switches.entry(dpid).or_insert_with(|| Table { slots: HashMap::with_hasher(hasher.clone()), touched: None })
    }

    fn pair(&self, dpid: Dpid, slot: &Slot) -> Option<&Pair> {
        self.switches.get(&dpid)?.slots.get(slot)
    }

    /// An entry is wanted from now on.
    pub fn want(&mut self, dpid: Dpid, slot: Slot, wanted: Wanted) {
        self.table(dpid).slots.entry(slot).or_default().want(wanted);
    }

    /// An entry is wanted that its switch holds. A look at what the switch holds, under way, takes no notice of it if it is `fresh`.
    pub fn hold(&mut self, dpid: Dpid, slot: Slot, wanted: Wanted, fresh: bool) {
        let table = self.table(dpid);
        if fresh {
            table.touch(&slot);
        }
        table.slots.insert(slot, Pair { wanted: Some(wanted), present: Present::AsWanted });
    }

    /// True if nothing is wanted in a slot, nor believed to be there.
    #[must_use]
    pub fn is_vacant(&self, dpid: Dpid, slot: &Slot) -> bool {
        self.pair(dpid, slot).is_none()
    }

    /// An entry is no longer wanted.
    pub fn unwant(&mut self, dpid: Dpid, slot: &Slot) {
        self.table(dpid).change(slot, Pair::unwant);
    }

    /// What is wanted in a slot.
    #[must_use]
    pub fn wanted(&self, dpid: Dpid, slot: &Slot) -> Option<&Wanted> {
        self.pair(dpid, slot)?.wanted.as_ref()
    }

    /// The switch no longer holds the entry: it says so.
    pub fn lost(&mut self, dpid: Dpid, slot: &Slot) {
        self.table(dpid).change(slot, |pair| pair.present = Present::Absent);
    }

    /// The switch may not hold the entry, though nobody said so.
    pub fn doubt(&mut self, dpid: Dpid, slot: &Slot) {
        self.table(dpid).change(slot, |pair| pair.present = Present::Doubtful);
    }

    /// The connection is gone: what the switch holds will be read when it is back.
    pub fn disconnected(&mut self, dpid: Dpid) {
        let table = self.table(dpid);
        table.touched = None;
        table.slots.retain(|_, pair| {
            pair.present = Present::Absent;
            pair.wanted.is_some()
        });
    }

    /// Sends what one slot needs to be as wanted. True if something was sent.
    ///
    /// # Errors
    /// The switch's version cannot express the entry; nothing was sent.
    pub fn settle(
        &mut self,
        dpid: Dpid,
        slot: &Slot,
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
    ) -> Result<bool, Inexpressible> {
        let table = self.table(dpid);
        table.touch(slot);
        let Entry::Occupied(mut entry) = table.slots.entry(*slot) else { return Ok(false) };
        if entry.get().wanted.is_none() {
            entry.remove();
            session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
            return Ok(true);
        }
        send(slot, entry.get_mut(), session, settings, out)
    }

    /// Wants an entry, and sends it if the switch is not believed to hold it. True if something was sent.
    ///
    /// # Errors
    /// The switch's version cannot express the entry; it is not wanted then.
    pub fn install(
        &mut self,
        (dpid, slot): (Dpid, Slot),
        wanted: Wanted,
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
    ) -> Result<bool, Inexpressible> {
        let table = self.table(dpid);
        table.touch(&slot);
        let pair = table.slots.entry(slot).or_default();
        pair.want(wanted);
        let sent = send(&slot, pair, session, settings, out);
        if sent.is_err() {
            self.unwant(dpid, &slot);
        }
        sent
    }

    /// Takes an entry out whether it is believed present or not.
    pub fn withdraw(&mut self, dpid: Dpid, slot: &Slot, session: Option<&mut Session>, out: &mut Effects) {
        let table = self.table(dpid);
        table.touch(slot);
        table.slots.remove(slot);
        if let Some(session) = session {
            session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
        }
    }

    /// Takes in what a switch holds. Entries of ours for which `spare` is true are left as they are, wanted or not.
    pub fn read_back(
        &mut self,
        dpid: Dpid,
        found: &[dialect::Present],
        spare: &dyn Fn(&dialect::Present) -> bool,
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
    ) -> Repair {
        let mut repair = Repair::default();
        for one in rising(found) {
            self.take_in(dpid, one, spare, session, settings, out, &mut repair);
        }
        // A drop entry ends by itself, and is not begun anew.
        let differs = |pair: &Pair| {
            let lasting = pair.wanted.as_ref().is_some_and(|wanted| !wanted.ends.is_hard());
            lasting && pair.present != Present::AsWanted
        };
        let table = self.table(dpid);
        let mut missing: Vec<(Rank, Slot)> =
            table.slots.iter().filter(|(_, pair)| differs(pair)).map(|(slot, pair)| (rank(slot, pair), *slot)).collect();
        missing.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, slot) in missing.into_iter().rev() {
            if self.settle(dpid, &slot, session, settings, out) == Ok(true) {
                repair.added += 1;
            }
        }
        repair
    }

    #[expect(clippy::too_many_arguments, reason = "what is found, whose it is, and whom to tell")]
    fn take_in(
        &mut self,
        dpid: Dpid,
        one: &dialect::Present,
        spare: &dyn Fn(&dialect::Present) -> bool,
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
        repair: &mut Repair,
    ) {
        if !record::is_ours(one.cookie) && settings.adopts(one.cookie) {
            repair.adopted += 1;
            return;
        }
        if let Some(matching) = &one.foreign {
            session.say(&ToSwitch::DeleteForeign { table: one.table, matching, priority: one.priority }, out);
            repair.foreign += 1;
            return;
        }
        let Some((region, actions)) = one.region.zip(one.actions.clone()) else { return };
        let slot = Slot { region, priority: one.priority };
        if self.wanted(dpid, &slot).is_some() || spare(one) {
            self.table(dpid).slots.entry(slot).or_default().found(actions, one.cookie);
            repair.kept += 1;
            return;
        }
        self.table(dpid).slots.remove(&slot);
        session.say(&ToSwitch::Delete { region, priority: one.priority }, out);
        if record::is_ours(one.cookie) {
            repair.removed += 1;
        } else {
            repair.foreign += 1;
        }
    }

    /// Wants nothing of a switch any more, and takes everything of ours out of it.
    pub fn clear(&mut self, dpid: Dpid, mut session: Option<&mut Session>, out: &mut Effects) {
        let all = self.switches.remove(&dpid).into_iter().flat_map(|table| table.slots);
        let mut slots: Vec<(Rank, Slot)> = all.map(|(slot, pair)| (rank(&slot, &pair), slot)).collect();
        slots.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, slot) in slots {
            if let Some(session) = session.as_deref_mut() {
                session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
            }
        }
    }

    /// Entries believed present that nothing wants.
    #[must_use]
    pub fn unwanted(&self, dpid: Dpid) -> Vec<Slot> {
        let Some(table) = self.switches.get(&dpid) else { return Vec::new() };
        let mut unwanted: Vec<(Rank, Slot)> =
            table.slots.iter().filter(|(_, pair)| pair.wanted.is_none()).map(|(slot, pair)| (rank(slot, pair), *slot)).collect();
        unwanted.sort_unstable_by_key(|(rank, _)| *rank);
        unwanted.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Switches that are to hold something, or are believed to, in order.
    #[must_use]
    pub fn switches(&self) -> Vec<Dpid> {
        let mut all: Vec<Dpid> = self.switches.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// How many entries a switch is to hold.
    #[must_use]
    pub fn count(&self, dpid: Dpid) -> usize {
        self.switches.get(&dpid).map_or(0, |table| table.slots.len())
    }

    /// Wanted entries of all switches, for tests and the command line.
    pub fn entries(&self) -> impl Iterator<Item = (Dpid, &Slot, &Wanted)> {
        self.switches.iter().flat_map(|(dpid, table)| {
            table.slots.iter().filter_map(|(slot, pair)| pair.wanted.as_ref().map(|wanted| (*dpid, slot, wanted)))
        })
    }
}

/// Where an entry stands in the order in which entries may be taken out: what is wide before its exceptions, and then as they came.
/// Put in, they are the other way round.
type Rank = (u16, u64, Option<PortNo>, Option<MacAddr>, [u16; 3]);

fn rank(slot: &Slot, pair: &Pair) -> Rank {
    let cookie = match (&pair.wanted, &pair.present) {
        (Some(wanted), _) => wanted.cookie,
        (None, Present::Other(other)) => other.1,
        (None, Present::Absent | Present::AsWanted | Present::Doubtful) => 0,
    };
    let FlowMatch { in_port, dl_src, dl_type, nw_proto, transport, .. } = slot.region;
    let port = if let TransportMatch::Ports { dst, .. } = transport { dst.first() } else { 0 };
    // What is of no conversation is told apart by what it is for.
    let kind = [dl_type.map_or(0, |kind| kind.0), nw_proto.map_or(0, |proto| proto.0.into()), port];
    (slot.priority, cookie, in_port, dl_src, kind)
}

/// In the order in which entries may be taken out: what is wide before its exceptions.
fn rising(found: &[dialect::Present]) -> Vec<&dialect::Present> {
    let mut all: Vec<&dialect::Present> = found.iter().collect();
    all.sort_by_key(|one| one.priority);
    all
}

/// A timeout in whole seconds: none is no less than one.
pub(crate) fn seconds(duration: std::time::Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX).max(1)
}

/// Sends the two entries that a plain conversation has at a switch, between these ports: where [`Tables`] know of nothing, and the
/// version can say it. The first entry of each direction, forward and reply, is to be told of when it goes.
pub(crate) fn add_pair(
    id: FlowId,
    (from, to): (PortNo, PortNo),
    [first, last]: [bool; 2],
    (key, idle): (&FlowKey, u16),
    voice: &mut Voice,
) {
    let forward = ExactEntry {
        key,
        turned: false,
        in_port: from,
        out_port: to,
        priority: FLOW_PRIORITY,
        cookie: id.cookie(record::Direction::Forward),
        idle,
        notify: first,
    };
    let cookie = id.cookie(record::Direction::Reply);
    voice.add(id, &forward);
    voice.add(id, &ExactEntry { turned: true, in_port: to, out_port: from, cookie, notify: last, ..forward });
}

/// Sends what is wanted in a slot, unless it is there. True if something was sent.
fn send(
    slot: &Slot,
    pair: &mut Pair,
    session: &mut Session,
    settings: &Settings,
    out: &mut Effects,
) -> Result<bool, Inexpressible> {
    let Some(wanted) = pair.wanted.as_ref().filter(|_| pair.present != Present::AsWanted) else { return Ok(false) };
    let (idle, hard, notify) = match wanted.ends {
        // What is to stay for ever is missed at once.
        Ends::Never => (0, 0, true),
        Ends::Kept => (0, 0, false),
        Ends::Idle { notify } => (seconds(settings.idle_timeout), 0, notify),
        Ends::Hard => (0, seconds(settings.drop_timeout), false),
        Ends::For(seconds) => (0, seconds.max(1), false),
    };
    let entry = dialect::Entry {
        region: slot.region,
        priority: slot.priority,
        actions: &wanted.actions,
        cookie: wanted.cookie,
        idle,
        hard,
        notify,
    };
    let flow = FlowId::of_cookie(wanted.cookie).map_or(FlowId(0), |(flow, _)| flow);
    session.say_for(flow, &ToSwitch::Add(entry), out)?;
    if !wanted.ends.is_hard() {
        pair.present = Present::AsWanted;
    }
    Ok(true)
}
