//! How fast flows are decided by the structure, and by trying one rule after the other. In one process, without a network. Knows
//! nothing of texts, nor of changes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use compiler::{Cached, Program, View};
use lang::checked::Checked;
use lang::eval;
use lang::flow::Flow;

use super::draw::Draw;
use super::timing::{nanos, quantile};
use super::world::{self, Shape};

/// How many flows are decided, of which the middle and the slowest are told.
const FLOWS: u32 = 20_000;

/// How many of them are also decided by trying all rules.
const LINEAR: usize = 300;

/// How many flows the popular ones are of, and how often one is asked for.
const POPULAR: u32 = 10_000;
const ASKED: u32 = 1_000_000;

/// The figures, in nanoseconds.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) cold_p50_ns: u64,
    pub(super) cold_p99_ns: u64,
    pub(super) zipf_mean_ns: u64,
    pub(super) zipf_judge_ns: u64,
    pub(super) linear_p50_ns: u64,
}

/// Measures a program; gives it back.
pub(super) fn measure(policy: &Checked, program: Program, view: &View, shape: Shape) -> (Program, Figures) {
    let mut draw = Draw::new(7);
    let flows: Vec<Flow> = (0..FLOWS).map(|_| world::flow(&mut draw, view, shape)).collect();
    let cold = each(&flows, |flow| program.judge(flow));
    let linear = each(flows.get(..LINEAR).unwrap_or(&flows), |flow| eval::judge(policy, flow));
    let popular: Vec<Flow> = (0..POPULAR).map(|_| world::flow(&mut draw, view, shape)).collect();
    let asked: Vec<usize> = (0..ASKED).map(|_| zipf(&mut draw, POPULAR) as usize).collect();
    let mut cached = Cached::new(program, compiler::cached::ANSWERS);
    let placed: Vec<_> =
        popular.iter().filter_map(|flow| Some((cached.placed(&flow.src)?, cached.placed(&flow.dst)?, flow.headers))).collect();
    let start = Instant::now();
    for (src, dst, headers) in asked.iter().filter_map(|nth| placed.get(*nth)) {
        black_box(cached.decide(*src, *dst, black_box(headers), None));
    }
    let zipf = start.elapsed() / ASKED;
    let start = Instant::now();
    for flow in asked.iter().filter_map(|nth| popular.get(*nth)) {
        black_box(cached.judge(black_box(flow)));
    }
    let zipf_judge = start.elapsed() / ASKED;
    let figures = Figures {
        cold_p50_ns: nanos(quantile(&cold, 500)),
        cold_p99_ns: nanos(quantile(&cold, 990)),
        zipf_mean_ns: nanos(zipf),
        zipf_judge_ns: nanos(zipf_judge),
        linear_p50_ns: nanos(quantile(&linear, 500)),
    };
    (cached.into_program(), figures)
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

/// A number below the bound, by Zipf's law with exponent one.
fn zipf(draw: &mut Draw, bound: u32) -> u32 {
    let share = f64::from(draw.below(1 << 24)) / f64::from(1 << 24);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number below the bound, which is one")]
    let number = f64::from(bound).powf(share) as u32;
    number.saturating_sub(1).min(bound.saturating_sub(1))
}
