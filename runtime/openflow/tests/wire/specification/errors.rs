//! The error types of both versions and all of their codes: 1.0.1 §5.4.4, 1.3.5 §7.4.4.

use super::{frame, read};
use crate::Message;

type Types = &'static [(u16, &'static str, &'static str)];

/// The codes of a type, from 0 on.
const V10: Types = &[
    (0, "HELLO_FAILED", "INCOMPATIBLE EPERM"),
    (1, "BAD_REQUEST", "BAD_VERSION BAD_TYPE BAD_STAT BAD_VENDOR BAD_SUBTYPE EPERM BAD_LEN BUFFER_EMPTY BUFFER_UNKNOWN"),
    (2, "BAD_ACTION", "BAD_TYPE BAD_LEN BAD_VENDOR BAD_VENDOR_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY BAD_QUEUE"),
    (3, "FLOW_MOD_FAILED", "ALL_TABLES_FULL OVERLAP EPERM BAD_EMERG_TIMEOUT BAD_COMMAND UNSUPPORTED"),
    (4, "PORT_MOD_FAILED", "BAD_PORT BAD_HW_ADDR"),
    (5, "QUEUE_OP_FAILED", "BAD_PORT BAD_QUEUE EPERM"),
];

const V13: Types = &[
    (0, "HELLO_FAILED", "INCOMPATIBLE EPERM"),
    (
        1,
        "BAD_REQUEST",
        "BAD_VERSION BAD_TYPE BAD_MULTIPART BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY BUFFER_UNKNOWN BAD_TABLE_ID \
         IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW",
    ),
    (
        2,
        "BAD_ACTION",
        "BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY BAD_QUEUE BAD_OUT_GROUP \
         MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN BAD_SET_ARGUMENT",
    ),
    (
        3,
        "BAD_INSTRUCTION",
        "UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER BAD_EXP_TYPE BAD_LEN EPERM",
    ),
    (
        4,
        "BAD_MATCH",
        "BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD BAD_VALUE BAD_MASK BAD_PREREQ \
         DUP_FIELD EPERM",
    ),
    (5, "FLOW_MOD_FAILED", "UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS"),
    (
        6,
        "GROUP_MOD_FAILED",
        "GROUP_EXISTS INVALID_GROUP WEIGHT_UNSUPPORTED OUT_OF_GROUPS OUT_OF_BUCKETS CHAINING_UNSUPPORTED WATCH_UNSUPPORTED LOOP \
         UNKNOWN_GROUP CHAINED_GROUP BAD_TYPE BAD_COMMAND BAD_BUCKET BAD_WATCH EPERM",
    ),
    (7, "PORT_MOD_FAILED", "BAD_PORT BAD_HW_ADDR BAD_CONFIG BAD_ADVERTISE EPERM"),
    (8, "TABLE_MOD_FAILED", "BAD_TABLE BAD_CONFIG EPERM"),
    (9, "QUEUE_OP_FAILED", "BAD_PORT BAD_QUEUE EPERM"),
    (10, "SWITCH_CONFIG_FAILED", "BAD_FLAGS BAD_LEN EPERM"),
    (11, "ROLE_REQUEST_FAILED", "STALE UNSUP BAD_ROLE"),
    (
        12,
        "METER_MOD_FAILED",
        "UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE BAD_BURST BAD_BAND BAD_BAND_VALUE \
         OUT_OF_METERS OUT_OF_BANDS",
    ),
    (13, "TABLE_FEATURES_FAILED", "BAD_TABLE BAD_METADATA BAD_TYPE BAD_LEN BAD_ARGUMENT EPERM"),
];

/// How an error of this type and code is shown, with these bytes behind it.
fn shown(version: u8, kind: u16, code: u16, data: &[u8]) -> String {
    let body = [&kind.to_be_bytes()[..], &code.to_be_bytes(), data].concat();
    match read(&frame(version, 1, &body)) {
        Message::V10(openflow::v10::Message::Error(error)) => error.to_string(),
        Message::V13(openflow::v13::Message::Error(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_error_has_its_name() {
    for (version, types) in [(1, V10), (4, V13)] {
        for (at, (kind, name, codes)) in types.iter().enumerate() {
            assert_eq!(usize::from(*kind), at);
            let mut past = 0;
            for (code, code_name) in (0..).zip(codes.split_whitespace()) {
                assert_eq!(shown(version, *kind, code, &[0; 64]), format!("{name}/{code_name}"));
                past = code + 1;
            }
            assert_eq!(shown(version, *kind, past, &[]), format!("{name}/{past}"), "the list ends there");
        }
        let past = u16::try_from(types.len()).unwrap();
        assert_eq!(shown(version, past, 0, &[]), format!("{past}/0"), "the list of types ends there");
    }
}

#[test]
fn errors_of_vendors_say_whose_they_are() {
    assert_eq!(shown(4, 0xffff, 5, &[0, 0, 0x23, 0x20, 1, 2]), "EXPERIMENTER/0x2320/5");
    assert_eq!(shown(4, 0xffff, 5, &[0, 0]), "EXPERIMENTER/5", "the experimenter is cut off");
    // Open vSwitch tells OFPBRC_BAD_TABLE_ID in 1.0 as Nicira's error 1/513.
    assert_eq!(shown(1, 0xb0c2, 0, &[0, 0, 0x23, 0x20, 0, 1, 2, 1, 1, 14]), "VENDOR/0x2320/1/513");
    assert_eq!(shown(1, 0xb0c2, 0, &[0, 0, 0x23]), "VENDOR/0");
    assert_eq!(shown(1, 0xb0c2, 1, &[0; 8]), "VENDOR/1");
}
