//! Asks what must hold of `check`.
#![no_main]

targets::target!("check");
