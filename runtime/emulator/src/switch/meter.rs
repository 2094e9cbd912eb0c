//! Meters of OpenFlow 1.3.5 §5.7: rates above which packets of the entries that name them are dropped. Reads no clock: its buckets
//! fill by the time that it is told. Knows no message.

use std::collections::BTreeMap;

use net::Time;

/// How many bands a meter has, at most.
pub(super) const BANDS: usize = 8;

/// What the rates of a meter count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Kilobits a second; bursts in kilobits.
    Kilobits,
    /// Packets a second; bursts in packets.
    Packets,
}

impl Unit {
    /// What a packet takes out of a bucket. A bucket of rate `r` gets `r` a microsecond: thousandths of bits, or millionths of
    /// packets.
    fn cost(self, length: usize) -> u64 {
        match self {
            Unit::Kilobits => (length as u64).saturating_mul(8_000),
            Unit::Packets => 1_000_000,
        }
    }
}

/// A band that drops: a token bucket.
#[derive(Clone, Debug)]
pub(super) struct Band {
    rate: u32,
    /// All that the bucket holds.
    full: u64,
    tokens: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Band {
    /// A band whose bucket is full. Without a burst it holds what comes in a second, as in Open vSwitch.
    pub(super) fn new(rate: u32, burst: Option<u32>) -> Band {
        let burst = burst.filter(|burst| *burst > 0).unwrap_or(rate);
        let full = u64::from(burst) * 1_000_000;
        Band { rate, full, tokens: full, packets: 0, bytes: 0 }
    }

    fn fill(&mut self, microseconds: u64) {
        self.tokens = u64::from(self.rate).saturating_mul(microseconds).saturating_add(self.tokens).min(self.full);
    }
}

/// A meter.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) unit: Unit,
    pub(super) bands: Vec<Band>,
    /// The meter as the controller wrote it, for its questions.
    pub(super) written: openflow::v13::MeterConfig,
    pub(super) installed: Time,
    /// When its buckets were filled last.
    pub(super) filled: Time,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Meter {
    /// Counts a packet; false if it is dropped. A packet that exceeds several bands belongs to the one with the highest rate (§5.7.1).
    fn pass(&mut self, length: usize, now: Time) -> bool {
        self.packets += 1;
        self.bytes += length as u64;
        let elapsed = u64::try_from(now.since(self.filled).as_micros()).unwrap_or(u64::MAX);
        self.filled = self.filled.max(now);
        let cost = self.unit.cost(length);
        let mut exceeded: Option<&mut Band> = None;
        for band in &mut self.bands {
            band.fill(elapsed);
            match band.tokens.checked_sub(cost) {
                Some(rest) => band.tokens = rest,
                None if exceeded.as_ref().is_none_or(|other| other.rate < band.rate) => exceeded = Some(band),
                None => {}
            }
        }
        match exceeded {
            Some(band) => {
                band.packets += 1;
                band.bytes += length as u64;
                false
            }
            None => true,
        }
    }
}

/// The meters of a switch.
#[derive(Debug)]
pub(super) struct Meters {
    /// How many there may be; with none the switch has no meters at all.
    pub(super) capacity: u32,
    pub(super) by_number: BTreeMap<u32, Meter>,
}

impl Meters {
    pub(super) fn new(capacity: u32) -> Meters {
        Meters { capacity, by_number: BTreeMap::new() }
    }

    /// True if a packet of this length goes on. A meter that is not there, which no entry can name, lets nothing pass.
    pub(super) fn pass(&mut self, meter: u32, length: usize, now: Time) -> bool {
        self.by_number.get_mut(&meter).is_some_and(|meter| meter.pass(length, now))
    }
}
