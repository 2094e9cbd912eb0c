//! Asks what must hold of `packet`.
#![no_main]

targets::target!("packet");
