//! Two tables for each switch: the entries that are wanted and those that are believed present. What differs is sent, and nothing
//! else sends flow-mods. Knows nothing of why an entry is wanted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::FixedState;
use net::{Dpid, FlowMatch};
use rustc_hash::FxHashMap;

use crate::dialect::{self, Action, Inexpressible, Present, ToSwitch};
use crate::effect::Effects;
use crate::record::{self, FlowId};
use crate::session::Session;
use crate::settings::Settings;

/// Priority of conversations and denials.
pub const FLOW_PRIORITY: u16 = 0x4000;
/// Priority of the entry that sends everything else to the controller.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where packets go; nothing drops them.
    pub action: Option<Action>,
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
    /// When no packet matched for a time; the switch tells us if it is to be told.
    Idle {
        /// A FLOW_REMOVED is wanted.
        notify: bool,
    },
    /// After a time.
    Hard,
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
}

/// What is wanted and what is believed present in one slot; never neither.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    wanted: Option<Wanted>,
    present: Option<Has>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Has {
    action: Option<Action>,
    cookie: u64,
}

impl Table {
    fn change(&mut self, slot: &Slot, change: impl FnOnce(&mut Pair)) {
        if let Entry::Occupied(mut entry) = self.slots.entry(*slot) {
            change(entry.get_mut());
            let Pair { wanted, present } = entry.get();
            if wanted.is_none() && present.is_none() {
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
        self.switches.entry(dpid).or_insert_with(|| Table { slots: HashMap::with_hasher(hasher.clone()) })
    }

    fn pair(&self, dpid: Dpid, slot: &Slot) -> Option<&Pair> {
        self.switches.get(&dpid)?.slots.get(slot)
    }

    /// An entry is wanted from now on.
    pub fn want(&mut self, dpid: Dpid, slot: Slot, wanted: Wanted) {
        self.table(dpid).slots.entry(slot).or_default().wanted = Some(wanted);
    }

    /// An entry is no longer wanted.
    pub fn unwant(&mut self, dpid: Dpid, slot: &Slot) {
        self.table(dpid).change(slot, |pair| pair.wanted = None);
    }

    /// What is wanted in a slot.
    #[must_use]
    pub fn wanted(&self, dpid: Dpid, slot: &Slot) -> Option<&Wanted> {
        self.pair(dpid, slot)?.wanted.as_ref()
    }

    /// The switch no longer holds the entry: it says so, or is suspected of it.
    pub fn lost(&mut self, dpid: Dpid, slot: &Slot) {
        self.table(dpid).change(slot, |pair| pair.present = None);
    }

    /// The connection is gone: what the switch holds will be read when it is back.
    pub fn disconnected(&mut self, dpid: Dpid) {
        self.table(dpid).slots.retain(|_, pair| {
            pair.present = None;
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
        let Entry::Occupied(mut entry) = self.table(dpid).slots.entry(*slot) else { return Ok(false) };
        let pair = entry.get_mut();
        let Some(wanted) = pair.wanted else {
            entry.remove();
            session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
            return Ok(true);
        };
        if pair.present == Some(Has { action: wanted.action, cookie: wanted.cookie }) {
            return Ok(false);
        }
        send_add(slot, &wanted, session, settings, out)?;
        if wanted.ends != Ends::Hard {
            pair.present = Some(Has { action: wanted.action, cookie: wanted.cookie });
        }
        Ok(true)
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
        let pair = self.table(dpid).slots.entry(slot).or_default();
        pair.wanted = Some(wanted);
        if pair.present == Some(Has { action: wanted.action, cookie: wanted.cookie }) {
            return Ok(false);
        }
        if let Err(inexpressible) = send_add(&slot, &wanted, session, settings, out) {
            self.unwant(dpid, &slot);
            return Err(inexpressible);
        }
        if wanted.ends != Ends::Hard {
            pair.present = Some(Has { action: wanted.action, cookie: wanted.cookie });
        }
        Ok(true)
    }

    /// Takes an entry out whether it is believed present or not.
    pub fn withdraw(&mut self, dpid: Dpid, slot: &Slot, session: Option<&mut Session>, out: &mut Effects) {
        self.table(dpid).slots.remove(slot);
        if let Some(session) = session {
            session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
        }
    }

    /// Takes in what a switch holds. Entries of ours for which `spare` is true are left as they are, wanted or not.
    pub fn read_back(
        &mut self,
        dpid: Dpid,
        found: &[Present],
        spare: &dyn Fn(&Present) -> bool,
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
    ) -> Repair {
        let mut repair = Repair::default();
        for one in found {
            self.take_in(dpid, one, spare, session, out, &mut repair);
        }
        let differs = |pair: &Pair| {
            pair.wanted.is_some_and(|wanted| pair.present != Some(Has { action: wanted.action, cookie: wanted.cookie }))
        };
        let table = self.table(dpid);
        let missing: Vec<Slot> = table.slots.iter().filter(|(_, pair)| differs(pair)).map(|(slot, _)| *slot).collect();
        for slot in missing {
            if self.settle(dpid, &slot, session, settings, out) == Ok(true) {
                repair.added += 1;
            }
        }
        repair
    }

    fn take_in(
        &mut self,
        dpid: Dpid,
        one: &Present,
        spare: &dyn Fn(&Present) -> bool,
        session: &mut Session,
        out: &mut Effects,
        repair: &mut Repair,
    ) {
        if let Some(matching) = &one.foreign {
            session.say(&ToSwitch::DeleteForeign { table: one.table, matching, priority: one.priority }, out);
            repair.foreign += 1;
            return;
        }
        let Some((region, action)) = one.region.zip(single(one.actions.as_deref())) else {
            if let Some(region) = one.region {
                session.say(&ToSwitch::Delete { region, priority: one.priority }, out);
            }
            repair.foreign += 1;
            return;
        };
        let slot = Slot { region, priority: one.priority };
        let has = Has { action, cookie: one.cookie };
        if self.wanted(dpid, &slot).is_some() || spare(one) {
            self.table(dpid).slots.entry(slot).or_default().present = Some(has);
            repair.kept += 1;
            return;
        }
        session.say(&ToSwitch::Delete { region, priority: one.priority }, out);
        if record::is_ours(one.cookie) {
            repair.removed += 1;
        } else {
            repair.foreign += 1;
        }
    }

    /// Wants nothing of a switch any more, and takes everything of ours out of it.
    pub fn clear(&mut self, dpid: Dpid, mut session: Option<&mut Session>, out: &mut Effects) {
        for slot in self.switches.remove(&dpid).into_iter().flat_map(|table| table.slots.into_keys()) {
            if let Some(session) = session.as_deref_mut() {
                session.say(&ToSwitch::Delete { region: slot.region, priority: slot.priority }, out);
            }
        }
    }

    /// Entries believed present that nothing wants.
    #[must_use]
    pub fn unwanted(&self, dpid: Dpid) -> Vec<Slot> {
        let Some(table) = self.switches.get(&dpid) else { return Vec::new() };
        table.slots.iter().filter(|(_, pair)| pair.wanted.is_none()).map(|(slot, _)| *slot).collect()
    }

    /// Wanted entries of all switches, for tests and the command line.
    pub fn entries(&self) -> impl Iterator<Item = (Dpid, &Slot, &Wanted)> {
        self.switches.iter().flat_map(|(dpid, table)| {
            table.slots.iter().filter_map(|(slot, pair)| pair.wanted.as_ref().map(|wanted| (*dpid, slot, wanted)))
        })
    }
}

fn send_add(
    slot: &Slot,
    wanted: &Wanted,
    session: &mut Session,
    settings: &Settings,
    out: &mut Effects,
) -> Result<(), Inexpressible> {
    let seconds = |duration: std::time::Duration| u16::try_from(duration.as_secs()).unwrap_or(u16::MAX).max(1);
    let (idle, hard, notify) = match wanted.ends {
        Ends::Never => (0, 0, false),
        Ends::Idle { notify } => (seconds(settings.idle_timeout), 0, notify),
        Ends::Hard => (0, seconds(settings.drop_timeout), false),
    };
    let entry = dialect::Entry {
        region: slot.region,
        priority: slot.priority,
        actions: wanted.action.as_slice(),
        cookie: wanted.cookie,
        idle,
        hard,
        notify,
    };
    let flow = FlowId::of_cookie(wanted.cookie).map_or(FlowId(0), |(flow, _)| flow);
    session.say_for(flow, &ToSwitch::Add(entry), out)
}

/// The one action of an entry as we make them: none or one; nothing for any other.
fn single(actions: Option<&[Action]>) -> Option<Option<Action>> {
    match actions? {
        [] => Some(None),
        [one] => Some(Some(*one)),
        _ => None,
    }
}
