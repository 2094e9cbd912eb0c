//! Meters of OpenFlow 1.3.5: made and unmade (§7.3.4.5), and what a switch tells of them (§7.3.5.9 to §7.3.5.11).

use bytes::Bytes;

use super::MeterModFailed;
use crate::cursor::{Reader, Writer, codes, flags, wire_struct};
use crate::error::{DecodeError, DecodeErrorKind};

/// The greatest meter number (`OFPM_MAX`).
pub const OFPM_MAX: u32 = 0xffff_0000;
/// The meter of packets that take the switch's slow path (`OFPM_SLOWPATH`).
pub const OFPM_SLOWPATH: u32 = 0xffff_fffd;
/// The meter of packets to the controller (`OFPM_CONTROLLER`).
pub const OFPM_CONTROLLER: u32 = 0xffff_fffe;
/// The meter number that stands for every meter (`OFPM_ALL`).
pub const OFPM_ALL: u32 = 0xffff_ffff;

const DROP: u16 = 1;
const DSCP_REMARK: u16 = 2;
const EXPERIMENTER: u16 = 0xffff;

codes! {
    /// `ofp_meter_mod_command`.
    MeterModCommand(u16) "OFPMC_" { ADD = 0, MODIFY = 1, DELETE = 2 }
}

flags! {
    /// `ofp_meter_flags`.
    MeterFlags(u16) "OFPMF_" { KBPS = 1, PKTPS = 2, BURST = 4, STATS = 8 }
}

/// `ofp_meter_mod`. Experimenters' bands are not supported here: decoding refuses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterMod {
    /// What to do.
    pub command: MeterModCommand,
    /// Units and options.
    pub flags: MeterFlags,
    /// The meter.
    pub meter_id: u32,
    /// What it does at which rate.
    pub bands: Vec<MeterBand>,
}

/// `ofp_meter_band_header` and what follows. Rates are in kbit/s or packets/s, bursts in kbit or packets, by the meter's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterBand {
    /// Drops what exceeds the rate.
    Drop {
        /// The rate.
        rate: u32,
        /// The burst.
        burst_size: u32,
    },
    /// Raises the drop precedence of what exceeds the rate.
    DscpRemark {
        /// The rate.
        rate: u32,
        /// The burst.
        burst_size: u32,
        /// By how many levels.
        prec_level: u8,
    },
    /// An experimenter's own.
    Experimenter {
        /// The rate.
        rate: u32,
        /// The burst.
        burst_size: u32,
        /// The experimenter.
        experimenter: u32,
        /// Its bytes.
        data: Bytes,
    },
}

/// `ofp_meter_stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterStats {
    /// The meter.
    pub meter_id: u32,
    /// How many entries use it.
    pub flow_count: u32,
    /// Packets that it saw.
    pub packet_in_count: u64,
    /// Bytes that it saw.
    pub byte_in_count: u64,
    /// Its age: seconds.
    pub duration_sec: u32,
    /// And nanoseconds on top.
    pub duration_nsec: u32,
    /// Its bands, in order.
    pub band_stats: Vec<MeterBandStats>,
}

wire_struct! {
    /// `ofp_meter_band_stats`.
    MeterBandStats as "ofp_meter_band_stats" {
        /// Packets that exceeded the rate.
        packet_band_count: u64,
        /// Bytes that exceeded the rate.
        byte_band_count: u64,
    }
}

/// `ofp_meter_config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterConfig {
    /// Units and options.
    pub flags: MeterFlags,
    /// The meter.
    pub meter_id: u32,
    /// What it does at which rate.
    pub bands: Vec<MeterBand>,
}

wire_struct! {
    /// `ofp_meter_features`.
    MeterFeatures as "ofp_meter_features" {
        /// How many meters at most.
        max_meter: u32,
        /// Bit `n` says that it has bands of type `n`.
        band_types: u32,
        /// Bits of [`MeterFlags`].
        capabilities: u32,
        /// How many bands a meter has at most.
        max_bands: u8,
        /// How many colours at most.
        max_color: u8,
        ; @2
    }
}

