//! Instructions of OpenFlow 1.3.5 §7.2.4.

use bytes::Bytes;

use super::BadInstruction;
use super::action::{Action, read_actions, write_actions};
use crate::cursor::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

const GOTO_TABLE: u16 = 1;
const WRITE_METADATA: u16 = 2;
const WRITE_ACTIONS: u16 = 3;
const APPLY_ACTIONS: u16 = 4;
const CLEAR_ACTIONS: u16 = 5;
const METER: u16 = 6;
const EXPERIMENTER: u16 = 0xffff;

/// What an entry does with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Go on at a later table.
    GotoTable(u8),
    /// Change the metadata between tables.
    WriteMetadata {
        /// The bits to set.
        metadata: u64,
        /// Which bits to change.
        metadata_mask: u64,
    },
    /// Add to the actions that are done at the end.
    WriteActions(Vec<Action>),
    /// Do these at once.
    ApplyActions(Vec<Action>),
    /// Forget the actions that are to be done at the end.
    ClearActions,
    /// Pass it through a meter.
    Meter(u32),
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// Its bytes.
        data: Bytes,
    },
}

/// Reads the instructions that fill the structure.
pub(super) fn read_instructions(r: Reader<'_>) -> Result<Vec<Instruction>, DecodeError> {
    r.answering(BadInstruction::BAD_LEN).list(Instruction::read)
}

/// Writes instructions one after the other.
pub(super) fn write_instructions(instructions: &[Instruction], w: &mut Writer<'_>) {
    for instruction in instructions {
        instruction.write(w);
    }
}

/// Writes one instruction to do these actions at once.
pub(super) fn write_apply_actions(actions: &[Action], w: &mut Writer<'_>) {
    w.element(APPLY_ACTIONS, |w| {
        w.pad(4);
        write_actions(actions, w);
    });
}

impl Instruction {
    fn read(r: &mut Reader<'_>) -> Result<Instruction, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        if length < 8 || length % 8 != 0 {
            return Err(r.fail("len", DecodeErrorKind::BadLength));
        }
        let mut r = r.child(length, "len", "ofp_instruction")?;
        r.skip(4)?;
        let instruction = match kind {
            GOTO_TABLE => {
                let table = r.get("table_id")?;
                r.skip(3)?;
                Instruction::GotoTable(table)
            }
            WRITE_METADATA => {
                r.skip(4)?;
                Instruction::WriteMetadata { metadata: r.get("metadata")?, metadata_mask: r.get("metadata_mask")? }
            }
            WRITE_ACTIONS | APPLY_ACTIONS => {
                r.skip(4)?;
                let actions = read_actions(r.child(r.remaining(), "len", "ofp_instruction_actions")?)?;
                if kind == WRITE_ACTIONS { Instruction::WriteActions(actions) } else { Instruction::ApplyActions(actions) }
            }
            CLEAR_ACTIONS => {
                r.skip(4)?;
                Instruction::ClearActions
            }
            METER => Instruction::Meter(r.get("meter_id")?),
            EXPERIMENTER => Instruction::Experimenter { experimenter: r.get("experimenter")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadInstruction::UNKNOWN_INST)),
        };
        if r.is_empty() { Ok(instruction) } else { Err(r.fail("len", DecodeErrorKind::BadLength)) }
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Instruction::GotoTable(table) => w.element(GOTO_TABLE, |w| w.put(*table)),
            Instruction::WriteMetadata { metadata, metadata_mask } => w.element(WRITE_METADATA, |w| {
                w.pad(4);
                w.put(*metadata);
                w.put(*metadata_mask);
            }),
            Instruction::WriteActions(actions) => w.element(WRITE_ACTIONS, |w| {
                w.pad(4);
                write_actions(actions, w);
            }),
            Instruction::ApplyActions(actions) => write_apply_actions(actions, w),
            Instruction::ClearActions => w.element(CLEAR_ACTIONS, |w| w.pad(4)),
            Instruction::Meter(meter) => w.element(METER, |w| w.put(*meter)),
            Instruction::Experimenter { experimenter, data } => w.element(EXPERIMENTER, |w| {
                w.put(*experimenter);
                w.put_slice(data);
            }),
        }
    }
}
