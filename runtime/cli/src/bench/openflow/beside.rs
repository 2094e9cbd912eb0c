//! What a switch beside those that flows begin at sends all the while: hosts that nobody knows, at a rate, or packets without end.
//! Knows nothing of what comes of it.

use net::MacAddr;
use packet::Arp;

use super::case::{Case, Population, Version};
use super::connection::Connection;
use super::greeting::Switch;
use super::initiation::Initiation;
use super::population::{self, Flow};
use crate::bench::site::PORTS;

/// Bytes of a flood that wait at most, so that there is always more to send.
const WAITING: usize = 1 << 18;
/// Packets that are added to a flood at a time, of so many that differ.
const PORTION: usize = 256;
const DIFFERENT: u32 = 1_024;

/// What it sends.
pub(super) struct Beside {
    /// Hosts a second; none for a flood.
    changes: u32,
    changed: u64,
    flood: Option<(Initiation, Vec<Flow>)>,
    next: usize,
}

impl Beside {
    /// Nothing if the case has no such switch.
    pub(super) fn of(case: &Case) -> Option<Beside> {
        let flood = case.flood.then(|| {
            let all = Case { population: Population::Cbench, macs: DIFFERENT, hops: 1, ..*case };
            (Initiation::new(Version::V10, Population::Cbench), population::flows(&all, case.lines, DIFFERENT))
        });
        (case.changes > 0 || case.flood).then_some(Beside { changes: case.changes, changed: 0, flood, next: 0 })
    }

    /// Sends what is due after so many nanoseconds.
    pub(super) fn send(&mut self, elapsed: u64, face: &Switch, connection: &mut Connection) {
        let due = u64::from(self.changes) * (elapsed / 1_000) / 1_000_000;
        while self.changed < due {
            self.changed += 1;
            let number = u32::try_from(self.changed).unwrap_or(u32::MAX);
            let [_, a, b, c] = number.to_be_bytes();
            let (mac, ip) = (MacAddr([0x02, 0x50, 0, a, b, c]), [172, 16 | (a & 0x0f), b, c].into());
            let port = u16::try_from(number % PORTS + 1).unwrap_or(1);
            face.packet_in(port, &Arp::request(mac, ip, ip).to_frame(), &mut connection.out);
        }
        let Some((initiation, flows)) = self.flood.as_ref().filter(|_| connection.out.len() < WAITING) else { return };
        for flow in flows.iter().cycle().skip(self.next).take(PORTION) {
            initiation.write(flow, 0, &mut connection.out);
        }
        self.next = (self.next + PORTION) % flows.len().max(1);
    }
}
