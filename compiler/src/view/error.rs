//! What keeps a view file from being a view of a policy, in words. Knows nothing of how it is found.

use std::fmt;
use std::net::IpAddr;

use lang::suggest::{Candidate, did_you_mean, nearest};
use net::MacAddr;

use super::file::SCHEMA;

/// How many users may be on one station, and how many pairs of an address, or none, and a user all may come to.
pub(super) const MAX_USERS: usize = 1_000;
pub(super) const MAX_FACES: usize = 1_000_000;

/// What is wrong with a view file, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewError {
    /// The place: `stations[2]`, counted from 0 as JSON's tools do.
    pub place: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What may be wrong at one place of a view file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `schema` is not [`SCHEMA`].
    Schema(String),
    /// A name that the policy does not declare.
    Unknown {
        /// What it should name.
        kind: &'static str,
        /// The name.
        name: String,
        /// Names of that kind that are near.
        near: Vec<String>,
    },
    /// A group that is declared, and that the view cannot put this into.
    Group {
        /// The group.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// What is no place, by what is declared.
    NoPlace {
        /// The text.
        text: String,
        /// Why not.
        why: String,
    },
    /// A station without MAC address whose host is missing, or has none or several.
    NoMac {
        /// The host, if one is named.
        host: Option<String>,
    },
    /// The MAC address is not that of the named host.
    OtherHost {
        /// The MAC address.
        mac: MacAddr,
        /// The host named with it.
        host: String,
    },
    /// Something that may stand in the view once stands there again.
    Twice(String),
    /// The MAC address is no station's: a gateway's, or a group's.
    NoStation {
        /// The MAC address.
        mac: MacAddr,
        /// Whose it is.
        whose: String,
    },
    /// The policy does not let this be at the port.
    Place {
        /// The station, or what else it is: `a link`.
        what: String,
        /// The place, as written.
        at: String,
        /// Why not.
        why: String,
    },
    /// The address is another station's, a gateway's, or none that a host can have.
    Address {
        /// The station.
        mac: MacAddr,
        /// The address.
        address: IpAddr,
        /// Why not.
        why: String,
    },
    /// A link whose ends are on one switch.
    Loop {
        /// That switch.
        switch: String,
    },
    /// More users are on one station, or more addresses and users on all together, than can be worked with.
    TooMany,
    /// The gateway's MAC address is declared otherwise, a host's, or a group address.
    GatewayMac {
        /// The gateway.
        name: String,
        /// The MAC address.
        mac: MacAddr,
    },
}

impl Fault {
    /// A name that is not among those of its kind.
    pub(super) fn unknown<'n>(kind: &'static str, name: &str, all: impl Iterator<Item = &'n str>) -> Fault {
        let near = nearest(name, None, all.map(|name| Candidate { name, kind: None }));
        Fault::Unknown { kind, name: name.to_owned(), near: near.into_iter().map(str::to_owned).collect() }
    }

    pub(super) fn at(self, place: impl Into<String>) -> ViewError {
        ViewError { place: place.into(), fault: self }
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Schema(schema) => write!(f, "it is `{schema}`, not `{SCHEMA}`"),
            Fault::Unknown { kind, name, near } => {
                write!(f, "the policy declares no {kind} `{name}`")?;
                let near: Vec<&str> = near.iter().map(String::as_str).collect();
                did_you_mean(&near).map_or(Ok(()), |advice| write!(f, ": {advice}"))
            }
            Fault::Group { name, why } => write!(f, "group `{name}` {why}"),
            Fault::NoPlace { text, why } => write!(f, "`{text}` is no place: {why}"),
            Fault::NoMac { host: None } => f.write_str("it has neither `mac` nor `host`"),
            Fault::NoMac { host: Some(host) } => {
                write!(f, "it needs a `mac`, because host `{host}` does not have exactly one")
            }
            Fault::OtherHost { mac, host } => write!(f, "{mac} is not a MAC address of host `{host}`"),
            Fault::Twice(what) => write!(f, "{what} stands in the view twice"),
            Fault::NoStation { mac, whose } => write!(f, "{mac} is no station's: it is {whose}"),
            Fault::Place { what, at, why } => write!(f, "{what} cannot be at `{at}`: {why}"),
            Fault::Address { mac, address, why } => write!(f, "{mac} cannot have {address}: {why}"),
            Fault::Loop { switch } => write!(f, "both ends of the link are on switch `{switch}`"),
            Fault::TooMany => write!(
                f,
                "a station has more than {MAX_USERS} users, or all have more than {MAX_FACES} pairs of an address and a user"
            ),
            Fault::GatewayMac { name, mac } => {
                write!(f, "gateway `{name}` cannot have {mac}: it is declared otherwise, a host's, or a group address")
            }
        }
    }
}

impl std::error::Error for ViewError {}
