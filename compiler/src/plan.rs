//! Flow entries for a whole view before any packet comes: what every station may be answered without being asked. Whatever needs
//! the controller is left to it. Knows nothing of paths, or of how an entry is written.

mod emit;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use lang::checked::RuleId;
use lang::flow::{End, Headers};
use net::{EtherType, FlowMatch, IpProto, Location, MacAddr, Prefix, Time, VlanMatch};

use crate::cells::{Answer, Cell, Concerned, Reads};
use crate::label::Record;
use crate::moment::Moment;
use crate::principal::end_of;
use crate::program::Program;
use crate::view::{Station, View};

use emit::Sheet;

/// Entries at the ports where senders are attached. An entry of a higher layer goes before one of a lower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The entries: by sender, then by whom it speaks to, then by layer.
    pub entries: Vec<Planned>,
    /// What the controller wants to see wherever it comes in, whatever the entries say.
    pub watched: Vec<FlowMatch>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where its packets come in.
    pub ingress: Location,
    /// Which packets, besides the port.
    pub region: FlowMatch,
    /// Entries of a higher layer go first. Below [`LAYERS`].
    pub layer: u8,
    /// What happens to them.
    pub outcome: Outcome,
    /// The rules that say so, by number; nothing inside is the default.
    pub rules: BTreeSet<Option<RuleId>>,
}

/// What a switch does with packets by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// They go to the station attached here, and its answers may come back unasked.
    Deliver {
        /// Where.
        to: Location,
    },
    /// Nothing.
    Drop,
    /// The controller decides: each conversation by itself.
    Ask,
}

/// What the entries may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// IPv6, and the ports of SCTP: not before OpenFlow 1.2.
    pub modern: bool,
    /// Blocks of ports, as Open vSwitch masks them.
    pub blocks: bool,
}

/// What is planned.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Senders and receivers; nothing for all.
    pub between: Option<&'a [(MacAddr, MacAddr)]>,
    /// What entries may use.
    pub means: Means,
    /// How many there may be.
    pub limit: usize,
}

/// There would be more entries than this: a policy for so many pairs is better asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The limit.
    pub limit: usize,
}

/// A sender or receiver: a station with one of its addresses.
struct Speaker<'a> {
    station: &'a Station,
    at: Location,
    address: IpAddr,
    end: End,
}

/// How many layers there are.
pub const LAYERS: u8 = 8;

/// Entries of one sender to anybody lie below those to somebody.
const TO_ANYBODY: u8 = 0;
const TO_SOMEBODY: u8 = 4;

impl Program {
    /// The entries for all stations that are attached in a view and have addresses; between these two alone, if they are given.
    ///
    /// A flow entry cannot tell an answer from an initiation. So only what may be initiated from both sides is delivered unasked;
    /// what one side alone may begin is left to the controller, conversation by conversation, and so is everything that is
    /// logged, audited, rejected, redirected, obliged to something, or that depends on source ports or the priority of a tag.
    /// What is denied to a sender whoever it is for is dropped; pairs of which more is denied have entries of their own only if
    /// something is delivered between them, or they are asked about: all others would be as many as there are pairs of stations.
    /// Where rules ask for the tag or the DSCP, entries are for packets without, which most are. All of it is right until the
    /// view, the policy or a time that it names changes.
    ///
    /// # Errors
    /// They would be more than the limit.
    pub fn plan(&self, view: &View, asked: &Asked<'_>, now: Time) -> Result<Plan, TooMany> {
        let speakers: Vec<Speaker<'_>> =
            view.stations().flat_map(speakers).filter(|one| asked.means.modern || one.address.is_ipv4()).collect();
        let (means, every_pair) = (asked.means, asked.between.is_some());
        let mut planner = Planner { program: self, means, moment: self.moment(Some(now)), every_pair, entries: Vec::new() };
        for src in &speakers {
            let wanted =
                |dst: &&Speaker<'_>| asked.between.is_none_or(|pairs| pairs.contains(&(src.station.mac, dst.station.mac)));
            if asked.between.is_none() || speakers.iter().any(|dst| wanted(&dst)) {
                planner.sender(src, speakers.iter().filter(wanted), asked.limit)?;
            }
        }
        Ok(Plan { entries: planner.entries, watched: emit::watched(asked.means) })
    }
}

/// A plan while it is made.
struct Planner<'a> {
    program: &'a Program,
    means: Means,
    moment: Moment,
    /// Pairs that are only denied something have entries, too.
    every_pair: bool,
    entries: Vec<Planned>,
}

