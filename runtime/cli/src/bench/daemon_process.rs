//! The daemon under load, or what stands in for it, as a process of its own: started, measured by the system's accounting, and ended.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the daemon may take to read the site and listen.
const START: Duration = Duration::from_secs(60);

/// How long it may take to end.
const END: Duration = Duration::from_secs(20);

/// A running daemon; it is ended when this is dropped.
pub struct DaemonProcess(Child);

/// Starts `pentane run` and waits until it listens.
///
/// # Errors
/// It does not start, or does not listen in time.
pub fn start(config: &Path, address: SocketAddr) -> Result<DaemonProcess, String> {
    launch(&["run", "-c"], config, address).map_err(|why| format!("the daemon {why}"))
}

/// Starts the null responder with the answer in this file, and waits until it listens.
///
/// # Errors
/// It does not start, or does not listen in time.
pub fn start_null(answer: &Path, address: SocketAddr) -> Result<DaemonProcess, String> {
    launch(&["bench", "openflow", "--null-responder"], answer, address).map_err(|why| format!("the null responder {why}"))
}

fn launch(words: &[&str], file: &Path, address: SocketAddr) -> Result<DaemonProcess, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot be found: {error}"))?;
    let child = Command::new(program)
        .args(words)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let mut daemon = DaemonProcess(child);
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Ok(Some(status)) = daemon.0.try_wait() {
            return Err(format!("ended: {status}"));
        }
        if begun.elapsed() > START {
            return Err("does not listen".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(daemon)
}

impl DaemonProcess {
    /// CPU time that its threads have used so far, from the scheduler's accounting.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn cpu(&self) -> Result<Duration, String> {
        let unknown = |error: std::io::Error| format!("the daemon's CPU time cannot be read: {error}");
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).map_err(unknown)?;
        let mut total = Duration::ZERO;
        for task in tasks {
            let line = fs::read_to_string(task.map_err(unknown)?.path().join("schedstat")).map_err(unknown)?;
            let running = line.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
            total += Duration::from_nanos(running.unwrap_or(0));
        }
        Ok(total)
    }
}

impl DaemonProcess {
    /// Memory that is in use by it, in bytes.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn memory(&self) -> Result<u64, String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))
            .map_err(|error| format!("the daemon's memory cannot be read: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| "the system does not tell the daemon's memory".to_owned())
    }

    /// Has it read its policy again.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn reload(&self) -> Result<(), String> {
        let sent = Command::new("kill").args(["-HUP", &self.0.id().to_string()]).status();
        let sent = sent.map_err(|error| format!("the daemon cannot be signalled: {error}"))?;
        if sent.success() { Ok(()) } else { Err("the daemon cannot be signalled".to_owned()) }
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        // Asked first, so that a profiler around it can write what it saw; made to if it does not hear. It may have ended by itself.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let asked = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) {
            if asked.elapsed() > END {
                let _ = self.0.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
