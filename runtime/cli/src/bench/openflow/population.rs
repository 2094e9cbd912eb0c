//! Who begins flows with whom: drawn before anything is measured, always the same. Knows nothing of messages.

use net::MacAddr;

use super::case::{Case, Population};
use crate::bench::draw::Draw;
use crate::bench::site::{Host, PORTS, host};

/// Services that flows drawn by Zipf's law ask for.
const SERVICES: usize = 300;
/// Source ports of a host.
const SOURCE_PORTS: u32 = 64_000;
/// The MAC address that cbench's packets are for.
const CBENCH_TARGET: MacAddr = MacAddr([0x80, 0, 0, 0, 0, 0]);

/// The first packet of a flow, as far as it differs from others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Who sends it.
    pub(super) src_mac: MacAddr,
    /// Who is to get it.
    pub(super) dst_mac: MacAddr,
    /// The sender's address.
    pub(super) src_ip: [u8; 4],
    /// The receiver's.
    pub(super) dst_ip: [u8; 4],
    /// The sender's port.
    pub(super) src_port: u16,
    /// The receiver's.
    pub(super) dst_port: u16,
    /// The port of the switch.
    pub(super) in_port: u16,
}

/// So many flows that begin at the first switch of a line; no two are the same.
pub(super) fn flows(case: &Case, line: u16, count: u32) -> Vec<Flow> {
    let first = u32::from(line) * u32::from(case.hops);
    let last = first + u32::from(case.hops) - 1;
    match case.population {
        Population::Hosts => (0..count).map(|number| between_neighbours(case, first, last, number)).collect(),
        Population::Zipf => by_zipf(case, first, last, count),
        Population::Unknown => (0..count).map(|number| of_unknown(case, first, last, number)).collect(),
        Population::Cbench => (0..count).map(|number| of_cbench(case, first, number)).collect(),
    }
}

fn between(src: (MacAddr, [u8; 4], u16), dst: Host, src_port: u32, dst_port: u16) -> Flow {
    let (src_mac, src_ip, in_port) = src;
    let src_port = u16::try_from(1024 + src_port % SOURCE_PORTS).unwrap_or(1024);
    Flow { src_mac, dst_mac: dst.mac, src_ip, dst_ip: dst.ip.octets(), src_port, dst_port, in_port }
}

fn registered(host: Host) -> (MacAddr, [u8; 4], u16) {
    (host.mac, host.ip.octets(), host.port)
}

/// The host with this number at a switch, or the next one that is not at this port: a switch sees no flow between two at one port.
fn at_another_port(case: &Case, (switch, port): (u32, u16), last: u32, number: u32) -> Host {
    let one = |step: u32| host(case.hosts, last, (number % case.hosts + step) % case.hosts);
    // The last and the first host of a switch may be at one port.
    let elsewhere = (0..=2).map(one).find(|one| switch != last || one.port != port);
    elsewhere.unwrap_or_else(|| one(1))
}

fn between_neighbours(case: &Case, first: u32, last: u32, number: u32) -> Flow {
    let src = registered(host(case.hosts, first, number % case.hosts));
    between(src, at_another_port(case, (first, src.2), last, number + 1), number / case.hosts, 80)
}

fn of_unknown(case: &Case, first: u32, last: u32, number: u32) -> Flow {
    let (switch, of_switch) = (first, number % case.macs);
    let everyone = switch * case.macs + of_switch;
    let [a, b, c, d] = everyone.to_be_bytes();
    let mac = MacAddr([0x02, 0x40, a, b, c, d]);
    let port = u16::try_from(of_switch % PORTS + 1).unwrap_or(1);
    // 100.64.0.0/10 (RFC 6598).
    let ip = (0x6440_0000 + everyone).to_be_bytes();
    between((mac, ip, port), at_another_port(case, (first, port), last, number), number / case.macs, 80)
}

/// All of it by the public program: frames differ in their source MAC address alone.
fn of_cbench(case: &Case, switch: u32, number: u32) -> Flow {
    let [a, b, c, d] = (switch * case.macs + number % case.macs).to_be_bytes();
    Flow {
        src_mac: MacAddr([0x00, 0x40, a, b, c, d]),
        dst_mac: CBENCH_TARGET,
        src_ip: [192, 168, 0, 40],
        dst_ip: [192, 168, 1, 40],
        src_port: 0,
        dst_port: 0,
        in_port: 1,
    }
}

