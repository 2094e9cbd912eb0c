//! `pentane.toml`: every setting with its default. Unknown keys are refused. Knows nothing of what the settings do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lang::import::MAX_FILES;
use runtime::{Rates, Scanning, Settings, Width};

use crate::cookies::CookieMask;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::{as_text, read_bounded, unreadable};
use crate::tls::TlsFiles;

/// The greatest rate that can be set.
const MOST_PER_SECOND: u32 = 100_000_000;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Policy files, relative to the folder of `pentane.toml`; they are read as one policy in this order.
    pub policy: OneOrMore,
    /// Address and port that switches connect to over plain TCP. Without it: 127.0.0.1:6653, or nowhere if there is a door for TLS.
    #[serde(default, deserialize_with = "maybe_listen")]
    pub listen: Option<SocketAddr>,
    /// How OpenFlow is spoken.
    #[serde(default)]
    pub openflow: OpenFlow,
    /// What is logged and how.
    #[serde(default)]
    pub log: Log,
    /// Flow entries.
    #[serde(default)]
    pub flows: Flows,
    /// Discovery of links and switches.
    #[serde(default)]
    pub discovery: Discovery,
    /// How long hosts and their addresses are remembered.
    #[serde(default)]
    pub hosts: Hosts,
    /// How conversations find their way.
    #[serde(default)]
    pub routing: Routing,
    /// Upper bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What is taken for an attack, and what is done about it.
    #[serde(default)]
    pub protection: Protection,
    /// How bad findings of `pentane check` are to be taken, by their codes. The daemon does not look at it.
    #[serde(default)]
    pub severity: BTreeMap<String, String>,
}

/// One name, or a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a file name or a list of file names")]
pub enum OneOrMore {
    /// One.
    One(PathBuf),
    /// Several.
    More(Vec<PathBuf>),
}

/// `[openflow]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenFlow {
    /// The role to have with switches of OpenFlow 1.3.
    pub role: Role,
    /// A door for TLS.
    pub tls: Option<OpenFlowTls>,
}

/// Roles that can be wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What the switch gives: unless another controller is its master, that of all equals.
    #[default]
    Equal,
    /// The only one that changes entries.
    Master,
}

/// `[openflow.tls]`: paths are relative to the folder of `pentane.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenFlowTls {
    /// Address and port that switches connect to over TLS.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// The daemon's certificate, and those between it and its CA.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The CA that certificates of switches must be of.
    pub ca: PathBuf,
    /// Certificates that are revoked.
    #[serde(default)]
    pub crl: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One line of text an event, or one JSON object.
    pub format: LogFormat,
    /// Lines of each kind of event in a second: 1 to 65,535.
    pub lines_per_second: u16,
    /// The least level that is written.
    pub level: Level,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What stops Pentane from doing its work.
    Error,
    /// And what is not as it should be.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And what is only of use in search of a fault: connections, claimed addresses.
    Debug,
}

/// How wide flow entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entries {
    /// One flow each.
    #[default]
    Exact,
    /// What is judged alike.
    Template,
    /// The same, and what may pass both ways stands before any packet comes.
    Proactive,
}

/// `[flows]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flows {
    /// How wide entries are.
    pub entries: Entries,
    /// Seconds of silence after which an entry of an allowed conversation goes: 1 to 65,535.
    pub idle_timeout: u16,
    /// Seconds that a drop entry stays: 1 to 65,535.
    pub drop_timeout: u16,
    /// Bytes of a packet that a switch sends up where it keeps the packet: 64 to 65,535.
    pub miss_send_len: u16,
    /// Seconds between two looks at all entries of a switch: 0 to 3,600; 0 is never.
    pub verify: u16,
    /// Cookies of entries of others that stay.
    pub adopt: Vec<CookieMask>,
}

/// `[discovery]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discovery {
    /// Seconds between two probes on a port: 1 to 60.
    pub interval: u16,
    /// Seconds after the start in which switches and links may appear before entries of an earlier run are judged: 1 to 60.
    pub settle: u16,
    /// Seconds for each step of a switch's handshake: 1 to 60.
    pub handshake: u16,
    /// Seconds of silence after which a switch is asked whether it is alive: 1 to 60.
    pub echo: u16,
    /// Milliseconds that it may take to answer: 1 to 60,000.
    pub echo_limit: u16,
    /// Milliseconds that a probe may be under way between two ports of which one has no declared role: 0 to 60,000; 0 is any.
    pub link_latency: u16,
}

