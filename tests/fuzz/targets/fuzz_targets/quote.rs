//! Asks what must hold of `quote`.
#![no_main]

targets::target!("quote");
