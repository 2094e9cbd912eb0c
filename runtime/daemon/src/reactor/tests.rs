//! The loop while policies are read, and the pace of its ticks.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex};

use runtime::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::policy;

mod fair;
mod refused;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

const HELLO: [u8; 8] = [1, 0, 0, 8, 0, 0, 0, 1];

/// Tells how many rules each policy has that came into force.
struct Rules(UnboundedSender<usize>);

impl Observer for Rules {
    fn event(&mut self, _: &Event, _: Option<SocketAddr>, _: &Controller) {}

    fn reloaded(&mut self, reload: &Reload<'_>) {
        if let Reload::InForce(Loaded { policy: Some(policy), .. }, _) = reload {
            self.0.send(policy.site_rules().len()).unwrap();
        }
    }
}

async fn message(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 8];
    timeout(DEADLINE, stream.read_exact(&mut header)).await.expect("an answer in time").unwrap();
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let mut body = vec![0; length - header.len()];
    timeout(DEADLINE, stream.read_exact(&mut body)).await.expect("all of it").unwrap();
    (header[1], body)
}

async fn echo(stream: &mut TcpStream, mark: u8) {
    stream.write_all(&[1, 2, 0, 9, 0, 0, 0, 7, mark]).await.unwrap();
    loop {
        let (kind, body) = message(stream).await;
        if kind == 3 {
            return assert_eq!(body, [mark]);
        }
    }
}

async fn next<T>(from: &mut UnboundedReceiver<T>) -> T {
    timeout(DEADLINE, from.recv()).await.expect("in time").expect("the daemon runs")
}

#[tokio::test]
async fn packets_are_answered_while_a_policy_is_read() {
    let folder = std::env::temp_dir().join(format!("pentane-reload-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.pol");
    let one = "switch a { dpid 0x1; access 1-24; }\ndefault allow;\n";
    let two = format!("{one}deny from any to any for tcp/1;\n");
    let three = format!("{two}deny from any to any for tcp/2;\n");
    fs::write(&file, one).unwrap();
    let files = vec![file.clone()];
    let loaded = policy::load(&files);
    let clock = Clock::start();
    let settings = Settings { handshake_deadline: DEADLINE * 10, ..Settings::default() };
    let controller = Controller::new(loaded.policy.clone().unwrap(), settings, clock.now()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();

    let (began, mut begun) = unbounded_channel();
    let (gate, wait) = std_mpsc::channel();
    let (wait, read_from) = (Arc::new(Mutex::new(wait)), files.clone());
    let reading = Reading::by(move || {
        let loaded = policy::load(&read_from);
        // The test may be over.
        let _ = began.send(());
        let _ = wait.lock().unwrap().recv_timeout(DEADLINE);
        loaded
    });
    let (in_force, mut rules) = unbounded_channel();
    let body = tokio::spawn(async move {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(&HELLO).await.unwrap();
        echo(&mut peer, 0).await;
        fs::write(&file, &two).unwrap();
        next(&mut begun).await;
        for mark in 1..=50 {
            echo(&mut peer, mark).await;
        }
        assert!(rules.is_empty(), "the policy is not read yet");
        fs::write(&file, &three).unwrap();
        gate.send(()).unwrap();
        assert_eq!(next(&mut rules).await, 1);
        next(&mut begun).await;
        echo(&mut peer, 99).await;
        gate.send(()).unwrap();
        assert_eq!(next(&mut rules).await, 2, "the last change wins");
    });
    let daemon = Daemon { doors: Doors::plain(listener), controller, files, loaded };
    let mut observer = Rules(in_force);
    daemon.run_reading(reading, clock, &mut observer, async { body.await.unwrap() }).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_loop_that_was_held_up_reads_before_it_judges() {
    let start = Instant::now();
    let mut pace = Pace { due: start, held: false };
    assert!(pace.is_due(start));
    assert!(!pace.is_due(start + TICK / 2));
    assert!(pace.is_due(start + TICK), "in time");
    let late = start + TICK * 100;
    assert!(!pace.is_due(late), "what came meanwhile is read first");
    assert!(!pace.is_due(late + TICK / 2));
    assert!(pace.is_due(late + TICK));
    let turns = (2..100_u32).filter(|n| pace.is_due(late + TICK * 3 * *n)).count();
    assert_eq!(turns, 49, "a loop that is always late ticks every second time");
}
