//! Decides what must happen on the network: sessions with switches, topology, hosts, enforcement, installation, revocation.
//! Performs nothing: [`Controller::step`] takes inputs and the time, and gives effects.

pub mod capability;
pub mod controller;
pub mod course;
pub mod dialect;
pub mod effect;
pub mod event;
pub mod failover;
pub mod install;
pub mod map;
pub mod neighbours;
pub mod record;
pub mod route;
pub mod session;
pub mod settings;
pub mod tables;
pub mod topology;

mod adopt;
mod ahead;
mod arp;
mod ask;
mod bind;
mod damping;
mod discovery;
mod distance;
mod ended;
mod enforce;
mod fast;
mod flows;
mod groups;
mod guard;
mod hosts;
mod limits;
mod meters;
mod neighbour;
mod plain;
mod planned;
mod rejudge;
mod relief;
mod scans;
mod search;
mod snoop;
mod strays;
mod trees;
mod unfold;
mod update;
mod verify;
mod width;

pub use controller::{Controller, Counters, Status};
pub use effect::{ConnId, Effects, Input, Peer};
pub use event::Event;
pub use hosts::{Binding, Loss, Source};
pub use limits::Blame;
pub use relief::Begun;
pub use settings::{Rates, Scanning, Settings, Width};
