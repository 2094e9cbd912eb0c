//! What the tables of the switch can do, in the words of OpenFlow 1.3.5 §7.3.5.5. Every table can do the same, but for where it leads.

use openflow::Text;
use openflow::v13::{ElementId, OFPXMC_OPENFLOW_BASIC, TableFeatureBody, TableFeatureProp, TableFeaturePropType, TableFeatures};

use crate::switch::datapath::Datapath;

/// Goto-table, write-metadata, write-actions, apply-actions, clear-actions; and meter, where there are some.
const INSTRUCTIONS: &[u16] = &[1, 2, 3, 4, 5, 6];
/// Output, push and pop VLAN, set-queue, group, decrement TTL, set-field.
const ACTIONS: &[u16] = &[0, 17, 18, 21, 22, 24, 25];
/// Number and length in bytes of the fields that may be masked.
const MASKABLE: &[(u32, u32)] = &[
    (2, 8),
    (3, 6),
    (4, 6),
    (6, 2),
    (11, 4),
    (12, 4),
    (13, 2),
    (14, 2),
    (15, 2),
    (16, 2),
    (17, 2),
    (18, 2),
    (22, 4),
    (23, 4),
    (26, 16),
    (27, 16),
];
/// Number and length in bytes of the fields that must be exact.
const EXACT: &[(u32, u32)] = &[(0, 4), (5, 2), (7, 1), (8, 1), (10, 1), (19, 1), (20, 1), (21, 2), (29, 1), (30, 1)];
/// Number and length in bytes of the fields that can be set.
const SETTABLE: &[(u32, u32)] = &[
    (3, 6),
    (4, 6),
    (6, 2),
    (7, 1),
    (8, 1),
    (11, 4),
    (12, 4),
    (13, 2),
    (14, 2),
    (15, 2),
    (16, 2),
    (17, 2),
    (18, 2),
    (26, 16),
    (27, 16),
];

/// Headers of fields; with a mask the value is twice as long.
fn oxms(fields: &[(u32, u32)], masked: bool) -> impl Iterator<Item = u32> {
    let class = u32::from(OFPXMC_OPENFLOW_BASIC) << 16;
    fields.iter().map(move |(field, length)| class | field << 9 | u32::from(masked) << 8 | length << u32::from(masked))
}

fn elements(kinds: &[u16]) -> TableFeatureBody {
    TableFeatureBody::Elements(kinds.iter().copied().map(ElementId::standard).collect())
}

fn properties(table: u8, tables: u8, metered: bool) -> Vec<TableFeatureProp> {
    type Kind = TableFeaturePropType;
    let instructions = INSTRUCTIONS.split_last().filter(|_| !metered).map_or(INSTRUCTIONS, |(_, others)| others);
    let matched = TableFeatureBody::Oxms(oxms(MASKABLE, true).chain(oxms(EXACT, false)).collect());
    let wildcards = TableFeatureBody::Oxms(oxms(MASKABLE, false).chain(oxms(EXACT, false)).collect());
    let settable = TableFeatureBody::Oxms(oxms(SETTABLE, false).collect());
    [
        (Kind::INSTRUCTIONS, elements(instructions)),
        (Kind::NEXT_TABLES, TableFeatureBody::NextTables((table + 1..tables).collect())),
        (Kind::WRITE_ACTIONS, elements(ACTIONS)),
        (Kind::APPLY_ACTIONS, elements(ACTIONS)),
        (Kind::MATCH, matched),
        (Kind::WILDCARDS, wildcards),
        (Kind::WRITE_SETFIELD, settable.clone()),
        (Kind::APPLY_SETFIELD, settable),
    ]
    .into_iter()
    .map(|(kind, body)| TableFeatureProp { kind, body })
    .collect()
}

/// Every table.
pub(super) fn features(datapath: &Datapath) -> Vec<TableFeatures> {
    let tables = u8::try_from(datapath.tables.len()).unwrap_or(u8::MAX);
    (0..tables)
        .zip(&datapath.tables)
        .map(|(table_id, table)| TableFeatures {
            table_id,
            name: Text::new(&format!("table{table_id}")),
            metadata_match: u64::MAX,
            metadata_write: u64::MAX,
            config: 0,
            max_entries: u32::try_from(table.capacity()).unwrap_or(u32::MAX),
            properties: properties(table_id, tables, datapath.meters.capacity > 0),
        })
        .collect()
}
