//! Asks what must hold of `lldp`.
#![no_main]

targets::target!("lldp");
