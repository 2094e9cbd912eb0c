//! The headers of one family of addresses, cut where the rules that concern two ends, or one end and anybody, may answer
//! otherwise. Knows nothing of flow entries.

use std::ops::RangeInclusive;

use lang::checked::{Cond, HeaderTest, RuleId, Verdict};
use lang::flow::{Headers, Judgement};
use net::{EtherType, Field, IpProto, Transport};

use crate::index::{Body, Clause};
use crate::label::Record;
use crate::moment::Moment;
use crate::program::Program;
use crate::service::{Axes, is_classed, passes};

/// Which headers the rules concerned ask for, besides Ethernet type, protocol, destination port, ICMP type and code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    pub(crate) tp_src: bool,
    pub(crate) vlan: bool,
    pub(crate) pcp: bool,
    pub(crate) dscp: bool,
}

/// The clauses that may decide, in order, and what they ask.
pub(crate) struct Concerned<'a> {
    pub(crate) clauses: Vec<Clause<'a>>,
    pub(crate) reads: Reads,
    axes: Axes,
}

/// Headers that nobody concerned tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Every protocol that no rule concerned names and that has no ports. One of them.
    Others(IpProto),
    /// A protocol without its header: later fragments, and protocols that have none.
    Bare(IpProto),
    /// Destination ports.
    Ports(IpProto, RangeInclusive<u16>),
    /// ICMP types and codes.
    Messages(IpProto, RangeInclusive<u8>, RangeInclusive<u8>),
}

/// What happens to packets, as far as a flow entry could do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// They pass, and nothing else is asked for.
    Pass,
    /// They are dropped in silence.
    Drop,
    /// Each decision must be seen, or more must be done: by conversation.
    Each(Judgement),
}

/// UDP ports that hosts get their addresses by: DHCP (RFC 2131 §4.1) and DHCPv6 (RFC 8415 §7.2).
pub(crate) const LEASES: [(EtherType, RangeInclusive<u16>); 2] = [(EtherType::IPV4, 67..=68), (EtherType::IPV6, 546..=547)];

/// ICMP errors, which belong to the conversations that they quote (RFC 792, RFC 4443 §2.1), and what IPv6 finds routers, neighbours and
/// listeners by (RFC 4861 §4, RFC 3810 §5).
pub(crate) const MESSAGES: [(EtherType, RangeInclusive<u8>); 6] = [
    (EtherType::IPV4, 3..=5),
    (EtherType::IPV4, 11..=12),
    (EtherType::IPV6, 1..=4),
    (EtherType::IPV6, 130..=132),
    (EtherType::IPV6, 133..=137),
    (EtherType::IPV6, 143..=143),
];

/// Tests that cut out what the controller wants to see, whatever policy says of it.
fn wanted_by_controller() -> Vec<HeaderTest> {
    let ports = LEASES.into_iter().map(|(_, ports)| HeaderTest::TpDst(ports));
    ports.chain(MESSAGES.into_iter().map(|(_, kinds)| HeaderTest::IcmpType(kinds))).collect()
}

/// How many cells a family may have. Where there would be more, nothing is widened.
const MAX_CELLS: usize = 20_000;

