//! How fast flows are decided by the structure, and by trying one rule after the other; and what a change of the view costs. In one
//! process, without a network. Knows nothing of texts.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::{Program, View};
use lang::checked::{Checked, HostId, UserId};
use lang::eval;
use lang::flow::{End, Flow, Headers, Person, Place};
use net::{Dpid, EtherType, IpProto, Location, MacAddr, PortNo, Transport};

use super::draw::Draw;

/// How many flows are decided, of which the middle and the slowest are told.
const FLOWS: u32 = 20_000;

/// How many of them are also decided by trying all rules.
const LINEAR: usize = 300;

/// How many changes of the view are timed.
const CHANGES: u32 = 2_000;

/// How many pairs of ends the popular flows are of.
const POPULAR: u32 = 1_000;

/// The figures: nanoseconds of look-ups, microseconds of changes.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) cold_p50_ns: u64,
    pub(super) cold_p99_ns: u64,
    pub(super) zipf_mean_ns: u64,
    pub(super) linear_p50_ns: u64,
    pub(super) move_p50_us: f64,
    pub(super) join_p50_us: f64,
}

/// Measures a policy of hosts and users.
pub(super) fn measure(policy: &Arc<Checked>) -> Figures {
    let mut draw = Draw::new(7);
    let mut view = View::new(policy);
    let stations: Vec<MacAddr> = policy.hosts.iter().filter_map(|host| host.macs.first().copied()).collect();
    for (number, mac) in (0..).zip(&stations) {
        view.attach(*mac, port(number), policy);
        let user = UserId(draw.below(u32::try_from(policy.users.len()).unwrap_or(1)));
        view.login(*mac, Person::declared(user));
    }
    let mut program = Program::compile(Arc::clone(policy), &view);
    let flows: Vec<Flow> = (0..FLOWS).map(|_| flow(&mut draw, &view, &stations, None)).collect();
    let cold = each(&flows, |flow| program.judge(flow));
    let linear = each(flows.get(..LINEAR).unwrap_or(&flows), |flow| eval::judge(policy, flow));
    let popular: Vec<Flow> = (0..FLOWS).map(|_| flow(&mut draw, &view, &stations, Some(POPULAR))).collect();
    let start = Instant::now();
    for flow in &popular {
        black_box(program.judge(black_box(flow)));
    }
    let zipf = start.elapsed() / FLOWS;
    let moves = changes(&mut program, &mut view, &stations, &mut draw, |view, mac, draw| {
        view.attach(mac, port(draw.below(100_000)), policy);
    });
    let joins = changes(&mut program, &mut view, &stations, &mut draw, |view, mac, draw| {
        let user = UserId(draw.below(u32::try_from(policy.users.len()).unwrap_or(1)));
        view.login(mac, Person::declared(user));
        let others: Vec<UserId> = view
            .station(mac)
            .into_iter()
            .flat_map(|station| &station.users)
            .filter_map(|person| person.user.filter(|other| *other != user))
            .collect();
        for other in others {
            view.logout(mac, other);
        }
    });
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Figures {
        cold_p50_ns: nanos(quantile(&cold, 500)),
        cold_p99_ns: nanos(quantile(&cold, 990)),
        zipf_mean_ns: nanos(zipf),
        linear_p50_ns: nanos(quantile(&linear, 500)),
        move_p50_us: micros(quantile(&moves, 500)),
        join_p50_us: micros(quantile(&joins, 500)),
    }
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e8).round() / 100.0
}

/// A port of one of many switches.
fn port(number: u32) -> Location {
    Location { dpid: Dpid(u64::from(number / 48) + 1), port: PortNo(number % 48 + 1) }
}

/// How long each took, ascending.
fn each<T>(flows: &[Flow], mut decide: impl FnMut(&Flow) -> T) -> Vec<Duration> {
    let time = |flow| {
        let start = Instant::now();
        black_box(decide(black_box(flow)));
        start.elapsed()
    };
    let mut times: Vec<Duration> = flows.iter().map(time).collect();
    times.sort_unstable();
    times
}

/// How long it took to make each of many changes and to take it into the program, ascending.
fn changes(
    program: &mut Program,
    view: &mut View,
    stations: &[MacAddr],
    draw: &mut Draw,
    mut change: impl FnMut(&mut View, MacAddr, &mut Draw),
) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..CHANGES {
        let Some(mac) = stations.get(draw.below(u32::try_from(stations.len()).unwrap_or(1)) as usize).copied() else { continue };
        let start = Instant::now();
        change(view, mac, draw);
        program.update(view, &[mac]);
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times
}

fn quantile(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted.get(sorted.len() * per_mille / 1_000).or(sorted.last()).copied().unwrap_or_default()
}

/// A flow between two stations: any two, or of so many pairs one that is the more popular the smaller its number (Zipf).
fn flow(draw: &mut Draw, view: &View, stations: &[MacAddr], popular: Option<u32>) -> Flow {
    let mut pair = popular.map(|pairs| Draw::new(u64::from(zipf(draw, pairs)) + 1));
    let dice = pair.as_mut().unwrap_or(draw);
    let count = u32::try_from(stations.len()).unwrap_or(1);
    let (src, dst) = (end(view, stations, dice.below(count)), end(view, stations, dice.below(count)));
    let port = u16::try_from(1_000 + dice.below(300)).unwrap_or(1_000);
    let headers = Headers {
        dl_type: Some(EtherType::IPV4),
        proto: Some(IpProto::TCP),
        transport: Some(Transport::Ports { src: 40_000, dst: port }),
        dscp: Some(0),
        vlan: None,
    };
    Flow { src, dst, headers, time: None }
}

/// A number below the bound, by Zipf's law with exponent one.
fn zipf(draw: &mut Draw, bound: u32) -> u32 {
    let share = f64::from(draw.below(1 << 24)) / f64::from(1 << 24);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number below the bound, which is one")]
    let number = f64::from(bound).powf(share) as u32;
    number.saturating_sub(1).min(bound.saturating_sub(1))
}

fn end(view: &View, stations: &[MacAddr], number: u32) -> End {
    let station = stations.get(number as usize).and_then(|mac| view.station(*mac));
    let Some(station) = station else { return End::default() };
    End {
        users: station.users.clone(),
        host: station.host.or(Some(HostId(number))),
        location: station.location,
        mac: Some(station.mac),
        address: station.addresses.first().copied(),
        place: Place::Inside,
        groups: station.groups.clone(),
    }
}
