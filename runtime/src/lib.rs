//! Decides what must happen on the network: sessions with switches, topology, hosts, enforcement, installation, revocation.
//! Performs nothing: [`Controller::step`] takes inputs and the time, and gives effects.

pub mod capability;
pub mod controller;
pub mod dialect;
pub mod effect;
pub mod event;
pub mod install;
pub mod inventory;
pub mod record;
pub mod route;
pub mod session;
pub mod settings;
pub mod topology;

mod adopt;
mod arp;
mod discovery;
mod ended;
mod enforce;
mod flows;
mod hosts;
mod update;

pub use controller::{Controller, Counters, Status};
pub use effect::{ConnId, Effects, Input};
pub use event::Event;
pub use settings::Settings;