impl<'a> Concerned<'a> {
    /// Those of which both sides hold for some pair of users.
    pub(crate) fn by_pair(program: &'a Program, srcs: &[Record], dsts: &[Record]) -> Concerned<'a> {
        Concerned::by_source(program, srcs).with(srcs, dsts)
    }

    /// Those of which the source side holds for some user, whatever the other end is.
    pub(crate) fn by_source(program: &'a Program, srcs: &[Record]) -> Concerned<'a> {
        let all = program.index().in_order();
        Concerned::of(all.filter(|clause| srcs.iter().any(|src| holds_for(clause, Some(src), None))).collect())
    }

    /// Those of a source, of which the other side holds for some pair of its users with this end's.
    pub(crate) fn with(&self, srcs: &[Record], dsts: &[Record]) -> Concerned<'a> {
        let pairs = || srcs.iter().flat_map(|src| dsts.iter().map(move |dst| (src, dst)));
        let both = |clause: &&Clause<'_>| pairs().any(|(src, dst)| holds_for(clause, Some(src), Some(dst)));
        Concerned::of(self.clauses.iter().filter(both).copied().collect())
    }

    fn of(clauses: Vec<Clause<'a>>) -> Concerned<'a> {
        let mut reads = Reads::default();
        let mut tests: Vec<&HeaderTest> = Vec::new();
        for clause in &clauses {
            match clause.body {
                Body::Conjunction(all) => tests.extend(all.service.iter().chain(&all.headers).map(|(test, _)| test)),
                Body::Whole(cond) => gather(cond, &mut tests),
            }
        }
        tests.iter().for_each(|test| reads.note(test));
        let own = wanted_by_controller();
        let axes = Axes::of(tests.into_iter().chain(&own).filter(|test| is_classed(test)));
        Concerned { clauses, reads, axes }
    }

    /// All cells of a family: those of each protocol together, behind the one of all others. None if they are too many.
    pub(crate) fn cells(&self, family: EtherType) -> Vec<Cell> {
        let own_icmp = if family == EtherType::IPV6 { IpProto::ICMPV6 } else { IpProto::ICMP };
        let mut protos = self.axes.protos.clone();
        protos.extend([IpProto::TCP, IpProto::UDP, IpProto::SCTP, own_icmp]);
        protos.sort_unstable();
        protos.dedup();
        let messages = self.axes.kinds.len().saturating_mul(self.axes.codes.len());
        if protos.len().saturating_add(self.axes.ports.len().saturating_mul(3)).saturating_add(messages) > MAX_CELLS {
            return Vec::new();
        }
        let other = (0..=u8::MAX).map(IpProto).find(|proto| !protos.contains(proto));
        let mut cells: Vec<Cell> = other.map(Cell::Others).into_iter().collect();
        for proto in protos {
            cells.push(Cell::Bare(proto));
            if proto.has_ports() {
                cells.extend(runs(&self.axes.ports, u16::MAX).map(|ports| Cell::Ports(proto, ports)));
            } else if proto == own_icmp {
                let codes = || runs(&self.axes.codes, u8::MAX);
                cells.extend(
                    runs(&self.axes.kinds, u8::MAX)
                        .flat_map(|kinds| codes().map(move |codes| Cell::Messages(proto, kinds.clone(), codes))),
                );
            }
        }
        cells
    }
}

/// The stretches that begin at these values, the first of which is the least there is.
fn runs<T: Copy + Into<u32> + TryFrom<u32>>(starts: &[T], last: T) -> impl Iterator<Item = RangeInclusive<T>> + Clone {
    let ends = starts.iter().skip(1).map(move |next| T::try_from((*next).into().saturating_sub(1)).unwrap_or(last));
    starts.iter().copied().zip(ends.chain([last])).map(|(start, end)| start..=end)
}

/// True if the sides that are given hold; a side that is not may.
fn holds_for(clause: &Clause<'_>, src: Option<&Record>, dst: Option<&Record>) -> bool {
    match clause.body {
        Body::Whole(_) => true,
        Body::Conjunction(all) => {
            src.is_none_or(|src| all.src.iter().all(|(label, wanted)| src.has(*label) == *wanted))
                && dst.is_none_or(|dst| all.dst.iter().all(|(label, wanted)| dst.has(*label) == *wanted))
        }
    }
}

pub(crate) fn gather<'a>(cond: &'a Cond, tests: &mut Vec<&'a HeaderTest>) {
    match cond {
        Cond::End(..) | Cond::Time(_) => {}
        Cond::Header(test) => tests.push(test),
        Cond::Not(inner) => gather(inner, tests),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| gather(part, tests)),
    }
}

impl Reads {
    pub(crate) fn note(&mut self, test: &HeaderTest) {
        match test {
            HeaderTest::Vlan(_) | HeaderTest::Present(Field::Vlan) => self.vlan = true,
            // A tag is there or not: the identifier does not say which.
            HeaderTest::Pcp(_) | HeaderTest::Present(Field::Pcp) => self.pcp = true,
            HeaderTest::Dscp(_) => self.dscp = true,
            HeaderTest::TpSrc(_) => self.tp_src = true,
            // Cells tell whether the header is there at all.
            HeaderTest::Present(_)
            | HeaderTest::Service(_)
            | HeaderTest::DlType(_)
            | HeaderTest::TpDst(_)
            | HeaderTest::IcmpType(_)
            | HeaderTest::IcmpCode(_) => {}
        }
    }

    /// True if no entry for many conversations can tell what is asked: it leaves source ports open, and no version that we speak
    /// has both the tag and its absence.
    pub(crate) fn more_than_entries_tell(self) -> bool {
        self.tp_src || self.pcp
    }

    /// What either asks.
    pub(crate) fn and(self, other: Reads) -> Reads {
        Reads {
            tp_src: self.tp_src || other.tp_src,
            vlan: self.vlan || other.vlan,
            pcp: self.pcp || other.pcp,
            dscp: self.dscp || other.dscp,
        }
    }
}

impl Cell {
    /// The protocol, where it is one.
    pub(crate) fn proto(&self) -> Option<IpProto> {
        match self {
            Cell::Others(_) => None,
            Cell::Bare(proto) | Cell::Ports(proto, _) | Cell::Messages(proto, ..) => Some(*proto),
        }
    }

    /// True if the controller wants to see its packets, whatever policy says of them: no entry may keep them from it.
    pub(crate) fn is_for_controller(&self, family: EtherType) -> bool {
        match self {
            Cell::Others(_) | Cell::Bare(_) => false,
            Cell::Ports(proto, ports) => {
                *proto == IpProto::UDP && LEASES.iter().any(|(own, leases)| *own == family && leases.contains(ports.start()))
            }
            Cell::Messages(_, kinds, _) => MESSAGES.iter().any(|(own, wanted)| *own == family && wanted.contains(kinds.start())),
        }
    }

