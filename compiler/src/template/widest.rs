//! From one decided flow to the widest region around it in which every packet is answered alike. Each step widens only where the
//! cells of the rules concerned say so: too narrow is slow, too wide is wrong. Knows nothing of switches.

use lang::flow::{End, Judgement};
use net::{EtherType, FlowKey, FlowMatch, IpHeader, PortBlock, Time, Transport, TransportMatch, VlanMatch};

use super::Template;
use crate::cells::{Answer, Cell, Concerned, Reads};
use crate::label::Record;
use crate::moment::Moment;
use crate::program::Program;

/// The services of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Services {
    /// All of the flow's protocol.
    Protocol,
    /// Some ports or messages of it.
    Some(TransportMatch),
}

/// The cells of one flow, and where it lies.
struct Around<'a> {
    cells: &'a [Cell],
    own: usize,
    family: EtherType,
    ip: &'a IpHeader,
}

impl Program {
    /// The template of a flow, as wide as every rule lets it be. The ends are the packet's own, and the time is the one it is
    /// decided at: the region is right until the view, the policy or a time that it names changes.
    ///
    /// Denials take in every destination to which nothing could be allowed, and every service of the protocol that is alike. Of allowed conversations
    /// that have answers, only those are taken together whose answers could be initiated as well, since no flow entry tells an
    /// answer from an initiation. What obliges, is logged or audited, is rejected or redirected stays one by one,
    /// and no entry but an exact one covers what the controller must see: leases, ICMP errors, neighbour discovery.
    #[must_use]
    pub fn widest(&self, key: &FlowKey, (src, dst): (&End, &End), now: Time) -> Template {
        let judgement = self.judge_key(src, dst, key, now);
        let exact = self.template(key, dst, &judgement);
        let Some(ip) = key.ip.as_ref().filter(|_| exact.installable && key.dl_type != EtherType::ARP) else { return exact };
        let (srcs, dsts, moment) = (self.records(src), self.records(dst), self.moment(Some(now)));
        let ends = (&*srcs, &*dsts);
        let widened = match self.answer_of(&judgement) {
            Answer::Drop => {
                self.drop_for_all(key, ip, ends.0, &moment).or_else(|| self.drop_between(key, ip, ends, &judgement, &moment))
            }
            Answer::Pass => exact.reply.and_then(|_| self.pass_mutual(key, ip, ends, &moment)),
            Answer::Each(_) => None,
        };
        match widened {
            Some((region, reply)) => Template { region, reply, wide: true, ..exact },
            None => exact,
        }
    }

    /// Whoever it is for: the sender alone, and what it asks for.
    fn drop_for_all(
        &self,
        key: &FlowKey,
        ip: &IpHeader,
        srcs: &[Record],
        moment: &Moment,
    ) -> Option<(FlowMatch, Option<FlowMatch>)> {
        let concerned = Concerned::by_source(self, srcs);
        if concerned.reads.pcp {
            return None;
        }
        let cells = concerned.cells(key.dl_type);
        let around = Around::new(&cells, key.dl_type, ip)?;
        let like = Program::headers(key);
        let dropped = |cell: &Cell| self.dropped_for_all(&concerned, srcs, &cell.sample(key.dl_type, &like), moment).is_ok();
        let services = around.widest(concerned.reads.tp_src, dropped)?;
        Some((FlowMatch { dl_dst: None, nw_dst: None, ..around.opened(key, services, concerned.reads) }, None))
    }

    /// Between two ends.
    fn drop_between(
        &self,
        key: &FlowKey,
        ip: &IpHeader,
        (srcs, dsts): (&[Record], &[Record]),
        judgement: &Judgement,
        moment: &Moment,
    ) -> Option<(FlowMatch, Option<FlowMatch>)> {
        let concerned = Concerned::by_pair(self, srcs, dsts);
        if concerned.reads.pcp {
            return None;
        }
        let cells = concerned.cells(key.dl_type);
        let around = Around::new(&cells, key.dl_type, ip)?;
        let like = Program::headers(key);
        let answer = self.answer_of(judgement);
        let alike = |cell: &Cell| self.answer_to((srcs, dsts), &cell.sample(key.dl_type, &like), moment).0 == answer;
        let services = around.widest(concerned.reads.tp_src, alike)?;
        Some((around.opened(key, services, concerned.reads), None))
    }

