//! What peers that never read can make the daemon hold: over real sockets, counted by the system.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use daemon::reactor::Clock;
use daemon::{Daemon, Observer, Reload};
use runtime::{Controller, Event, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const PEERS: usize = 30;
/// Bytes that a peer asks to have back, unless it is cut off before.
const ASKED: usize = 15_000_000;
/// What the daemon may have needed beside what it had at the start, in KiB: much less than all answers.
const MEMORY: usize = 128 * 1024;

struct Deaf;

impl Observer for Deaf {
    fn event(&mut self, _: &Event, _: Option<SocketAddr>, _: &Controller) {}
    fn reloaded(&mut self, _: &Reload<'_>) {}
}

fn message(kind: u8, body: usize) -> Vec<u8> {
    let length = u16::try_from(8 + body).unwrap().to_be_bytes();
    let mut bytes = vec![1, kind, length[0], length[1], 0, 0, 0, 1];
    bytes.resize(8 + body, b'x');
    bytes
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The most memory that this process ever had, in KiB.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks for so many bytes at a time and never reads, until the connection is reset.
async fn ask(address: SocketAddr, portion: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(&message(0, 0)).await.unwrap();
    let request = message(2, portion);
    for _ in 0..ASKED / portion {
        if stream.write_all(&request).await.is_err() {
            return stream;
        }
        tokio::task::yield_now().await;
    }
    panic!("all requests were taken, and no answer was read");
}

async fn besiege(address: SocketAddr) {
    // One that behaves, so that what the daemon itself holds open is counted.
    let first = TcpStream::connect(address).await.unwrap();
    let mut greeting = [0; 8];
    timeout(DEADLINE, tokio::io::AsyncReadExt::read_exact(&mut { first }, &mut greeting)).await.unwrap().unwrap();
    let (files, memory) = (open_files(), peak());
    let mut peers = JoinSet::new();
    for peer in 0..PEERS {
        // Large portions are refused as they come; small ones fill what the system holds, and the writer is stuck with the rest.
        peers.spawn(ask(address, if peer % 2 == 0 { 60_000 } else { 4_000 }));
    }
    let held = timeout(DEADLINE, peers.join_all()).await.expect("connections of peers that do not read are ended");
    assert_eq!(held.len(), PEERS);
    // The peers' own ends are still open; of the daemon's none may be.
    let all_gone = async {
        while open_files() > files + PEERS {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, all_gone).await.expect("the daemon closes its ends");
    let grown = peak() - memory;
    assert!(grown < MEMORY, "{grown} KiB for peers that do not read");
}

#[tokio::test]
async fn peers_that_never_read_leave_nothing() {
    let folder = std::env::temp_dir().join(format!("pentane-connections-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.pol");
    fs::write(&file, "switch a { dpid 0x1; access 1-24; }\ndefault deny;\n").unwrap();
    let loaded = daemon::load(std::slice::from_ref(&file));
    fs::remove_dir_all(&folder).unwrap();
    let clock = Clock::start();
    let controller = Controller::new(loaded.policy.clone().unwrap(), Settings::default(), clock.now()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let siege = tokio::spawn(besiege(address));
    let daemon = Daemon { listener, controller, files: Vec::new(), loaded };
    let status = daemon.run(clock, &mut Deaf, async { siege.await.unwrap() }).await.unwrap();
    assert_eq!(status.switches, 0);
}