/// `[hosts]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hosts {
    /// Seconds of silence after which an address that a station merely uses is free: 1 to 65,535.
    pub address_lifetime: u16,
    /// Seconds of silence after which a station is taken to be gone: 60 to 65,535.
    pub station_lifetime: u16,
    /// Seconds for which a port may not send under a MAC address that is proved to be elsewhere: 1 to 65,535.
    pub quarantine: u16,
}

/// `[routing]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// Conversations are spread over ways that are equally short.
    pub spread: bool,
    /// Says how they are spread.
    pub seed: u64,
    /// Switches go around a link that is down by themselves.
    pub failover: bool,
}

/// `[protection]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protection {
    /// Different destinations that a host may ask for in vain in the time below: 1 to 10,000.
    pub scan_destinations: u16,
    /// Seconds: 1 to 3,600.
    pub scan_window: u16,
    /// What is done about a host that asks for more.
    pub scan_action: ScanAction,
}

/// What is done about a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanAction {
    /// It is told.
    #[default]
    Tell,
    /// The host is put in quarantine at its port, for `hosts.quarantine` seconds.
    Quarantine,
}

/// `[limits]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Conversations and drop entries kept.
    pub conversations: usize,
    /// Entries that stand before packets come.
    pub planned_entries: usize,
    /// Stations learned at one port.
    pub stations_per_port: usize,
    /// Addresses claimed by one station.
    pub addresses_per_station: usize,
    /// Broadcast frames relayed for one port in a second.
    pub relays_per_second: u32,
    /// Trees for broadcasts; 0: all are relayed.
    pub trees: usize,
    /// Broadcast packets of one port that go along trees in a second; 0: no bound.
    pub broadcasts_per_second: u32,
    /// Frames that are sent out of many ports in a second: 1 to 100,000,000.
    pub copies_per_second: u32,
    /// Of these out of one switch.
    pub copies_per_second_per_switch: u32,
    /// Packets of one port that are looked at in a second: 1 to 100,000,000, as those below.
    pub packets_per_second_per_port: u32,
    /// Of one MAC address at a port.
    pub packets_per_second_per_host: u32,
    /// Of one switch.
    pub packets_per_second_per_switch: u32,
    /// New flows of one port that are decided in a second.
    pub flows_per_second_per_port: u32,
    /// Of one MAC address at a port.
    pub flows_per_second_per_host: u32,
    /// Of one switch.
    pub flows_per_second_per_switch: u32,
    /// Connections in all: 1 to 65,535.
    pub connections: u16,
    /// Connections from one address: 1 to 65,535.
    pub connections_per_address: u16,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be had: one sentence.
    #[error("{0}")]
    Unreadable(String),
    /// The file is not what it should be.
    #[error("{path}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let name = path.display().to_string();
        let bytes = read_bounded(path).map_err(|error| ConfigError::Unreadable(unreadable(&name, &error)))?;
        Config::parse(path, &as_text(&name, bytes).map_err(ConfigError::Unreadable)?)
    }

    /// Checks the text of a file.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|error| malformed(path, text, &error))?;
        match config.out_of_range() {
            None => Ok(config),
            Some((key, message)) => Err(malformed_at(path, text, place_of(text, key), &message)),
        }
    }

    /// The first key whose value is not in its range, and what it must be.
    fn out_of_range(&self) -> Option<(&'static str, String)> {
        if self.policy.paths().is_empty() {
            return Some(("policy", "`policy` names no file".to_owned()));
        }
        if self.policy.paths().len() > MAX_FILES {
            return Some(("policy", format!("`policy` names more than {MAX_FILES} files: let one include the others")));
        }
        let (flows, discovery, hosts, limits) = (&self.flows, &self.discovery, &self.hosts, &self.limits);
        // Who is carried by entries that stand is heard of when tables are read.
        let most = (hosts.address_lifetime / 3).max(1);
        if flows.entries == Entries::Proactive && !(1..=most).contains(&flows.verify) {
            let (verify, lifetime) = (flows.verify, hosts.address_lifetime);
            let own = if verify == Flows::default().verify { "flows.entries" } else { "flows.verify" };
            let told = format!(
                "with `flows.entries = \"proactive\"`, `flows.verify` must be 1 to {most}, a third of `hosts.address_lifetime` ({lifetime}), not {verify}"
            );
            return Some((own, told));
        }
        let none = [
            ("limits.conversations", limits.conversations),
            ("limits.stations_per_port", limits.stations_per_port),
            ("limits.addresses_per_station", limits.addresses_per_station),
        ];
        if let Some((key, _)) = none.into_iter().find(|(_, value)| *value == 0) {
            return Some((key, format!("`{key}` must be 1 or more: with 0 nobody could talk")));
        }
        let checks = [
            ("flows.idle_timeout", flows.idle_timeout, 1..=u16::MAX),
            ("flows.drop_timeout", flows.drop_timeout, 1..=u16::MAX),
            ("flows.miss_send_len", flows.miss_send_len, 64..=u16::MAX),
            ("flows.verify", flows.verify, 0..=3600),
            ("log.lines_per_second", self.log.lines_per_second, 1..=u16::MAX),
            ("discovery.interval", discovery.interval, 1..=60),
            ("discovery.settle", discovery.settle, 1..=60),
            ("discovery.handshake", discovery.handshake, 1..=60),
            ("discovery.echo", discovery.echo, 1..=60),
            ("discovery.echo_limit", discovery.echo_limit, 1..=60_000),
            ("discovery.link_latency", discovery.link_latency, 0..=60_000),
            ("hosts.address_lifetime", hosts.address_lifetime, 1..=u16::MAX),
            ("hosts.station_lifetime", hosts.station_lifetime, 60..=u16::MAX),
            ("hosts.quarantine", hosts.quarantine, 1..=u16::MAX),
            ("protection.scan_destinations", self.protection.scan_destinations, 1..=10_000),
            ("protection.scan_window", self.protection.scan_window, 1..=3600),
            ("limits.connections", limits.connections, 1..=u16::MAX),
            ("limits.connections_per_address", limits.connections_per_address, 1..=u16::MAX),
        ];
        let rates = [
            ("limits.copies_per_second", limits.copies_per_second),
            ("limits.copies_per_second_per_switch", limits.copies_per_second_per_switch),
            ("limits.packets_per_second_per_port", limits.packets_per_second_per_port),
            ("limits.packets_per_second_per_host", limits.packets_per_second_per_host),
            ("limits.packets_per_second_per_switch", limits.packets_per_second_per_switch),
            ("limits.flows_per_second_per_port", limits.flows_per_second_per_port),
            ("limits.flows_per_second_per_host", limits.flows_per_second_per_host),
            ("limits.flows_per_second_per_switch", limits.flows_per_second_per_switch),
        ];
        let small = checks.into_iter().map(|(key, value, allowed)| {
            let (first, last) = allowed.into_inner();
            (key, u32::from(value), u32::from(first)..=u32::from(last))
        });
        small
            .chain(rates.map(|(key, value)| (key, value, 1..=MOST_PER_SECOND)))
            .find(|(_, value, allowed)| !allowed.contains(value))
            .map(|(key, value, allowed)| (key, format!("`{key}` must be {} to {}, not {value}", allowed.start(), allowed.end())))
    }

    /// The policy files, with the folder of `pentane.toml` before relative names.
    #[must_use]
    pub fn policy_files(&self, path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.policy.paths().iter().map(|file| folder.join(file)).collect()
    }

    /// Where switches connect over plain TCP, if they may.
    #[must_use]
    pub fn plain_listen(&self) -> Option<SocketAddr> {
        // OpenFlow's port is 6653 (IANA).
        let loopback = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6653));
        self.listen.or(self.openflow.tls.is_none().then_some(loopback))
    }

    /// The files of TLS, with the folder of `pentane.toml` before relative names.
    #[must_use]
    pub fn tls_files(&self, path: &Path) -> Option<TlsFiles> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.openflow.tls.as_ref().map(|tls| TlsFiles {
            certificate: folder.join(&tls.certificate),
            key: folder.join(&tls.key),
            ca: folder.join(&tls.ca),
            crl: tls.crl.as_ref().map(|crl| folder.join(crl)),
        })
    }

    /// The runtime's part, with keys that must be new at every start.
    #[must_use]
    pub fn settings(&self, probe_key: [u8; 32], epoch: u64) -> Settings {
        let seconds = |value: u16| Duration::from_secs(value.into());
        Settings {
            width: match self.flows.entries {
                Entries::Exact => Width::Exact,
                Entries::Template => Width::Template,
                Entries::Proactive => Width::Proactive,
            },
            planned: self.limits.planned_entries,
            idle_timeout: seconds(self.flows.idle_timeout),
            drop_timeout: seconds(self.flows.drop_timeout),
            miss_send_len: self.flows.miss_send_len,
            verify_interval: seconds(self.flows.verify),
            adopt: self.flows.adopt.iter().map(|one| (one.cookie, one.mask)).collect(),
            discovery_interval: seconds(self.discovery.interval),
            settle: seconds(self.discovery.settle),
            handshake_deadline: seconds(self.discovery.handshake),
            echo_interval: seconds(self.discovery.echo),
            echo_limit: Duration::from_millis(self.discovery.echo_limit.into()),
            link_latency: Duration::from_millis(self.discovery.link_latency.into()),
            address_lifetime: seconds(self.hosts.address_lifetime),
            station_lifetime: seconds(self.hosts.station_lifetime),
            quarantine: seconds(self.hosts.quarantine),
            conversations: self.limits.conversations,
            stations_per_port: self.limits.stations_per_port,
            addresses_per_station: self.limits.addresses_per_station,
            relays_per_second: self.limits.relays_per_second,
            trees: self.limits.trees,
            broadcasts_per_second: self.limits.broadcasts_per_second,
            packets: Rates {
                per_port: self.limits.packets_per_second_per_port,
                per_host: self.limits.packets_per_second_per_host,
                per_switch: self.limits.packets_per_second_per_switch,
            },
            copies: (self.limits.copies_per_second, self.limits.copies_per_second_per_switch),
            scanning: Scanning {
                destinations: usize::from(self.protection.scan_destinations),
                window: seconds(self.protection.scan_window),
                quarantine: self.protection.scan_action == ScanAction::Quarantine,
            },
            flows: Rates {
                per_port: self.limits.flows_per_second_per_port,
                per_host: self.limits.flows_per_second_per_host,
                per_switch: self.limits.flows_per_second_per_switch,
            },
            failover: self.routing.failover,
            spread: self.routing.spread,
            spread_seed: self.routing.seed,
            master: self.openflow.role == Role::Master,
            probe_key,
            epoch,
            ..Settings::default()
        }
    }
}

