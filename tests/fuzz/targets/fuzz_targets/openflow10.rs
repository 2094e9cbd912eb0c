//! Asks what must hold of `openflow10`.
#![no_main]

targets::target!("openflow10");
