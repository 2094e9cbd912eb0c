//! Ordered lists of rules of others, written as policies: the compiled program decides every header as the list does, by the same
//! rule, and what is said of rules that decide nothing is so. Lists of the corpus, where it is given; made ones, where it is not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read has failed the test")]

mod classbench;
mod exact;
mod proofs;
mod rules;
mod stanford;