impl OneOrMore {
    fn paths(&self) -> &[PathBuf] {
        match self {
            OneOrMore::One(path) => std::slice::from_ref(path),
            OneOrMore::More(paths) => paths,
        }
    }
}

/// What is wrong with a text that cannot be read.
#[must_use]
pub fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    malformed_at(path, text, error.span().map_or(0, |span| span.start), error.message())
}

/// What is wrong at a byte of a text, on one line.
#[must_use]
pub fn malformed_at(path: &Path, text: &str, offset: usize, message: &str) -> ConfigError {
    let before = text.get(..offset).unwrap_or(text);
    ConfigError::Malformed {
        path: path.into(),
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
        message: message.lines().map(str::trim).collect::<Vec<_>>().join(", "),
    }
}

/// Where the value of a key such as `flows.idle_timeout` stands in a text that has been read.
#[must_use]
pub fn place_of(text: &str, key: &str) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 0 };
    let mut value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    for part in key.split('.') {
        let inner = match value.into_inner() {
            DeValue::Table(table) => table.into_iter().find(|(name, _)| name.get_ref() == part),
            _ => None,
        };
        let Some((_, found)) = inner else { return 0 };
        value = found;
    }
    value.span().start
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let wanted = "expected `address:port`, such as \"127.0.0.1:6653\"";
    let text = String::deserialize(deserializer).map_err(|error| D::Error::custom(format!("{error}: {wanted}")))?;
    text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no address to listen on: {wanted}")))
}

