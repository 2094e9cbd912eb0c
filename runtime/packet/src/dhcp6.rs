//! DHCP for IPv6 (RFC 8415): the fields that tell who gets which addresses and prefixes. Knows nothing of leases.

use std::net::{IpAddr, Ipv6Addr};

use net::Prefix;

/// Where servers listen.
pub const SERVER_PORT: u16 = 547;
/// Where clients listen.
pub const CLIENT_PORT: u16 = 546;

/// Options of one message that are read, at most, those within others counted.
const OPTIONS: usize = 128;

const IA_NA: u16 = 3;
const IA_TA: u16 = 4;
const IA_ADDRESS: u16 = 5;
const IA_PD: u16 = 25;
const IA_PREFIX: u16 = 26;

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client looks for servers.
    Solicit,
    /// A server offers.
    Advertise,
    /// A client asks for what was offered.
    Request,
    /// A client asks whether its addresses fit the link.
    Confirm,
    /// A client asks its server to keep them.
    Renew,
    /// A client asks any server to keep them.
    Rebind,
    /// A server gives.
    Reply,
    /// A client gives back.
    Release,
    /// A client found addresses in use.
    Decline,
    /// A server wants to be asked again.
    Reconfigure,
    /// A client asks for other things.
    Inform,
    /// A relay agent's words around a client's message.
    RelayForward,
    /// A server's answer by way of a relay agent.
    RelayReply,
}

impl Kind {
    const ALL: [Kind; 13] = [
        Kind::Solicit,
        Kind::Advertise,
        Kind::Request,
        Kind::Confirm,
        Kind::Renew,
        Kind::Rebind,
        Kind::Reply,
        Kind::Release,
        Kind::Decline,
        Kind::Reconfigure,
        Kind::Inform,
        Kind::RelayForward,
        Kind::RelayReply,
    ];

    fn wire(self) -> u8 {
        Kind::ALL.iter().zip(1..).find(|(one, _)| **one == self).map_or(0, |(_, number)| number)
    }

    /// True for what servers say.
    #[must_use]
    pub fn is_of_servers(self) -> bool {
        matches!(self, Kind::Advertise | Kind::Reply | Kind::Reconfigure | Kind::RelayReply)
    }

    /// True for what relay agents say and hear.
    #[must_use]
    pub fn is_relayed(self) -> bool {
        matches!(self, Kind::RelayForward | Kind::RelayReply)
    }
}

/// A message. Of what goes through relay agents only the kind is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp6 {
    /// What it says.
    pub kind: Kind,
    /// Joins answers to requests: 24 bits.
    pub transaction: u32,
    /// Addresses, with the seconds that they may be used.
    pub addresses: Vec<(Ipv6Addr, u32)>,
    /// Delegated prefixes, with the seconds that they may be used.
    pub prefixes: Vec<(Prefix, u32)>,
}

/// Why bytes are no sound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dhcp6Error {
    /// They end too early.
    Short,
    /// An unknown message.
    Kind,
    /// An option leaves the message, or has an impossible length.
    Option,
}

