//! `pentane run`: the enforcement daemon. Knows nothing of what it decides.

use std::future::Future;
use std::path::{Path, PathBuf};

use daemon::config::{Level, Log, LogFormat};
use daemon::log::{Logger, farewell};
use daemon::reactor::Clock;
use daemon::{Config, Daemon};
use runtime::Controller;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::output;

/// Enforces the policy on the switches that connect.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = "pentane.toml")]
    pub config: PathBuf,
}

/// Runs until SIGINT or SIGTERM.
pub fn run(args: &Args) -> Exit {
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(error) => return refuse(&format!("error: {error}\n")),
    };
    let files = config.policy_files(&args.config);
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        return refuse(&format!("error: the policy {} is not a file that can be read\n", missing.display()));
    }
    let loaded = daemon::load(&files);
    let Some(policy) = loaded.policy.clone() else {
        output::err(&loaded.report());
        output::err("error: the policy has errors: the daemon does not start\n");
        return Exit::BadAnswer;
    };
    if !loaded.diagnostics.is_empty() {
        output::err(&loaded.report());
    }
    start_log(config.log);
    let clock = Clock::start();
    let controller = match probe_key().map(|key| config.settings(key, clock.epoch())) {
        Ok(settings) => Controller::new(policy, settings, clock.now()),
        Err(error) => return refuse(&format!("error: no random numbers to be had: {error}\n")),
    };
    let controller = match controller {
        Ok(controller) => controller,
        Err(error) => return refuse(&format!("error: {error}\n")),
    };
    on_runtime(serve(&config, &args.config, controller, files, loaded, clock))
}

async fn serve(
    config: &Config,
    path: &Path,
    controller: Controller,
    files: Vec<PathBuf>,
    loaded: daemon::Loaded,
    clock: Clock,
) -> Exit {
    let listener = match TcpListener::bind(config.listen).await {
        Ok(listener) => listener,
        Err(error) => return refuse(&format!("error: cannot listen on {}: {error}\n", config.listen)),
    };
    let rules = controller.policy().rules.len();
    tracing::info!(event = "started", listen = %config.listen, config = %path.display(), rules, "switches may connect");
    let stop = match stop_signal() {
        Ok(stop) => stop,
        Err(error) => return refuse(&format!("error: signals cannot be received: {error}\n")),
    };
    let daemon = Daemon { listener, controller, files, loaded };
    match daemon.run(clock, &mut Logger, stop).await {
        Ok(status) => {
            farewell(&status);
            Exit::Good
        }
        Err(error) => refuse(&format!("error: {error}\n")),
    }
}

/// Runs on a runtime of its own: one thread decides.
pub(crate) fn on_runtime(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => refuse(&format!("error: the runtime does not start: {error}\n")),
    }
}

/// Done when SIGINT or SIGTERM comes.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A key for this run's probes.
pub(crate) fn probe_key() -> Result<[u8; 32], getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key)
}

fn refuse(message: &str) -> Exit {
    output::err(message);
    Exit::CouldNot
}

fn start_log(log: Log) {
    let level = match log.level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // Logging can be started only once; a second start in one process keeps the first.
    let _ = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
