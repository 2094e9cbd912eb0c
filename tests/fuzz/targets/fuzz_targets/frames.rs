//! Asks what must hold of `frames`.
#![no_main]

targets::target!("frames");