fn maybe_listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    listen(deserializer).map(Some)
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::default(), level: Level::default(), lines_per_second: 5_000 }
    }
}

impl Default for Flows {
    fn default() -> Self {
        let entries = Entries::default();
        Flows { entries, idle_timeout: 300, drop_timeout: 10, miss_send_len: 128, verify: 30, adopt: Vec::new() }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Discovery { interval: 3, settle: 10, handshake: 5, echo: 5, echo_limit: 1000, link_latency: 100 }
    }
}

impl Default for Hosts {
    fn default() -> Self {
        Hosts { address_lifetime: 300, station_lifetime: 3600, quarantine: 60 }
    }
}

impl Default for Routing {
    fn default() -> Self {
        Routing { spread: true, seed: 0, failover: false }
    }
}

impl Default for Protection {
    fn default() -> Self {
        Protection { scan_destinations: 100, scan_window: 60, scan_action: ScanAction::Tell }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            planned_entries: 20_000,
            conversations: 1_000_000,
            stations_per_port: 256,
            addresses_per_station: 16,
            relays_per_second: 50,
            trees: 1024,
            broadcasts_per_second: 1000,
            copies_per_second: 100_000,
            copies_per_second_per_switch: 10_000,
            packets_per_second_per_port: 2_000,
            packets_per_second_per_host: 1_000,
            packets_per_second_per_switch: 40_000,
            flows_per_second_per_port: 1_000,
            flows_per_second_per_host: 500,
            flows_per_second_per_switch: 20_000,
            connections: 4096,
            connections_per_address: 1024,
        }
    }
}

#[cfg(test)]
mod tests;
