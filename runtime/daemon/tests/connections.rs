//! What peers that never read can make the daemon hold: over real sockets, counted by the system.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what cannot be made has failed the test")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use daemon::reactor::Clock;
use daemon::{Daemon, Observer, Reload};
use runtime::{Controller, Event, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const PEERS: usize = 30;
/// What a peer asks to have back, in bytes, again and again until it is cut off.
const REQUEST: usize = 5_000;
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

/// A peer that behaves. Once it has its answer, the daemon has heard what others said before.
async fn answered(witness: &mut TcpStream) {
    witness.write_all(&message(2, 0)).await.unwrap();
    let mut header = [0; 8];
    while header[1] != 3 {
        timeout(DEADLINE, witness.read_exact(&mut header)).await.expect("an answer in time").unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
        timeout(DEADLINE, witness.read_exact(&mut body)).await.expect("all of it").unwrap();
    }
}

async fn greet(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&message(0, 0)).await.unwrap();
    stream
}

/// Asks and never reads, until the connection is reset. With a witness, one request at a time.
async fn ask(address: SocketAddr, mut witness: Option<TcpStream>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(&message(0, 0)).await.unwrap();
    let request = message(2, REQUEST);
    // How much the buffers between take hangs on the machine and its load; whoever waits for this one bounds it.
    while stream.write_all(&request).await.is_ok() {
        if let Some(witness) = &mut witness {
            answered(witness).await;
        }
    }
    stream
}

async fn besiege(address: SocketAddr) {
    // What the daemon itself holds open is counted once it answers.
    answered(&mut greet(address).await).await;
    let (files, memory) = (open_files(), peak());
    let mut peers = JoinSet::new();
    for peer in 0..PEERS {
        let witness = if peer % 2 == 0 { Some(greet(address).await) } else { None };
        peers.spawn(ask(address, witness));
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
