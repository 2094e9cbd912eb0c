//! Tests of the switch through its wire.
