//! From a decided flow to the region of packets that one entry may cover: that flow alone, or as much around it as is safe.
//! Whatever becomes a flow entry goes through [`Template`]. Knows nothing of switches, ports, or of OpenFlow's versions.

mod widest;

use lang::checked::{Duties, MiddleboxId, RuleId, Verdict};
use lang::flow::{End, Judgement, Place};
use net::{EtherType, FlowKey, FlowMatch, IpProto, Transport, TransportMatch};

/// A region of packets on which the decision is constant, with the decision and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The packets; the port is open, whoever installs it fixes it where the sender is attached.
    pub region: FlowMatch,
    /// The answers that pass with an allowed conversation; nothing where it has none.
    pub reply: Option<FlowMatch>,
    /// True if more packets than those of one flow belong.
    pub wide: bool,
    /// What happens to them.
    pub verdict: Verdict,
    /// Middleboxes to pass, in order from initiator to responder.
    pub via: Vec<MiddleboxId>,
    /// What else the conversation is bound to.
    pub duties: Duties,
    /// False if switches cannot tell such packets from ones that may be judged otherwise (later fragments, damaged headers):
    /// the decision then holds for the one packet, and nothing may be installed. `region` matches next to nothing then.
    pub installable: bool,
    /// Rules that only audit and would have decided.
    pub audited: Vec<RuleId>,
    /// The deciding rule; nothing is the default. Who talks to whom is in the flow that was judged.
    pub rule: Option<RuleId>,
}

impl Template {
    /// The template of exactly this flow. It does not fix the VLAN priority, which no flow entry of ours can: for policies that
    /// may test it use [`crate::Program::template`].
    #[must_use]
    pub fn exact(key: &FlowKey, dst: &End, judgement: &Judgement) -> Template {
        let mut region = FlowMatch::exact(key);
        region.dscp = key.ip.map(|ip| ip.dscp);
        let installable = is_distinct(key);
        if !installable {
            region.nw_proto = region.nw_proto.or(Some(IpProto(255)));
            if region.transport == TransportMatch::Any {
                region.transport = TransportMatch::exact(Transport::Ports { src: 0, dst: 0 });
            }
        }
        let answered = judgement.verdict == Verdict::Allow && installable && has_answers(key, dst);
        Template {
            region,
            reply: answered.then(|| FlowMatch::exact(&key.reply())),
            wide: false,
            verdict: judgement.verdict,
            via: judgement.via.clone(),
            duties: judgement.duties.clone(),
            installable,
            audited: judgement.audited.clone(),
            rule: judgement.rule,
        }
    }
}

/// True if what is absent in the key is absent in every packet that its region matches.
fn is_distinct(key: &FlowKey) -> bool {
    match key.ip {
        None => !matches!(key.dl_type, EtherType::IPV4 | EtherType::IPV6),
        Some(ip) => ip.transport.is_some() || !(ip.proto.has_ports() || matches!(ip.proto, IpProto::ICMP | IpProto::ICMPV6)),
    }
}

/// A group does not answer, and of the ICMP messages only echo requests have an answer that is not a new conversation.
fn has_answers(key: &FlowKey, dst: &End) -> bool {
    if matches!(dst.place, Place::Broadcast | Place::Multicast) {
        return false;
    }
    match key.ip.map(|ip| (ip.proto, ip.transport)) {
        Some((proto, Some(Transport::Icmp { kind, .. }))) => {
            (proto == IpProto::ICMP && kind == 8) || (proto == IpProto::ICMPV6 && kind == 128)
        }
        Some((_, Some(Transport::Ports { .. }) | None)) | None => true,
    }
}

#[cfg(test)]
mod tests;
