//! The null responder: a controller that answers every packet with the same bytes, those of an answer of the daemon, and does nothing
//! else. How fast it is says what the generator, the kernel and this machine let through. Knows no policy, no hosts, no flows.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use super::case::Version;
use super::connection::{Connection, PAGE, Poll};
use super::greeting;
use super::shape::Task;
use super::wire::{self, Layout, NO_BUFFER, Said, put};

/// The number of the listener, which is none of a connection.
const LISTENER: usize = usize::MAX;
/// How long it sleeps at most.
const TURN: Duration = Duration::from_secs(3600);

/// Answers until the last switch has gone.
///
/// # Errors
/// It cannot listen, or a connection broke.
pub(super) fn respond(file: &Path) -> Result<(), String> {
    let task = Task::read(file)?;
    let listener = TcpListener::bind(task.address).map_err(|error| format!("cannot listen on {}: {error}", task.address))?;
    listener.set_nonblocking(true).map_err(|error| format!("cannot listen: {error}"))?;
    let mut poll = Poll::new()?;
    poll.add(&listener, LISTENER)?;
    let mut responder = Responder::new(&task);
    let mut page = vec![0; PAGE];
    loop {
        for place in 0..poll.wait(TURN)? {
            match poll.ready(place) {
                LISTENER => responder.accept(&listener, &poll)?,
                number => responder.hear(number, &mut page)?,
            }
        }
        for connection in responder.connections.iter_mut().flatten().filter(|connection| !connection.out.is_empty()) {
            connection.flush(&poll)?;
        }
        if responder.is_over() {
            return Ok(());
        }
    }
}

struct Responder {
    layout: Layout,
    version: Version,
    /// What each switch of a line is told, and where in it the buffer is named.
    told: Vec<(Vec<u8>, Vec<usize>)>,
    connections: Vec<Option<Connection>>,
    /// The connection of each switch, by its number, and the number of the switch of each connection.
    switches: Vec<usize>,
    numbers: Vec<Option<usize>>,
}

impl Responder {
    fn new(task: &Task) -> Responder {
        let layout = Layout::of(task.shape.version());
        let told = (0..task.shape.hops()).map(|place| task.shape.told(place, &layout)).collect();
        Responder {
            layout,
            version: task.shape.version(),
            told,
            connections: Vec::new(),
            switches: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// True if switches were there, and all have gone.
    fn is_over(&self) -> bool {
        !self.switches.is_empty() && self.connections.iter().all(Option::is_none)
    }

    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> Result<(), String> {
        while let Ok((stream, _)) = listener.accept() {
            let mut connection = Connection::new(stream, self.connections.len(), poll)?;
            connection.out.extend_from_slice(&greeting::hello(self.version));
            connection.out.extend_from_slice(&greeting::questions(self.version).0);
            self.connections.push(Some(connection));
            self.numbers.push(None);
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, page: &mut [u8]) -> Result<(), String> {
        let Some(Some(connection)) = self.connections.get_mut(number) else { return Ok(()) };
        let Some(filled) = connection.read(page)? else {
            if let Some(closed) = self.connections.get_mut(number) {
                *closed = None;
            }
            return Ok(());
        };
        let mut left = page.get(..filled).unwrap_or_default();
        while let Some(frame) = wire::first(left)? {
            match self.layout.read(frame) {
                Said::Packet(NO_BUFFER) => {}
                Said::Packet(buffer) => self.answer(number, buffer),
                Said::EchoRequest => self.say(number, |out| Layout::echo_reply(frame, out)),
                Said::Features(dpid) => self.introduced(number, dpid),
                _ => {}
            }
            left = left.get(frame.len()..).unwrap_or_default();
        }
        if let Some(Some(connection)) = self.connections.get_mut(number) {
            connection.keep(left);
        }
        Ok(())
    }

    fn say(&mut self, number: usize, say: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Some(connection)) = self.connections.get_mut(number) {
            say(&mut connection.out);
        }
    }

    fn introduced(&mut self, number: usize, dpid: u64) {
        // Switches have the dpids from 1 on.
        let Some(switch) = usize::try_from(dpid).ok().and_then(|dpid| dpid.checked_sub(1)).filter(|switch| *switch < 1 << 16)
        else {
            return;
        };
        if self.switches.len() <= switch {
            self.switches.resize(switch + 1, usize::MAX);
        }
        if let (Some(connection), Some(known)) = (self.switches.get_mut(switch), self.numbers.get_mut(number)) {
            (*connection, *known) = (number, Some(switch));
        }
        let entries = greeting::questions(self.version).1;
        self.say(number, |out| out.extend_from_slice(&entries));
    }

    /// Tells every switch of the line what it is told in every answer.
    fn answer(&mut self, number: usize, buffer: u32) {
        let Some(first) = self.numbers.get(number).copied().flatten() else { return };
        for (place, (bytes, buffers)) in self.told.iter().enumerate() {
            let connection = self.switches.get(first + place).and_then(|number| self.connections.get_mut(*number));
            let Some(Some(Connection { out, .. })) = connection else { continue };
            let at = out.len();
            out.extend_from_slice(bytes);
            for named in buffers {
                put(out, at + named, &buffer.to_be_bytes());
            }
        }
    }
}
