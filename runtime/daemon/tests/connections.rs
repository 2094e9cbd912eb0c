//! What many peers, and peers that never read, can make the daemon hold and others wait: over real sockets, counted by the system.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what cannot be made has failed the test")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use daemon::reactor::Clock;
use daemon::{Daemon, Doors, Observer, Reload};
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

/// One message.
async fn frame(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 8];
    stream.read_exact(&mut message).await?;
    message.resize(usize::from(u16::from_be_bytes([message[2], message[3]])), 0);
    stream.read_exact(&mut message[8..]).await?;
    Ok(message)
}

/// Somebody connects from there, and greets.
async fn hello(address: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = timeout(DEADLINE, socket.connect(address)).await.expect("in time").unwrap();
    stream.write_all(&message(0, 0)).await.unwrap();
    stream
}

/// A switch of OpenFlow 1.0 without ports connects from there, and is in use when it is asked for its entries and has answered.
async fn join(address: SocketAddr, from: Ipv4Addr, dpid: u16) -> TcpStream {
    let mut stream = hello(address, from).await;
    loop {
        let asked = timeout(DEADLINE, frame(&mut stream)).await.expect("asked in time").unwrap();
        let mut answer = match (asked[1], asked.get(9)) {
            (5, _) => {
                let mut features = message(6, 24);
                features[8..].fill(0);
                features[14..16].copy_from_slice(&dpid.to_be_bytes());
                features
            }
            (16, Some(1)) => [&[1, 17, 0, 12, 0, 0, 0, 0][..], &[0, 1, 0, 0]].concat(),
            _ => continue,
        };
        answer[4..8].copy_from_slice(&asked[4..8]);
        stream.write_all(&answer).await.unwrap();
        if asked[1] == 16 {
            answered(&mut stream).await;
            return stream;
        }
    }
}

/// A switch connects from there that nobody declared, and is held pending.
async fn knock(address: SocketAddr, from: Ipv4Addr, dpid: u16) -> TcpStream {
    let mut stream = hello(address, from).await;
    loop {
        let asked = timeout(DEADLINE, frame(&mut stream)).await.expect("asked in time").unwrap();
        if asked[1] == 5 {
            let mut features = message(6, 24);
            features[8..].fill(0);
            features[14..16].copy_from_slice(&dpid.to_be_bytes());
            features[4..8].copy_from_slice(&asked[4..8]);
            stream.write_all(&features).await.unwrap();
            answered(&mut stream).await;
            return stream;
        }
    }
}

/// Runs a daemon with so many declared switches while `body` does something at it; how many switches are in use at the end.
async fn at_daemon<F>(switches: u16, per_address: usize, settings: Settings, body: impl FnOnce(SocketAddr) -> F) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    at_doors(switches, (4096, per_address), settings, body).await
}

/// The same with room for so many connections, and so many of an address.
async fn at_doors<F>(
    switches: u16,
    (connections, per_address): (usize, usize),
    settings: Settings,
    body: impl FnOnce(SocketAddr) -> F,
) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = std::env::temp_dir().join(format!("pentane-connections-{}-{switches}-{per_address}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.pol");
    let declared: String = (1..=switches).map(|dpid| format!("switch s{dpid} {{ dpid {dpid:#x}; access 1-24; }}\n")).collect();
    fs::write(&file, declared + "default deny;\n").unwrap();
    let loaded = daemon::load(std::slice::from_ref(&file));
    fs::remove_dir_all(&folder).unwrap();
    let clock = Clock::start();
    let controller = Controller::new(loaded.policy.clone().unwrap(), settings, clock.now()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let body = tokio::spawn(body(listener.local_addr().unwrap()));
    let doors = Doors { connections, per_address, ..Doors::plain(listener) };
    let daemon = Daemon { doors, controller, files: Vec::new(), loaded };
    daemon.run(clock, &mut Deaf, async { body.await.unwrap() }).await.unwrap().switches
}

#[tokio::test]
async fn peers_that_never_read_leave_nothing() {
    assert_eq!(at_daemon(1, 1024, Settings::default(), besiege).await, 0);
}

#[tokio::test]
async fn r03_ten_thousand_idle_connections_of_one_address_keep_no_switch_out() {
    const SHARE: usize = 100;
    // Nobody is cut off for its silence: only the limit is at work.
    let settings = Settings { handshake_deadline: DEADLINE * 10, ..Settings::default() };
    let up = at_daemon(1, SHARE, settings, |address| async move {
        answered(&mut join(address, Ipv4Addr::new(127, 0, 0, 2), 1).await).await;
        let files = open_files();
        let mut held = Vec::new();
        for _ in 0..10_000 {
            let mut idle = TcpStream::connect(address).await.unwrap();
            let mut greeting = [0];
            // Greeted, or closed in one way or another.
            if timeout(DEADLINE, idle.read(&mut greeting)).await.expect("in time").is_ok_and(|count| count == 1) {
                held.push(idle);
            }
        }
        assert_eq!(held.len(), SHARE);
        assert!(open_files() <= files + 2 * SHARE + 8, "what is refused is closed");
        let mut switch = join(address, Ipv4Addr::new(127, 0, 0, 3), 1).await;
        answered(&mut switch).await;
    });
    assert_eq!(up.await, 1);
}

#[tokio::test]
async fn r03_switches_that_nobody_declared_keep_no_declared_one_out() {
    const ROOM: usize = 16;
    let up = at_doors(2, (ROOM, ROOM), Settings::default(), |address| async move {
        let mut first = join(address, Ipv4Addr::LOCALHOST, 1).await;
        let mut strangers = Vec::new();
        for dpid in 100..150 {
            strangers.push(knock(address, Ipv4Addr::LOCALHOST, dpid).await);
        }
        answered(&mut join(address, Ipv4Addr::LOCALHOST, 2).await).await;
        answered(&mut first).await;
        // Those who came last are still held, for an administrator to see.
        answered(strangers.last_mut().unwrap()).await;
    });
    // All may have hung up a moment ago.
    assert!(up.await <= 2);
}

#[tokio::test]
async fn r04_hundreds_of_switches_at_once_are_all_served() {
    const CROWD: u16 = 300;
    let up = at_daemon(CROWD, 1024, Settings::default(), |address| async move {
        for _ in 0..2 {
            let started = std::time::Instant::now();
            let mut coming = JoinSet::new();
            for dpid in 1..=CROWD {
                coming.spawn(join(address, Ipv4Addr::LOCALHOST, dpid));
            }
            let mut all = coming.join_all().await;
            assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
            for switch in &mut all {
                answered(switch).await;
            }
        }
    });
    // All hung up a moment ago.
    assert!(up.await <= usize::from(CROWD));
}

#[tokio::test]
async fn r06_a_switch_that_stops_reading_is_dropped_and_others_are_served() {
    let up = at_daemon(2, 1024, Settings::default(), |address| async move {
        let mut good = join(address, Ipv4Addr::LOCALHOST, 2).await;
        let mut bad = join(address, Ipv4Addr::LOCALHOST, 1).await;
        let memory = peak();
        let request = message(2, REQUEST);
        let mut asked = 0;
        while bad.write_all(&request).await.is_ok() {
            asked += REQUEST;
            if asked % (200 * REQUEST) == 0 {
                answered(&mut good).await;
            }
        }
        answered(&mut good).await;
        assert!(asked > 1 << 20, "it was a switch in use, for which much may wait: {asked}");
        let grown = peak() - memory;
        assert!(grown < MEMORY, "{grown} KiB for a switch that does not read");
    });
    assert!(up.await <= 2);
}
