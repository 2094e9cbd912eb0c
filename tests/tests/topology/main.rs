//! Cables that are not what they should be, and networks that break: what discovery makes of them, and what hosts notice.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

mod failures;
mod instances;
mod plans;
mod probes;
mod wiring;
