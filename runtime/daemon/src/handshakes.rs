//! When handshakes of TLS may begin: each is work for the thread that decides, and anybody can ask for one. Knows nothing of TLS.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Between two handshakes, of all: two hundred a second, each about a millisecond of work.
const ALL: Duration = Duration::from_millis(5);
/// Between two from one origin: a switch that comes back needs one; many may be behind one address.
const ORIGIN: Duration = Duration::from_millis(20);
/// Handshakes that may begin at once, of all and of one origin: what would be later waits.
const AT_ONCE: u32 = 32;
/// Whoever would have to wait for longer is refused, and comes again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Origins that are remembered; what is beyond that shares the pace of all alone.
const ORIGINS: usize = 4096;

/// When the next handshakes are due.
#[derive(Debug, Default)]
pub struct Handshakes {
    all: Option<Instant>,
    by_origin: HashMap<IpAddr, Instant>,
}

impl Handshakes {
    /// When a handshake with somebody from there may begin. Nothing if that would be too late.
    pub fn turn(&mut self, origin: IpAddr, now: Instant) -> Option<Instant> {
        if self.by_origin.len() >= ORIGINS {
            self.by_origin.retain(|_, next| *next > now);
        }
        let own = self.by_origin.get(&origin).copied().unwrap_or(now).max(now);
        let all = self.all.unwrap_or(now).max(now);
        let from = |next: Instant, pace: Duration| next.checked_sub(pace * AT_ONCE).unwrap_or(now).max(now);
        let turn = from(own, ORIGIN).max(from(all, ALL));
        if turn.duration_since(now) > PATIENCE {
            return None;
        }
        self.all = Some(all + ALL);
        if self.by_origin.len() < ORIGINS || self.by_origin.contains_key(&origin) {
            self.by_origin.insert(origin, own + ORIGIN);
        }
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn origin(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn r03_who_asks_for_many_handshakes_waits_and_is_refused_and_others_do_not() {
        let (mut pace, now) = (Handshakes::default(), Instant::now());
        let turns: Vec<Option<Instant>> = (0..2000).map(|_| pace.turn(origin(1), now)).collect();
        assert_eq!(turns.iter().filter(|turn| **turn == Some(now)).count(), 33, "some at once");
        let taken = turns.iter().flatten().count();
        assert_eq!(taken, 533, "as many as are due within ten seconds");
        assert_eq!(turns.iter().flatten().max(), Some(&(now + PATIENCE)));
        let other = pace.turn(origin(2), now + PATIENCE).unwrap();
        assert_eq!(other, now + PATIENCE, "another does not wait for them");
        let begun = (3..10_000).filter(|number| pace.turn(origin(*number), now + PATIENCE).is_some()).count();
        assert!(begun <= 2100, "all together have a pace: {begun}");
        assert!(pace.by_origin.len() <= ORIGINS);
    }
}
