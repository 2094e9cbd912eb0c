//! What is measured: the cases of a run, and what each offers. Knows nothing of how.

use super::Openflow;

/// Initiations under way in throughput mode, over all lines of switches; and how many of them at each line, least and most.
const UNDER_WAY: u32 = 2_048;
const WINDOW: (u32, u32) = (128, 512);

/// How initiations are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Many at a time.
    Throughput,
    /// One at a time at each switch.
    Latency,
    /// So many a second, whether they are answered or not.
    Load,
}

/// The version of OpenFlow that the switches speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Version {
    /// 1.0.
    #[value(name = "1.0")]
    V10,
    /// 1.3.
    #[value(name = "1.3")]
    V13,
}

/// Who begins flows with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Population {
    /// Registered hosts, each with its neighbour.
    Hosts,
    /// Registered hosts by Zipf's law, with services by Zipf's law, beside many registered users and groups.
    Zipf,
    /// Hosts that the policy does not register, each with an address of its own, with registered ones.
    Unknown,
    /// The packets of the public cbench: one address from ever other MAC addresses, which is refused.
    Cbench,
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How initiations are offered.
    pub mode: Mode,
    /// What the switches speak.
    pub version: Version,
    /// Who begins flows.
    pub population: Population,
    /// Lines of switches; flows begin at the first switch of each and end at the last.
    pub lines: u16,
    /// Switches in each line.
    pub hops: u8,
    /// Registered hosts at each switch.
    pub hosts: u32,
    /// MAC addresses at each switch that flows come from.
    pub macs: u32,
    /// Registered users.
    pub users: u32,
    /// Rules beside those of the campus.
    pub rules: u32,
    /// Flows of the daemon, in all rounds together.
    pub flows: u32,
    /// Rounds of the daemon, and as many of the null responder.
    pub rounds: u32,
    /// Initiations under way at each line.
    pub window: u32,
    /// Initiations that may be without an answer at each line, where they are offered at a rate; else 0.
    pub places: u32,
    /// That rate, in percent of what is answered at most; else 0.
    pub load: u32,
    /// Hosts that nobody knows, a second, at a switch beside those that flows begin at.
    pub changes: u32,
    /// A switch beside those sends packets without end.
    pub flood: bool,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Throughput => "throughput",
            Mode::Latency => "latency",
            Mode::Load => "load",
        }
    }
}

impl Version {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Version::V10 => "1.0",
            Version::V13 => "1.3",
        }
    }
}

impl Population {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Population::Hosts => "hosts",
            Population::Zipf => "zipf",
            Population::Unknown => "unknown",
            Population::Cbench => "cbench",
        }
    }
}

/// Registered hosts of the population that is drawn by Zipf's law, in the whole network.
const ZIPF_HOSTS: u32 = 100_000;
/// Registered users there.
const ZIPF_USERS: u32 = 20_000;
/// Numbers of unregistered MAC addresses at a switch.
const MACS: &[u32] = &[1_000, 100_000];
/// So many hosts in a network have addresses of their own in 10.0.0.0/8, so many others in 100.64.0.0/10.
const MOST_HOSTS: u64 = 16_000_000;
const MOST_UNKNOWN: u64 = 4_000_000;
/// Most that is taken of what can be chosen.
const MOST_LINES: u32 = 2_000;
const MOST_HOPS: u32 = 16;
const MOST_AT_SWITCH: u32 = 1_000_000;
const MOST_FLOWS: u32 = 20_000_000;
/// The daemon keeps 4,096 packets of a switch, and drops the oldest of more.
const MOST_WINDOW: u32 = 2_048;
const MOST_LOAD: u32 = 1_000;
const MOST_CHANGES: u32 = 100_000;
/// Flows to choose from where they are offered at a rate, and how many of them may be without an answer.
const LOAD_FLOWS: u32 = 3_000_000;
const MOST_UNANSWERED: u32 = 1 << 21;
/// Usual rates, in percent of what is answered at most.
const LOADS: &[u32] = &[50, 90, 400];

impl Case {
    /// Switches in all that flows go through.
    pub fn switches(&self) -> u16 {
        self.lines * u16::from(self.hops)
    }

    /// Lines of switches, with that beside those that flows begin at.
    pub fn all_lines(&self) -> u16 {
        self.lines + u16::from(self.changes > 0 || self.flood)
    }

