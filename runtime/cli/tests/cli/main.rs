//! The binary as its users meet it: what it prints, and how it ends. Policies stand in `tests/policies`, answers in `snapshots`.

mod bench;
mod check;
mod compile;
mod daemon;
mod diff;
mod explain;
mod fix;
mod fmt;
mod formats;
mod help;
mod import;
mod init;
mod limits;
mod lsp;
mod man;
mod pipe;
mod prove;
mod run;
mod same;
mod test;
mod view;
mod whatif;
mod who;
mod width;
