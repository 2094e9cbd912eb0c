//! `pentane bench routes`: what a link event and the search for a way cost in a large network. Networks are generated. Knows nothing of
//! switches that speak, nor of policies.

use std::time::Duration;

use lang::checked::{Attachment, MiddleboxId};
use net::{Dpid, Location, PortNo, Time};
use runtime::route::{self, Constraint, Hop, Stage};
use runtime::topology::Topology;
use serde::Serialize;

use super::draw::Draw;
use super::report::{Format, machine};
use super::timing::{micros, quantile, timed};
use crate::exit::{Exit, Failure};
use crate::json;
use crate::output::Output;

/// What networks to measure with.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ends within a few seconds: 300 and 3,000 switches, and fewer events.
    #[arg(long)]
    quick: bool,
    /// Numbers of switches; 30, 300 and 3,000 if not given.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    switches: Vec<u32>,
    /// Links that go down and come back.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    events: u32,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Where hosts and the boxes are at each switch; cables are above.
const HOST: u32 = 1;
const ARM: u32 = 2;
const FIRST_CABLE: u32 = 10;
/// Of a hundred switches, how many have one more cable than the tree gives them.
const MESHED: u32 = 35;
/// Conversations whose ways are asked for.
const CONVERSATIONS: u32 = 2_000;

/// The figures of one network.
#[derive(Debug, Serialize)]
struct Measured {
    name: String,
    switches: u32,
    links: usize,
    /// A link goes down, a link comes up: all distances between all switches are right again.
    down_p50_us: f64,
    down_p99_us: f64,
    up_p50_us: f64,
    up_p99_us: f64,
    /// A link goes down, and every conversation over it, of so many in all, has its new way.
    update_p50_us: f64,
    update_p99_us: f64,
    update_max_us: f64,
    conversations: u32,
    /// A way to a switch that none was asked to before; then any other; and past two middleboxes of three instances each.
    first_p50_us: f64,
    first_p99_us: f64,
    way_p50_us: f64,
    way_p99_us: f64,
    boxed_p50_us: f64,
    boxed_p99_us: f64,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    machine: String,
    results: Vec<Measured>,
}

/// Measures, and prints the figures of each network.
///
/// # Errors
/// Nobody takes the output.
pub fn run(asked: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let sizes: &[u32] = match (asked.switches.as_slice(), asked.quick) {
        ([], true) => &[300, 3_000],
        ([], false) => &[30, 300, 3_000],
        (some, _) => some,
    };
    let events = if asked.quick { asked.events.min(200) } else { asked.events }.max(1);
    let human = asked.format == Format::Human;
    if human {
        out.line(format!("machine: {}", machine()))?;
        out.line("switches  links   down p50/p99 us     up p50/p99 us   update p50/p99/max us      way p50/p99 us")?;
    }
    let mut results = Vec::new();
    for size in sizes.iter().copied() {
        let one = measure(size.clamp(4, 20_000), events);
        if human {
            print(&one, out)?;
        }
        results.push(one);
    }
    if !human {
        json::write(out, &Document { schema: "pentane.bench/1", machine: machine(), results })?;
    }
    Ok(Exit::Good)
}

fn print(one: &Measured, out: &mut Output) -> Result<(), Failure> {
    out.line(format!(
        "{:>8} {:>6} {:>8.1} / {:<8.1} {:>7.1} / {:<7.1} {:>7.1} / {:>7.1} / {:<7.1} {:>7.1} / {:<7.1}",
        one.switches,
        one.links,
        one.down_p50_us,
        one.down_p99_us,
        one.up_p50_us,
        one.up_p99_us,
        one.update_p50_us,
        one.update_p99_us,
        one.update_max_us,
        one.way_p50_us,
        one.way_p99_us
    ))?;
    out.line(format!(
        "          first way to a switch {:.1} / {:.1} us, past two middleboxes {:.1} / {:.1} us",
        one.first_p50_us, one.first_p99_us, one.boxed_p50_us, one.boxed_p99_us
    ))
}

/// A network and what is asked of it.
struct Site {
    topology: Topology,
    cables: Vec<(Location, Location)>,
    size: u32,
    draw: Draw,
}

impl Site {
    /// Like the networks of operators: a tree with long branches, and some cables more.
    fn new(size: u32) -> Site {
        let mut site = Site { topology: Topology::default(), cables: Vec::new(), size, draw: Draw::new(u64::from(size)) };
        let mut next = vec![FIRST_CABLE; size as usize];
        let mut port = |dpid: u32| {
            let port = next.get_mut(dpid as usize).map(|next| {
                *next += 1;
                *next
            });
            at(dpid, port.unwrap_or(FIRST_CABLE))
        };
        for dpid in 0..size {
            site.topology.add_switch(Dpid(u64::from(dpid)));
            site.topology.set_port(at(dpid, HOST), true);
            site.topology.set_port(at(dpid, ARM), true);
            if dpid > 0 {
                let near = site.draw.below(dpid.min(12)) + 1;
                site.cables.push((port(dpid - near), port(dpid)));
            }
            if dpid > 1 && site.draw.below(100) < MESHED {
                let other = site.draw.below(dpid);
                site.cables.push((port(other), port(dpid)));
            }
        }
        for at in 0..site.cables.len() {
            site.mend(at);
        }
        site
    }

