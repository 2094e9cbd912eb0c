//! Table features of OpenFlow 1.3.5 §7.3.5.12: what each table of a pipeline can match and do.

use bytes::Bytes;

use super::TableFeaturesFailed;
use crate::cursor::{Reader, Text, Writer, codes};
use crate::error::{DecodeError, DecodeErrorKind};

codes! {
    /// `ofp_table_feature_prop_type`. Those with `MISS` speak of the entry without a match and of priority 0.
    TableFeaturePropType(u16) "OFPTFPT_" {
        INSTRUCTIONS = 0, INSTRUCTIONS_MISS = 1, NEXT_TABLES = 2, NEXT_TABLES_MISS = 3, WRITE_ACTIONS = 4, WRITE_ACTIONS_MISS = 5,
        APPLY_ACTIONS = 6, APPLY_ACTIONS_MISS = 7, MATCH = 8, WILDCARDS = 10, WRITE_SETFIELD = 12, WRITE_SETFIELD_MISS = 13,
        APPLY_SETFIELD = 14, APPLY_SETFIELD_MISS = 15, EXPERIMENTER = 0xfffe, EXPERIMENTER_MISS = 0xffff,
    }
}

/// `ofp_table_features`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFeatures {
    /// The table.
    pub table_id: u8,
    /// Its name.
    pub name: Text<32>,
    /// Bits of the metadata that it can match.
    pub metadata_match: u64,
    /// Bits of the metadata that it can write.
    pub metadata_write: u64,
    /// Deprecated bits.
    pub config: u32,
    /// How many entries at most.
    pub max_entries: u32,
    /// What it can do.
    pub properties: Vec<TableFeatureProp>,
}

/// `ofp_table_feature_prop_header` and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFeatureProp {
    /// What it speaks of.
    pub kind: TableFeaturePropType,
    /// What can be done.
    pub body: TableFeatureBody,
}

/// The list in a property, by the property's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableFeatureBody {
    /// Types of instructions or of actions.
    Elements(Vec<ElementId>),
    /// Tables that one can go to.
    NextTables(Vec<u8>),
    /// Headers of OXM fields: class, number with mask bit, length; an experimenter's is followed by its number.
    Oxms(Vec<u32>),
    /// An experimenter's own, its number first.
    Experimenter(Bytes),
}

/// `ofp_instruction_id` and `ofp_action_id`: an instruction or action without its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementId {
    /// The type.
    pub kind: u16,
    /// The experimenter's bytes, or the padding that some switches send.
    pub rest: Bytes,
}

impl TableFeatures {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<TableFeatures, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 64, "length", "ofp_table_features")?.answering(TableFeaturesFailed::BAD_LEN);
        r.skip(2)?;
        let table_id = r.get("table_id")?;
        r.skip(5)?;
        Ok(TableFeatures {
            table_id,
            name: r.get("name")?,
            metadata_match: r.get("metadata_match")?,
            metadata_write: r.get("metadata_write")?,
            config: r.get("config")?,
            max_entries: r.get("max_entries")?,
            properties: r.list(TableFeatureProp::read)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.table_id);
        w.pad(5);
        w.put(self.name);
        w.put(self.metadata_match);
        w.put(self.metadata_write);
        w.put(self.config);
        w.put(self.max_entries);
        for property in &self.properties {
            property.write(w);
        }
        w.fill_length(start, start);
    }
}

impl TableFeatureProp {
    fn read(r: &mut Reader<'_>) -> Result<TableFeatureProp, DecodeError> {
        let kind = TableFeaturePropType(r.peek_u16(0, "type")?);
        let length = usize::from(r.peek_u16(2, "length")?);
        let mut list = r.structure(length, 4, "length", "ofp_table_feature_prop_header")?;
        list.skip(4)?;
        let body = match kind {
            TableFeaturePropType::INSTRUCTIONS
            | TableFeaturePropType::INSTRUCTIONS_MISS
            | TableFeaturePropType::WRITE_ACTIONS
            | TableFeaturePropType::WRITE_ACTIONS_MISS
            | TableFeaturePropType::APPLY_ACTIONS
            | TableFeaturePropType::APPLY_ACTIONS_MISS => TableFeatureBody::Elements(list.list(ElementId::read)?),
            TableFeaturePropType::NEXT_TABLES | TableFeaturePropType::NEXT_TABLES_MISS => {
                TableFeatureBody::NextTables(list.rest().to_vec())
            }
            TableFeaturePropType::MATCH
            | TableFeaturePropType::WILDCARDS
            | TableFeaturePropType::WRITE_SETFIELD
            | TableFeaturePropType::WRITE_SETFIELD_MISS
            | TableFeaturePropType::APPLY_SETFIELD
            | TableFeaturePropType::APPLY_SETFIELD_MISS => TableFeatureBody::Oxms(list.values("oxm_ids")?),
            TableFeaturePropType::EXPERIMENTER | TableFeaturePropType::EXPERIMENTER_MISS => {
                TableFeatureBody::Experimenter(list.rest())
            }
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, TableFeaturesFailed::BAD_TYPE)),
        };
        r.skip(length.next_multiple_of(8).saturating_sub(length))?;
        Ok(TableFeatureProp { kind, body })
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.property(self.kind.0, |w| match &self.body {
            TableFeatureBody::Elements(elements) => {
                for element in elements {
                    element.write(w);
                }
            }
            TableFeatureBody::NextTables(tables) => w.put_slice(tables),
            TableFeatureBody::Oxms(oxms) => w.put_all(oxms),
            TableFeatureBody::Experimenter(data) => w.put_slice(data),
        });
    }
}

impl ElementId {
    /// A type of the specification's own.
    #[must_use]
    pub fn standard(kind: u16) -> ElementId {
        ElementId { kind, rest: Bytes::new() }
    }

    fn read(r: &mut Reader<'_>) -> Result<ElementId, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        let mut r = r.structure(length, 4, "len", "ofp_action_id")?;
        r.skip(4)?;
        Ok(ElementId { kind, rest: r.rest() })
    }

    fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.put(self.kind);
        let length = w.at();
        w.put(0_u16);
        w.put_slice(&self.rest);
        w.fill_length(start, length);
    }
}
