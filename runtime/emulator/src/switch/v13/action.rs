//! Actions in the words of OpenFlow 1.3, and whether they fit the packets that reach them. Refuses what Open vSwitch refuses.

use openflow::v13::{Action as WireAction, BadAction, Match, OFPVID_NONE, OFPVID_PRESENT, Oxm, PortNo};

use super::Refusal;
use crate::switch::action::{Action, Set, Target};
use crate::switch::datapath::Datapath;

/// The most tags that a packet may be given.
const TAGS: u8 = 2;

/// What is known of the packets that reach an action: a header may be changed only where it is known to be (§5.12, §6.4).
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// False for buckets and packet-outs: there, a header that is not there is not changed.
    checked: bool,
    /// True for the action set, where tags and lifetimes are not looked at: who knows what it is then done to.
    later: bool,
    packet_out: bool,
    kind: Option<u16>,
    protocol: Option<u8>,
    tags: u8,
}

impl Given {
    const NOTHING: Given = Given { checked: false, later: false, packet_out: false, kind: None, protocol: None, tags: 0 };

    pub(super) fn by(matching: &Match) -> Given {
        let mut given = Given { checked: true, ..Given::NOTHING };
        for field in matching.fields() {
            match field {
                Oxm::EthType(kind) => given.kind = Some(*kind),
                Oxm::IpProto(protocol) => given.protocol = Some(*protocol),
                Oxm::VlanVid(vid, mask) => {
                    let present = vid & mask.unwrap_or(u16::MAX) & OFPVID_PRESENT != OFPVID_NONE;
                    given.tags = u8::from(present);
                }
                _ => {}
            }
        }
        given
    }

    /// The same for actions that are done at the end.
    pub(super) fn at_the_end(self) -> Given {
        Given { later: true, ..self }
    }

    pub(super) fn in_bucket() -> Given {
        Given::NOTHING
    }

    pub(super) fn in_packet_out() -> Given {
        Given { packet_out: true, ..Given::NOTHING }
    }

    fn needs(self, there: bool) -> Result<(), Refusal> {
        if there || !self.checked { Ok(()) } else { Err(BadAction::MATCH_INCONSISTENT.into()) }
    }

    fn is_ip(self) -> bool {
        self.is(IPV4) || self.is(IPV6)
    }

    fn is(self, kind: u16) -> bool {
        self.kind == Some(kind)
    }

    fn carries(self, protocol: u8) -> bool {
        self.is_ip() && self.protocol == Some(protocol)
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

pub(super) fn target(port: PortNo, packet_out: bool) -> Result<Target, Refusal> {
    Ok(match port {
        PortNo::IN_PORT => Target::InPort,
        PortNo::TABLE if packet_out => Target::Table,
        PortNo::FLOOD => Target::Flood,
        PortNo::ALL => Target::All,
        PortNo::CONTROLLER => Target::Controller,
        PortNo::LOCAL => Target::Local,
        other => Target::Port(other.physical().ok_or(Refusal::from(BadAction::BAD_OUT_PORT))?),
    })
}

/// The actions, if the switch has them and they fit what is given; that is what is given afterwards.
pub(super) fn read(wire: &[WireAction], datapath: &Datapath, given: &mut Given) -> Result<Vec<Action>, Refusal> {
    wire.iter().map(|action| one(action, datapath, given)).collect()
}

fn one(action: &WireAction, datapath: &Datapath, given: &mut Given) -> Result<Action, Refusal> {
    Ok(match action {
        WireAction::Output { port, max_len } => Action::Output { to: target(*port, given.packet_out)?, max_len: *max_len },
        WireAction::PushVlan(0x8100 | 0x88a8) if given.checked && given.tags >= TAGS => return Err(BadAction::BAD_TAG.into()),
        WireAction::PushVlan(tpid @ (0x8100 | 0x88a8)) => {
            given.tags += 1;
            Action::PushVlan(*tpid)
        }
        WireAction::PushVlan(_) => return Err(BadAction::BAD_ARGUMENT.into()),
        WireAction::PopVlan => {
            given.needs(given.tags > 0 || given.later)?;
            given.tags = given.tags.saturating_sub(1);
            Action::PopVlan
        }
        WireAction::SetQueue(queue) => Action::Queue(Some(*queue)),
        WireAction::Group(group) if datapath.groups.0.contains_key(group) => Action::Group(*group),
        WireAction::Group(_) => return Err(BadAction::BAD_OUT_GROUP.into()),
        WireAction::DecNwTtl => {
            given.needs(given.is_ip() || given.later)?;
            Action::DecrementTtl
        }
        WireAction::SetField(field) => {
            let set = set(field)?;
            given.needs(has(field, *given))?;
            Action::Set(set)
        }
        WireAction::Experimenter { .. } => return Err(BadAction::BAD_EXPERIMENTER.into()),
        WireAction::CopyTtlOut
        | WireAction::CopyTtlIn
        | WireAction::SetMplsTtl(_)
        | WireAction::DecMplsTtl
        | WireAction::PushMpls(_)
        | WireAction::PopMpls(_)
        | WireAction::SetNwTtl(_)
        | WireAction::PushPbb(_)
        | WireAction::PopPbb => return Err(BadAction::BAD_TYPE.into()),
    })
}

fn set(field: &Oxm) -> Result<Set, Refusal> {
    Ok(match field {
        Oxm::EthSrc(address, None) => Set::DlSrc(*address),
        Oxm::EthDst(address, None) => Set::DlDst(*address),
        Oxm::VlanVid(vid, None) if vid & OFPVID_PRESENT != 0 => Set::VlanId { id: vid & 0x0fff, push: false },
        Oxm::VlanVid(..) => return Err(BadAction::BAD_SET_ARGUMENT.into()),
        Oxm::VlanPcp(pcp) => Set::Pcp { pcp: *pcp, push: false },
        Oxm::Ipv4Src(address, None) => Set::NwSrc((*address).into()),
        Oxm::Ipv4Dst(address, None) => Set::NwDst((*address).into()),
        Oxm::Ipv6Src(address, None) => Set::NwSrc((*address).into()),
        Oxm::Ipv6Dst(address, None) => Set::NwDst((*address).into()),
        Oxm::IpDscp(dscp) => Set::Dscp(*dscp),
        Oxm::TcpSrc(port, None) | Oxm::UdpSrc(port, None) | Oxm::SctpSrc(port, None) => Set::TpSrc(*port),
        Oxm::TcpDst(port, None) | Oxm::UdpDst(port, None) | Oxm::SctpDst(port, None) => Set::TpDst(*port),
        _ => return Err(BadAction::BAD_SET_TYPE.into()),
    })
}

/// True if the packets are known to have the field.
fn has(field: &Oxm, given: Given) -> bool {
    match field {
        Oxm::VlanVid(..) | Oxm::VlanPcp(_) => given.tags > 0,
        Oxm::Ipv4Src(..) | Oxm::Ipv4Dst(..) => given.is(IPV4),
        Oxm::Ipv6Src(..) | Oxm::Ipv6Dst(..) => given.is(IPV6),
        Oxm::IpDscp(_) => given.is_ip(),
        Oxm::TcpSrc(..) | Oxm::TcpDst(..) => given.carries(TCP),
        Oxm::UdpSrc(..) | Oxm::UdpDst(..) => given.carries(UDP),
        Oxm::SctpSrc(..) | Oxm::SctpDst(..) => given.carries(SCTP),
        _ => true,
    }
}
