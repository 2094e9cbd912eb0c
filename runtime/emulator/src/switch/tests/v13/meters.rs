//! Meters as a controller of OpenFlow 1.3 makes them, and what passes them.

use net::{PortNo, Time};
use openflow::v13::{
    FlowMod, FlowModFlags, FlowRemovedReason, Instruction, Match, Message, MeterBand, MeterBandStats, MeterFeatures, MeterFlags,
    MeterMod, MeterModCommand, MultipartReplyBody, MultipartRequest, MultipartRequestBody, OFPM_ALL,
};

use super::{add, apply, error, install, out, send, switch, to};
use crate::switch::tests::{SECOND, frame, frame_to, greeted, ports, small};
use crate::switch::{Switch, SwitchConfig};

fn drop_above(rate: u32, burst_size: u32) -> MeterBand {
    MeterBand::Drop { rate, burst_size }
}

fn meter(command: MeterModCommand, flags: MeterFlags, meter_id: u32, bands: &[MeterBand]) -> Message {
    Message::MeterMod(MeterMod { command, flags, meter_id, bands: bands.to_vec() })
}

fn made(flags: MeterFlags, bands: &[MeterBand]) -> Switch {
    let mut switch = switch();
    assert_eq!(send(&mut switch, &meter(MeterModCommand::ADD, flags, 1, bands), 0), []);
    install(&mut switch, metered(80, 1));
    switch
}

fn metered(port: u16, meter: u32) -> FlowMod {
    let mut instructions = apply(&[out(2)]);
    instructions.push(Instruction::Meter(meter));
    add(0, to(port), 5, instructions)
}

/// How many of `count` frames that come at once pass.
fn passed(switch: &mut Switch, count: usize, at: u64) -> usize {
    (0..count).map(|_| ports(&switch.from_port(PortNo(1), frame(1, 2), Time(at))).len()).sum()
}

fn ask(switch: &mut Switch, body: MultipartRequestBody, at: u64) -> Vec<Message> {
    send(switch, &Message::MultipartRequest(MultipartRequest::new(body)), at)
}

fn answer(messages: &[Message]) -> MultipartReplyBody {
    match messages {
        [Message::MultipartReply(reply)] => reply.body.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn packets_beyond_the_rate_are_dropped() {
    let mut switch = made(MeterFlags::PKTPS | MeterFlags::BURST, &[drop_above(10, 4)]);
    assert_eq!(passed(&mut switch, 9, 0), 4);
    assert_eq!(passed(&mut switch, 9, SECOND / 10 - 1), 0);
    assert_eq!(passed(&mut switch, 9, SECOND / 10), 1);
    assert_eq!(passed(&mut switch, 9, SECOND / 2), 4);
    // The bucket holds a burst, however long nothing comes.
    assert_eq!(passed(&mut switch, 9, 1000 * SECOND), 4);
    // The entry counts what the meter drops; other entries are not metered.
    assert_eq!(switch.flows().next().unwrap().packets, 45);
    install(&mut switch, add(0, to(81), 5, apply(&[out(3)])));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame_to(1, 2, 81), Time(1000 * SECOND))), [3]);
}

#[test]
fn kilobits_count_bytes_and_a_second_is_the_burst_where_none_is_given() {
    let bits = frame(1, 2).len() * 8;
    // 10 kbit/s, and 10 kbit at once.
    let mut switch = made(MeterFlags::KBPS, &[drop_above(10, 0)]);
    assert_eq!(passed(&mut switch, 100, 0), 10_000 / bits);
    let mut total = 10_000 / bits;
    for hundredth in 1..=1000 {
        total += passed(&mut switch, 5, hundredth * SECOND / 100);
    }
    assert_eq!(total, 11 * 10_000 / bits);
}

#[test]
fn the_band_with_the_highest_exceeded_rate_counts() {
    let mut switch = made(MeterFlags::PKTPS | MeterFlags::BURST | MeterFlags::STATS, &[drop_above(1, 2), drop_above(5, 4)]);
    assert_eq!(passed(&mut switch, 10, 0), 2);
    let MultipartReplyBody::Meter(meters) = answer(&ask(&mut switch, MultipartRequestBody::Meter(OFPM_ALL), 3 * SECOND)) else {
        panic!("meters")
    };
    let [told] = meters.as_slice() else { panic!("{meters:?}") };
    let length = frame(1, 2).len() as u64;
    assert_eq!((told.flow_count, told.packet_in_count, told.byte_in_count, told.duration_sec), (1, 10, 10 * length, 3));
    let band = |packets: u64| MeterBandStats { packet_band_count: packets, byte_band_count: packets * length };
    // The second band's bucket is empty after four packets, of which the first band dropped two.
    assert_eq!(told.band_stats, [band(2), band(6)]);
}