fn by_zipf(case: &Case, first: u32, last: u32, count: u32) -> Vec<Flow> {
    let (of_host, of_service) = (Zipf::of(case.hosts as usize), Zipf::of(SERVICES));
    let mut draw = Draw::new(u64::from(first) + 1);
    // Each host uses its ports one after the other, so that no flow comes again before it has used all.
    let mut used = vec![0; case.hosts as usize];
    let mut one = || {
        let src = of_host.draw(&mut draw);
        let dst = of_host.draw(&mut draw);
        let service = u16::try_from(1 + of_service.draw(&mut draw)).unwrap_or(1);
        let port = used.get_mut(src).map_or(0, |used| std::mem::replace(used, *used + 1));
        let (src, dst) = (u32::try_from(src).unwrap_or(0), u32::try_from(dst).unwrap_or(0));
        let src = registered(host(case.hosts, first, src));
        between(src, at_another_port(case, (first, src.2), last, dst), port, service)
    };
    (0..count).map(|_| one()).collect()
}

/// Numbers of which the n-th comes n times less often than the first.
struct Zipf(Vec<u32>);

impl Zipf {
    /// Of so many numbers.
    fn of(count: usize) -> Zipf {
        let weights = (1..=count).map(|rank| 1.0 / f64::from(u32::try_from(rank).unwrap_or(u32::MAX)));
        let sum: f64 = weights.clone().sum();
        let mut below = 0.0;
        let bound = f64::from(u32::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most the largest of these numbers, and not negative"
        )]
        let share = |weight: f64| {
            below += weight / sum;
            (below * bound) as u32
        };
        Zipf(weights.map(share).collect())
    }

    fn draw(&self, draw: &mut Draw) -> usize {
        let number = draw.below(u32::MAX);
        self.0.partition_point(|below| *below <= number).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::case::{Mode, Version};
    use super::*;

    fn case(population: Population, hosts: u32, macs: u32) -> Case {
        let (mode, version) = (Mode::Throughput, Version::V10);
        Case {
            mode,
            version,
            population,
            lines: 2,
            hops: 1,
            hosts,
            macs,
            users: 0,
            rules: 0,
            flows: 1,
            rounds: 1,
            window: 1,
            places: 0,
            load: 0,
            changes: 0,
            flood: false,
        }
    }

    #[test]
    fn no_flow_comes_twice() {
        for population in [Population::Hosts, Population::Zipf, Population::Unknown] {
            // The last of them is at the port of the first.
            let case = case(population, 49, 20);
            let all: Vec<Flow> = (0..2).flat_map(|line| flows(&case, line, 5_000)).collect();
            let keys = all.iter().map(|one| (one.src_ip, one.dst_ip, one.src_port, one.dst_port));
            assert_eq!(keys.collect::<BTreeSet<_>>().len(), all.len(), "{population:?}");
            let number_of = |ip: [u8; 4]| u32::from_be_bytes(ip) - u32::from_be_bytes([10, 0, 0, 1]);
            let port_of = |one: &Flow| host(49, 0, number_of(one.dst_ip) % 49).port;
            assert!(all.iter().all(|one| one.src_ip != one.dst_ip && one.in_port != port_of(one)), "{population:?}");
        }
    }

    #[test]
    fn zipf_draws_the_first_most_and_all_of_them() {
        let (zipf, mut draw) = (Zipf::of(10), Draw::new(1));
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[zipf.draw(&mut draw)] += 1;
        }
        // The harmonic number of 10 is 2.929.
        assert!((33_000..35_500).contains(&counts[0]), "{counts:?}");
        assert!((16_000..18_200).contains(&counts[1]), "{counts:?}");
        assert!(counts.iter().all(|count| *count > 2_500), "{counts:?}");
    }

    #[test]
    fn cbench_takes_a_mac_address_after_the_other() {
        let all = flows(&case(Population::Cbench, 2, 7), 1, 14);
        let macs: BTreeSet<_> = all.iter().map(|one| one.src_mac).collect();
        assert_eq!(macs.len(), 7);
        assert!(all.iter().all(|one| one.src_ip == [192, 168, 0, 40] && one.in_port == 1));
    }
}
