//! A site for the benchmark: switches, registered hosts, the campus rules and as many more as asked for. Knows nothing of load.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use net::MacAddr;

use super::generator::Load;
use crate::scratch::Scratch;

/// Access ports of each switch; hosts are spread over them.
pub const PORTS: u32 = 48;

/// What lets hosts talk, at the end of the policy.
const ALLOWED: &str = "allow from desktops to desktops;\ndefault allow;\n";

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

    /// Where the daemon will listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The host with this number at a switch, both from 0.
pub fn host(switch: u16, number: u16) -> Host {
    let ports = u16::try_from(PORTS).unwrap_or(1);
    let [high, low] = number.to_be_bytes();
    let [over, under] = switch.to_be_bytes();
    Host { mac: MacAddr([0x02, 0x10, over, under, high, low]), ip: Ipv4Addr::new(10, under, high, low), port: number % ports + 1 }
}

/// Writes policy and configuration into a folder of their own.
///
/// # Errors
/// The files cannot be written, or there is no free port.
pub fn write(load: &Load) -> Result<Site, String> {
    let folder = Scratch::new("bench").map_err(|error| format!("no temporary folder: {error}"))?;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = free.map_err(|error| format!("no free port: {error}"))?;
    let config = format!(
        "policy = \"site.pol\"\nlisten = \"{address}\"\n[log]\nlevel = \"error\"\n[limits]\nconversations = 10000000\nstations_per_port = 100000\n{}",
        unlimited()
    );
    let written = fs::write(folder.path().join("site.pol"), policy(load))
        .and_then(|()| fs::write(folder.path().join("pentane.toml"), config));
    written.map_err(|error| format!("cannot write the site: {error}"))?;
    Ok(Site { folder, address })
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
fn policy(load: &Load) -> String {
    let mut text = String::from("# Generated for the benchmark.\n");
    for switch in 0..load.switches {
        let _ = writeln!(text, "switch s{switch} {{ dpid {}; access 1-{PORTS}; }}", switch + 1);
    }
    let mut names = Vec::new();
    for switch in 0..load.switches {
        for number in 0..load.hosts {
            let Host { mac, ip, .. } = host(switch, number);
            let _ = writeln!(text, "host h{switch}-{number} {{ mac {mac}; ip {ip}; }}");
            names.push(format!("h{switch}-{number}"));
        }
    }
    for (name, mac) in [("laptop-1", 1), ("phone-1", 2), ("server-1", 3)] {
        let _ = writeln!(text, "host {name} {{ mac 02:20:00:00:00:0{mac}; }}");
    }
    let _ = writeln!(text, "group desktops = host {{ {} }};", names.join(", "));
    text.push_str(
        "group laptops = host { laptop-1 };\ngroup phones = host { phone-1 };\ngroup servers = host { server-1 };\n\
         group private = desktops | laptops;\ngroup computers = private | servers;\n",
    );
    for number in 0..load.rules {
        let (a, b) = (number % 250 + 1, number / 250 % 250 + 1);
        let _ = writeln!(text, "deny from 172.16.{a}.{b} to 172.17.{b}.{a} for tcp/{};", 1024 + number % 60_000);
    }
    text.push_str(
        "deny from servers to private;\ndeny from phones to computers;\ndeny from computers to phones;\noutbound-only from laptops;\n",
    );
    text.push_str(ALLOWED);
    text
}
