//! OpenFlow 1.0 and 1.3: bytes to messages and back, without I/O. Each version mirrors its specification (1.0.1 and 1.3.5) in a
//! module of its own; they share the cursor, the header and HELLO. Knows nothing of policy.
//!
//! A connection cuts its input with [`split_frame`], reads the first frame with [`Hello::decode`], agrees with [`negotiate`],
//! and hands every further frame to [`v10::Message::decode`] or [`v13::Message::decode`]. Decoding never panics, never loops
//! and takes memory in proportion to the frame; packets and echo payloads are slices of it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod cursor;
mod error;
mod exact;
mod frame;
mod glance;
mod hello;
pub mod v10;
pub mod v13;
#[cfg(test)]
mod work;

pub use cursor::Text;
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use exact::{ExactEntry, Release};
pub use frame::{HEADER_LENGTH, Header, split_frame};
pub use glance::Glance;
pub use hello::{Hello, OFPT_HELLO, negotiate};