#[test]
fn what_is_no_meter_is_refused() {
    let mut switch = made(MeterFlags::KBPS, &[drop_above(1, 0)]);
    type Do = MeterModCommand;
    let remark = MeterBand::DscpRemark { rate: 1, burst_size: 0, prec_level: 1 };
    for (message, wanted) in [
        (meter(Do::ADD, MeterFlags::KBPS, 1, &[]), "METER_MOD_FAILED/METER_EXISTS"),
        (meter(Do::MODIFY, MeterFlags::KBPS, 2, &[]), "METER_MOD_FAILED/UNKNOWN_METER"),
        (meter(Do::ADD, MeterFlags::KBPS, 0, &[]), "METER_MOD_FAILED/INVALID_METER"),
        (meter(Do::ADD, MeterFlags::KBPS, 0xffff_0001, &[]), "METER_MOD_FAILED/INVALID_METER"),
        (meter(Do::ADD, MeterFlags::KBPS | MeterFlags::PKTPS, 2, &[]), "METER_MOD_FAILED/BAD_FLAGS"),
        (meter(Do::ADD, MeterFlags(0x10), 2, &[]), "METER_MOD_FAILED/BAD_FLAGS"),
        (meter(Do::ADD, MeterFlags::KBPS, 2, &[remark]), "METER_MOD_FAILED/BAD_BAND"),
        (meter(Do::ADD, MeterFlags::KBPS, 2, &[drop_above(0, 0)]), "METER_MOD_FAILED/BAD_RATE"),
        (meter(Do::ADD, MeterFlags::KBPS, 2, &vec![drop_above(1, 0); 9]), "METER_MOD_FAILED/OUT_OF_BANDS"),
        (meter(MeterModCommand(3), MeterFlags::KBPS, 2, &[]), "METER_MOD_FAILED/BAD_COMMAND"),
        (Message::FlowMod(metered(81, 2)), "METER_MOD_FAILED/INVALID_METER"),
    ] {
        assert_eq!(error(&send(&mut switch, &message, 0)), wanted, "{message:?}");
    }
    assert_eq!(error(&ask(&mut switch, MultipartRequestBody::Meter(2), 0)), "METER_MOD_FAILED/UNKNOWN_METER");
    assert_eq!(send(&mut switch, &meter(Do::DELETE, MeterFlags::NONE, 2, &[]), 0), []);
    let mut one = greeted(SwitchConfig { meters: 1, ..small() }, &[4]);
    assert_eq!(send(&mut one, &meter(Do::ADD, MeterFlags::KBPS, 5, &[]), 0), []);
    let second = send(&mut one, &meter(Do::ADD, MeterFlags::KBPS, 6, &[]), 0);
    assert_eq!(error(&second), "METER_MOD_FAILED/OUT_OF_METERS");
    let mut none = greeted(SwitchConfig { meters: 0, ..small() }, &[4]);
    assert_eq!(error(&send(&mut none, &Message::FlowMod(metered(80, 1)), 0)), "BAD_INSTRUCTION/UNSUP_INST");
    let nothing = MeterFeatures { max_meter: 0, band_types: 0, capabilities: 0, max_bands: 0, max_color: 0 };
    assert_eq!(answer(&ask(&mut none, MultipartRequestBody::MeterFeatures, 0)), MultipartReplyBody::MeterFeatures(nothing));
}

#[test]
fn meters_are_told_of_as_they_were_written() {
    let mut switch = made(MeterFlags::PKTPS | MeterFlags::BURST, &[drop_above(10, 4)]);
    let MultipartReplyBody::MeterConfig(meters) = answer(&ask(&mut switch, MultipartRequestBody::MeterConfig(1), 0)) else {
        panic!("configurations")
    };
    let [told] = meters.as_slice() else { panic!("{meters:?}") };
    assert_eq!((told.meter_id, told.flags, &told.bands), (1, MeterFlags::PKTPS | MeterFlags::BURST, &vec![drop_above(10, 4)]));
    let features = MeterFeatures { max_meter: 1024, band_types: 2, capabilities: 0xf, max_bands: 8, max_color: 0 };
    assert_eq!(answer(&ask(&mut switch, MultipartRequestBody::MeterFeatures, 0)), MultipartReplyBody::MeterFeatures(features));
}

#[test]
fn a_changed_meter_starts_anew_and_entries_go_with_a_deleted_one() {
    let mut switch = made(MeterFlags::PKTPS | MeterFlags::BURST, &[drop_above(10, 4)]);
    assert_eq!(passed(&mut switch, 9, 0), 4);
    let change = meter(MeterModCommand::MODIFY, MeterFlags::PKTPS | MeterFlags::BURST, 1, &[drop_above(10, 2)]);
    assert_eq!(send(&mut switch, &change, 0), []);
    assert_eq!(passed(&mut switch, 9, 0), 2);
    install(&mut switch, FlowMod { flags: FlowModFlags::SEND_FLOW_REM, ..FlowMod { table_id: 3, ..metered(81, 1) } });
    install(&mut switch, add(0, Match::ANY, 1, apply(&[out(4)])));
    let gone = send(&mut switch, &meter(MeterModCommand::DELETE, MeterFlags::NONE, OFPM_ALL, &[]), 0);
    let [Message::FlowRemoved(removed)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!((removed.reason, removed.table_id), (FlowRemovedReason::DELETE, 3));
    assert_eq!(switch.flows().map(|flow| flow.priority).collect::<Vec<_>>(), [1]);
}
