//! Times, and which of many are told. Knows nothing of what took them.

use std::time::{Duration, Instant};

/// What the work came to, and how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

/// Of times that ascend the one that so many of a thousand are below.
pub(super) fn quantile(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted.get(sorted.len() * per_mille / 1_000).or(sorted.last()).copied().unwrap_or_default()
}

/// In milliseconds, with four digits behind the point.
pub(super) fn in_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 1e4
}

/// In microseconds, with two digits behind the point.
pub(super) fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e8).round() / 100.0
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
