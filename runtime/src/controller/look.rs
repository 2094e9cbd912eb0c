//! What stands, for whoever asks from outside: plain conversations and their entries like all others. Knows nothing of how it came
//! about.

use std::borrow::Cow;

use net::{Dpid, FlowKey, FlowMatch};

use super::Controller;
use crate::install::{Slot, Wanted};
use crate::record::{Conversation, FlowId};

impl Controller {
    /// The conversation or denial with this number.
    #[must_use]
    pub fn conversation(&self, id: FlowId) -> Option<Cow<'_, Conversation>> {
        if let Some(one) = self.records.get(id) {
            return Some(Cow::Borrowed(one));
        }
        self.written(self.plains.numbered(id)?).map(Cow::Owned)
    }

    /// The conversation or denial that a packet belongs to.
    #[must_use]
    pub fn conversation_of(&self, key: &FlowKey) -> Option<Cow<'_, Conversation>> {
        if let Some((place, _)) = self.plain_of(key) {
            return self.written(place).map(Cow::Owned);
        }
        let open = FlowMatch::exact(key);
        let fixed = FlowMatch { dscp: key.ip.map(|ip| ip.dscp), ..open };
        let found = self.records.find(&fixed).or_else(|| self.records.find(&open)).or_else(|| self.records.find_wide(key));
        found.and_then(|(id, _)| self.conversation(id))
    }

    /// All conversations and denials, in the order of their numbers.
    #[must_use]
    pub fn standing(&self) -> Vec<Cow<'_, Conversation>> {
        let plain = self.plains.iter().filter_map(|(place, _)| self.written(place)).map(Cow::Owned);
        let mut all: Vec<Cow<'_, Conversation>> = self.records.iter().map(Cow::Borrowed).chain(plain).collect();
        all.sort_unstable_by_key(|one| one.id);
        all
    }

    /// Entries that switches are to hold, in no order.
    #[must_use]
    pub fn wanted(&self) -> Vec<(Dpid, Slot, Wanted)> {
        let mut all: Vec<(Dpid, Slot, Wanted)> =
            self.tables.entries().map(|(dpid, slot, wanted)| (dpid, *slot, wanted.clone())).collect();
        for (place, _) in self.plains.iter() {
            all.extend(self.entries_of(place).into_iter().map(|entry| (entry.dpid, entry.slot, entry.wanted)));
        }
        all
    }

    /// How many conversations are kept in few words.
    #[must_use]
    pub fn plain(&self) -> usize {
        self.plains.len()
    }
}
