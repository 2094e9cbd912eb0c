//! `pentane demo`: the daemon with an emulated campus. Software switches speak real OpenFlow over loopback TCP, emulated hosts talk,
//! the policy changes once while they do. Needs no files and no privileges. Knows nothing of how flows are decided.

mod screen;
mod story;
mod wires;

use std::cell::RefCell;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use daemon::reactor::Clock;
use daemon::{Daemon, Doors};
use runtime::{Controller, Settings};
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::run::{on_runtime, probe_key, stop_signal};
use crate::scratch::Scratch;

use screen::{Screen, Watcher};
use story::Story;

const CAMPUS: &str = include_str!("../../../policies/campus/campus.pol");
const INVENTORY: &str = include_str!("../../../policies/campus/inventory.pol");

/// Shows a whole campus at work on this machine.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// End after this time (20s, 2m, 500ms) instead of at Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub until: Option<Duration>,
}

/// Runs the demo.
///
/// # Errors
/// It cannot start, or nobody takes its output.
pub fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    on_runtime(show(args, out))
}

async fn show(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let folder = Scratch::new("demo").map_err(|error| Failure::cannot(format!("no temporary folder: {error}")))?;
    let file = write_policy(folder.path())?;
    let loaded = daemon::load(std::slice::from_ref(&file));
    let policy = loaded.policy.clone().ok_or_else(|| Failure::cannot(loaded.report()))?;
    let clock = Clock::start();
    let key = probe_key().map_err(|error| Failure::cannot(format!("no random numbers to be had: {error}")))?;
    let settings = Settings { probe_key: key, epoch: clock.epoch(), settle: Duration::from_secs(1), ..Settings::default() };
    let controller =
        Controller::new(policy.clone(), settings, clock.now()).map_err(|error| Failure::cannot(error.to_string()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| Failure::cannot(format!("cannot listen on loopback: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::cannot(error.to_string()))?;

    let screen = Rc::new(RefCell::new(Screen::new(out, folder.path(), clock)));
    screen.borrow_mut().opening(&policy, address);
    let daemon = Daemon { doors: Doors::plain(listener), controller, files: vec![file.clone()], loaded };
    let mut watcher = Watcher(screen.clone());
    let interrupted = stop_signal().map_err(|error| Failure::cannot(format!("signals cannot be received: {error}")))?;
    let mut story = Story::new(screen.clone(), file, args.until);
    let stop = async {
        tokio::select! {
            () = interrupted => {}
            () = wires::run(address, clock, &mut story) => {}
        }
    };
    let status = daemon.run(clock, &mut watcher, stop).await.map_err(|error| Failure::cannot(error.to_string()))?;
    story.told();
    let mut screen = screen.borrow_mut();
    screen.summary(&status, &story);
    screen.ended()
}

/// The shipped campus policy, in files that the daemon watches.
fn write_policy(folder: &Path) -> Result<PathBuf, Failure> {
    let file = folder.join("campus.pol");
    fs::write(folder.join("inventory.pol"), INVENTORY)
        .and_then(|()| fs::write(&file, CAMPUS))
        .map_err(|error| Failure::cannot(format!("cannot write to the temporary folder: {error}")))?;
    Ok(file)
}

/// `20s`, `2m`, `1h`, `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let wrong = || "write a number and a unit: 500ms, 20s, 2m or 1h".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "20", "s", "-1s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
