//! Frames that hosts send: one parse gives the flow key; answers and probes are built here too. Knows nothing of policy, of
//! OpenFlow, or of who sent a frame, and does no I/O.
#![deny(clippy::indexing_slicing)]

pub mod arp;
pub mod build;
pub mod checksum;
pub mod dhcp;
pub mod dhcp6;
pub mod icmp;
pub mod icmp_error;
pub mod lldp;
pub mod ndp;
mod parse;
mod probe;
mod refusal;
pub mod tcp;
pub mod udp;

pub use arp::Arp;
pub use dhcp::Dhcp;
pub use dhcp6::Dhcp6;
pub use ndp::Ndp;
pub use parse::{Fragment, Frame, IpPayload, Malformed, Payload, parse};
pub use probe::{Probe, ProbeError, ProbeKey};
pub use refusal::refusal;