/// Headers that most packets have, where rules ask for more than services: no tag, and best effort (RFC 2474 §4.1).
const PLAIN: Headers = Headers { dl_type: None, vlan: None, proto: None, dscp: Some(0), transport: None };

impl Planner<'_> {
    fn sender<'a>(
        &mut self,
        src: &Speaker<'_>,
        dsts: impl Iterator<Item = &'a Speaker<'a>>,
        limit: usize,
    ) -> Result<(), TooMany> {
        let family = src.family();
        let records = self.program.records(&src.end);
        let concerned = Concerned::by_source(self.program, &records);
        let cells = concerned.cells(family);
        let sender = Sender { speaker: src, records, concerned, cells };
        if sender.cells.is_empty() {
            // Too many: nothing is said, and everything asked.
            return Ok(());
        }
        let to_anybody: Vec<Said> = sender.cells.iter().map(|cell| self.said_to_anybody(&sender, cell)).collect();
        let region = src.region(None, sender.concerned.reads);
        let sheet = Sheet { cells: &sender.cells, means: self.means, ingress: src.at, family, region, base: TO_ANYBODY };
        sheet.emit(&to_anybody, Some(Outcome::Ask), &mut self.entries);
        for dst in dsts.filter(|dst| dst.family() == family && dst.station.mac != src.station.mac) {
            let (reads, to_somebody) = self.said_between(&sender, dst);
            let differs = |((cell, one), other): ((&Cell, &Said), &Said)| {
                let worth = self.every_pair || matches!(one.outcome, Outcome::Deliver { .. });
                worth && one.outcome != other.outcome && !cell.is_for_controller(family)
            };
            if sender.cells.iter().zip(&to_somebody).zip(&to_anybody).any(differs) {
                let sheet = Sheet { region: src.region(Some(dst), reads), base: TO_SOMEBODY, ..sheet };
                sheet.emit(&to_somebody, None, &mut self.entries);
            }
            if self.entries.len() > limit {
                return Err(TooMany { limit });
            }
        }
        if self.entries.len() > limit { Err(TooMany { limit }) } else { Ok(()) }
    }

    fn said_to_anybody(&self, sender: &Sender<'_>, cell: &Cell) -> Said {
        let dropped = if sender.concerned.reads.more_than_entries_tell() {
            Err(None)
        } else {
            let headers = cell.sample(sender.speaker.family(), &PLAIN);
            self.program.dropped_for_all(&sender.concerned, &sender.records, &headers, &self.moment)
        };
        match dropped {
            Ok(rules) => Said { outcome: Outcome::Drop, rules: rules.into_iter().collect() },
            Err(other) => Said { outcome: Outcome::Ask, rules: other.into_iter().collect() },
        }
    }

    /// What happens in each cell of the sender between two stations, and what their rules ask for besides. Their own rules are few,
    /// and so are their cells: the program is asked about those alone.
    fn said_between(&self, src: &Sender<'_>, dst: &Speaker<'_>) -> (Reads, Vec<Said>) {
        let dsts = self.program.records(&dst.end);
        let family = src.speaker.family();
        let concerned = src.concerned.with(&src.records, &dsts);
        let own = concerned.cells(family);
        if concerned.reads.more_than_entries_tell() || own.is_empty() {
            let asked = Said { outcome: Outcome::Ask, rules: BTreeSet::new() };
            return (Reads::default(), src.cells.iter().map(|_| asked.clone()).collect());
        }
        let answers: Vec<(Answer, Option<RuleId>)> = own
            .iter()
            .map(|cell| self.program.answer_to((&src.records, &dsts), &cell.sample(family, &PLAIN), &self.moment))
            .collect();
        let passes = answers.iter().any(|(answer, _)| *answer == Answer::Pass);
        let mutual = passes.then(|| Mutual::new(self, src.speaker, dst, (&src.records, &dsts)));
        let said = |cell: &Cell| {
            let place = coarser(&own, cell);
            let Some((answer, rule)) = place.and_then(|place| answers.get(place)) else {
                return Said { outcome: Outcome::Ask, rules: BTreeSet::new() };
            };
            let outcome = match answer {
                Answer::Drop => Outcome::Drop,
                Answer::Pass if mutual.as_ref().is_some_and(|mutual| mutual.has(cell)) => Outcome::Deliver { to: dst.at },
                Answer::Pass | Answer::Each(_) => Outcome::Ask,
            };
            Said { outcome, rules: [*rule].into() }
        };
        let untagged = mutual.as_ref().is_some_and(|mutual| mutual.untagged);
        let reads = concerned.reads.and(Reads { vlan: untagged, ..Reads::default() });
        (reads, src.cells.iter().map(said).collect())
    }
}