impl MeterMod {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<MeterMod, DecodeError> {
        let command: MeterModCommand = r.get("command")?;
        if command.name().is_none() {
            return Err(r.fail_as("command", DecodeErrorKind::BadValue, MeterModFailed::BAD_COMMAND));
        }
        let (flags, meter_id) = (r.get("flags")?, r.get("meter_id")?);
        let bands = r.list(|r| match MeterBand::read(r)? {
            MeterBand::Experimenter { .. } => Err(r.fail_as("type", DecodeErrorKind::Unsupported, MeterModFailed::BAD_BAND)),
            band => Ok(band),
        })?;
        Ok(MeterMod { command, flags, meter_id, bands })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.command);
        w.put(self.flags);
        w.put(self.meter_id);
        for band in &self.bands {
            band.write(w);
        }
    }
}

impl MeterBand {
    fn read(r: &mut Reader<'_>) -> Result<MeterBand, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        let mut r = r.structure(length, 16, "len", "ofp_meter_band_header")?;
        r.skip(4)?;
        let rate = r.get("rate")?;
        let burst_size = r.get("burst_size")?;
        let band = match kind {
            DROP => {
                r.skip(4)?;
                MeterBand::Drop { rate, burst_size }
            }
            DSCP_REMARK => {
                let prec_level = r.get("prec_level")?;
                r.skip(3)?;
                MeterBand::DscpRemark { rate, burst_size, prec_level }
            }
            EXPERIMENTER => MeterBand::Experimenter { rate, burst_size, experimenter: r.get("experimenter")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, MeterModFailed::BAD_BAND)),
        };
        if r.is_empty() { Ok(band) } else { Err(r.fail("len", DecodeErrorKind::BadLength)) }
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            MeterBand::Drop { rate, burst_size } => w.element(DROP, |w| {
                w.put(*rate);
                w.put(*burst_size);
                w.pad(4);
            }),
            MeterBand::DscpRemark { rate, burst_size, prec_level } => w.element(DSCP_REMARK, |w| {
                w.put(*rate);
                w.put(*burst_size);
                w.put(*prec_level);
                w.pad(3);
            }),
            MeterBand::Experimenter { rate, burst_size, experimenter, data } => w.element(EXPERIMENTER, |w| {
                w.put(*rate);
                w.put(*burst_size);
                w.put(*experimenter);
                w.put_slice(data);
            }),
        }
    }
}

impl MeterStats {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<MeterStats, DecodeError> {
        let length = usize::from(r.peek_u16(4, "len")?);
        let mut r = r.structure(length, 40, "len", "ofp_meter_stats")?;
        let meter_id = r.get("meter_id")?;
        r.skip(8)?;
        Ok(MeterStats {
            meter_id,
            flow_count: r.get("flow_count")?,
            packet_in_count: r.get("packet_in_count")?,
            byte_in_count: r.get("byte_in_count")?,
            duration_sec: r.get("duration_sec")?,
            duration_nsec: r.get("duration_nsec")?,
            band_stats: r.values("band_stats")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.put(self.meter_id);
        let length = w.at();
        w.pad(8);
        w.put(self.flow_count);
        w.put(self.packet_in_count);
        w.put(self.byte_in_count);
        w.put(self.duration_sec);
        w.put(self.duration_nsec);
        w.put_all(&self.band_stats);
        w.fill_length(start, length);
    }
}

impl MeterConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<MeterConfig, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 8, "length", "ofp_meter_config")?;
        r.skip(2)?;
        Ok(MeterConfig { flags: r.get("flags")?, meter_id: r.get("meter_id")?, bands: r.list(MeterBand::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.flags);
        w.put(self.meter_id);
        for band in &self.bands {
            band.write(w);
        }
        w.fill_length(start, start);
    }
}
