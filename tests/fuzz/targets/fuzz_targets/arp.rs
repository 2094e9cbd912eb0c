//! Asks what must hold of `arp`.
#![no_main]

targets::target!("arp");
