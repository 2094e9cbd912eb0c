//! Emulated switches in lines, in one thread: they greet, announce their hosts, carry probes along their cables, and say how a flow is
//! answered. Knows nothing of load; what is heard of the answers is counted here.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use packet::Arp;

use super::beside::Beside;
use super::case::Case;
use super::connection::{Connection, PAGE, Poll};
use super::greeting::{self, Answer};
use super::initiation::Initiation;
use super::line::Line;
use super::shape::Shape;
use super::wire::{self, Layout, NO_BUFFER, Said};
use crate::bench::site::{NEXT, PORTS, PREVIOUS, host};

/// How long the daemon may say nothing that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a turn waits for something to be said.
pub(super) const TURN: Duration = Duration::from_millis(200);
/// Flows that are offered one by one, to see what their answers are.
pub(super) const TRIALS: u32 = 3;
/// Hosts of a switch that are announced before it is asked whether all are heard of: of more, the daemon would drop some.
const ANNOUNCED: u32 = 256;

/// The switches.
pub(super) struct Fleet {
    pub(super) case: Case,
    pub(super) layout: Layout,
    pub(super) poll: Poll,
    page: Vec<u8>,
    pub(super) members: Vec<Member>,
    pub(super) lines: Vec<Line>,
    pub(super) initiation: Initiation,
    /// Entries of a complete answer, at each switch of a line.
    pub(super) expected: Vec<u64>,
    begun: Instant,
    /// Nanoseconds from there to when something was last heard.
    pub(super) now: u64,
    /// What each switch of the first line is told, while it is watched.
    watched: Option<Vec<Vec<Vec<u8>>>>,
    /// What the first of the switches behind the lines sends, since when.
    beside: Option<(Beside, u64)>,
}

/// A switch.
pub(super) struct Member {
    pub(super) connection: Connection,
    face: greeting::Switch,
    taken: bool,
    /// Entries that were put in.
    pub(super) added: u64,
    /// Echo requests that were answered.
    echoes: u32,
    /// A probe came from the switch before it, and from the one behind.
    probed: (bool, bool),
}

