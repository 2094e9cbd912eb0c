//! Asks what must hold of `ndp`.
#![no_main]

targets::target!("ndp");
