//! Which processor cores the generator and the daemon run on. Knows nothing of what they do there.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this process, split in two; or, where there is but one, all of them for both.
pub(super) struct Cores {
    generator: CpuSet,
    daemon: CpuSet,
}

impl Cores {
    /// Takes the last core that this process may use for the generator, and moves this thread there. The daemon gets the others.
    ///
    /// # Errors
    /// The system does not tell which cores there are, or does not let this thread be moved.
    pub(super) fn split() -> Result<Cores, String> {
        let all = sched_getaffinity(None).map_err(|error| format!("the processor cores are not told: {error}"))?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| all.is_set(*core));
        let Some(last) = last.filter(|_| all.count() > 1) else { return Ok(Cores { generator: all, daemon: all }) };
        let (mut generator, mut daemon) = (CpuSet::new(), all);
        generator.set(last);
        daemon.unset(last);
        let cores = Cores { generator, daemon };
        stay(&cores.generator)?;
        Ok(cores)
    }

    /// Starts a process on the cores of the daemon: what is started inherits them.
    ///
    /// # Errors
    /// It is not started, or this thread cannot be moved.
    pub(super) fn beside<T>(&self, start: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        stay(&self.daemon)?;
        let started = start();
        stay(&self.generator)?;
        started
    }
}

fn stay(cores: &CpuSet) -> Result<(), String> {
    sched_setaffinity(None, cores).map_err(|error| format!("cannot stay on a processor core: {error}"))
}
