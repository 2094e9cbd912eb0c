//! Asks what must hold of `openflow13`.
#![no_main]

targets::target!("openflow13");