    /// Between two ends that may both begin: nothing is asked of either direction but the protocol.
    fn pass_mutual(
        &self,
        key: &FlowKey,
        ip: &IpHeader,
        (srcs, dsts): (&[Record], &[Record]),
        moment: &Moment,
    ) -> Option<(FlowMatch, Option<FlowMatch>)> {
        let (there, back) = (Concerned::by_pair(self, srcs, dsts), Concerned::by_pair(self, dsts, srcs));
        let reads = there.reads.and(back.reads);
        if reads.pcp || reads.tp_src || reads.dscp {
            return None;
        }
        let like = Program::headers(key);
        let passes = |ends: (&[Record], &[Record]), cell: &Cell| {
            self.answer_to(ends, &cell.sample(key.dl_type, &like), moment).0 == Answer::Pass
        };
        let (cells, others) = (there.cells(key.dl_type), back.cells(key.dl_type));
        let around = Around::new(&cells, key.dl_type, ip)?;
        let services = around.widest(false, |cell| passes((srcs, dsts), cell))?;
        let of_protocol = Around::new(&others, key.dl_type, ip)?.widest(false, |cell| passes((dsts, srcs), cell))?;
        if (services, of_protocol) != (Services::Protocol, Services::Protocol) {
            return None;
        }
        // One tag for both directions: the answers carry it, too.
        let reads = Reads { vlan: true, ..reads };
        let region = |key: &FlowKey| around.opened(key, services, reads);
        Some((region(key), Some(region(&key.reply()))))
    }
}

impl<'a> Around<'a> {
    fn new(cells: &'a [Cell], family: EtherType, ip: &'a IpHeader) -> Option<Around<'a>> {
        let known: Vec<_> = cells.iter().filter_map(Cell::proto).collect();
        let own = cells.iter().position(|cell| cell.holds(ip.proto, ip.transport, &known))?;
        Some(Around { cells, own, family, ip })
    }

    /// The widest services around the flow whose cells are all alike; nothing if its own is not. Cells do not tell source ports:
    /// where those matter, the flow's own stays, and protocols that have some are not taken in without them.
    fn widest(&self, source_ports: bool, alike: impl Fn(&Cell) -> bool) -> Option<Services> {
        let own = self.cells.get(self.own)?;
        let alike = |cell: &Cell| !cell.is_for_controller(self.family) && alike(cell);
        if !alike(own) {
            return None;
        }
        let same = |cell: &&Cell| cell.proto() == own.proto();
        if !(source_ports && self.ip.proto.has_ports()) && self.cells.iter().filter(same).all(&alike) {
            return Some(Services::Protocol);
        }
        match own {
            Cell::Others(_) | Cell::Bare(_) => Some(Services::Protocol).filter(|_| self.ip.transport.is_none()),
            Cell::Ports(..) => self.ports(source_ports, alike).map(Services::Some),
            Cell::Messages(..) => self.messages(alike).map(Services::Some),
        }
    }

    /// The widest block of ports. Switches read a later fragment as port 0, so that port stands alone.
    fn ports(&self, source_ports: bool, alike: impl Fn(&Cell) -> bool) -> Option<TransportMatch> {
        let Some(Transport::Ports { src, dst }) = self.ip.transport else { return None };
        let of = |cell: &Cell| match cell {
            Cell::Ports(proto, ports) if *proto == self.ip.proto => Some(ports.clone()),
            Cell::Others(_) | Cell::Bare(_) | Cell::Ports(..) | Cell::Messages(..) => None,
        };
        let run = |cells: &mut dyn Iterator<Item = &Cell>| cells.map_while(|cell| of(cell).filter(|_| alike(cell))).last();
        let (below, from) = self.cells.split_at_checked(self.own)?;
        let last = *run(&mut from.iter())?.end();
        let first = run(&mut below.iter().rev()).or_else(|| self.cells.get(self.own).and_then(of)).map(|ports| *ports.start())?;
        let fits = |length: &u8| {
            let block = PortBlock::around(dst, *length);
            block.first() >= first.max(1) && block.last() <= last
        };
        let length = (0..16).find(fits).unwrap_or(16);
        Some(TransportMatch::Ports { src: Some(src).filter(|_| source_ports), dst: PortBlock::around(dst, length) })
    }

    /// The ICMP type with every code, if they are alike. Switches read a later fragment as type 0 and code 0, so those stand alone.
    fn messages(&self, alike: impl Fn(&Cell) -> bool) -> Option<TransportMatch> {
        let Some(Transport::Icmp { kind, code }) = self.ip.transport else { return None };
        let of_kind = |cell: &&Cell| matches!(cell, Cell::Messages(_, kinds, _) if kinds.contains(&kind));
        let all = kind != 0 && self.cells.iter().filter(of_kind).all(alike);
        Some(TransportMatch::Icmp { kind, code: Some(code).filter(|_| !all) })
    }

    /// The region with these services; all else is the flow's own.
    fn region(&self, key: &FlowKey, services: Services) -> FlowMatch {
        let exact = FlowMatch::exact(key);
        match services {
            Services::Protocol => FlowMatch { transport: TransportMatch::Any, ..exact },
            Services::Some(transport) => FlowMatch { transport, ..exact },
        }
    }

    /// The same, open in all that the rules concerned do not ask for.
    fn opened(&self, key: &FlowKey, services: Services, reads: Reads) -> FlowMatch {
        let region = self.region(key, services);
        FlowMatch {
            vlan: if reads.vlan { region.vlan } else { VlanMatch::Any },
            dscp: key.ip.map(|ip| ip.dscp).filter(|_| reads.dscp),
            ..region
        }
    }
}

#[cfg(test)]
mod tests;
