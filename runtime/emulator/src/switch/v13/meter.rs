//! Meters in the words of OpenFlow 1.3: meter-mods and what is told of meters. Sends nothing. Refuses what Open vSwitch refuses.

use net::Time;
use openflow::v13::{
    MeterBand, MeterBandStats, MeterConfig, MeterFeatures, MeterFlags, MeterMod, MeterModCommand, MeterModFailed, MeterStats,
    OFPM_ALL, OFPM_MAX,
};

use super::{Refusal, seconds};
use crate::switch::change::Selection;
use crate::switch::datapath::{Datapath, Event, RemovedReason};
use crate::switch::meter::{BANDS, Band, Meter, Unit};

/// Bit of `OFPMBT_DROP`.
const DROP: u32 = 1 << 1;

fn unit(flags: MeterFlags) -> Result<Unit, Refusal> {
    let known = MeterFlags::KBPS | MeterFlags::PKTPS | MeterFlags::BURST | MeterFlags::STATS;
    let both = flags.contains(MeterFlags::KBPS) && flags.contains(MeterFlags::PKTPS);
    if both || !known.contains(flags) {
        return Err(MeterModFailed::BAD_FLAGS.into());
    }
    Ok(if flags.contains(MeterFlags::PKTPS) { Unit::Packets } else { Unit::Kilobits })
}

fn band(wire: &MeterBand, bursts: bool) -> Result<Band, Refusal> {
    match wire {
        MeterBand::Drop { rate: 0, .. } => Err(MeterModFailed::BAD_RATE.into()),
        MeterBand::Drop { rate, burst_size } => Ok(Band::new(*rate, bursts.then_some(*burst_size))),
        MeterBand::DscpRemark { .. } | MeterBand::Experimenter { .. } => Err(MeterModFailed::BAD_BAND.into()),
    }
}

fn meter(wire: &MeterMod, now: Time) -> Result<Meter, Refusal> {
    if wire.meter_id == 0 || wire.meter_id > OFPM_MAX {
        return Err(MeterModFailed::INVALID_METER.into());
    }
    if wire.bands.len() > BANDS {
        return Err(MeterModFailed::OUT_OF_BANDS.into());
    }
    let unit = unit(wire.flags)?;
    let bursts = wire.flags.contains(MeterFlags::BURST);
    let bands: Result<Vec<Band>, Refusal> = wire.bands.iter().map(|wire| band(wire, bursts)).collect();
    let written = MeterConfig { flags: wire.flags, meter_id: wire.meter_id, bands: wire.bands.clone() };
    Ok(Meter { unit, bands: bands?, written, installed: now, filled: now, packets: 0, bytes: 0 })
}

/// Carries a meter-mod out. A meter that is modified starts anew: its counters and its buckets too.
pub(super) fn carry_out(wire: &MeterMod, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let known = datapath.meters.by_number.contains_key(&wire.meter_id);
    match wire.command {
        MeterModCommand::ADD if known => return Err(MeterModFailed::METER_EXISTS.into()),
        MeterModCommand::MODIFY if !known => return Err(MeterModFailed::UNKNOWN_METER.into()),
        MeterModCommand::ADD | MeterModCommand::MODIFY => {
            let meter = meter(wire, now)?;
            if !known && datapath.meters.by_number.len() >= datapath.meters.capacity as usize {
                return Err(MeterModFailed::OUT_OF_METERS.into());
            }
            datapath.meters.by_number.insert(wire.meter_id, meter);
        }
        // To delete one that is not there is no error (§6.7).
        MeterModCommand::DELETE => {
            let gone: Vec<u32> = numbers(wire.meter_id, datapath).collect();
            for number in gone {
                datapath.meters.by_number.remove(&number);
                // Entries go with their meter. The reason for that came with a later version than 1.3.
                datapath.delete_everywhere(&Selection::metered_by(number), RemovedReason::Delete, now, events);
            }
        }
        _ => return Err(MeterModFailed::BAD_COMMAND.into()),
    }
    Ok(())
}

/// The meters that are meant: one, or all.
fn numbers(wanted: u32, datapath: &Datapath) -> impl Iterator<Item = u32> {
    datapath.meters.by_number.keys().copied().filter(move |number| wanted == OFPM_ALL || *number == wanted)
}

fn chosen(wanted: u32, datapath: &Datapath) -> Result<impl Iterator<Item = &Meter>, Refusal> {
    if wanted != OFPM_ALL && !datapath.meters.by_number.contains_key(&wanted) {
        return Err(MeterModFailed::UNKNOWN_METER.into());
    }
    Ok(numbers(wanted, datapath).filter_map(|number| datapath.meters.by_number.get(&number)))
}

pub(super) fn configurations(wanted: u32, datapath: &Datapath) -> Result<Vec<MeterConfig>, Refusal> {
    Ok(chosen(wanted, datapath)?.map(|meter| meter.written.clone()).collect())
}

pub(super) fn statistics(wanted: u32, datapath: &Datapath, now: Time) -> Result<Vec<MeterStats>, Refusal> {
    Ok(chosen(wanted, datapath)?
        .map(|meter| {
            let number = meter.written.meter_id;
            let users = datapath.tables.iter().flat_map(|table| table.iter());
            let users = users.filter(|(_, entry)| entry.instructions.meter == Some(number)).count();
            let age = now.since(meter.installed);
            let told = |band: &Band| MeterBandStats { packet_band_count: band.packets, byte_band_count: band.bytes };
            MeterStats {
                meter_id: number,
                flow_count: u32::try_from(users).unwrap_or(u32::MAX),
                packet_in_count: meter.packets,
                byte_in_count: meter.bytes,
                duration_sec: seconds(age),
                duration_nsec: age.subsec_nanos(),
                band_stats: meter.bands.iter().map(told).collect(),
            }
        })
        .collect())
}

/// Bands that drop, in kilobits or packets a second, with bursts and counters. A switch without meters says nothing but zeros.
pub(super) fn features(datapath: &Datapath) -> MeterFeatures {
    let max_meter = datapath.meters.capacity;
    let on = |value: u32| if max_meter == 0 { 0 } else { value };
    let flags = MeterFlags::KBPS | MeterFlags::PKTPS | MeterFlags::BURST | MeterFlags::STATS;
    MeterFeatures {
        max_meter,
        band_types: on(DROP),
        capabilities: on(u32::from(flags.0)),
        max_bands: u8::try_from(on(BANDS as u32)).unwrap_or(u8::MAX),
        max_color: 0,
    }
}
