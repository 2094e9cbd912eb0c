//! Asks what must hold of `stream`.
#![no_main]

targets::target!("stream");
