//! A network in memory: software switches that speak OpenFlow over bytes, hosts that talk, boxes in between, and cables. For the
//! demo, the benchmarks and the tests. Does no I/O and reads no clock; knows nothing of policy.

pub mod campus;
pub mod gateway;
pub mod host;
pub mod middlebox;
pub mod network;
pub mod switch;

pub use campus::Campus;
pub use gateway::Gateway;
pub use host::{ConversationId, Host, Outcome};
pub use middlebox::Middlebox;
pub use network::{Network, NodeId};
pub use switch::{ControllerId, Output, Switch, SwitchConfig};