impl Dhcp6 {
    /// Reads the data of a datagram.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Dhcp6, Dhcp6Error> {
        let [kind, a, b, c, options @ ..] = bytes else { return Err(Dhcp6Error::Short) };
        let place = usize::from(kind.checked_sub(1).ok_or(Dhcp6Error::Kind)?);
        let kind = *Kind::ALL.get(place).ok_or(Dhcp6Error::Kind)?;
        let mut message =
            Dhcp6 { kind, transaction: u32::from_be_bytes([0, *a, *b, *c]), addresses: Vec::new(), prefixes: Vec::new() };
        if kind.is_relayed() {
            message.transaction = 0;
            return Ok(message);
        }
        let mut count = 0;
        for_each(options, &mut count, &mut |code, value, count| match code {
            IA_NA | IA_PD => {
                for_each(value.get(12..).ok_or(Dhcp6Error::Option)?, count, &mut |code, value, _| message.take(code, value))
            }
            IA_TA => for_each(value.get(4..).ok_or(Dhcp6Error::Option)?, count, &mut |code, value, _| message.take(code, value)),
            _ => Ok(()),
        })?;
        Ok(message)
    }

    fn take(&mut self, code: u16, value: &[u8]) -> Result<(), Dhcp6Error> {
        match code {
            IA_ADDRESS => {
                let (fixed, _) = value.split_first_chunk::<24>().ok_or(Dhcp6Error::Option)?;
                let (address, times) = fixed.split_first_chunk::<16>().ok_or(Dhcp6Error::Option)?;
                let [_, _, _, _, v0, v1, v2, v3] = *times else { return Err(Dhcp6Error::Option) };
                self.addresses.push((Ipv6Addr::from(*address), u32::from_be_bytes([v0, v1, v2, v3])));
            }
            IA_PREFIX => {
                let (fixed, _) = value.split_first_chunk::<25>().ok_or(Dhcp6Error::Option)?;
                let [_, _, _, _, v0, v1, v2, v3, length, prefix @ ..] = *fixed;
                let prefix = Prefix::truncate(IpAddr::V6(Ipv6Addr::from(prefix)), length).ok_or(Dhcp6Error::Option)?;
                self.prefixes.push((prefix, u32::from_be_bytes([v0, v1, v2, v3])));
            }
            _ => {}
        }
        Ok(())
    }

    /// The message as the data of a datagram, with these identifiers of client and server; addresses and prefixes in an association
    /// each.
    #[must_use]
    pub fn to_bytes(&self, client: &[u8], server: Option<&[u8]>) -> Vec<u8> {
        let [_, a, b, c] = self.transaction.to_be_bytes();
        let mut bytes = vec![self.kind.wire(), a, b, c];
        bytes.extend(option(1, client));
        bytes.extend(server.into_iter().flat_map(|server| option(2, server)));
        let association = |inner: Vec<u8>| [&[0; 12][..], &inner].concat();
        if !self.addresses.is_empty() || self.prefixes.is_empty() {
            let one = |(address, valid): &(Ipv6Addr, u32)| {
                option(IA_ADDRESS, &[&address.octets()[..], &valid.to_be_bytes(), &valid.to_be_bytes()].concat())
            };
            bytes.extend(option(IA_NA, &association(self.addresses.iter().flat_map(one).collect())));
        }
        if !self.prefixes.is_empty() {
            let one = |(prefix, valid): &(Prefix, u32)| {
                let network = match prefix.network() {
                    IpAddr::V6(network) => network.octets(),
                    IpAddr::V4(_) => [0; 16],
                };
                let times = [valid.to_be_bytes(), valid.to_be_bytes()].concat();
                option(IA_PREFIX, &[&times[..], &[prefix.length()], &network].concat())
            };
            bytes.extend(option(IA_PD, &association(self.prefixes.iter().flat_map(one).collect())));
        }
        bytes
    }
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    [&code.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

/// Takes the code of an option, its value, and how many options there were.
type Take<'a> = dyn FnMut(u16, &[u8], &mut usize) -> Result<(), Dhcp6Error> + 'a;

/// Calls for each option; they must fill the bytes.
fn for_each(mut bytes: &[u8], count: &mut usize, take: &mut Take<'_>) -> Result<(), Dhcp6Error> {
    while let [c0, c1, l0, l1, rest @ ..] = bytes {
        *count += 1;
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let (value, behind) = rest.split_at_checked(length).ok_or(Dhcp6Error::Option)?;
        if *count > OPTIONS {
            return Err(Dhcp6Error::Option);
        }
        take(u16::from_be_bytes([*c0, *c1]), value, count)?;
        bytes = behind;
    }
    if bytes.is_empty() { Ok(()) } else { Err(Dhcp6Error::Option) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_prefixes_survive_the_wire() {
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_relayed()) {
            let message = Dhcp6 {
                kind,
                transaction: 0x12_3456,
                addresses: vec![("2001:db8::9".parse().unwrap(), 600), ("2001:db8::a".parse().unwrap(), 0)],
                prefixes: vec![("2001:db8:9::/48".parse().unwrap(), 3600)],
            };
            assert_eq!(Dhcp6::parse(&message.to_bytes(b"client", Some(b"server"))), Ok(message));
        }
    }

    #[test]
    fn options_that_leave_the_message_are_refused() {
        let good = Dhcp6 { kind: Kind::Reply, transaction: 1, addresses: vec![(Ipv6Addr::LOCALHOST, 1)], prefixes: Vec::new() };
        let bytes = good.to_bytes(b"c", None);
        for length in 0..bytes.len() {
            let cut = Dhcp6::parse(&bytes[..length]);
            assert!(cut.is_err() || cut.is_ok_and(|one| one.addresses.is_empty()), "{length}");
        }
        let mut long = bytes.clone();
        long[7] = 0xff;
        assert_eq!(Dhcp6::parse(&long), Err(Dhcp6Error::Option));
        let many: Vec<u8> = [&[7, 0, 0, 1][..], &[0, 8, 0, 0].repeat(OPTIONS + 1)].concat();
        assert_eq!(Dhcp6::parse(&many), Err(Dhcp6Error::Option));
        assert_eq!(Dhcp6::parse(&[14, 0, 0, 0]), Err(Dhcp6Error::Kind));
        assert_eq!(Dhcp6::parse(&[0, 0, 0, 0]), Err(Dhcp6Error::Kind));
    }
}
