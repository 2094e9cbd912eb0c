//! Which conversations may have the packets of a flow, told by a number alone: most flows are nobody's, and that shows at once. Knows
//! nothing of conversations.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use net::{FlowKey, FlowMatch, Prefix, Transport, TransportMatch};

/// How many conversations there are of each number.
#[derive(Debug, Default)]
pub(super) struct Kin(HashMap<u64, u32, FixedState>);

impl Kin {
    /// None yet; the seed keeps senders from choosing headers that collide.
    pub(super) fn new(seed: u64) -> Kin {
        Kin(HashMap::with_hasher(FixedState::with_seed(seed)))
    }

    /// One more with this region, or the answers to it.
    pub(super) fn add(&mut self, region: &FlowMatch) {
        *self.0.entry(of_region(region)).or_default() += 1;
    }

    /// One less.
    pub(super) fn remove(&mut self, region: &FlowMatch) {
        let number = of_region(region);
        if let Some(count) = self.0.get_mut(&number) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&number);
            }
        }
    }

    /// False if no conversation of one flow has packets like this, in either direction.
    pub(super) fn has(&self, key: &FlowKey) -> bool {
        !self.0.is_empty() && self.0.contains_key(&of_key(key))
    }
}

fn of_key(key: &FlowKey) -> u64 {
    let Some(ip) = key.ip.as_ref() else { return 0 };
    let [sport, dport] = match ip.transport {
        Some(Transport::Ports { src, dst }) => [src, dst],
        Some(Transport::Icmp { .. }) | None => [0, 0],
    };
    number([(Some(ip.src), sport), (Some(ip.dst), dport)])
}

fn of_region(region: &FlowMatch) -> u64 {
    let [sport, dport] = match region.transport {
        TransportMatch::Ports { src, dst } => [src.unwrap_or(0), dst.single().unwrap_or(0)],
        TransportMatch::Any | TransportMatch::Icmp { .. } => [0, 0],
    };
    let address = |prefix: Option<Prefix>| prefix.map(|prefix| prefix.network());
    if region.nw_src.is_none() && region.nw_dst.is_none() {
        return 0;
    }
    number([(address(region.nw_src), sport), (address(region.nw_dst), dport)])
}

/// The same for both directions.
fn number(ends: [(Option<IpAddr>, u16); 2]) -> u64 {
    const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
    let one = |(address, port): (Option<IpAddr>, u16)| {
        let address = match address {
            Some(IpAddr::V4(v4)) => u64::from(v4.to_bits()),
            Some(IpAddr::V6(v6)) => {
                let bits = v6.to_bits();
                (bits as u64) ^ ((bits >> 64) as u64).rotate_left(29)
            }
            None => 0,
        };
        let mixed = (address ^ u64::from(port).rotate_left(40)).wrapping_mul(MIXER);
        mixed ^ (mixed >> 32)
    };
    let [src, dst] = ends.map(one);
    src.wrapping_add(dst)
}
