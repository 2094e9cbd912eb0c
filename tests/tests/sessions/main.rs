//! Bad switches, byte by byte: what the runtime answers, that it ends what must end, and that a good switch beside them is served.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

mod abilities;
mod corpus;
mod desk;
mod full;
mod handshake;
mod held;
mod identity;
mod races;
mod role;
mod steady;
mod storm;
