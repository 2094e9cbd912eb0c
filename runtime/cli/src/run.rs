//! `pentane run`: the enforcement daemon. Knows nothing of what it decides.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon::config::{Level, Log, LogFormat};
use daemon::log::{self, Logger, caution};
use daemon::reactor::Clock;
use daemon::tls::Tls;
use daemon::{Config, Daemon, Doors, Secured};
use runtime::{Controller, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::output::complain;

/// Turns of tasks before it is looked whether sockets have something: so long, a switch that sends without end keeps others unheard.
const LOOKS: u32 = 4;

/// Enforces the policy on the switches that connect.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = "pentane.toml")]
    pub config: PathBuf,
}

/// What a daemon is ready for: what some thousands of hosts ask for within minutes.
const READY: usize = 1 << 19;

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// It cannot start.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let config = Config::read(&args.config).map_err(|error| Failure::cannot(error.to_string()))?;
    let files = config.policy_files(&args.config);
    let loaded = daemon::load(&files);
    complain(&loaded.report());
    let Some(policy) = loaded.policy.clone() else {
        let what = if loaded.unreadable { "cannot be read" } else { "has errors" };
        complain(&format!("error: the policy {what}: the daemon does not start\n"));
        return Ok(if loaded.unreadable { Exit::CannotDo } else { Exit::Bad });
    };
    let tls = match config.tls_files(&args.config) {
        Some(files) => Some(Tls::read(files).map_err(Failure::cannot)?),
        None => None,
    };
    start_log(config.log);
    let clock = Clock::start();
    let key = probe_key().map_err(|error| Failure::cannot(format!("no random numbers to be had: {error}")))?;
    let settings = Settings { ready: READY, tell_decisions: log::tells_decisions(), ..config.settings(key, clock.epoch()) };
    let controller = Controller::new(policy, settings, clock.now());
    let controller = controller.map_err(|error| Failure::cannot(error.to_string()))?;
    on_runtime(serve(&config, tls, &args.config, controller, files, loaded, clock))
}

async fn serve(
    config: &Config,
    tls: Option<Tls>,
    path: &Path,
    controller: Controller,
    files: Vec<PathBuf>,
    loaded: daemon::Loaded,
    clock: Clock,
) -> Result<Exit, Failure> {
    let doors = doors(config, tls).await?;
    let address = |listener: &TcpListener| listener.local_addr().ok().map(tracing::field::display);
    let listen = doors.plain.as_ref().and_then(address);
    let secured = doors.secured.as_ref().and_then(|door| address(&door.listener));
    let rules = daemon::policy::rule_count(controller.policy());
    let stop = stop_signal().map_err(|error| Failure::cannot(format!("signals cannot be received: {error}")))?;
    tracing::info!(event = "started", listen, tls = secured, config = %path.display(), rules, "switches may connect");
    caution(&loaded, clock.now());
    let daemon = Daemon { doors, controller, files, loaded };
    let mut logger = Logger::new(config.log.lines_per_second.into());
    let status = daemon.run(clock, &mut logger, stop).await.map_err(|error| Failure::cannot(error.to_string()))?;
    logger.farewell(&status);
    Ok(Exit::Good)
}

/// Where switches may connect.
async fn doors(config: &Config, tls: Option<Tls>) -> Result<Doors, Failure> {
    let plain = match config.plain_listen() {
        Some(listen) => Some(bind(listen).await?),
        None => None,
    };
    let secured = match (tls, &config.openflow.tls) {
        (Some(tls), Some(door)) => {
            let deadline = Duration::from_secs(config.discovery.handshake.into());
            Some(Secured { listener: bind(door.listen).await?, tls, deadline })
        }
        _ => None,
    };
    let limits = config.limits;
    Ok(Doors { plain, secured, connections: limits.connections.into(), per_address: limits.connections_per_address.into() })
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| Failure::cannot(format!("cannot listen on {listen}: {error}")))
}

/// Runs on a runtime of its own: one thread decides.
pub(crate) fn on_runtime(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    match tokio::runtime::Builder::new_current_thread().enable_all().event_interval(LOOKS).build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Failure::cannot(format!("the runtime does not start: {error}"))),
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
