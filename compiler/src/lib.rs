//! Checked policy and network view to program: labels, the decision structure over them, flow-entry templates, explanations.
//! Knows nothing of switches, of OpenFlow, or of how the view came about, and performs no I/O.

pub mod analysis;
pub mod coverage;
pub mod explain;
mod findings;
pub mod fix;
mod index;
mod joint;
mod label;
mod moment;
mod names;
mod normal;
pub mod principal;
pub mod program;
mod service;
pub mod template;
mod tree;
pub mod view;

pub use analysis::{Analysis, Budget, facts};
pub use coverage::{Region, Regions};
pub use explain::{Explanation, Nearest, explain};
pub use findings::{claims, findings};
pub use joint::Redeclared;
pub use principal::{Identity, Refusal, destination, source};
pub use program::{CompileError, Program};
pub use template::Template;
pub use view::{Station, View};

#[cfg(test)]
mod tests;
