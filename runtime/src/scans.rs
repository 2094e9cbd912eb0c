//! Scans: who asks for many different destinations that are not there, or that it may not reach (NOX, 2008, figure 3). Knows
//! nothing of rules, nor of what is done about it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use lang::checked::Served;
use net::{Location, MacAddr, Time};

use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::Event;
use crate::settings::Scanning;

/// Hosts that are counted at one time; where there are more, the one with the fewest destinations is forgotten.
const HOSTS: usize = 1024;

/// Who asked for what.
#[derive(Debug)]
pub(crate) struct Scans {
    hosts: HashMap<(Location, MacAddr), Seen, FixedState>,
    hasher: FixedState,
}

/// What one host asked for since its window began.
#[derive(Debug)]
struct Seen {
    since: Time,
    destinations: HashSet<IpAddr, FixedState>,
}

impl Scans {
    /// Nobody has asked for anything; the seed keeps senders from choosing addresses that collide.
    pub(crate) fn new(seed: u64) -> Scans {
        let hasher = FixedState::with_seed(seed.rotate_left(24));
        Scans { hosts: HashMap::with_hasher(hasher.clone()), hasher }
    }

    /// A host asks for something that is not there, or not for it. True if with this it asked for too many in its window: once in
    /// each.
    fn note(&mut self, place: (Location, MacAddr), destination: IpAddr, limit: usize, window: Duration, now: Time) -> bool {
        if !self.hosts.contains_key(&place) {
            self.make_room(window, now);
        }
        let hasher = self.hasher.clone();
        let fresh = || Seen { since: now, destinations: HashSet::with_hasher(hasher) };
        let seen = self.hosts.entry(place).or_insert_with(fresh);
        if now.since(seen.since) >= window {
            seen.since = now;
            seen.destinations.clear();
        }
        seen.destinations.len() < limit && seen.destinations.insert(destination) && seen.destinations.len() == limit
    }

    fn make_room(&mut self, window: Duration, now: Time) {
        if self.hosts.len() >= HOSTS {
            self.hosts.retain(|_, seen| now.since(seen.since) < window);
        }
        if self.hosts.len() >= HOSTS {
            let least = self.hosts.iter().min_by_key(|(place, seen)| (seen.destinations.len(), **place)).map(|(place, _)| *place);
            if let Some(place) = least {
                self.hosts.remove(&place);
            }
        }
    }

    /// Forgets those whose window is over.
    pub(crate) fn age(&mut self, window: Duration, now: Time) {
        self.hosts.retain(|_, seen| now.since(seen.since) < window);
    }
}

impl Controller {
    /// A host at an access port asks for an address that nobody has, or that it may not reach.
    pub(crate) fn note_scan(&mut self, at: Location, mac: MacAddr, destination: IpAddr, now: Time, out: &mut Effects) {
        let Scanning { destinations, window, quarantine } = self.settings.scanning;
        // Servers of DHCP look whether an address is free before they give it.
        let looks = [Served::Dhcp, Served::Dhcpv6].into_iter().any(|served| self.is_trusted(at, mac, served));
        if looks || !self.is_for_hosts(at) || destination.is_multicast() || destination.is_unspecified() {
            return;
        }
        if !self.scans.note((at, mac), destination, destinations, window, now) {
            return;
        }
        out.event(Event::Scan { mac, at, destinations, seconds: window.as_secs() });
        if quarantine && self.may_quarantine(at, now, out) {
            self.quarantine(mac, at, now, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::topology::location;

    const START: Time = Time(1_790_000_000_000_000);
    const WINDOW: Duration = Duration::from_secs(60);

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
    }

    #[test]
    fn r07_different_destinations_count_and_each_window_for_itself() {
        let mut scans = Scans::new(7);
        let place = (location(1, 1), MacAddr([2, 0, 0, 0, 0, 1]));
        let at = |step: u32| START.after(Duration::from_millis(100) * step);
        let told: Vec<u32> = (0..1200).filter(|step| scans.note(place, address(*step), 100, WINDOW, at(*step))).collect();
        assert_eq!(told, [99, 699], "once a window");
        assert!(
            !(0..5000).any(|step| scans.note(place, address(step % 99), 100, WINDOW, at(1200 + step % 599))),
            "not often: many"
        );
        assert!((0..5000).all(|step| !scans.note(place, address(step), 100, WINDOW, at(10_000 + step * 7))), "nor slowly");
    }

    #[test]
    fn r07_many_hosts_push_out_those_that_asked_for_least() {
        let mut scans = Scans::new(7);
        let place = |number: u32| (location(1, number), MacAddr([2, 0, 0, 0, 0, 1]));
        (0..99).for_each(|step| assert!(!scans.note(place(0), address(step), 100, WINDOW, START)));
        for number in 1..5000 {
            scans.note(place(number), address(1), 100, WINDOW, START);
        }
        assert_eq!(scans.hosts.len(), HOSTS);
        assert!(scans.note(place(0), address(99), 100, WINDOW, START), "it is not forgotten");
        scans.age(WINDOW, START.after(WINDOW));
        assert_eq!(scans.hosts.len(), 0);
    }
}