    /// A name that no other case of a run has.
    pub fn name(&self) -> String {
        let Case { lines, hops, macs, rules, .. } = self;
        let (mode, population, of) = (self.mode.name(), self.population.name(), self.version.name());
        let mut name = format!("{mode}-{population}-{of}-{lines}x{hops}-{macs}-{rules}");
        if self.mode == Mode::Load {
            name.push_str(&format!("-at-{}", self.load));
        }
        if self.changes > 0 {
            name.push_str(&format!("-changes-{}", self.changes));
        }
        if self.flood {
            name.push_str("-flood");
        }
        name
    }

    fn new(asked: &Openflow, mode: Mode, version: Version, population: Population) -> Case {
        let rounds = if asked.quick { 1 } else { 3 };
        let flows = if asked.quick { asked.flows.min(50_000) } else { asked.flows };
        let flows = match mode {
            Mode::Throughput => flows,
            Mode::Latency => flows / 10,
            Mode::Load => LOAD_FLOWS,
        };
        let hosts = asked.hosts;
        Case {
            mode,
            version,
            population,
            lines: 1,
            hops: 1,
            hosts,
            macs: hosts,
            users: 0,
            rules: 10_000,
            flows,
            rounds,
            window: 1,
            places: 0,
            load: 0,
            changes: asked.changes,
            flood: asked.flood,
        }
    }

    /// What depends on the number of lines.
    fn at(mut self, lines: u16, asked: &Openflow) -> Case {
        self.lines = lines;
        if self.mode == Mode::Load {
            self.places = MOST_UNANSWERED / u32::from(lines).max(4);
        }
        if self.mode != Mode::Latency {
            let usual = (UNDER_WAY / u32::from(lines)).clamp(WINDOW.0, WINDOW.1);
            self.window = asked.window.unwrap_or(usual);
        }
        if self.population == Population::Zipf {
            (self.users, self.hosts) = (ZIPF_USERS, ZIPF_HOSTS / u32::from(self.switches()));
            if asked.quick {
                (self.users, self.hosts) = (self.users / 10, self.hosts / 10);
            }
        }
        if matches!(self.population, Population::Hosts | Population::Zipf) {
            self.macs = self.hosts;
        }
        // Every one of them is to begin a flow.
        let least = if self.population == Population::Unknown { self.macs } else { self.rounds };
        self.flows = self.flows.max(least.saturating_mul(u32::from(lines)));
        self
    }

    fn check(&self) -> Result<(), String> {
        let Case { hosts, macs, population, version, hops, .. } = self;
        let switches = u64::from(self.switches());
        if *population == Population::Cbench && (*version != Version::V10 || *hops != 1) {
            return Err("cbench speaks OpenFlow 1.0 alone, and its switches have no links".to_owned());
        }
        if self.flood && *version != Version::V10 {
            return Err("what floods speaks OpenFlow 1.0".to_owned());
        }
        if switches * u64::from(*hosts) > MOST_HOSTS || switches * u64::from(*macs) > MOST_UNKNOWN {
            return Err(format!("{switches} switches with {hosts} hosts and {macs} MAC addresses each are too many"));
        }
        Ok(())
    }
}

/// The cases that are asked for.
///
/// # Errors
/// Some cannot be.
pub(super) fn cases(asked: &Openflow) -> Result<Vec<Case>, String> {
    check(asked)?;
    let beside = asked.changes > 0 || asked.flood || !asked.load.is_empty();
    let chosen =
        beside || !asked.population.is_empty() || !asked.of.is_empty() || !asked.hops.is_empty() || !asked.macs.is_empty();
    let cases = if chosen || !asked.rules.is_empty() || !asked.switches.is_empty() || !asked.mode.is_empty() {
        crossed(asked)
    } else if asked.quick {
        quick(asked)
    } else {
        full(asked)
    };
    cases.iter().try_for_each(Case::check)?;
    Ok(cases)
}

fn check(asked: &Openflow) -> Result<(), String> {
    let between = |name: &str, given: &[u32], least: u32, most: u32| {
        let fit = given.iter().all(|number| (least..=most).contains(number));
        if fit { Ok(()) } else { Err(format!("`{name}` takes {least} to {most}")) }
    };
    let wide = |given: &[u16]| given.iter().copied().map(u32::from).collect::<Vec<_>>();
    between("--switches", &wide(&asked.switches), 1, MOST_LINES)?;
    between("--hops", &asked.hops.iter().copied().map(u32::from).collect::<Vec<_>>(), 1, MOST_HOPS)?;
    between("--hosts", &[asked.hosts], 2, MOST_AT_SWITCH)?;
    between("--macs", &asked.macs, 1, MOST_AT_SWITCH)?;
    between("--rules", &asked.rules, 0, MOST_AT_SWITCH)?;
    between("--flows", &[asked.flows], 1, MOST_FLOWS)?;
    between("--load", &asked.load, 1, MOST_LOAD)?;
    between("--changes", &[asked.changes], 0, MOST_CHANGES)?;
    between("--window", asked.window.as_slice(), 1, MOST_WINDOW)
}

