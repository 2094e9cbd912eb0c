//! When SEPL's rules hold, as conditions here. Knows nothing of what they do then.

use std::net::{IpAddr, Ipv4Addr};

use net::{MacAddr, Prefix};

use crate::Problem;
use crate::logic::{Class, Cond, Side};
use crate::place::excerpt;

use super::directory::GroupKind;
use super::packet::{self, PROTOCOLS};
use super::parse::{Call, Expr, ExprKind};
use super::{Module, Role};

/// What a predicate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Location(Side),
    Host(Side),
    User(Side),
    Switch(Side),
    Vlan,
    Mac(Side),
    Ether,
    Address(Side),
    Proto,
    Port(Side),
    Subnet(Side),
    Protocol,
}

use What::{Address, Ether, Host, Location, Mac, Port, Proto, Protocol, Subnet, Switch, User, Vlan};

/// The fields, as `in_group` names them in capitals. Switches have no predicate but that.
const FIELDS: &[(&str, What)] = &[
    ("locsrc", Location(Side::Src)),
    ("locdst", Location(Side::Dst)),
    ("hsrc", Host(Side::Src)),
    ("hdst", Host(Side::Dst)),
    ("usrc", User(Side::Src)),
    ("udst", User(Side::Dst)),
    ("dlvlan", Vlan),
    ("dlsrc", Mac(Side::Src)),
    ("dldst", Mac(Side::Dst)),
    ("dltype", Ether),
    ("nwsrc", Address(Side::Src)),
    ("nwdst", Address(Side::Dst)),
    ("nwproto", Proto),
    ("tpsrc", Port(Side::Src)),
    ("tpdst", Port(Side::Dst)),
    ("protocol", Protocol),
    ("swsrc", Switch(Side::Src)),
    ("swdst", Switch(Side::Dst)),
];

/// Predicates that are no field of `in_group`.
const OTHERS: &[&str] = &["subnetsrc", "subnetdst", "conn_role", "isConnRequest", "isConnResponse", "in_group", "func"];

/// True if a predicate has this name.
pub(super) fn is_one(name: &str) -> bool {
    OTHERS.contains(&name) || FIELDS.iter().any(|(known, what)| *known == name && !matches!(what, Switch(_)))
}

impl Module {
    /// When a rule holds; nothing if that cannot be read, which is told.
    pub(super) fn condition(&mut self, expr: &Expr) -> Option<Cond> {
        match &expr.kind {
            ExprKind::Bool(true) => Some(Cond::Any),
            ExprKind::Bool(false) => Some(Cond::Never),
            ExprKind::Not(inner) => self.condition(inner).map(Cond::negated),
            ExprKind::Both(left, right) => {
                let both = (self.condition(left), self.condition(right));
                Some(Cond::All(vec![both.0?, both.1?]))
            }
            ExprKind::Either(left, right) => {
                let both = (self.condition(left), self.condition(right));
                Some(Cond::Either(vec![both.0?, both.1?]))
            }
            ExprKind::Call(call) => self.predicate(call, expr),
            ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::None | ExprKind::Name(_) | ExprKind::List(_) => {
                self.refuse(Problem::new(expr.place, format!("`{}` is no condition", expr.text)))
            }
        }
    }

