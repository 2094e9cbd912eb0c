//! Vocabulary of the network: identifiers, addresses, time, the headers of a packet, and the table of match fields.
//! Knows nothing of policy, of OpenFlow's bytes, or of how anything is used.

mod address;
mod field;
mod fingerprint;
mod header;
mod identifier;
mod matching;
mod time;

pub use address::{MacAddr, ParseAddressError, Prefix, PrefixError, address_bits, can_be_owned, is_link_local};
pub use field::{FIELDS, Field, FieldInfo};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use header::{EtherType, FlowKey, IpHeader, IpProto, Transport, VlanTag};
pub use identifier::{Dpid, Location, ParseIdentifierError, PortNo, VlanId};
pub use matching::{FlowMatch, PortBlock, Shape, TransportMatch, VlanMatch};
pub use time::Time;
