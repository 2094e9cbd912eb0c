//! Asks what must hold of `flow`.
#![no_main]

targets::target!("flow");
