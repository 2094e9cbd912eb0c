//! How much work proofs may take. Knows nothing of what is proved.

use clap::Args;
use compiler::Budget;

/// What is said where something was not found out.
pub const MORE: &str = "`--budget N` allows N times as much work";

/// How much work may be done.
#[derive(Args, Clone, Copy, Debug)]
pub struct Effort {
    /// So many times the usual work may be done before something is undecided
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    budget: u32,
}

impl Effort {
    /// The budget.
    pub fn budget(self) -> Budget {
        Budget::default().times(self.budget)
    }
}
