//! `pentane.toml`: every setting with its default. Unknown keys are refused. Knows nothing of what the settings do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lang::import::MAX_FILES;
use runtime::Settings;

use crate::cookies::CookieMask;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::{as_text, read_bounded, unreadable};
use crate::tls::TlsFiles;

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
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One line of text an event, or one JSON object.
    pub format: LogFormat,
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

/// `[flows]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flows {
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

/// `[limits]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Conversations and drop entries kept.
    pub conversations: usize,
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
        let checks = [
            ("flows.idle_timeout", flows.idle_timeout, 1..=u16::MAX),
            ("flows.drop_timeout", flows.drop_timeout, 1..=u16::MAX),
            ("flows.miss_send_len", flows.miss_send_len, 64..=u16::MAX),
            ("flows.verify", flows.verify, 0..=3600),
            ("discovery.interval", discovery.interval, 1..=60),
            ("discovery.settle", discovery.settle, 1..=60),
            ("discovery.handshake", discovery.handshake, 1..=60),
            ("discovery.echo", discovery.echo, 1..=60),
            ("hosts.address_lifetime", hosts.address_lifetime, 1..=u16::MAX),
            ("hosts.station_lifetime", hosts.station_lifetime, 60..=u16::MAX),
            ("hosts.quarantine", hosts.quarantine, 1..=u16::MAX),
            ("limits.connections", limits.connections, 1..=u16::MAX),
            ("limits.connections_per_address", limits.connections_per_address, 1..=u16::MAX),
        ];
        checks
            .into_iter()
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
            idle_timeout: seconds(self.flows.idle_timeout),
            drop_timeout: seconds(self.flows.drop_timeout),
            miss_send_len: self.flows.miss_send_len,
            verify_interval: seconds(self.flows.verify),
            adopt: self.flows.adopt.iter().map(|one| (one.cookie, one.mask)).collect(),
            discovery_interval: seconds(self.discovery.interval),
            settle: seconds(self.discovery.settle),
            handshake_deadline: seconds(self.discovery.handshake),
            echo_interval: seconds(self.discovery.echo),
            address_lifetime: seconds(self.hosts.address_lifetime),
            station_lifetime: seconds(self.hosts.station_lifetime),
            quarantine: seconds(self.hosts.quarantine),
            conversations: self.limits.conversations,
            stations_per_port: self.limits.stations_per_port,
            addresses_per_station: self.limits.addresses_per_station,
            relays_per_second: self.limits.relays_per_second,
            trees: self.limits.trees,
            broadcasts_per_second: self.limits.broadcasts_per_second,
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

impl Default for Flows {
    fn default() -> Self {
        Flows { idle_timeout: 300, drop_timeout: 10, miss_send_len: 128, verify: 30, adopt: Vec::new() }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Discovery { interval: 3, settle: 10, handshake: 5, echo: 5 }
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

impl Default for Limits {
    fn default() -> Self {
        Limits {
            conversations: 1_000_000,
            stations_per_port: 256,
            addresses_per_station: 16,
            relays_per_second: 50,
            trees: 1024,
            broadcasts_per_second: 1000,
            connections: 4096,
            connections_per_address: 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("site/pentane.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_least_file_names_a_policy() {
        let config = parse("policy = \"campus.pol\"\n").unwrap();
        assert_eq!(config.plain_listen().map(|listen| listen.port()), Some(6653));
        assert_eq!(config.policy_files(Path::new("site/pentane.toml")), [PathBuf::from("site/campus.pol")]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let unknown = parse("policy = \"a.pol\"\n[flows]\nidel_timeout = 3\n").unwrap_err();
        assert!(unknown.starts_with("site/pentane.toml:3:1: unknown field `idel_timeout`"), "{unknown}");
        let range = parse("policy = \"a.pol\"\n[flows]\nidle_timeout = 0\n").unwrap_err();
        assert_eq!(range, "site/pentane.toml:3:16: `flows.idle_timeout` must be 1 to 65535, not 0");
        let dotted = parse("policy = \"a.pol\"\n# spaced\ndiscovery . interval =  61\n").unwrap_err();
        assert_eq!(dotted, "site/pentane.toml:3:25: `discovery.interval` must be 1 to 60, not 61");
        let inline = parse("policy = \"a.pol\"\ndiscovery = { settle = 3, echo = 0 }\n").unwrap_err();
        assert_eq!(inline, "site/pentane.toml:2:34: `discovery.echo` must be 1 to 60, not 0");
        assert_eq!(parse("\npolicy = []\n").unwrap_err(), "site/pentane.toml:2:10: `policy` names no file");
    }

    #[test]
    fn a_door_for_tls_takes_the_place_of_the_plain_one_unless_both_are_wanted() {
        let tls = "[openflow.tls]\nlisten = \"0.0.0.0:6653\"\ncertificate = \"a.pem\"\nkey = \"/k.pem\"\nca = \"ca.pem\"\n";
        let config = parse(&format!("policy = \"a.pol\"\n{tls}")).unwrap();
        assert_eq!(config.plain_listen(), None);
        let files = config.tls_files(Path::new("site/pentane.toml")).unwrap();
        assert_eq!((files.certificate, files.key, files.crl), ("site/a.pem".into(), "/k.pem".into(), None));
        let both = parse(&format!("policy = \"a.pol\"\nlisten = \"127.0.0.1:6633\"\n{tls}")).unwrap();
        assert_eq!(both.plain_listen().map(|listen| listen.port()), Some(6633));
        let missing = parse(&format!("policy = \"a.pol\"\n{}", tls.replace("ca = ", "# "))).unwrap_err();
        assert!(missing.contains("missing field `ca`"), "{missing}");
        let unknown = parse(&format!("policy = \"a.pol\"\n{tls}ciphers = 1\n")).unwrap_err();
        assert!(unknown.starts_with("site/pentane.toml:7:1: unknown field `ciphers`"), "{unknown}");
        let role = parse("policy = \"a.pol\"\nopenflow.role = \"boss\"\n").unwrap_err();
        assert!(role.contains("unknown variant `boss`, expected `equal` or `master`"), "{role}");
    }

    #[test]
    fn wrong_kinds_say_what_is_wanted() {
        let policy = "expected a file name or a list of file names";
        for value in ["3", "[3]", "{}"] {
            assert_eq!(parse(&format!("policy = {value}\n")).unwrap_err(), format!("site/pentane.toml:1:10: {policy}"));
        }
        let listen = "expected `address:port`, such as \"127.0.0.1:6653\"";
        let unfit = parse("policy = \"a.pol\"\nlisten = \"6653\"\n").unwrap_err();
        assert_eq!(unfit, format!("site/pentane.toml:2:10: `6653` is no address to listen on: {listen}"));
        let number = parse("policy = \"a.pol\"\nlisten = 6653\n").unwrap_err();
        assert!(number.starts_with("site/pentane.toml:2:10: ") && number.ends_with(listen), "{number}");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let told = |path: &str| Config::read(Path::new(path)).unwrap_err().to_string();
        assert_eq!(told("/dev/zero"), "`/dev/zero` cannot be read: it is no regular file");
        assert_eq!(told("gone/pentane.toml"), "there is no file `gone/pentane.toml`");
    }
}
