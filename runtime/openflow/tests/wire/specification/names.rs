//! Named numbers and bits of both versions. A list that is counted from 0 on ends where the specification's ends.

use openflow::{v10, v13};

/// That each number has the name that stands at its place, and that the number behind them has none.
macro_rules! counted {
    ($($kind:path: $names:literal;)*) => {$({
        let mut past = 0;
        for (number, name) in (0..).zip($names.split_whitespace()) {
            assert_eq!($kind(number).name(), Some(name), "{} {number}", stringify!($kind));
            past = number + 1;
        }
        assert_eq!($kind(past).name(), None, "{} {past}", stringify!($kind));
    })*};
}

#[test]
fn every_enumeration_is_whole() {
    counted! {
        v10::FlowModCommand: "ADD MODIFY MODIFY_STRICT DELETE DELETE_STRICT";
        v10::FlowRemovedReason: "IDLE_TIMEOUT HARD_TIMEOUT DELETE";
        v10::PacketInReason: "NO_MATCH ACTION";
        v10::PortReason: "ADD DELETE MODIFY";
        v10::ConfigFlags: "FRAG_NORMAL FRAG_DROP FRAG_REASM FRAG_MASK";
        v13::FlowModCommand: "ADD MODIFY MODIFY_STRICT DELETE DELETE_STRICT";
        v13::FlowRemovedReason: "IDLE_TIMEOUT HARD_TIMEOUT DELETE GROUP_DELETE";
        v13::PacketInReason: "NO_MATCH ACTION INVALID_TTL";
        v13::PortReason: "ADD DELETE MODIFY";
        v13::ConfigFlags: "FRAG_NORMAL FRAG_DROP FRAG_REASM FRAG_MASK";
        v13::GroupModCommand: "ADD MODIFY DELETE";
        v13::GroupType: "ALL SELECT INDIRECT FF";
        v13::MeterModCommand: "ADD MODIFY DELETE";
        v13::Role: "NOCHANGE EQUAL MASTER SLAVE";
        v13::MultipartType: "DESC FLOW AGGREGATE TABLE PORT_STATS QUEUE GROUP GROUP_DESC GROUP_FEATURES METER METER_CONFIG \
                             METER_FEATURES TABLE_FEATURES PORT_DESC";
    }
    assert_eq!(v13::MultipartType(0xffff).name(), Some("EXPERIMENTER"));
    for (number, name) in [
        (8, "MATCH"),
        (9, ""),
        (10, "WILDCARDS"),
        (11, ""),
        (12, "WRITE_SETFIELD"),
        (13, "WRITE_SETFIELD_MISS"),
        (14, "APPLY_SETFIELD"),
        (15, "APPLY_SETFIELD_MISS"),
        (16, ""),
        (0xfffe, "EXPERIMENTER"),
        (0xffff, "EXPERIMENTER_MISS"),
    ] {
        assert_eq!(v13::TableFeaturePropType(number).name().unwrap_or(""), name, "{number}");
    }
}

#[test]
fn every_reserved_port_has_its_number() {
    for (number, name) in [
        (0xff00, "MAX"),
        (0xfff8, "IN_PORT"),
        (0xfff9, "TABLE"),
        (0xfffa, "NORMAL"),
        (0xfffb, "FLOOD"),
        (0xfffc, "ALL"),
        (0xfffd, "CONTROLLER"),
        (0xfffe, "LOCAL"),
    ] {
        assert_eq!(v10::PortNo(number).name(), Some(name));
        assert_eq!(v13::PortNo(0xffff_0000 | u32::from(number)).name(), Some(name));
    }
    assert_eq!((v10::PortNo(0xffff).name(), v13::PortNo(0xffff_ffff).name()), (Some("NONE"), Some("ANY")));
}

