//! From what is said of each cell to the fewest entries: the wide ones below, exceptions above. Knows nothing of rules.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use net::{EtherType, FlowMatch, IpProto, Location, PortBlock, TransportMatch};

use super::{Means, Outcome, Planned, Said};
use crate::cells::{Cell, LEASES, MESSAGES};

/// Layers of one sender, or of one pair.
const FAMILY: u8 = 0;
const PROTOCOL: u8 = 1;
const SOME: u8 = 2;
const EXCEPTION: u8 = 3;

/// How many ports of a run are written one by one where blocks cannot be.
const MAX_SINGLE: u32 = 64;

/// Where entries are written: cells of one family, those of each protocol together.
#[derive(Clone, Copy)]
pub(super) struct Sheet<'a> {
    pub(super) cells: &'a [Cell],
    pub(super) means: Means,
    pub(super) ingress: Location,
    pub(super) family: EtherType,
    pub(super) region: FlowMatch,
    /// The lowest layer.
    pub(super) base: u8,
}

/// Neighbouring values of which the same is said.
struct Run<T> {
    values: RangeInclusive<T>,
    said: Said,
}

impl Sheet<'_> {
    /// Writes entries so that each cell has what is said of it, but for what the controller sees anyway; `below` is what happens
    /// without any.
    pub(super) fn emit(&self, said: &[Said], below: Option<Outcome>, out: &mut Vec<Planned>) {
        let said = &self.smoothed(said);
        let Some(family) = self.family(said) else { return };
        if below != Some(family.outcome) {
            self.write(self.region, FAMILY, &family, out);
        }
        let mut rest = self.cells.iter().zip(said).filter(|(cell, _)| cell.proto().is_some()).peekable();
        while let Some((cell, bare)) = rest.next() {
            let Some(proto) = cell.proto() else { continue };
            let mut own = Vec::new();
            while let Some(next) = rest.next_if(|(cell, _)| cell.proto() == Some(proto)) {
                own.push(next);
            }
            self.protocol(proto, bare, &own, family.outcome, out);
        }
    }

    /// What the controller sees anyway may have any entry: that of its neighbour costs none.
    fn smoothed(&self, said: &[Said]) -> Vec<Said> {
        let mut smooth: Vec<Said> = Vec::with_capacity(said.len());
        for (cell, said) in self.cells.iter().zip(said) {
            let before = smooth.last().filter(|_| cell.is_for_controller(self.family)).cloned();
            smooth.push(before.unwrap_or_else(|| said.clone()));
        }
        smooth
    }

    /// What is said of protocols that nobody names; if every number is named, nothing needs to be.
    fn family(&self, said: &[Said]) -> Option<Said> {
        let others = self.cells.iter().position(|cell| cell.proto().is_none());
        said.get(others.unwrap_or(0)).cloned()
    }

    fn protocol(&self, proto: IpProto, bare: &Said, cells: &[(&Cell, &Said)], family: Outcome, out: &mut Vec<Planned>) {
        let ports = merged(cells.iter().filter_map(|(cell, said)| match cell {
            Cell::Ports(_, ports) => Some((ports.clone(), (*said).clone())),
            Cell::Others(_) | Cell::Bare(_) | Cell::Messages(..) => None,
        }));
        let region = FlowMatch { nw_proto: Some(proto), ..self.region };
        let wide = |run: &&Run<u16>| run.said.outcome != bare.outcome && !self.can_write(proto, &run.values);
        if ports.iter().any(|run| wide(&run)) {
            // Not to be written as it is: the whole protocol is asked, and nothing can be wrong.
            let asked = Said { outcome: Outcome::Ask, rules: ports.iter().flat_map(|run| run.said.rules.clone()).collect() };
            return self.write_unless(region, PROTOCOL, &asked, family, out);
        }
        self.write_unless(region, PROTOCOL, bare, family, out);
        for run in ports.iter().filter(|run| run.said.outcome != bare.outcome) {
            self.ports(region, run, out);
        }
        let messages: Vec<_> = cells
            .iter()
            .filter_map(|(cell, said)| match cell {
                Cell::Messages(_, kinds, codes) => Some((kinds.clone(), codes.clone(), (*said).clone())),
                Cell::Others(_) | Cell::Bare(_) | Cell::Ports(..) => None,
            })
            .collect();
        self.messages(region, bare, &messages, out);
    }

    fn can_write(&self, proto: IpProto, ports: &RangeInclusive<u16>) -> bool {
        let few = u32::from(*ports.end()) - u32::from(*ports.start()) < MAX_SINGLE;
        (self.means.blocks || few) && (self.means.modern || proto != IpProto::SCTP)
    }

    /// Switches read a later fragment as port 0: where that port is not as fragments are, it is asked.
    fn ports(&self, region: FlowMatch, run: &Run<u16>, out: &mut Vec<Planned>) {
        let at = |dst| FlowMatch { transport: TransportMatch::Ports { src: None, dst }, ..region };
        let (mut first, last) = (*run.values.start(), *run.values.end());
        if first == 0 {
            let asked = Said { outcome: Outcome::Ask, ..run.said.clone() };
            self.write(at(PortBlock::port(0)), SOME, &asked, out);
            first = 1;
        }
        let blocks: Vec<PortBlock> = if self.means.blocks {
            PortBlock::covering(first..=last).collect()
        } else {
            (first..=last).map(PortBlock::port).collect()
        };
        for block in blocks {
            self.write(at(block), SOME, &run.said, out);
        }
    }

    /// Types in which all codes are alike are one entry each; where they are not, the longest run of codes is, and the others are
    /// exceptions to it. Type 0 and code 0 are as later fragments are read.
    fn messages(
        &self,
        region: FlowMatch,
        bare: &Said,
        cells: &[(RangeInclusive<u8>, RangeInclusive<u8>, Said)],
        out: &mut Vec<Planned>,
    ) {
        let at = |kind, code| FlowMatch { transport: TransportMatch::Icmp { kind, code }, ..region };
        let mut kinds: Vec<&RangeInclusive<u8>> = cells.iter().map(|(kinds, ..)| kinds).collect();
        kinds.dedup();
        for kinds in kinds {
            let codes =
                merged(cells.iter().filter(|(own, ..)| own == kinds).map(|(_, codes, said)| (codes.clone(), said.clone())));
            let Some(most) = codes.iter().max_by_key(|run| run.values.len()) else { continue };
            for kind in kinds.clone() {
                self.write_unless(at(kind, None), SOME, &most.said, bare.outcome, out);
                for run in codes.iter().filter(|run| run.said.outcome != most.said.outcome) {
                    for code in run.values.clone() {
                        self.write(at(kind, Some(code)), EXCEPTION, &run.said, out);
                    }
                }
                let first = codes.first().map(|run| &run.said);
                if let Some(first) = first.filter(|first| kind == 0 && first.outcome != bare.outcome) {
                    out.retain(|entry| entry.region != at(0, Some(0)));
                    self.write(at(0, Some(0)), EXCEPTION, &Said { outcome: Outcome::Ask, ..first.clone() }, out);
                }
            }
        }
    }

    fn write_unless(&self, region: FlowMatch, layer: u8, said: &Said, below: Outcome, out: &mut Vec<Planned>) {
        if said.outcome != below {
            self.write(region, layer, said, out);
        }
    }

    fn write(&self, region: FlowMatch, layer: u8, said: &Said, out: &mut Vec<Planned>) {
        let (outcome, rules) = (said.outcome, said.rules.clone());
        out.push(Planned { ingress: self.ingress, region, layer: self.base + layer, outcome, rules });
    }
}