/// The cell that this one is a part of, among those that fewer rules cut.
fn coarser(cells: &[Cell], part: &Cell) -> Option<usize> {
    let same = |cell: &Cell| match (cell, part) {
        (Cell::Others(_), Cell::Others(_)) => true,
        (Cell::Bare(own), Cell::Bare(proto)) => own == proto,
        (Cell::Ports(own, ports), Cell::Ports(proto, some)) => own == proto && ports.contains(some.start()),
        (Cell::Messages(own, kinds, codes), Cell::Messages(proto, some, others)) => {
            own == proto && kinds.contains(some.start()) && codes.contains(others.start())
        }
        (Cell::Others(_) | Cell::Bare(_) | Cell::Ports(..) | Cell::Messages(..), _) => false,
    };
    let others = || cells.iter().position(|cell| matches!(cell, Cell::Others(_)));
    // A protocol that fewer rules do not name is among all others.
    cells.iter().position(same).or_else(|| if matches!(part, Cell::Bare(_)) { others() } else { None })
}

/// One who sends, with what concerns all that it sends.
struct Sender<'a> {
    speaker: &'a Speaker<'a>,
    records: Cow<'a, [Record]>,
    concerned: Concerned<'a>,
    cells: Vec<Cell>,
}

/// What is said of one cell, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    outcome: Outcome,
    rules: BTreeSet<Option<RuleId>>,
}

/// What the other side may begin.
struct Mutual {
    /// Protocols that its rules name, and of those all that it may not begin everything of; nothing inside is all others.
    known: BTreeSet<Option<IpProto>>,
    refused: BTreeSet<Option<IpProto>>,
    /// Nothing at all is mutual.
    nothing: bool,
    /// It is so of packets without a tag.
    untagged: bool,
}

impl Mutual {
    fn new(planner: &Planner<'_>, src: &Speaker<'_>, dst: &Speaker<'_>, (srcs, dsts): (&[Record], &[Record])) -> Mutual {
        let back = Concerned::by_pair(planner.program, dsts, srcs);
        let family = src.family();
        let cells = back.cells(family);
        // What the controller wants to see keeps nothing from being mutual.
        let passes = |cell: &Cell| {
            let answer = || planner.program.answer_to((dsts, srcs), &cell.sample(family, &PLAIN), &planner.moment).0;
            cell.is_for_controller(family) || answer() == Answer::Pass
        };
        let refused = cells.iter().filter(|cell| !passes(cell)).map(Cell::proto).collect();
        let known = cells.iter().map(Cell::proto).collect();
        // An answer may have another DSCP, but the same tag.
        let told = back.reads.more_than_entries_tell() || back.reads.dscp;
        Mutual { known, refused, nothing: told || cells.is_empty() || src.at == dst.at, untagged: back.reads.vlan }
    }

    /// True if whatever answers packets of the cell could be begun as well. A protocol that the other side's rules do not name is
    /// among all others.
    fn has(&self, cell: &Cell) -> bool {
        let named = |proto: &Option<IpProto>| proto.filter(|_| self.known.contains(proto));
        let proto = cell.proto();
        !self.nothing && if proto.is_none() { self.refused.is_empty() } else { !self.refused.contains(&named(&proto)) }
    }
}

/// A station once for each of its addresses, if it is attached.
fn speakers(station: &Station) -> Vec<Speaker<'_>> {
    let Some(at) = station.location else { return Vec::new() };
    let addresses = station.addresses.iter();
    addresses.map(|address| Speaker { station, at, address: *address, end: end_of(station, Some(*address)) }).collect()
}

impl Speaker<'_> {
    fn family(&self) -> EtherType {
        if self.address.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 }
    }

    /// Its packets, to this receiver if one is given; plain ones where rules ask. Who sends and who is meant stays exact: that is
    /// what the view told them by.
    fn region(&self, dst: Option<&Speaker<'_>>, reads: Reads) -> FlowMatch {
        FlowMatch {
            dl_src: Some(self.station.mac),
            dl_type: Some(self.family()),
            nw_src: Some(Prefix::host(self.address)),
            dl_dst: dst.map(|dst| dst.station.mac),
            nw_dst: dst.map(|dst| Prefix::host(dst.address)),
            vlan: if reads.vlan { VlanMatch::Untagged } else { VlanMatch::Any },
            dscp: PLAIN.dscp.filter(|_| reads.dscp),
            ..FlowMatch::default()
        }
    }
}

#[cfg(test)]
mod tests;