impl Fleet {
    /// Connects all switches, and waits until they are taken.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn connect(case: &Case, address: SocketAddr) -> Result<Fleet, String> {
        let poll = Poll::new()?;
        let mut members = Vec::new();
        for number in 0..usize::from(case.all_lines()) * usize::from(case.hops) {
            let stream = TcpStream::connect(address).map_err(|error| format!("cannot connect: {error}"))?;
            let mut connection = Connection::new(stream, number, &poll)?;
            connection.out.extend_from_slice(&greeting::hello(case.version));
            let face = greeting::Switch { version: case.version, dpid: number as u64 + 1, ports: NEXT };
            members.push(Member { connection, face, taken: false, added: 0, echoes: 0, probed: (false, false) });
        }
        let each = TRIALS + case.flows / u32::from(case.lines);
        let mut fleet = Fleet {
            case: *case,
            layout: Layout::of(case.version),
            poll,
            page: vec![0; PAGE],
            members,
            lines: (0..case.lines).map(|line| Line::new(case, line, each)).collect(),
            initiation: Initiation::new(case.version, case.population),
            expected: vec![0; usize::from(case.hops)],
            begun: Instant::now(),
            now: 0,
            watched: None,
            beside: None,
        };
        fleet.until("the daemon did not take all switches", |fleet| fleet.members.iter().all(|member| member.taken))?;
        Ok(fleet)
    }

    /// Announces every registered host, and waits until all are heard of.
    ///
    /// # Errors
    /// It is cut off.
    pub(super) fn announce(&mut self) -> Result<(), String> {
        for number in 0..self.case.hosts {
            for (switch, member) in (0..).zip(&mut self.members) {
                let one = host(self.case.hosts, switch, number);
                let frame = Arp::request(one.mac, one.ip, one.ip).to_frame();
                member.face.packet_in(one.port, &frame, &mut member.connection.out);
            }
            if number % ANNOUNCED == ANNOUNCED - 1 {
                self.settle()?;
            }
        }
        self.settle()
    }

    /// Waits until the daemon has heard of every cable.
    ///
    /// # Errors
    /// It does not probe them.
    pub(super) fn link(&mut self) -> Result<(), String> {
        let last = usize::from(self.case.hops) - 1;
        // What came before all switches were taken may not have been acted on: the next probe counts.
        self.members.iter_mut().for_each(|member| member.probed = (false, false));
        self.until("the daemon did not probe all cables", |fleet| {
            let place = |number: usize| number % (last + 1);
            let probed =
                |(number, one): (usize, &Member)| (place(number) == 0 || one.probed.0) && (place(number) == last || one.probed.1);
            fleet.members.iter().enumerate().all(probed)
        })?;
        self.settle()
    }

    /// Waits until all that was said before is handled.
    ///
    /// # Errors
    /// It is cut off.
    fn settle(&mut self) -> Result<(), String> {
        for member in &mut self.members {
            member.echoes = 0;
            self.layout.echo_request(0, &mut member.connection.out);
        }
        self.until("the daemon did not answer echo requests", |fleet| fleet.members.iter().all(|one| one.echoes > 0))
    }

    /// Offers some flows one by one: what answers the last of them, at each switch of the line.
    ///
    /// # Errors
    /// They are not answered, or not alike.
    pub(super) fn try_out(&mut self) -> Result<Shape, String> {
        let mut shapes = Vec::new();
        for _ in 0..TRIALS {
            self.watched = Some(vec![Vec::new(); usize::from(self.case.hops)]);
            if let Some(line) = self.lines.first_mut() {
                line.begin(1, 0, std::iter::empty());
            }
            self.initiate(0);
            self.until("the daemon did not answer the first flow", |fleet| fleet.lines.iter().any(|line| line.done() > 0))?;
            self.settle()?;
            shapes.push(Shape::new(self.case.version, self.watched.take().unwrap_or_default()));
        }
        let (last, before) = (shapes.pop(), shapes.pop());
        let last = last.filter(|last| before.is_some_and(|before| last.is_like(&before)));
        let shape = last.ok_or("flows are answered otherwise from one to the next")?;
        self.expect(&shape);
        Ok(shape)
    }

    /// Takes an answer for complete that has as many entries as this.
    pub(super) fn expect(&mut self, shape: &Shape) {
        self.expected = shape.entries(&self.layout);
    }

    /// Turns until something is so.
    fn until(&mut self, otherwise: &str, done: impl Fn(&Fleet) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while !done(self) {
            self.flush()?;
            self.turn(TURN)?;
            if begun.elapsed() > PATIENCE {
                return Err(format!("{otherwise} in time"));
            }
        }
        self.flush()
    }

    /// From now on the switch beside those that flows begin at sends, if there is one.
    pub(super) fn send_beside(&mut self) {
        self.beside = Beside::of(&self.case).map(|beside| (beside, self.now));
    }

    /// It sends what is due.
    pub(super) fn also_send(&mut self) {
        let first = self.lines.len() * usize::from(self.case.hops);
        if let (Some((beside, since)), Some(member)) = (&mut self.beside, self.members.get_mut(first)) {
            beside.send(self.now - *since, &member.face, &mut member.connection);
        }
    }

    /// Waits until something was said, or for so long, and takes it in.
    ///
    /// # Errors
    /// The daemon cut a switch off, or said what cannot be read.
    pub(super) fn turn(&mut self, longest: Duration) -> Result<(), String> {
        let ready = self.poll.wait(longest)?;
        self.look_at_clock();
        let mut page = std::mem::take(&mut self.page);
        for place in 0..ready {
            let number = self.poll.ready(place);
            let Some(member) = self.members.get_mut(number) else { continue };
            let filled = member.connection.read(&mut page)?.ok_or("the daemon closed a connection")?;
            let mut left = page.get(..filled).unwrap_or_default();
            while let Some(frame) = wire::first(left)? {
                self.hear(number, frame)?;
                left = left.get(frame.len()..).unwrap_or_default();
            }
            if let Some(member) = self.members.get_mut(number) {
                member.connection.keep(left);
            }
        }
        self.page = page;
        Ok(())
    }

    /// Notes how late it is.
    pub(super) fn look_at_clock(&mut self) {
        self.now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    }

    /// Writes what is to be said.
    ///
    /// # Errors
    /// A connection broke.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        for member in self.members.iter_mut().filter(|member| !member.connection.out.is_empty()) {
            member.connection.flush(&self.poll)?;
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, frame: &[u8]) -> Result<(), String> {
        let Some(member) = self.members.get_mut(number) else { return Ok(()) };
        let said = self.layout.read(frame);
        match said {
            Said::Added(buffer) => {
                member.added += 1;
                self.answered(number, buffer);
            }
            Said::Released(buffer) => self.answered(number, buffer),
            Said::Barrier => self.layout.barrier_reply(frame, &mut member.connection.out),
            Said::EchoRequest => Layout::echo_reply(frame, &mut member.connection.out),
            Said::EchoReply(_) => member.echoes += 1,
            Said::Sent(port, at) => self.carry(number, port, frame.get(at..).unwrap_or_default()),
            Said::Removed | Said::Packet(_) | Said::Features(_) => {}
            Said::Other => match member.face.answer(frame)? {
                Answer::Say(words) => member.connection.out.extend_from_slice(&words),
                Answer::Taken(words) => {
                    member.connection.out.extend_from_slice(&words);
                    member.taken = true;
                }
                Answer::Nothing => {}
            },
        }
        if let (Some(watched), true) = (&mut self.watched, said.is_answer()) {
            // Those of other lines have no place here.
            if let Some(messages) = watched.get_mut(number) {
                messages.push(frame.to_vec());
            }
        }
        Ok(())
    }

    /// Hands a frame on to the switch at the other end of the cable, if there is one in this port.
    fn carry(&mut self, number: usize, port: u16, frame: &[u8]) {
        let hops = usize::from(self.case.hops);
        let place = number % hops;
        let (to, at) = match port {
            PREVIOUS if place > 0 => (number - 1, NEXT),
            NEXT if place + 1 < hops => (number + 1, PREVIOUS),
            _ => return,
        };
        let Some(member) = self.members.get_mut(to) else { return };
        member.face.packet_in(at, frame, &mut member.connection.out);
        let from = if at == PREVIOUS { &mut member.probed.0 } else { &mut member.probed.1 };
        *from = true;
    }

    /// Offers the next flow of a line.
    pub(super) fn initiate(&mut self, line: usize) {
        let first = line * usize::from(self.case.hops);
        let (Some(line), Some(member)) = (self.lines.get_mut(line), self.members.get_mut(first)) else { return };
        if let Some((flow, buffer)) = line.offer(self.now) {
            self.initiation.write(flow, buffer, &mut member.connection.out);
        }
    }

    /// An entry was put in, or the packet in the buffer was let go.
    fn answered(&mut self, number: usize, buffer: u32) {
        let hops = usize::from(self.case.hops);
        let first = number / hops * hops;
        let Some(line) = self.lines.get_mut(number / hops) else { return };
        if number == first && buffer != NO_BUFFER {
            line.released(buffer);
        }
        let members = self.members.get(first..first + hops).unwrap_or_default();
        line.complete(members.iter().map(|member| member.added).zip(self.expected.iter().copied()), self.now);
    }
}

const _: () = assert!(PORTS < PREVIOUS as u32 && PREVIOUS < NEXT);
