//! Asks what must hold of `format`.
#![no_main]

targets::target!("format");
