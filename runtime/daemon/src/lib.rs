//! The only I/O: sockets, files, timers, configuration. Everything is decided by `runtime`; here its inputs are brought in and its
//! effects carried out.

pub mod config;
mod connection;
mod cookies;
pub mod doors;
pub mod files;
mod handshakes;
mod inbox;
pub mod log;
pub mod policy;
pub mod reactor;
mod reload;
pub mod tls;
mod watch;

pub use config::{Config, ConfigError};
pub use doors::{Doors, Secured};
pub use policy::{Loaded, load};
pub use reactor::{Daemon, Observer, Reload};
