//! Connections that never wait, and which of them have something to say. Knows nothing of messages.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// How much is read at once.
pub(super) const PAGE: usize = 1 << 18;
/// How many connections are told of at once.
const READY: usize = 256;

/// Which connections have something to say.
pub(super) struct Poll {
    epoll: OwnedFd,
    ready: Vec<Event>,
}

impl Poll {
    /// Of none yet.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn new() -> Result<Poll, String> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|error| format!("cannot wait for connections: {error}"))?;
        let nothing = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        Ok(Poll { epoll, ready: vec![nothing; READY] })
    }

    /// Tells of this one, too, by this number.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn add(&self, source: impl AsFd, number: usize) -> Result<(), String> {
        let added = epoll::add(&self.epoll, source, EventData::new_u64(number as u64), EventFlags::IN);
        added.map_err(|error| format!("cannot wait for a connection: {error}"))
    }

    /// Tells also when this one can be written to, or no longer does.
    fn also_writing(&self, source: impl AsFd, number: usize, writing: bool) -> Result<(), String> {
        let flags = if writing { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let changed = epoll::modify(&self.epoll, source, EventData::new_u64(number as u64), flags);
        changed.map_err(|error| format!("cannot wait for a connection: {error}"))
    }

    /// Waits until some have something to say, or for so long. How many they are.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn wait(&mut self, longest: Duration) -> Result<usize, String> {
        let seconds = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
        let longest = Timespec { tv_sec: seconds, tv_nsec: longest.subsec_nanos().into() };
        match epoll::wait(&self.epoll, &mut self.ready[..], Some(&longest)) {
            Ok(count) => Ok(count),
            Err(Errno::INTR) => Ok(0),
            Err(error) => Err(format!("cannot wait for connections: {error}")),
        }
    }

    /// The number of one that has.
    pub(super) fn ready(&self, place: usize) -> usize {
        let data = self.ready.get(place).map_or(u64::MAX, |event| event.data.u64());
        usize::try_from(data).unwrap_or(usize::MAX)
    }
}

/// A connection, what is still to be written to it, and the start of a message of which the rest has not come.
pub(super) struct Connection {
    stream: TcpStream,
    /// What is to be written.
    pub(super) out: Vec<u8>,
    written: usize,
    rest: Vec<u8>,
    number: usize,
    waits_to_write: bool,
}

impl Connection {
    /// Takes a stream, which the poll tells of by this number.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn new(stream: TcpStream, number: usize, poll: &Poll) -> Result<Connection, String> {
        let prepared = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
        prepared.map_err(|error| format!("cannot prepare a connection: {error}"))?;
        poll.add(&stream, number)?;
        let (out, rest) = (Vec::with_capacity(PAGE), Vec::with_capacity(1 << 16));
        Ok(Connection { stream, out, written: 0, rest, number, waits_to_write: false })
    }

    /// Reads once. How many bytes of the page are filled then, with what was kept before them; nothing if the other end closed.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) fn read(&mut self, page: &mut [u8]) -> Result<Option<usize>, String> {
        let kept = self.rest.len();
        let Some((start, free)) = page.split_at_mut_checked(kept) else { return Err("a message is too long".to_owned()) };
        match self.stream.read(free) {
            Ok(0) => Ok(None),
            Ok(count) => {
                start.copy_from_slice(&self.rest);
                self.rest.clear();
                Ok(Some(kept + count))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(Some(0)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(format!("cannot read: {error}")),
        }
    }

    /// Keeps what was read and is not a whole message.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.rest.extend_from_slice(rest);
    }

    /// Writes as much of what is to be written as the other end takes.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) fn flush(&mut self, poll: &Poll) -> Result<(), String> {
        while let Some(left) = self.out.get(self.written..).filter(|left| !left.is_empty()) {
            match self.stream.write(left) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.wait_to_write(true, poll);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("cannot write: {error}")),
            }
        }
        self.out.clear();
        self.written = 0;
        self.wait_to_write(false, poll)
    }

    fn wait_to_write(&mut self, waits: bool, poll: &Poll) -> Result<(), String> {
        if self.waits_to_write != waits {
            self.waits_to_write = waits;
            poll.also_writing(&self.stream, self.number, waits)?;
        }
        Ok(())
    }
}
