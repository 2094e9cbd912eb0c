//! Bad switches, byte by byte: what the runtime answers, that it ends what must end, and that a good switch beside them is served.

mod corpus;
mod desk;
mod full;
mod handshake;
mod steady;
