//! What a message to a switch is about, so that an error in answer can be told of it in words. Says nothing itself.

use std::fmt;

use super::{Question, ToSwitch};

/// What a message to a switch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A question about its identity.
    Features,
    /// How much of a packet it is to send.
    Configuration,
    /// A question about its ports.
    Ports,
    /// A question about its entries.
    Flows,
    /// A question about what it can do.
    Question(Question),
    /// The role that we have or claim.
    Role,
    /// What it is to send of its own accord.
    Asynchronous,
    /// A barrier.
    Barrier,
    /// A question whether it lives.
    Echo,
    /// An entry to put in.
    Entry,
    /// An entry to take out.
    Removal,
    /// A meter, to put in, change or take out.
    Meter,
    /// A question about its meters.
    Meters,
    /// A group, to put in, change or take out.
    Group,
    /// A question about its groups.
    Groups,
    /// A packet to send.
    PacketOut,
    /// An error.
    Error,
}

impl Subject {
    /// What a message is.
    #[must_use]
    pub fn of(message: &ToSwitch<'_>) -> Subject {
        match message {
            ToSwitch::FeaturesRequest => Subject::Features,
            ToSwitch::SetConfig { .. } => Subject::Configuration,
            ToSwitch::PortsRequest => Subject::Ports,
            ToSwitch::FlowsRequest => Subject::Flows,
            ToSwitch::Ask(question) => Subject::Question(*question),
            ToSwitch::Role { .. } => Subject::Role,
            ToSwitch::Asynchronous => Subject::Asynchronous,
            ToSwitch::Barrier => Subject::Barrier,
            ToSwitch::EchoRequest | ToSwitch::EchoReply(_) => Subject::Echo,
            ToSwitch::Add(_) => Subject::Entry,
            ToSwitch::Delete { .. } | ToSwitch::DeleteForeign { .. } => Subject::Removal,
            ToSwitch::AddMeter { .. } | ToSwitch::ChangeMeter { .. } | ToSwitch::DeleteMeter { .. } => Subject::Meter,
            ToSwitch::MetersRequest => Subject::Meters,
            ToSwitch::AddGroup { .. } | ToSwitch::ChangeGroup { .. } | ToSwitch::DeleteGroup { .. } => Subject::Group,
            ToSwitch::GroupsRequest => Subject::Groups,
            ToSwitch::PacketOut { .. } => Subject::PacketOut,
            ToSwitch::HelloFailed | ToSwitch::Error { .. } => Subject::Error,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Features => "the question for its features",
            Subject::Configuration => "its configuration",
            Subject::Ports => "the question for its ports",
            Subject::Flows => "the question for its entries",
            Subject::Question(question) => return write!(f, "the question for its {question}"),
            Subject::Role => "our role",
            Subject::Asynchronous => "what it is to send of its own accord",
            Subject::Barrier => "a barrier",
            Subject::Echo => "an echo",
            Subject::Entry => "a new entry",
            Subject::Removal => "the removal of an entry",
            Subject::Meter => "a meter",
            Subject::Meters => "the question for its meters",
            Subject::Group => "a group",
            Subject::Groups => "the question for its groups",
            Subject::PacketOut => "a packet to send",
            Subject::Error => "an error message",
        })
    }
}
