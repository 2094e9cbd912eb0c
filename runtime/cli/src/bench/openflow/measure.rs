//! Measures one case: the daemon and the null responder in turns, under the same load. Knows nothing of how figures are printed.

use std::time::Duration;

use super::case::{Case, Mode, Population};
use super::cores::Cores;
use super::fleet::Fleet;
use super::offer::{Answered, Until};
use super::shape::Task;
use crate::bench::daemon_process::{self, DaemonProcess};
use crate::bench::site::{self, Plan};

/// How long the null responder answers in each round.
const NULL: Duration = Duration::from_millis(300);
/// How long it is looked how many flows are answered at most, and how long they are offered at a rate then: together with that, no
/// switch has more entries than its table holds.
const MOST: Duration = Duration::from_millis(300);
const LOADED: Duration = Duration::from_millis(500);

/// The figures of a case: medians of its rounds.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Answers of the daemon, in all rounds.
    pub flows: u64,
    /// Of the daemon.
    pub flows_per_s: f64,
    /// Of the daemon, for a million answers.
    pub cpu_s_per_million: f64,
    /// What an answer took, at the median.
    pub p50_us: u32,
    /// 99 of 100.
    pub p99_us: u32,
    /// 999 of 1,000.
    pub p999_us: u32,
    /// Of the null responder.
    pub null_flows_per_s: f64,
    /// Flows offered a second, where that is not as many as are answered.
    pub offered_per_s: Option<f64>,
}

/// Measures.
///
/// # Errors
/// The daemon or the null responder does not start, or does not answer.
pub(super) fn measure(case: &Case, cores: &Cores) -> Result<Figures, String> {
    let plan = Plan {
        lines: case.all_lines(),
        hops: case.hops,
        hosts: case.hosts,
        users: case.users,
        rules: case.rules,
        grouped: case.population == Population::Zipf,
    };
    let site = site::write(&plan)?;
    let daemon = cores.beside(|| daemon_process::start(&site.config(), site.address()))?;
    let mut fleet = Fleet::connect(case, site.address())?;
    fleet.announce()?;
    fleet.link()?;
    let shape = fleet.try_out()?;
    let task = Task { address: site::free_address()?, shape };
    task.write(&site.answer())?;
    let null = cores.beside(|| daemon_process::start_null(&site.answer(), task.address))?;
    let mut other = Fleet::connect(case, task.address)?;
    other.expect(&task.shape);
    fleet.send_beside();
    if case.mode == Mode::Load {
        return loaded(case, &mut fleet, &mut other, &daemon);
    }
    let share = (case.flows / u32::from(case.lines) / case.rounds).max(1);
    let (mut rounds, mut nulls) = (Vec::new(), Vec::new());
    for _ in 0..case.rounds {
        let before = daemon.cpu()?;
        let answered = fleet.offer(Until::Flows(share))?;
        rounds.push((answered, daemon.cpu()?.saturating_sub(before)));
        let answered = other.offer(Until::Elapsed(NULL)).map_err(|why| format!("the null responder: {why}"))?;
        nulls.push(answered.per_second());
    }
    drop(null);
    Ok(figures(&rounds, nulls))
}

/// Offers flows at a rate: in percent of what was answered a moment before.
fn loaded(case: &Case, fleet: &mut Fleet, other: &mut Fleet, daemon: &DaemonProcess) -> Result<Figures, String> {
    // The first flows find nothing known of their hosts.
    fleet.offer(Until::Elapsed(MOST))?;
    let most = fleet.offer(Until::Elapsed(MOST))?.per_second();
    let null = other.offer(Until::Elapsed(NULL)).map_err(|why| format!("the null responder: {why}"))?.per_second();
    let before = daemon.cpu()?;
    let (answered, offered) = fleet.offer_at(most * f64::from(case.load) / 100.0, LOADED)?;
    let round = (answered, daemon.cpu()?.saturating_sub(before));
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read, of less than 2^52")]
    let offered_per_s = Some(offered as f64 / LOADED.as_secs_f64());
    Ok(Figures { offered_per_s, ..figures(&[round], vec![null]) })
}

#[expect(clippy::cast_precision_loss, reason = "figures to be read, of less than 2^52")]
fn figures(rounds: &[(Answered, Duration)], nulls: Vec<f64>) -> Figures {
    let of = |value: fn(&Answered) -> f64| median(rounds.iter().map(|(answered, _)| value(answered)).collect());
    let quantile = |per_mille| {
        let mut values: Vec<u32> = rounds.iter().map(|(answered, _)| answered.quantile(per_mille)).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let costs = rounds.iter().map(|(answered, cpu)| cpu.as_secs_f64() / answered.answers as f64 * 1e6);
    let flows: u64 = rounds.iter().map(|(answered, _)| answered.answers).sum();
    Figures {
        flows,
        flows_per_s: of(Answered::per_second),
        cpu_s_per_million: median(costs.collect()),
        p50_us: quantile(500),
        p99_us: quantile(990),
        p999_us: quantile(999),
        null_flows_per_s: median(nulls),
        offered_per_s: None,
    }
}

/// The middle one of an odd number of values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_medians_of_rounds() {
        let round = |answers: u64, millis: u64, latencies: Vec<u32>| {
            (Answered { answers, elapsed: Duration::from_millis(millis), latencies }, Duration::from_millis(millis / 2))
        };
        let rounds = [round(1_000, 1_000, vec![1, 2, 3]), round(1_000, 100, vec![7, 8, 9]), round(1_000, 500, vec![4, 5, 6])];
        let figures = figures(&rounds, vec![30.0, 10.0, 20.0]);
        assert_eq!((figures.flows, figures.flows_per_s, figures.null_flows_per_s), (3_000, 2_000.0, 20.0));
        assert_eq!((figures.cpu_s_per_million, figures.p50_us, figures.p999_us), (250.0, 5, 6));
    }
}
