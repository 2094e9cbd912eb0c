//! Asks what must hold of `lexer`.
#![no_main]

targets::target!("lexer");