#[test]
fn every_special_number_is_the_specification_s() {
    assert_eq!((v13::OFPG_MAX, v13::OFPG_ALL, v13::OFPG_ANY), (0xffff_ff00, 0xffff_fffc, 0xffff_ffff));
    assert_eq!((v13::OFPM_MAX, v13::OFPM_SLOWPATH), (0xffff_0000, 0xffff_fffd));
    assert_eq!((v13::OFPM_CONTROLLER, v13::OFPM_ALL), (0xffff_fffe, 0xffff_ffff));
    assert_eq!((v13::OFPTT_MAX, v13::OFPTT_ALL, v10::ALL_TABLES), (0xfe, 0xff, 0xff));
    assert_eq!((v13::OFPQ_ALL, v10::OFPQ_ALL), (0xffff_ffff, 0xffff_ffff));
    assert_eq!((v13::OFPCML_MAX, v13::OFPCML_NO_BUFFER), (0xffe5, 0xffff));
    assert_eq!((v13::OFP_NO_BUFFER, v10::OFP_NO_BUFFER), (0xffff_ffff, 0xffff_ffff));
    assert_eq!((v13::OFPVID_PRESENT, v13::OFPVID_NONE, v10::OFP_VLAN_NONE), (0x1000, 0, 0xffff));
    assert_eq!(v13::OFPXMC_OPENFLOW_BASIC, 0x8000);
}

/// That the bits are these, from the lowest on; a dot is a bit without a name.
macro_rules! bits {
    ($($kind:ident [$($name:tt)*])*) => {$({
        let mut bit = 1;
        bits!(@ $kind, bit, $($name)*);
        let _ = bit;
    })*};
    (@ $kind:ident, $bit:ident, ) => {};
    (@ $kind:ident, $bit:ident, . $($rest:tt)*) => { $bit <<= 1; bits!(@ $kind, $bit, $($rest)*); };
    (@ $kind:ident, $bit:ident, $name:ident $($rest:tt)*) => {
        assert_eq!($kind::$name.0, $bit, "{}", stringify!($name));
        $bit <<= 1;
        bits!(@ $kind, $bit, $($rest)*);
    };
}

#[test]
fn every_bit_of_1_0_has_its_place() {
    use v10::{Capabilities, FlowModFlags, PortConfig, PortFeatures, PortState, StatsFlags, Wildcards};
    bits! {
        PortConfig [PORT_DOWN NO_STP NO_RECV NO_RECV_STP NO_FLOOD NO_FWD NO_PACKET_IN]
        PortState [LINK_DOWN . . . . . . . STP_LEARN STP_FORWARD]
        PortFeatures [TEN_MB_HD TEN_MB_FD HUNDRED_MB_HD HUNDRED_MB_FD ONE_GB_HD ONE_GB_FD TEN_GB_FD COPPER FIBER AUTONEG PAUSE
            PAUSE_ASYM]
        Capabilities [FLOW_STATS TABLE_STATS PORT_STATS STP . IP_REASM QUEUE_STATS ARP_MATCH_IP]
        FlowModFlags [SEND_FLOW_REM CHECK_OVERLAP EMERG]
        StatsFlags [REPLY_MORE]
        Wildcards [IN_PORT DL_VLAN DL_SRC DL_DST DL_TYPE NW_PROTO TP_SRC TP_DST . . . . . NW_SRC_ALL . . . . . NW_DST_ALL
            DL_VLAN_PCP NW_TOS]
    }
    assert_eq!((PortState::STP_LISTEN.0, PortState::STP_BLOCK.0, PortState::STP_MASK.0), (0, 0x300, 0x300));
    assert_eq!(Wildcards::ALL.0, 0x3f_ffff);
}

#[test]
fn every_bit_of_1_3_has_its_place() {
    use v13::{Capabilities, FlowModFlags, GroupCapabilities, MeterFlags, MultipartFlags, PortConfig, PortFeatures, PortState};
    bits! {
        PortConfig [PORT_DOWN . NO_RECV . . NO_FWD NO_PACKET_IN]
        PortState [LINK_DOWN BLOCKED LIVE]
        PortFeatures [TEN_MB_HD TEN_MB_FD HUNDRED_MB_HD HUNDRED_MB_FD ONE_GB_HD ONE_GB_FD TEN_GB_FD FORTY_GB_FD HUNDRED_GB_FD
            ONE_TB_FD OTHER COPPER FIBER AUTONEG PAUSE PAUSE_ASYM]
        Capabilities [FLOW_STATS TABLE_STATS PORT_STATS GROUP_STATS . IP_REASM QUEUE_STATS . PORT_BLOCKED]
        FlowModFlags [SEND_FLOW_REM CHECK_OVERLAP RESET_COUNTS NO_PKT_COUNTS NO_BYT_COUNTS]
        GroupCapabilities [SELECT_WEIGHT SELECT_LIVENESS CHAINING CHAINING_CHECKS]
        MeterFlags [KBPS PKTPS BURST STATS]
        MultipartFlags [MORE]
    }
}
