//! Broadcast and multicast over the emulated networks: whoever may get a copy gets one, nobody else does, and switches carry them along
//! trees.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

mod bounds;
mod casts;
mod changes;
mod graphs;
mod receivers;
