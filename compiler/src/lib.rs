//! Checked policy and network view to program: labels, the decision structure over them, flow-entry templates, explanations.
//! Knows nothing of switches, of OpenFlow, or of how the view came about, and performs no I/O.

pub mod analysis;
pub mod audience;
mod blocks;
pub mod cached;
mod cells;
pub mod coverage;
pub mod explain;
mod findings;
pub mod fix;
mod index;
pub mod inventory;
mod joint;
mod label;
mod moment;
mod names;
mod normal;
pub mod plan;
pub mod principal;
pub mod program;
mod service;
mod stations;
pub mod template;
mod tracked;
mod tree;
pub mod view;

pub use analysis::{Analysis, Budget, facts};
pub use cached::{Cached, Class, Decided, Placed};
pub use coverage::{Region, Regions};
pub use explain::{Explanation, Nearest, explain};
pub use findings::{claims, claims_in_view, findings};
pub use joint::Redeclared;
pub use principal::{Identity, Refusal, destination, first_packet, source};
pub use program::{Change, CompileError, Program};
pub use template::Template;
pub use tracked::{Affected, FlowNo, Tracked};
pub use view::{Station, View};

#[cfg(test)]
mod tests;
