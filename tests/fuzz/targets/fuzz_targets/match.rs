//! Asks what must hold of `match`.
#![no_main]

targets::target!("match");
