//! What the runtime is told at its start. Knows nothing of the file that the settings were read from.

use std::time::Duration;

use net::MacAddr;

/// How wide flow entries are, never wider than permission (docs/configuration.md: `flows.entries`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// One flow each.
    #[default]
    Exact,
    /// As many flows as are judged alike.
    Template,
    /// The same, and what may pass both ways stands before any packet comes.
    Proactive,
}

/// What may be asked for in a second, each 1 to 100,000,000. As much as that may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Because of one port where hosts are.
    pub per_port: u32,
    /// Because of one MAC address at such a port.
    pub per_host: u32,
    /// Because of one switch; half of it because of a port that leads to a switch, a middlebox or a gateway.
    pub per_switch: u32,
}

/// How scans are told, and what is done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanning {
    /// Different destinations that are not there, or may not be reached, 1 to 10,000: whoever asks for so many scans.
    pub destinations: usize,
    /// In so long.
    pub window: Duration,
    /// Whoever scans is put in quarantine at its port.
    pub quarantine: bool,
}

/// Settings of the runtime, with the defaults that `docs/configuration.md` documents.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest silence before an entry of an allowed conversation is removed by its switch. Whole seconds, 1 to 65,535.
    pub idle_timeout: Duration,
    /// How long a drop entry stays, whatever is sent. Whole seconds, 1 to 65,535.
    pub drop_timeout: Duration,
    /// Time for each step of the handshake, and for a barrier to be answered.
    pub handshake_deadline: Duration,
    /// Silence after which a switch is asked whether it is alive; three of these without answer end the connection.
    pub echo_interval: Duration,
    /// A switch in use that takes longer than this to answer is told of.
    pub echo_limit: Duration,
    /// How long a probe may be under way between two ports of which one has no declared role; zero for as long as it likes.
    pub link_latency: Duration,
    /// Time between two discovery probes on a port; a link not confirmed in three of these is gone.
    pub discovery_interval: Duration,
    /// After the start: how long switches and links may take to appear before entries of an earlier run are judged.
    pub settle: Duration,
    /// A claimed address that is not seen for this long may be claimed by another.
    pub address_lifetime: Duration,
    /// A station of which nothing is heard for this long, and that talks to nobody, is attached no longer.
    pub station_lifetime: Duration,
    /// How long a port may not send under a MAC address whose station is proved to be elsewhere.
    pub quarantine: Duration,
    /// How long the old place of a host may take to answer before a move is believed.
    pub move_probe: Duration,
    /// How wide entries are.
    pub width: Width,
    /// Decisions that are remembered, so that the like need not be searched for, and conversations that there is room for from the
    /// beginning: 100 bytes of both.
    pub ready: usize,
    /// Packets may take the short way to their decision: what comes of it is the same, as a comparison of both shows.
    pub fast: bool,
    /// Each decision is told as an event. Else decisions are counted, and the records tell of them.
    pub tell_decisions: bool,
    /// Entries that may stand before any packet comes, in all switches together: beyond it none do.
    pub planned: usize,
    /// Bytes of a packet that a switch sends to the controller, 0 to 65,535.
    pub miss_send_len: u16,
    /// Stations that may be learned at one port.
    pub stations_per_port: usize,
    /// Addresses that one station may claim.
    pub addresses_per_station: usize,
    /// Time between two looks at all entries of a switch; zero for never.
    pub verify_interval: Duration,
    /// Cookies of entries of others that are left where they are: each with the bits of it that count.
    pub adopt: Vec<(u64, u64)>,
    /// Conversations and drop entries kept in all.
    pub conversations: usize,
    /// Broadcast and multicast frames of one port that are relayed in a second.
    pub relays_per_second: u32,
    /// Trees along which switches carry broadcast and multicast; zero: all of it is relayed.
    pub trees: usize,
    /// Broadcast and multicast packets of one port that its switch lets into trees in a second; zero for no bound.
    pub broadcasts_per_second: u32,
    /// Packets that are looked at.
    pub packets: Rates,
    /// New flows that are decided.
    pub flows: Rates,
    /// Frames that are sent out of many ports, questions and broadcasts, in a second: in all, and out of one switch.
    pub copies: (u32, u32),
    /// Scans.
    pub scanning: Scanning,
    /// Switches with groups for it send packets another way by themselves where the next link is down.
    pub failover: bool,
    /// Conversations are spread over ways that are equally short.
    pub spread: bool,
    /// Says how they are spread: the same after a restart.
    pub spread_seed: u64,
    /// Claim to be the master of each switch (OpenFlow 1.3), with the epoch as the generation; else the role that it gives is kept.
    pub master: bool,
    /// The controller's own MAC address, in what it sends to hosts.
    pub mac: MacAddr,
    /// Authenticates discovery probes: new at every start.
    pub probe_key: [u8; 32],
    /// Tells probes of this run from others, and grows from run to run.
    pub epoch: u64,
}

impl Settings {
    /// True if an entry of somebody else with this cookie stays.
    #[must_use]
    pub fn adopts(&self, cookie: u64) -> bool {
        self.adopt.iter().any(|(wanted, mask)| cookie & mask == wanted & mask)
    }

    /// Seeds the hash tables whose keys senders choose: as secret as the probe key.
    #[must_use]
    pub fn hash_seed(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.probe_key;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            idle_timeout: Duration::from_secs(300),
            drop_timeout: Duration::from_secs(10),
            handshake_deadline: Duration::from_secs(5),
            echo_interval: Duration::from_secs(5),
            echo_limit: Duration::from_secs(1),
            link_latency: Duration::from_millis(100),
            discovery_interval: Duration::from_secs(3),
            settle: Duration::from_secs(5),
            address_lifetime: Duration::from_secs(300),
            station_lifetime: Duration::from_secs(3600),
            quarantine: Duration::from_secs(60),
            move_probe: Duration::from_secs(1),
            width: Width::default(),
            ready: 4096,
            fast: true,
            tell_decisions: true,
            planned: 20_000,
            miss_send_len: 128,
            verify_interval: Duration::from_secs(30),
            adopt: Vec::new(),
            stations_per_port: 256,
            addresses_per_station: 16,
            conversations: 1_000_000,
            relays_per_second: 50,
            trees: 1024,
            broadcasts_per_second: 1000,
            packets: Rates { per_port: 2_000, per_host: 1_000, per_switch: 40_000 },
            flows: Rates { per_port: 1_000, per_host: 500, per_switch: 20_000 },
            copies: (100_000, 10_000),
            scanning: Scanning { destinations: 100, window: Duration::from_secs(60), quarantine: false },
            failover: false,
            spread: true,
            spread_seed: 0,
            master: false,
            mac: MacAddr([0x02, 0x70, 0x65, 0x6e, 0x74, 0x01]),
            probe_key: [0; 32],
            epoch: 0,
        }
    }
}
