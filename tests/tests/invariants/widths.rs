//! Entries for more than one flow, and entries that stand before any packet comes: whatever they take in is answered as the policy
//! in force answers it.

use compiler::principal::{self, Identity};
use lang::checked::Verdict;
use lang::eval::judge;
use lang::flow::Flow;
use net::{Dpid, FlowKey, FlowMatch, IpProto, PortNo, Transport};
use runtime::Controller;
use runtime::record::Conversation;

use super::Walk;

impl Walk {
    /// True if an entry that stood before the packet came may have delivered it: under the policy in force or the one before, it or
    /// what it answers is allowed.
    pub(super) fn may_stand(&self, key: &FlowKey) -> bool {
        let Some(controller) = self.controller() else { return true };
        std::iter::once(controller.policy()).chain(&self.before).any(|policy| {
            let view = controller.view().rebase(controller.policy(), policy);
            [*key, key.reply()].iter().any(|key| {
                let at = view.station(key.dl_src).and_then(|station| station.location);
                let Some(at) = at else { return true };
                let Identity::Known(src) = principal::source(policy, &view, at, key) else { return true };
                let Identity::Known(dst) = principal::destination(policy, &view, key) else { return true };
                let judged = judge(policy, &Flow { headers: compiler::Program::headers(key), src, dst, time: None });
                judged.verdict == Verdict::Allow && judged.via.is_empty()
            })
        })
    }

    /// What a planned entry does with plain packets of its region is what the policy says, and an entry that goes before it takes
    /// out what it says otherwise.
    pub(super) fn check_planned(&self, controller: &Controller, dpid: Dpid, region: &FlowMatch, drops: bool) {
        let (policy, view) = (controller.policy(), controller.view());
        let (Some(port), Some(mac)) = (region.in_port, region.dl_src) else { return };
        let at = net::Location::new(dpid, port);
        let here = view.station(mac).is_some_and(|station| station.location == Some(at));
        let (true, Some(from), Some(family)) = (here, region.nw_src, region.dl_type) else { return };
        let known = view.stations().filter(|one| one.location.is_some() && one.mac != mac);
        for (station, to) in known.flat_map(|one| one.addresses.iter().map(move |address| (one, *address))) {
            for (proto, src, dst) in [(6, 40_000, 80), (6, 9, 22), (6, 1, 2049), (17, 40_000, 5060), (47, 0, 0)] {
                let transport = Some(Transport::Ports { src, dst }).filter(|_| proto != 47);
                let ip = net::IpHeader { src: from.network(), dst: to, proto: IpProto(proto), dscp: 0, transport };
                let key = FlowKey { dl_src: mac, dl_dst: station.mac, dl_type: family, vlan: None, ip: Some(ip) };
                let same = to.is_ipv4() == from.network().is_ipv4();
                if !same || !region.matches(port, &key) || !self.is_first(dpid, port, region, &key) {
                    continue;
                }
                let Identity::Known(src) = principal::source(policy, view, at, &key) else { continue };
                let Identity::Known(dst) = principal::destination(policy, view, &key) else { continue };
                let judged = judge(policy, &Flow { headers: compiler::Program::headers(&key), src, dst, time: None });
                if (judged.verdict == Verdict::Allow) == drops || (!drops && !judged.via.is_empty()) {
                    self.fail(&format!("planned at {dpid}, drops {drops}: {region:?} {key:?} is {judged:?}"));
                }
            }
        }
    }

    /// True if no entry with a higher priority takes the packet.
    pub(super) fn is_first(&self, dpid: Dpid, port: PortNo, region: &FlowMatch, key: &FlowKey) -> bool {
        let flows = self.world.network.switch(dpid).unwrap().flows();
        let all: Vec<_> = flows.filter_map(|flow| Some((flow.priority, flow.matching?))).collect();
        let own = all.iter().find(|(_, other)| other == region).map_or(0, |(priority, _)| *priority);
        !all.iter().any(|(priority, other)| *priority > own && other.matches(port, key))
    }

    /// Whatever else a wide entry takes in is answered as its flow is.
    pub(super) fn check_region(&self, controller: &Controller, one: &Conversation, region: &FlowMatch, entry: &str) {
        let (policy, view) = (controller.policy(), controller.view());
        let own = if region.dl_src == Some(one.key.dl_src) { one.key } else { one.key.reply() };
        let at = if region.dl_src == Some(one.key.dl_src) { Some(one.ingress) } else { one.course.leaves_at() };
        let ip = own.ip.unwrap();
        for (src, dst) in [(1, 22), (40_000, 80), (53, 53), (2049, 9), (443, 40_000), (5060, 5060)] {
            let transport = ip.transport.map(|_| Transport::Ports { src, dst }).filter(|_| ip.proto.has_ports());
            let key = FlowKey { ip: Some(net::IpHeader { transport: transport.or(ip.transport), ..ip }), ..own };
            let (Some(at), true) = (at, region.matches(PortNo(0), &key)) else { continue };
            let Identity::Known(src) = principal::source(policy, view, at, &key) else { continue };
            let Identity::Known(dst) = principal::destination(policy, view, &key) else { continue };
            let judged = judge(policy, &Flow { headers: compiler::Program::headers(&key), src, dst, time: None });
            if judged.verdict != one.template.verdict || judged.via != one.template.via {
                self.fail(&format!("{entry}: {key:?} is {judged:?}"));
            }
        }
    }
}
