//! DHCP for IPv4 (RFC 2131, options of RFC 2132, RFC 3046): the fields that tell who gets which address. Whatever two readers could
//! read differently is refused. Knows nothing of leases.

use std::net::Ipv4Addr;

use net::MacAddr;

/// Where servers listen.
pub const SERVER_PORT: u16 = 67;
/// Where clients listen.
pub const CLIENT_PORT: u16 = 68;

/// Octets before the options, with their magic number.
const FIXED: usize = 240;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Options of one message that are read, at most.
const OPTIONS: usize = 128;

const PAD: u8 = 0;
const HOST_NAME: u8 = 12;
const REQUESTED: u8 = 50;
const LEASE: u8 = 51;
const OVERLOAD: u8 = 52;
const KIND: u8 = 53;
const SERVER: u8 = 54;
const AGENT: u8 = 82;
const END: u8 = 255;

/// What a message says (option 53).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client looks for servers.
    Discover,
    /// A server offers an address.
    Offer,
    /// A client asks for an address, or to keep it.
    Request,
    /// A client found its address in use.
    Decline,
    /// A server gives an address.
    Ack,
    /// A server refuses.
    Nak,
    /// A client gives its address back.
    Release,
    /// A client that has an address asks for other things.
    Inform,
}

impl Kind {
    const ALL: [Kind; 8] =
        [Kind::Discover, Kind::Offer, Kind::Request, Kind::Decline, Kind::Ack, Kind::Nak, Kind::Release, Kind::Inform];

    fn of_wire(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    fn wire(self) -> u8 {
        Kind::ALL.iter().zip(1..).find(|(one, _)| **one == self).map_or(0, |(_, number)| number)
    }

    /// True for what servers say.
    #[must_use]
    pub fn is_of_servers(self) -> bool {
        matches!(self, Kind::Offer | Kind::Ack | Kind::Nak)
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dhcp<'a> {
    /// What it says.
    pub kind: Kind,
    /// Joins answers to requests.
    pub xid: u32,
    /// The client's hardware address (`chaddr`).
    pub client: MacAddr,
    /// The address that the client has (`ciaddr`); unspecified if it has none.
    pub client_ip: Ipv4Addr,
    /// The address that the client gets (`yiaddr`); unspecified in requests.
    pub your_ip: Ipv4Addr,
    /// The relay agent between client and server (`giaddr`); unspecified if there is none.
    pub relay: Ipv4Addr,
    /// The answer is to be broadcast.
    pub broadcast: bool,
    /// The address that the client asks for, or declines.
    pub requested: Option<Ipv4Addr>,
    /// Which server is meant, or answers.
    pub server: Option<Ipv4Addr>,
    /// Seconds that the address may be used.
    pub lease: Option<u32>,
    /// What the client calls itself, as it stands there.
    pub host_name: Option<&'a [u8]>,
    /// A relay agent has added what it knows (option 82).
    pub relayed: bool,
}

/// Why bytes are no sound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpError {
    /// They end too early, or lack the magic number.
    Short,
    /// No request or reply for Ethernet, or the direction does not fit what it says.
    Form,
    /// An option leaves the message, has an impossible length, or is given twice.
    Option,
    /// It does not say what it is (option 53).
    Kind,
}

impl<'a> Dhcp<'a> {
    /// A request of a client that has no address yet.
    #[must_use]
    pub fn request(kind: Kind, xid: u32, client: MacAddr) -> Dhcp<'static> {
        let nobody = Ipv4Addr::UNSPECIFIED;
        Dhcp {
            kind,
            xid,
            client,
            client_ip: nobody,
            your_ip: nobody,
            relay: nobody,
            broadcast: false,
            requested: None,
            server: None,
            lease: None,
            host_name: None,
            relayed: false,
        }
    }

    /// Reads the data of a datagram.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Dhcp<'a>, DhcpError> {
        let (fixed, options) = bytes.split_first_chunk::<FIXED>().ok_or(DhcpError::Short)?;
        let (head, rest) = fixed.split_first_chunk::<44>().ok_or(DhcpError::Short)?;
        let [op, hardware, length, _, x0, x1, x2, x3, _, _, flags, _, addresses @ ..] = *head;
        let (name, rest) = rest.split_at_checked(64).ok_or(DhcpError::Short)?;
        let (file, magic) = rest.split_at_checked(128).ok_or(DhcpError::Short)?;
        if magic != MAGIC {
            return Err(DhcpError::Short);
        }
        let [c0, c1, c2, c3, y0, y1, y2, y3, _, _, _, _, g0, g1, g2, g3, m0, m1, m2, m3, m4, m5, ..] = addresses;
        let client = MacAddr([m0, m1, m2, m3, m4, m5]);
        if (hardware, length) != (1, 6) || !matches!(op, 1 | 2) || !client.is_unicast() {
            return Err(DhcpError::Form);
        }
        let mut said = Options::default();
        said.read(options)?;
        let overload = said.overload;
        if overload & 1 != 0 {
            said.read(file)?;
        }
        if overload & 2 != 0 {
            said.read(name)?;
        }
        let kind = said.kind.ok_or(DhcpError::Kind)?;
        if kind.is_of_servers() != (op == 2) {
            return Err(DhcpError::Form);
        }
        Ok(Dhcp {
            kind,
            xid: u32::from_be_bytes([x0, x1, x2, x3]),
            client,
            client_ip: Ipv4Addr::new(c0, c1, c2, c3),
            your_ip: Ipv4Addr::new(y0, y1, y2, y3),
            relay: Ipv4Addr::new(g0, g1, g2, g3),
            broadcast: flags & 0x80 != 0,
            requested: said.requested,
            server: said.server,
            lease: said.lease,
            host_name: said.host_name,
            relayed: said.relayed,
        })
    }

    /// The message as the data of a datagram.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let op = if self.kind.is_of_servers() { 2 } else { 1 };
        let mut bytes = vec![op, 1, 6, 0];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend([0, 0, if self.broadcast { 0x80 } else { 0 }, 0]);
        for address in [self.client_ip, self.your_ip, Ipv4Addr::UNSPECIFIED, self.relay] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.client.0);
        bytes.resize(FIXED - MAGIC.len(), 0);
        bytes.extend(MAGIC);
        bytes.extend([KIND, 1, self.kind.wire()]);
        for (option, address) in [(REQUESTED, self.requested), (SERVER, self.server)] {
            if let Some(address) = address {
                bytes.extend([option, 4]);
                bytes.extend(address.octets());
            }
        }
        if let Some(lease) = self.lease {
            bytes.extend([LEASE, 4]);
            bytes.extend(lease.to_be_bytes());
        }
        if let Some(name) = self.host_name {
            let name = name.get(..name.len().min(255)).unwrap_or_default();
            bytes.extend([HOST_NAME, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
            bytes.extend(name);
        }
        if self.relayed {
            bytes.extend([AGENT, 3, 1, 1, 0]);
        }
        bytes.push(END);
        bytes
    }
}

