//! Several network cards of one declared host: the one that had an address is asked before another has it. Knows nothing of
//! packets beyond the question.

use std::net::IpAddr;

use net::{Location, MacAddr, Time};

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::event::Suspicion;

/// Questions that the card that had the address must leave unanswered: one may get lost.
const QUESTIONS: u32 = 3;
/// Addresses that are in question at one time.
const CARDS: usize = 1024;

/// A card that uses an address which another card of its host has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    mac: MacAddr,
    at: Location,
    /// Questions sent to the other.
    asked: u32,
    /// When the next is due, or when silence counts as an answer.
    next: Time,
}

impl Controller {
    /// A card uses an address of another card of its host: at once its own if the other is not there, else once the other has not
    /// answered for it. Anybody can send as a card that is in a drawer.
    pub(super) fn claim_of_card(
        &mut self,
        owner: MacAddr,
        (mac, at): (MacAddr, Location),
        address: IpAddr,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let there = self.view.station(owner).and_then(|station| station.location).filter(|there| self.topology.is_up(*there));
        let Some(there) = there else { return self.pass_to_card(owner, (mac, at), address, now, out) };
        if self.hosts.cards.contains_key(&address) || self.hosts.cards.len() >= CARDS {
            return false;
        }
        self.ask_card(there, address, out);
        let next = now.after(self.settings.move_probe / QUESTIONS);
        self.hosts.cards.insert(address, Card { mac, at, asked: 1, next });
        false
    }

    fn ask_card(&mut self, there: Location, address: IpAddr, out: &mut Effects) {
        let frame = self.question(address);
        self.send_frame(there.dpid, None, &frame, &[Action::Output(there.port)], out);
    }

    fn pass_to_card(
        &mut self,
        owner: MacAddr,
        (mac, at): (MacAddr, Location),
        address: IpAddr,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let taken = self.view.claim(mac, address);
        self.hosts.touch(mac, address, at, now);
        self.station_changed(owner, now, out);
        self.station_changed(mac, now, out);
        taken
    }

    /// An owner speaks from its address: another card of its host that wants it does not get it.
    pub(super) fn card_answers(&mut self, owner: MacAddr, address: IpAddr, now: Time, out: &mut Effects) {
        if self.hosts.cards.is_empty() {
            return;
        }
        if let Some(card) = self.hosts.cards.remove(&address).filter(|card| card.mac != owner) {
            self.alarm(card.mac, card.at, Suspicion::AddressOf(owner), now, out);
        }
    }

    /// Addresses whose owners have not answered in time are those of the other cards. A place of which something is dropped is
    /// asked again: its silence proves nothing.
    pub(super) fn settle_cards(&mut self, now: Time, out: &mut Effects) {
        let all = self.hosts.cards.iter().filter(|(_, card)| card.next <= now);
        let mut due: Vec<(IpAddr, Card)> = all.map(|(address, card)| (*address, *card)).collect();
        due.sort_unstable_by_key(|(address, _)| *address);
        for (address, card) in due {
            self.hosts.cards.remove(&address);
            let Some(owner) = self.view.owner(address).filter(|owner| self.are_one_host(*owner, card.mac)) else { continue };
            let place = |mac| self.view.station(mac).and_then(|station| station.location);
            let (there, here) = (place(owner), place(card.mac));
            match there.filter(|there| card.asked < QUESTIONS || self.is_strained(*there, now)) {
                Some(there) => {
                    self.ask_card(there, address, out);
                    let next = now.after(self.settings.move_probe / QUESTIONS);
                    self.hosts.cards.insert(address, Card { asked: card.asked + 1, next, ..card });
                }
                None if here == Some(card.at) => {
                    self.pass_to_card(owner, (card.mac, card.at), address, now, out);
                }
                None => {}
            }
        }
    }
}