/// What is given, each with each; the first of the usual ones where nothing is given.
fn crossed(asked: &Openflow) -> Vec<Case> {
    let or = |given: &[u16], usual: &[u16]| if given.is_empty() { usual.to_vec() } else { given.to_vec() };
    let switches = or(&asked.switches, if asked.quick { &[1, 16] } else { &[1, 4, 16, 64] });
    let modes = if asked.mode.is_empty() { vec![Mode::Throughput, Mode::Latency] } else { asked.mode.clone() };
    let versions = if asked.of.is_empty() { vec![Version::V10] } else { asked.of.clone() };
    let populations = if asked.population.is_empty() { vec![Population::Hosts] } else { asked.population.clone() };
    let hops = if asked.hops.is_empty() { vec![1] } else { asked.hops.clone() };
    let rules = if asked.rules.is_empty() { vec![10_000] } else { asked.rules.clone() };
    let loads = if asked.load.is_empty() { LOADS } else { &asked.load[..] };
    let mut cases = Vec::new();
    for population in populations {
        let unregistered = matches!(population, Population::Unknown | Population::Cbench);
        let macs = if !unregistered {
            &[0][..]
        } else if asked.macs.is_empty() {
            &MACS[..1]
        } else {
            &asked.macs
        };
        for (version, hops) in versions.iter().flat_map(|version| hops.iter().map(move |hops| (*version, *hops))) {
            for (rules, macs) in rules.iter().flat_map(|rules| macs.iter().map(move |macs| (*rules, *macs))) {
                for (lines, mode) in switches.iter().flat_map(|lines| modes.iter().map(move |mode| (*lines, *mode))) {
                    for load in if mode == Mode::Load { loads } else { &[0] } {
                        let case = Case { hops, rules, macs, load: *load, ..Case::new(asked, mode, version, population) };
                        cases.push(case.at(lines, asked));
                    }
                }
            }
        }
    }
    cases
}

/// At least one of everything, within a minute.
fn quick(asked: &Openflow) -> Vec<Case> {
    use Mode::{Latency, Throughput};
    use Population::{Cbench, Hosts, Unknown, Zipf};
    let hosts = |mode, version| Case::new(asked, mode, version, Hosts);
    let of = |population, macs| Case { macs, ..Case::new(asked, Throughput, Version::V10, population) };
    vec![
        hosts(Throughput, Version::V10).at(1, asked),
        hosts(Latency, Version::V10).at(1, asked),
        hosts(Throughput, Version::V10).at(16, asked),
        hosts(Throughput, Version::V13).at(16, asked),
        Case { hops: 3, ..hosts(Throughput, Version::V10) }.at(1, asked),
        of(Zipf, 0).at(16, asked),
        of(Unknown, 1_000).at(1, asked),
        of(Cbench, 1_000).at(1, asked),
    ]
}

/// What the documented figures are of.
fn full(asked: &Openflow) -> Vec<Case> {
    use Mode::{Latency, Throughput};
    let mut cases = Vec::new();
    for rules in [0, 10_000] {
        for lines in [1, 4, 16, 64] {
            for mode in [Throughput, Latency] {
                cases.push(Case { rules, ..Case::new(asked, mode, Version::V10, Population::Hosts) }.at(lines, asked));
            }
        }
    }
    for lines in [1, 16] {
        for mode in [Throughput, Latency] {
            cases.push(Case::new(asked, mode, Version::V13, Population::Hosts).at(lines, asked));
        }
        for version in [Version::V10, Version::V13] {
            let along = Case { hops: 3, ..Case::new(asked, Throughput, version, Population::Hosts) };
            cases.push(along.at(lines, asked));
        }
    }
    for lines in [16, 64] {
        cases.push(Case::new(asked, Throughput, Version::V10, Population::Zipf).at(lines, asked));
    }
    for population in [Population::Unknown, Population::Cbench] {
        for (lines, macs) in [(1, 1_000), (16, 1_000), (1, 100_000)] {
            cases.push(Case { macs, ..Case::new(asked, Throughput, Version::V10, population) }.at(lines, asked));
        }
    }
    cases
}