#[derive(Default)]
struct Options<'a> {
    kind: Option<Kind>,
    requested: Option<Ipv4Addr>,
    server: Option<Ipv4Addr>,
    lease: Option<u32>,
    host_name: Option<&'a [u8]>,
    relayed: bool,
    overload: u8,
    count: usize,
}

impl<'a> Options<'a> {
    /// Reads one field of options up to its end.
    fn read(&mut self, mut bytes: &'a [u8]) -> Result<(), DhcpError> {
        while let Some((code, rest)) = bytes.split_first() {
            match *code {
                PAD => bytes = rest,
                END => break,
                code => {
                    let (length, rest) = rest.split_first().ok_or(DhcpError::Option)?;
                    let (value, rest) = rest.split_at_checked(usize::from(*length)).ok_or(DhcpError::Option)?;
                    self.count += 1;
                    if self.count > OPTIONS {
                        return Err(DhcpError::Option);
                    }
                    self.take(code, value)?;
                    bytes = rest;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, code: u8, value: &'a [u8]) -> Result<(), DhcpError> {
        let four = || <[u8; 4]>::try_from(value).map_err(|_| DhcpError::Option);
        match code {
            KIND => once(
                &mut self.kind,
                value.first().copied().filter(|_| value.len() == 1).and_then(Kind::of_wire).ok_or(DhcpError::Kind)?,
            ),
            REQUESTED => once(&mut self.requested, four()?.into()),
            SERVER => once(&mut self.server, four()?.into()),
            LEASE => once(&mut self.lease, u32::from_be_bytes(four()?)),
            HOST_NAME => once(&mut self.host_name, value),
            AGENT => {
                self.relayed = true;
                Ok(())
            }
            OVERLOAD => match value {
                [fields @ 1..=3] if self.overload == 0 => {
                    self.overload = *fields;
                    Ok(())
                }
                _ => Err(DhcpError::Option),
            },
            _ => Ok(()),
        }
    }
}

/// An option that is given twice would be joined by some readers (RFC 3396), and overridden by others.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), DhcpError> {
    if slot.is_some() {
        return Err(DhcpError::Option);
    }
    *slot = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in Kind::ALL {
            let message = Dhcp {
                your_ip: Ipv4Addr::new(10, 0, 0, 9),
                requested: Some(Ipv4Addr::new(10, 0, 0, 8)),
                server: Some(Ipv4Addr::new(10, 0, 0, 1)),
                lease: Some(3600),
                host_name: Some(b"printer"),
                relayed: true,
                broadcast: true,
                ..Dhcp::request(kind, 0x1234_5678, CLIENT)
            };
            assert_eq!(Dhcp::parse(&message.to_bytes()), Ok(message));
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let good = Dhcp::request(Kind::Request, 7, CLIENT).to_bytes();
        let with = |more: &[u8]| [&good[..good.len() - 1], more, &[END]].concat();
        assert_eq!(Dhcp::parse(&with(&[KIND, 1, 5])), Err(DhcpError::Option), "two kinds");
        assert_eq!(Dhcp::parse(&with(&[REQUESTED, 3, 1, 2, 3])), Err(DhcpError::Option));
        assert_eq!(Dhcp::parse(&with(&[HOST_NAME, 200])), Err(DhcpError::Option));
        assert_eq!(Dhcp::parse(&with(&[LEASE])).map(|_| ()), Err(DhcpError::Option), "END is its length");
        let mut reply = good.clone();
        reply[0] = 2;
        assert_eq!(Dhcp::parse(&reply), Err(DhcpError::Form), "a client's message from a server");
        let mut silent = good.clone();
        silent[FIXED] = END;
        assert_eq!(Dhcp::parse(&silent), Err(DhcpError::Kind));
        for length in 0..FIXED {
            assert!(Dhcp::parse(&good[..length]).is_err());
        }
    }

    #[test]
    fn options_in_the_fields_for_names_are_read_where_the_message_says_so() {
        let mut message = Dhcp::request(Kind::Request, 7, CLIENT).to_bytes();
        message.truncate(message.len() - 1);
        message.extend([OVERLOAD, 1, 1, END]);
        message[108..114].copy_from_slice(&[REQUESTED, 4, 10, 0, 0, 7]);
        message[114] = END;
        assert_eq!(Dhcp::parse(&message).unwrap().requested, Some(Ipv4Addr::new(10, 0, 0, 7)));
    }
}
