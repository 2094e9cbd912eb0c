//! Joins the emulated network with the daemon: one TCP connection for each switch. Knows nothing of what is said.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use daemon::reactor::Clock;
use net::Dpid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::story::Story;

/// How often emulated hosts and switches look at the clock.
const BEAT: Duration = Duration::from_millis(2);

/// Connects every switch of the story's network and runs it in real time, until the story has ended.
pub async fn run(daemon: SocketAddr, clock: Clock, story: &mut Story<'_>) {
    let (heard, mut hearing) = mpsc::channel(64);
    let dpids: Vec<Dpid> = story.begin(clock.now()).switches().map(emulator::Switch::dpid).collect();
    let mut writers = BTreeMap::new();
    for dpid in dpids {
        let Ok(stream) = TcpStream::connect(daemon).await else { continue };
        let (reader, writer) = stream.into_split();
        tokio::spawn(listen(dpid, reader, heard.clone()));
        writers.insert(dpid, writer);
        story.network().connect(dpid);
    }
    let mut beat = tokio::time::interval(BEAT);
    while story.goes_on(clock.now()) {
        tokio::select! {
            Some((dpid, bytes)) = hearing.recv() => {
                let bytes: Bytes = bytes;
                story.network().from_controller(dpid, &bytes, clock.now());
            }
            _ = beat.tick() => {}
        }
        story.network().run(clock.now());
        speak(story, &mut writers).await;
    }
}

/// Sends what switches have to say.
async fn speak(story: &mut Story<'_>, writers: &mut BTreeMap<Dpid, OwnedWriteHalf>) {
    let mut said: BTreeMap<Dpid, BytesMut> = BTreeMap::new();
    for (dpid, bytes) in story.network().to_controller() {
        said.entry(dpid).or_default().extend_from_slice(&bytes);
    }
    for (dpid, bytes) in said {
        let Some(writer) = writers.get_mut(&dpid) else { continue };
        if writer.write_all(&bytes).await.is_err() {
            writers.remove(&dpid);
            story.network().disconnect(dpid);
        }
    }
}

async fn listen(dpid: Dpid, mut reader: OwnedReadHalf, heard: mpsc::Sender<(Dpid, Bytes)>) {
    let mut buffer = BytesMut::with_capacity(1 << 16);
    while let Ok(1..) = reader.read_buf(&mut buffer).await {
        if heard.send((dpid, buffer.split().freeze())).await.is_err() {
            return;
        }
        buffer.reserve(1 << 14);
    }
}
