//! Asks what must hold of `parser`.
#![no_main]

targets::target!("parser");