/// What the controller wants to see, as far as it can be written.
pub(super) fn watched(means: Means) -> Vec<FlowMatch> {
    let may = |family: &EtherType| means.modern || *family == EtherType::IPV4;
    let region = |dl_type: EtherType, nw_proto, transport| FlowMatch {
        dl_type: Some(dl_type),
        nw_proto: Some(nw_proto),
        transport,
        ..FlowMatch::default()
    };
    let leases = LEASES.into_iter().filter(|(family, _)| may(family)).flat_map(|(family, ports)| {
        ports.map(move |port| region(family, IpProto::UDP, TransportMatch::Ports { src: None, dst: PortBlock::port(port) }))
    });
    let messages = MESSAGES.into_iter().filter(|(family, _)| may(family)).flat_map(|(family, kinds)| {
        let proto = if family == EtherType::IPV6 { IpProto::ICMPV6 } else { IpProto::ICMP };
        kinds.map(move |kind| region(family, proto, TransportMatch::Icmp { kind, code: None }))
    });
    leases.chain(messages).collect()
}

/// Neighbours with the same outcome as one, with the rules of both.
fn merged<T: Copy>(cells: impl Iterator<Item = (RangeInclusive<T>, Said)>) -> Vec<Run<T>> {
    let mut runs: Vec<Run<T>> = Vec::new();
    for (values, said) in cells {
        match runs.last_mut() {
            Some(last) if last.said.outcome == said.outcome => {
                last.values = *last.values.start()..=*values.end();
                last.said.rules.extend(said.rules as BTreeSet<_>);
            }
            Some(_) | None => runs.push(Run { values, said }),
        }
    }
    runs
}