    /// The headers of one packet in it; whatever cells do not tell is as in `like`.
    pub(crate) fn sample(&self, family: EtherType, like: &Headers) -> Headers {
        let src = match like.transport {
            Some(Transport::Ports { src, .. }) => src,
            Some(Transport::Icmp { .. }) | None => 0,
        };
        let (proto, transport) = match self {
            Cell::Others(proto) | Cell::Bare(proto) => (*proto, None),
            Cell::Ports(proto, ports) => (*proto, Some(Transport::Ports { src, dst: *ports.start() })),
            Cell::Messages(proto, kinds, codes) => (*proto, Some(Transport::Icmp { kind: *kinds.start(), code: *codes.start() })),
        };
        Headers { dl_type: Some(family), proto: Some(proto), transport, ..*like }
    }

    /// True if the packet is in it, given all protocols that have cells of their own.
    pub(crate) fn holds(&self, proto: IpProto, transport: Option<Transport>, known: &[IpProto]) -> bool {
        match (self, transport) {
            (Cell::Others(_), _) => !known.contains(&proto),
            (Cell::Bare(own), None) => *own == proto,
            (Cell::Ports(own, ports), Some(Transport::Ports { dst, .. })) => *own == proto && ports.contains(&dst),
            (Cell::Messages(own, kinds, codes), Some(Transport::Icmp { kind, code })) => {
                *own == proto && kinds.contains(&kind) && codes.contains(&code)
            }
            (Cell::Bare(_) | Cell::Ports(..) | Cell::Messages(..), _) => false,
        }
    }
}

impl Program {
    /// What happens to packets with these headers between two ends, and by which rule.
    pub(crate) fn answer_to(
        &self,
        (srcs, dsts): (&[Record], &[Record]),
        headers: &Headers,
        moment: &Moment,
    ) -> (Answer, Option<RuleId>) {
        let judgement = self.judgement(self.decision(srcs, dsts, headers, moment));
        (self.answer_of(&judgement), judgement.rule)
    }

    /// What a judgement comes to for a flow entry. Of conversations that are logged or audited none may be missed.
    pub(crate) fn answer_of(&self, judgement: &Judgement) -> Answer {
        let rule = judgement.rule.and_then(|id| self.policy().rule(id));
        let bound = !judgement.via.is_empty() || judgement.duties != Default::default();
        if bound || !judgement.audited.is_empty() || rule.is_some_and(|rule| rule.log) {
            return Answer::Each(Judgement { rule: None, ..judgement.clone() });
        }
        match judgement.verdict {
            Verdict::Allow => Answer::Pass,
            Verdict::Deny => Answer::Drop,
            Verdict::Reject | Verdict::Redirect => Answer::Each(Judgement { rule: None, ..judgement.clone() }),
        }
    }

    /// The rules that drop packets with these headers in silence whoever they are for, if that is so: no rule concerned may say
    /// anything else before one that denies for certain.
    ///
    /// # Errors
    /// It is not so: the first rule that may say something else, nothing inside for the default; nothing at all if that is not known.
    pub(crate) fn dropped_for_all(
        &self,
        concerned: &Concerned<'_>,
        srcs: &[Record],
        headers: &Headers,
        moment: &Moment,
    ) -> Result<Vec<Option<RuleId>>, Option<Option<RuleId>>> {
        let mut rules = Vec::new();
        for src in srcs {
            rules.extend(self.dropped_for_face(concerned, src, headers, moment)?);
        }
        rules.sort_unstable();
        rules.dedup();
        Ok(rules)
    }

    fn dropped_for_face(
        &self,
        concerned: &Concerned<'_>,
        src: &Record,
        headers: &Headers,
        moment: &Moment,
    ) -> Result<Vec<Option<RuleId>>, Option<Option<RuleId>>> {
        let class = self.index().services.class(headers);
        let mut rules = Vec::new();
        for clause in &concerned.clauses {
            let (may, certain) = match clause.body {
                Body::Whole(_) => (true, false),
                Body::Conjunction(all) => {
                    let headers_hold = all.headers.iter().all(|(test, wanted)| passes(test, headers) == *wanted);
                    let times_hold = all.times.iter().all(|(test, wanted)| moment.passes(*test) == *wanted);
                    (headers_hold && times_hold, all.dst.is_empty())
                }
            };
            if !may || !holds_for(clause, Some(src), None) || !self.index().services.holds(clause.service, class) {
                continue;
            }
            let rule = self.policy().rule(clause.rule).ok_or(None::<Option<RuleId>>)?;
            if rule.verdict() != Some(Verdict::Deny) || rule.log {
                return Err(Some(Some(rule.id)));
            }
            rules.push(Some(rule.id));
            if certain {
                return Ok(rules);
            }
        }
        rules.push(None);
        if self.policy().default.verdict == Verdict::Deny { Ok(rules) } else { Err(Some(None)) }
    }
}