    fn mend(&mut self, cable: usize) {
        let Some((a, b)) = self.cables.get(cable).copied() else { return };
        self.topology.set_port(a, true);
        self.topology.set_port(b, true);
        self.topology.confirm(a, b, Time(1));
        self.topology.confirm(b, a, Time(1));
    }

    fn cut(&mut self, cable: usize) {
        if let Some((a, _)) = self.cables.get(cable).copied() {
            self.topology.set_port(a, false);
        }
    }

    fn any(&mut self) -> u32 {
        self.draw.below(self.size)
    }

    fn way(&mut self, from: u32, to: u32, boxes: &[Stage<'_>]) -> Vec<Hop> {
        let far = if boxes.is_empty() && from == to { ARM } else { HOST };
        route::path(&mut self.topology, at(from, HOST), at(to, far), boxes, &Constraint::default()).unwrap_or_default()
    }
}

fn at(dpid: u32, port: u32) -> Location {
    Location::new(Dpid(u64::from(dpid)), PortNo(port))
}

fn measure(size: u32, events: u32) -> Measured {
    let mut site = Site::new(size);
    let firsts = sorted((0..size).map(|to| {
        let from = site.any();
        timed(|| site.way(from, to, &[])).1
    }));
    let mut talks: Vec<(u32, u32, Vec<Hop>)> = Vec::new();
    let ways = sorted((0..CONVERSATIONS).map(|_| {
        let (from, to) = (site.any(), site.any());
        let (hops, time) = timed(|| site.way(from, to, &[]));
        talks.push((from, to, hops));
        time
    }));
    let boxed = sorted((0..CONVERSATIONS).map(|_| {
        let mut arms = || -> Vec<Attachment> { (0..3).map(|_| Attachment::OneArmed { at: at(site.any(), ARM) }).collect() };
        let boxes = [arms(), arms()];
        let stages: Vec<Stage<'_>> = (0..).map(MiddleboxId).zip(&boxes).map(|(id, instances)| Stage { id, instances }).collect();
        let (from, to) = (site.any(), site.any());
        timed(|| site.way(from, to, &stages)).1
    }));
    let (mut downs, mut ups, mut updates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..events {
        let cable = site.draw.below(u32::try_from(site.cables.len()).unwrap_or(u32::MAX)) as usize;
        let (down, update) = fail(&mut site, cable, &mut talks);
        downs.push(down);
        updates.push(update);
        ups.push(timed(|| site.mend(cable)).1);
    }
    let (downs, ups, updates) = (sorted(downs.into_iter()), sorted(ups.into_iter()), sorted(updates.into_iter()));
    let figure = |times: &[Duration], per_mille| micros(quantile(times, per_mille));
    Measured {
        name: format!("routes-{size}"),
        switches: size,
        links: site.cables.len(),
        down_p50_us: figure(&downs, 500),
        down_p99_us: figure(&downs, 990),
        up_p50_us: figure(&ups, 500),
        up_p99_us: figure(&ups, 990),
        update_p50_us: figure(&updates, 500),
        update_p99_us: figure(&updates, 990),
        update_max_us: figure(&updates, 1_000),
        conversations: CONVERSATIONS,
        first_p50_us: figure(&firsts, 500),
        first_p99_us: figure(&firsts, 990),
        way_p50_us: figure(&ways, 500),
        way_p99_us: figure(&ways, 990),
        boxed_p50_us: figure(&boxed, 500),
        boxed_p99_us: figure(&boxed, 990),
    }
}

/// A cable goes down, and the conversations over it go another way. How long it took until distances, and until ways were right.
fn fail(site: &mut Site, cable: usize, talks: &mut [(u32, u32, Vec<Hop>)]) -> (Duration, Duration) {
    let Some((a, b)) = site.cables.get(cable).copied() else { return Default::default() };
    let passes = |hops: &[Hop]| {
        let at = |hop: &Hop, end: Location| hop.dpid == end.dpid && (hop.in_port == end.port || hop.out_port == end.port);
        hops.iter().any(|hop| at(hop, a) || at(hop, b))
    };
    let cut: Vec<_> = talks.iter_mut().filter(|(.., hops)| passes(hops)).collect();
    let ((), down) = timed(|| site.cut(cable));
    let ((), rest) = timed(|| {
        for (from, to, hops) in cut {
            *hops = site.way(*from, *to, &[]);
        }
    });
    (down, down + rest)
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
}
