//! A site for the benchmark: switches, registered hosts, the campus rules and as many more as asked for. Knows nothing of load.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use net::MacAddr;

use super::draw::Draw;
use crate::scratch::Scratch;

/// Access ports of each switch; hosts are spread over them.
pub const PORTS: u32 = 48;
/// The port to the switch before it in a line.
pub const PREVIOUS: u16 = 49;
/// The port to the switch behind it in a line.
pub const NEXT: u16 = 50;
/// Groups of hosts, and as many of users.
const DEPARTMENTS: u32 = 500;
/// In how many of them a host or user is, about.
const MEMBERSHIPS: u32 = 3;

/// What lets hosts talk, at the end of the policy.
const ALLOWED: &str = "allow from desktops to desktops;\ndefault allow;\n";

/// What stands in a site.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Lines of linked switches.
    pub lines: u16,
    /// Switches in each line.
    pub hops: u8,
    /// Registered hosts at each switch.
    pub hosts: u32,
    /// Registered users.
    pub users: u32,
    /// Rules beside those of the campus.
    pub rules: u32,
    /// They are between groups of hosts and of users, and not between addresses.
    pub grouped: bool,
}

/// Files of a site, gone when it is dropped.
pub struct Site {
    folder: Scratch,
    address: SocketAddr,
}

/// A registered host of the benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its MAC address.
    pub mac: MacAddr,
    /// Its address.
    pub ip: Ipv4Addr,
    /// Its port.
    pub port: u16,
}

impl Site {
    /// The daemon's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("pentane.toml")
    }

    /// Changes the policy so that nothing is allowed; the daemon is not told.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn deny(&self) -> Result<(), String> {
        let (file, fresh) = (self.folder.path().join("site.pol"), self.folder.path().join("fresh"));
        let denied = fs::read_to_string(&file).and_then(|text| fs::write(&fresh, text.replace(ALLOWED, "default deny;\n")));
        denied.and_then(|()| fs::rename(&fresh, &file)).map_err(|error| format!("cannot change the site: {error}"))
    }

    /// Where to write down how a flow is answered.
    pub fn answer(&self) -> PathBuf {
        self.folder.path().join("answer.json")
    }

    /// Where the daemon will listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The host with this number at a switch, both from 0, where each switch has so many.
pub fn host(hosts: u32, switch: u32, number: u32) -> Host {
    let everyone = switch * hosts + number;
    let [a, b, c, d] = everyone.to_be_bytes();
    let port = u16::try_from(number % PORTS + 1).unwrap_or(1);
    // 10.0.0.0/8 has room for 16 million.
    Host { mac: MacAddr([0x02, 0x10, a, b, c, d]), ip: Ipv4Addr::from(0x0a00_0001 + everyone), port }
}

/// Writes policy and configuration into a folder of their own.
///
/// # Errors
/// The files cannot be written, or there is no free port.
pub fn write(plan: &Plan) -> Result<Site, String> {
    let folder = Scratch::new("bench").map_err(|error| format!("no temporary folder: {error}"))?;
    let address = free_address()?;
    let config = format!(
        "policy = \"site.pol\"\nlisten = \"{address}\"\n[log]\nlevel = \"error\"\n[flows]\nverify = 0\n[limits]\nconversations = 10000000\nstations_per_port = 1000000\n{}",
        unlimited()
    );
    let written = fs::write(folder.path().join("site.pol"), policy(plan))
        .and_then(|()| fs::write(folder.path().join("pentane.toml"), config));
    written.map_err(|error| format!("cannot write the site: {error}"))?;
    Ok(Site { folder, address })
}

/// An address of this machine at which nobody listens.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<SocketAddr, String> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map_err(|error| format!("no free port: {error}"))
}

/// What is measured is how fast flows are set up, and not how a flood is stopped.
fn unlimited() -> String {
    let mut text = String::new();
    for what in ["packets", "flows"] {
        for of in ["port", "host", "switch"] {
            let _ = writeln!(text, "{what}_per_second_per_{of} = 100000000");
        }
    }
    text
}

/// Ethane's campus over generated hosts; hosts are desktops, so that they may talk to each other.
fn policy(plan: &Plan) -> String {
    let mut text = String::from("# Generated for the benchmark.\n");
    let switches = u32::from(plan.lines) * u32::from(plan.hops);
    let uplinks = if plan.hops > 1 { format!(" uplink {PREVIOUS}-{NEXT};") } else { String::new() };
    for switch in 1..=switches {
        let _ = writeln!(text, "switch s{switch} {{ dpid {switch}; access 1-{PORTS};{uplinks} }}");
    }
    // Where hosts that are not registered have their addresses (RFC 6598).
    text.push_str("network others = 100.64.0.0/10;\n");
    let mut names = Vec::new();
    for (switch, number) in (0..switches).flat_map(|switch| (0..plan.hosts).map(move |number| (switch, number))) {
        let Host { mac, ip, .. } = host(plan.hosts, switch, number);
        let _ = writeln!(text, "host h{switch}-{number} {{ mac {mac}; ip {ip}; }}");
        names.push(format!("h{switch}-{number}"));
    }
    for (name, mac) in [("laptop-1", 1), ("phone-1", 2), ("server-1", 3)] {
        let _ = writeln!(text, "host {name} {{ mac 02:20:00:00:00:0{mac}; }}");
    }
    let _ = writeln!(text, "group desktops = host {{ {} }};", names.join(", "));
    text.push_str(
        "group laptops = host { laptop-1 };\ngroup phones = host { phone-1 };\ngroup servers = host { server-1 };\n\
         group private = desktops | laptops;\ngroup computers = private | servers;\n",
    );
    if plan.grouped {
        departments(&names, plan, &mut text);
    } else {
        for number in 0..plan.rules {
            let (a, b) = (number % 250 + 1, number / 250 % 250 + 1);
            let _ = writeln!(text, "deny from 172.16.{a}.{b} to 172.17.{b}.{a} for tcp/{};", 1024 + number % 60_000);
        }
    }
    text.push_str(
        "deny from servers to private;\ndeny from phones to computers;\ndeny from computers to phones;\noutbound-only from laptops;\n",
    );
    text.push_str(ALLOWED);
    text
}

/// Groups of hosts and of users that overlap, and rules between them, about services that no flow asks for: each is to be looked at
/// and decides nothing.
fn departments(hosts: &[String], plan: &Plan, text: &mut String) {
    let users: Vec<String> = (0..plan.users).map(|number| format!("u{number}")).collect();
    for user in &users {
        let _ = writeln!(text, "user {user};");
    }
    let mut draw = Draw::new(1);
    for (kind, short, names) in [("host", "rooms", hosts), ("user", "staff", &users)] {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        for group in 0..DEPARTMENTS {
            let members = (0..(count / DEPARTMENTS).max(1) * MEMBERSHIPS).filter_map(|_| names.get(draw.below(count) as usize));
            let members: BTreeSet<&str> = members.map(String::as_str).collect();
            let members: Vec<&str> = members.into_iter().collect();
            let _ = writeln!(text, "group {short}-{group} = {kind} {{ {} }};", members.join(", "));
        }
    }
    for number in 0..plan.rules {
        let (from, to) = (draw.below(DEPARTMENTS), draw.below(DEPARTMENTS));
        let from = if number % 2 == 0 { format!("rooms-{from}") } else { format!("staff-{from}") };
        let _ = writeln!(text, "deny from {from} to rooms-{to} for tcp/{};", 20_000 + draw.below(40_000));
    }
}
