//! Addresses whose leases have ended: for a while, those who had them have them no more by merely using them. A system that has given
//! its address back may use it for some moments yet, and one that cannot renew its lease goes on for longer. Knows nothing of leases.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use foldhash::fast::FixedState;
use net::{MacAddr, Time};

/// How many are remembered; then the oldest make room.
const WITHHELD: usize = 65_536;

/// Addresses with who had them last by lease.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    ends: HashMap<(IpAddr, MacAddr), Time, FixedState>,
    /// In the order in which they end; some were given again meanwhile, or are withheld for longer.
    order: VecDeque<(Time, (IpAddr, MacAddr))>,
}

impl Withheld {
    /// Nothing yet; the seed keeps senders from choosing addresses that collide.
    pub(super) fn new(seed: u64) -> Withheld {
        Withheld { ends: HashMap::with_hasher(FixedState::with_seed(seed)), order: VecDeque::new() }
    }

    /// A lease ended: until then, who had it does not have the address. All are withheld for the same time.
    pub(super) fn withhold(&mut self, address: IpAddr, mac: MacAddr, until: Time) {
        while self.ends.len() >= WITHHELD {
            self.forget_oldest();
        }
        if self.order.len() >= 2 * WITHHELD {
            let ends = &self.ends;
            self.order.retain(|(end, one)| ends.get(one) == Some(end));
        }
        self.ends.insert((address, mac), until);
        self.order.push_back((until, (address, mac)));
    }

    /// A station has the address again, rightly.
    pub(super) fn grant(&mut self, address: IpAddr, mac: MacAddr) {
        self.ends.remove(&(address, mac));
    }

    /// True if a station that uses the address had it by a lease that ended a while ago.
    pub(super) fn is_from(&self, mac: MacAddr, address: IpAddr, now: Time) -> bool {
        self.ends.get(&(address, mac)).is_some_and(|until| *until > now)
    }

    /// Forgets what is over.
    pub(super) fn age(&mut self, now: Time) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((until, one)) = self.order.pop_front() else { return };
        if self.ends.get(&one) == Some(&until) {
            self.ends.remove(&one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_make_room_and_what_is_over_is_forgotten() {
        let (mac, other) = (MacAddr::from_bits(2), MacAddr::from_bits(3));
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let until = |number: u32| Time(0).after(Duration::from_secs(number.into()));
        let mut withheld = Withheld::new(1);
        let most = u32::try_from(WITHHELD).unwrap();
        for number in 0..=most {
            withheld.withhold(address(number), mac, until(number + 10));
        }
        assert!(!withheld.is_from(mac, address(0), Time(0)), "the oldest made room");
        assert!(withheld.is_from(mac, address(1), Time(0)));
        assert!(!withheld.is_from(other, address(1), Time(0)), "another may have it");
        assert!(!withheld.is_from(mac, address(1), until(11)), "for a while");
        withheld.withhold(address(1), mac, until(most + 11));
        withheld.age(until(11));
        assert!(withheld.is_from(mac, address(1), until(11)), "withheld once more");
        withheld.grant(address(1), other);
        assert!(withheld.is_from(mac, address(1), until(11)), "what another has is none of its");
        withheld.grant(address(1), mac);
        assert!(!withheld.is_from(mac, address(1), until(11)));
        withheld.age(until(most + 11));
        assert!(withheld.ends.is_empty() && withheld.order.is_empty());
        for _ in 0..3 * WITHHELD {
            withheld.withhold(address(2), mac, until(20));
            withheld.grant(address(2), mac);
        }
        assert!(withheld.order.len() <= 2 * WITHHELD, "however often one comes and goes");
    }
}