    fn predicate(&mut self, call: &Call, expr: &Expr) -> Option<Cond> {
        let one = || match call.args.as_slice() {
            [only] if call.named.is_empty() => Some(only),
            _ => None,
        };
        match call.name.as_str() {
            "isConnRequest" => Some(self.role_is(Role::Request)),
            "isConnResponse" => Some(self.role_is(Role::Response)),
            "conn_role" => self.conn_role(call, expr),
            "func" => Some(Cond::unsaid(expr.place, &expr.text, "nothing runs functions of the module")),
            "in_group" => self.in_group(call, expr),
            "protocol" if call.args.len() == 3 => self.protocol_of_three(&call.args, expr),
            "subnetsrc" | "subnetdst" => {
                let side = if call.name == "subnetsrc" { Side::Src } else { Side::Dst };
                match one() {
                    Some(arg) => self.value(Subnet(side), &call.name, arg),
                    None => self.refuse(Problem::new(expr.place, format!("`{}` takes one value", call.name))),
                }
            }
            name => match FIELDS.iter().find(|(known, what)| *known == name && !matches!(what, Switch(_))) {
                Some((_, what)) => match one() {
                    Some(arg) => self.value(*what, name, arg),
                    None => self.refuse(Problem::new(expr.place, format!("`{name}` takes one value"))),
                },
                None => {
                    let found = Problem::new(expr.place, format!("there is no predicate `{name}`"));
                    let known = FIELDS.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied());
                    let found = match name {
                        "apsrc" => found.help("write `locsrc`"),
                        "apdst" => found.help("write `locdst`"),
                        _ => found.meant(name, known.filter(|name| is_one(name))),
                    };
                    self.refuse(found)
                }
            },
        }
    }

    fn role_is(&mut self, role: Role) -> Cond {
        self.asked_for_role = true;
        if self.role == role { Cond::Any } else { Cond::Never }
    }

    fn conn_role(&mut self, call: &Call, expr: &Expr) -> Option<Cond> {
        let word = match call.args.as_slice() {
            [Expr { kind: ExprKind::Str(word) | ExprKind::Name(word), .. }] => word.to_ascii_uppercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "REQUEST" => Some(self.role_is(Role::Request)),
            "RESPONSE" => Some(self.role_is(Role::Response)),
            _ => self.refuse(Problem::new(expr.place, "`conn_role` takes REQUEST or RESPONSE")),
        }
    }

    /// `in_group("staff", "USRC")`, `in_group([80, 443], TPDST)`
    fn in_group(&mut self, call: &Call, expr: &Expr) -> Option<Cond> {
        let [group, field] = call.args.as_slice() else {
            return self.refuse(Problem::new(
                expr.place,
                "`in_group` takes a group and a field, such as `in_group(\"x;staff\", \"USRC\")`",
            ));
        };
        let (ExprKind::Str(word) | ExprKind::Name(word)) = &field.kind else {
            return self.refuse(Problem::new(field.place, format!("`{}` is no field", field.text)));
        };
        let wanted = word.to_ascii_lowercase();
        let Some((name, what)) = FIELDS.iter().find(|(known, _)| *known == wanted) else {
            let known: Vec<String> = FIELDS.iter().map(|(name, _)| name.to_ascii_uppercase()).collect();
            let found = Problem::new(field.place, format!("there is no field `{word}`"));
            return self.refuse(found.meant(word, known.iter().map(String::as_str)));
        };
        let group = self.looked_up(group).clone();
        match &group.kind {
            ExprKind::List(values) if values.is_empty() => {
                self.refuse(Problem::new(group.place, "`in_group` takes a list that is not empty"))
            }
            ExprKind::List(_) if matches!(what, Switch(_)) => {
                self.refuse(Problem::new(group.place, "switches are in groups that are registered, not in lists"))
            }
            ExprKind::List(values) => {
                let parts: Vec<Option<Cond>> = values.iter().map(|value| self.value(*what, name, value)).collect();
                parts.into_iter().collect::<Option<Vec<Cond>>>().map(Cond::Either)
            }
            ExprKind::Str(key) => self.registered(*what, key, expr),
            _ => {
                let message = format!("`{}` is neither the name of a group in quotes nor a list", group.text);
                self.refuse(Problem::new(group.place, message))
            }
        }
    }

    /// Membership of a group that the directory keeps.
    fn registered(&mut self, what: What, key: &str, expr: &Expr) -> Option<Cond> {
        let (kind, side, class) = match what {
            Location(side) => (GroupKind::Location, side, Class::Place),
            Host(side) => (GroupKind::Host, side, Class::Host),
            User(side) => (GroupKind::User, side, Class::User),
            Switch(side) => (GroupKind::Switch, side, Class::Place),
            Mac(side) => (GroupKind::Mac, side, Class::Mac),
            Address(side) => (GroupKind::Address, side, Class::Address),
            Vlan | Ether | Proto | Port(_) | Subnet(_) | Protocol => {
                let message = "of this field there are no groups that are registered";
                return self.refuse(Problem::new(expr.place, message).help("write the values as a list"));
            }
        };
        Some(match self.group(kind, key, expr.place)? {
            Some(name) => Cond::end(side, class, name),
            None => Cond::Never,
        })
    }

    /// One predicate with one value.
    fn value(&mut self, what: What, name: &str, arg: &Expr) -> Option<Cond> {
        let arg = &self.looked_up(arg).clone();
        let wrong =
            |wanted: &str| Problem::new(arg.place, format!("`{name}` takes {wanted}, and this is `{}`", excerpt(&arg.text)));
        match (what, &arg.kind) {
            (Host(side), ExprKind::Str(_) | ExprKind::Name(_)) => self.host_is(side, arg),
            (User(side), ExprKind::Str(_) | ExprKind::Name(_)) => self.user_is(side, arg),
            (Location(side), ExprKind::Str(key)) => {
                let name = self.location(&super::directory::key(key), arg.place);
                Some(Cond::end(side, Class::Place, name))
            }
            (Host(_), _) => self.refuse(wrong("the name of a host, in quotes")),
            (User(_), _) => self.refuse(wrong("the name of a user, in quotes")),
            (Location(_), _) => self.refuse(wrong("the name of a location, in quotes")),
            (Switch(_), _) => self.refuse(wrong("the name of a group of switches, in quotes")),
            (Vlan, _) => {
                let number = self.number(arg, u64::from(u16::MAX), "a VLAN is a number from 0 to 4095, or 65535 for none")?;
                match number {
                    4096..packet::VLAN_NONE => self.refuse(Problem::new(
                        arg.place,
                        format!("a VLAN is a number from 0 to 4095, and this is `{}`", arg.text),
                    )),
                    _ => Some(packet::vlan(number).unwrap_or_else(|| {
                        let why = "Pentane does not tell a priority tag from none, nor knows a VLAN 4095";
                        Cond::bounded(arg.place, format!("{name}({})", arg.text), why, packet::untagged(), Cond::Never)
                    })),
                }
            }
            (Ether, _) => {
                let number = self.number(arg, u64::from(u16::MAX), "an Ethernet type is a number from 0 to 65535")?;
                let number = u16::try_from(number).unwrap_or(u16::MAX);
                Some(packet::ether(number).unwrap_or_else(|| {
                    let why = "frames with a length in place of a type are not told apart";
                    Cond::unsaid(arg.place, format!("{name}({})", arg.text), why)
                }))
            }
            (Proto, _) => {
                let number = self.number(arg, u64::from(u8::MAX), "an IP protocol is a number from 0 to 255")?;
                Some(packet::proto(u8::try_from(number).unwrap_or(u8::MAX)))
            }
            (Port(side), _) => {
                let number = self.number(arg, u64::from(u16::MAX), "a port is a number from 0 to 65535")?;
                Some(packet::port(side, u16::try_from(number).unwrap_or(u16::MAX)))
            }
            (Mac(side), _) => self.mac(arg).map(|mac| packet::mac(side, mac)),
            (Address(side), _) => self.address(arg).map(|address| packet::address(side, Prefix::host(IpAddr::V4(address)))),
            (Subnet(side), _) => self.subnet(side, name, arg),
            (Protocol, ExprKind::Str(word)) => match PROTOCOLS.iter().find(|(known, _)| known == word) {
                Some((_, protocol)) => packet::protocol(*protocol),
                None => {
                    let found = Problem::new(arg.place, format!("there is no protocol `{word}`"));
                    self.refuse(found.meant(word, PROTOCOLS.iter().map(|(name, _)| *name)))
                }
            },
            (Protocol, ExprKind::List(three)) if three.len() == 3 => self.protocol_of_three(three, arg),
            (Protocol, _) => self.refuse(wrong("the name of a protocol, or type, protocol and port")),
        }
    }

    /// `protocol(0x0800, None, 80)`
    fn protocol_of_three(&mut self, three: &[Expr], expr: &Expr) -> Option<Cond> {
        let limits =
            [(u64::from(u16::MAX), "an Ethernet type"), (u64::from(u8::MAX), "an IP protocol"), (u64::from(u16::MAX), "a port")];
        let mut numbers = Vec::new();
        for (arg, (limit, word)) in three.iter().zip(limits) {
            numbers.push(match arg.kind {
                ExprKind::None => None,
                _ => Some(self.number(arg, limit, &format!("{word} is a number from 0 to {limit}"))?),
            });
        }
        let [ether, proto, port] = numbers.as_slice() else { return None };
        if ether.is_none() && proto.is_none() && port.is_none() {
            return self.refuse(Problem::new(expr.place, "a protocol is a type, a protocol or a port, and this is none"));
        }
        let narrow = |number: &Option<u64>| number.and_then(|number| u16::try_from(number).ok());
        let protocol = packet::Protocol {
            ether: narrow(ether),
            proto: proto.and_then(|number| u8::try_from(number).ok()),
            port: narrow(port),
        };
        let why = "frames with a length in place of a type are not told apart";
        Some(packet::protocol(protocol).unwrap_or_else(|| Cond::unsaid(expr.place, &expr.text, why)))
    }

    fn number(&mut self, arg: &Expr, limit: u64, wanted: &str) -> Option<u64> {
        match &arg.kind {
            ExprKind::Int(number) if *number <= limit => Some(*number),
            // `long(80)`
            ExprKind::Call(Call { name, args, .. }) if name == "long" || name == "int" => match args.as_slice() {
                [only] => self.number(only, limit, wanted),
                _ => self.refuse(Problem::new(arg.place, format!("{wanted}, and this is `{}`", arg.text))),
            },
            _ => self.refuse(Problem::new(arg.place, format!("{wanted}, and this is `{}`", arg.text))),
        }
    }

    /// `'ab:cd:ef:12:34:56'`, a number, or six bytes.
    pub(super) fn mac(&mut self, arg: &Expr) -> Option<MacAddr> {
        let bytes = |text: &str| -> Option<[u8; 6]> {
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            bytes?.try_into().ok()
        };
        let found = match &arg.kind {
            ExprKind::Int(number) if *number < 1 << 48 => Some(MacAddr::from_bits(*number)),
            ExprKind::Str(text) if text.contains(':') => text.parse().ok(),
            ExprKind::Str(text) => bytes(text).map(MacAddr),
            _ => None,
        };
        found.or_else(|| self.refuse(Problem::new(arg.place, format!("`{}` is no MAC address", excerpt(&arg.text)))))
    }

    /// `'10.0.0.1'`, or a number.
    pub(super) fn address(&mut self, arg: &Expr) -> Option<Ipv4Addr> {
        let found = match &arg.kind {
            ExprKind::Int(number) => u32::try_from(*number).ok().map(Ipv4Addr::from_bits),
            ExprKind::Str(text) => text.parse().ok(),
            _ => None,
        };
        let shown = match &arg.kind {
            ExprKind::Str(text) => excerpt(text),
            _ => excerpt(&arg.text),
        };
        found.or_else(|| self.refuse(Problem::new(arg.place, format!("`{shown}` is no IPv4 address"))))
    }

    /// `'10.0.0.0/8'`
    fn subnet(&mut self, side: Side, name: &str, arg: &Expr) -> Option<Cond> {
        let text = match &arg.kind {
            ExprKind::Str(text) => text.as_str(),
            _ => "",
        };
        let read = text.split_once('/').and_then(|(address, length)| {
            let address: Ipv4Addr = address.parse().ok()?;
            let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
            Some((address, Prefix::truncate(IpAddr::V4(address), length)?))
        });
        let Some((address, prefix)) = read else {
            return self.refuse(Problem::new(
                arg.place,
                format!("`{name}` takes an IPv4 prefix, such as '10.0.0.0/8', and this is `{}`", arg.text),
            ));
        };
        let within = packet::address(side, prefix);
        if prefix.network() == IpAddr::V4(address) {
            return Some(within);
        }
        // Whether bits to the right of the length were masked hung on the version: then the prefix is meant, else nothing.
        let why = "bits are set to the right of the length, by which versions of SNAC mean the prefix or nothing";
        Some(Cond::bounded(arg.place, format!("{name}({})", arg.text), why, within, Cond::Never))
    }
}
