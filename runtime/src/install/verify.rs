//! What a switch in use is found to hold against what it is believed to hold. Entries that were sent or taken out since the switch
//! was asked are left alone: its answer may be older or younger than they. Knows nothing of when to ask.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::{Pair, Present, Rank, Repair, Slot, Tables, rank};
use crate::dialect;
use crate::effect::Effects;
use crate::session::Session;
use crate::settings::Settings;
use net::Dpid;

impl Tables {
    /// The switch is asked what it holds.
    pub fn verify_begins(&mut self, dpid: Dpid) {
        let hasher = self.hasher.clone();
        self.table(dpid).touched = Some(HashSet::with_hasher(hasher));
    }

    /// The switch has told what it holds: what is missing or otherwise than wanted is put right, and what nobody wants is taken out.
    pub fn verify(
        &mut self,
        dpid: Dpid,
        found: &[dialect::Present],
        session: &mut Session,
        settings: &Settings,
        out: &mut Effects,
    ) -> Repair {
        let Some(touched) = self.table(dpid).touched.take() else { return Repair::default() };
        let mut repair = Repair::default();
        let mut seen: HashSet<Slot, FixedState> = HashSet::with_capacity_and_hasher(found.len(), self.hasher.clone());
        for one in super::rising(found) {
            let slot = one.region.filter(|_| one.table == 0).map(|region| Slot { region, priority: one.priority });
            if slot.is_some_and(|slot| touched.contains(&slot)) {
                continue;
            }
            // What somebody changed beyond our words is taken out, and missing.
            seen.extend(slot.filter(|_| one.foreign.is_none()));
            self.take_in(dpid, one, &|_| false, session, settings, out, &mut repair);
        }
        // A drop entry may have ended by itself a moment ago.
        let believed =
            |pair: &Pair| pair.present != Present::Absent && pair.wanted.as_ref().is_none_or(|one| !one.ends.is_hard());
        let slots = self.table(dpid).slots.iter().filter(|(slot, pair)| believed(pair) && !touched.contains(*slot));
        let mut doubtful: Vec<(Rank, Slot, bool)> = slots
            .filter(|(slot, pair)| !seen.contains(*slot) || pair.present != Present::AsWanted)
            .map(|(slot, pair)| (rank(slot, pair), *slot, !seen.contains(slot)))
            .collect();
        doubtful.sort_unstable_by_key(|(rank, ..)| *rank);
        for (_, slot, missing) in doubtful.into_iter().rev() {
            if missing {
                self.lost(dpid, &slot);
            }
            if self.wanted(dpid, &slot).is_some() && self.settle(dpid, &slot, session, settings, out) == Ok(true) {
                repair.added += 1;
            }
        }
        repair
    }
}
