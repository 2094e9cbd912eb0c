//! An emulated switch that has flows set up through it and taken out again, and counts both. Knows nothing of how the daemon decides.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr};
use openflow::v10::{
    Capabilities, FeaturesReply, FlowModCommand, Message, PacketIn, PacketInReason, PhyPort, PortConfig, PortFeatures, PortNo,
    PortState, StatsFlags, StatsReply, StatsReplyBody, StatsRequest, StatsRequestBody, SwitchConfig,
};
use openflow::{Hello, Text, split_frame};
use packet::Arp;
use packet::build::{IpEnds, pad, tcp};
use packet::tcp::{SYN, Segment};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{PORTS, host};

/// Initiations under way at each switch.
const WINDOW: u32 = 128;
/// How long a switch may wait for its answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Emulated switches.
    pub switches: u16,
    /// Registered hosts at each.
    pub hosts: u32,
    /// Initiations in all.
    pub flows: u32,
}

/// One emulated switch.
pub(super) struct Switch {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    number: u16,
    load: Load,
    flow_mods: u64,
    deletes: u64,
    barriers: u32,
}

impl Switch {
    /// Connects and introduces itself.
    ///
    /// # Errors
    /// It is not let in.
    pub(super) async fn connect(address: SocketAddr, number: u16, load: Load) -> Result<Switch, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (input, output) = (BytesMut::with_capacity(1 << 18), BytesMut::with_capacity(1 << 18));
        let mut switch = Switch { stream, input, output, number, load, flow_mods: 0, deletes: 0, barriers: 0 };
        switch.say(0, &Message::Hello(Hello { version: 1, bitmap: None }));
        switch.flush().await?;
        let mut admitted = false;
        while !admitted {
            admitted = switch.next().await? == Heard::FlowsAsked;
        }
        Ok(switch)
    }

    /// Announces every host, and waits until all are heard of.
    ///
    /// # Errors
    /// It is cut off.
    pub(super) async fn announce(&mut self) -> Result<(), String> {
        for host_number in 0..self.load.hosts {
            let one = host(self.load.hosts, self.number.into(), host_number);
            let announcement = Arp::request(one.mac, one.ip, one.ip).to_frame();
            self.packet_in(u32::MAX, one.port, &announcement);
        }
        self.flush().await?;
        self.echo().await
    }

    /// Waits until so many entries were taken out, and says how many it was told to.
    ///
    /// # Errors
    /// It is cut off, or they are not.
    pub(super) async fn taken_out(&mut self, entries: u64) -> Result<u64, String> {
        let all = async {
            while self.deletes < entries {
                self.next().await?;
            }
            Ok(self.deletes)
        };
        tokio::time::timeout(PATIENCE, all).await.map_err(|_| "entries were not taken out in time".to_owned())?
    }

    /// Asks for an echo and waits for it: all before is handled then.
    async fn echo(&mut self) -> Result<(), String> {
        self.say(7, &Message::EchoRequest(Bytes::new()));
        self.flush().await?;
        while self.next().await? != Heard::Echo {}
        Ok(())
    }

    /// Keeps a window of initiations under way until all are answered. How many entries were put in.
    ///
    /// # Errors
    /// It is cut off.
    pub(super) async fn offer(&mut self) -> Result<u64, String> {
        let share = self.load.flows / u32::from(self.load.switches);
        let (mut offered, mut answered) = (0, 0);
        self.flow_mods = 0;
        while answered < share {
            while offered < share.min(answered + WINDOW) {
                self.initiate(offered);
                offered += 1;
            }
            self.flush().await?;
            loop {
                if self.next().await? == Heard::Released {
                    answered += 1;
                }
                if self.input.is_empty() || answered == share {
                    break;
                }
            }
        }
        Ok(self.flow_mods)
    }

    /// Offers the flow with this number: a SYN from one registered host to its neighbour, with a source port of its own.
    fn initiate(&mut self, flow: u32) {
        let (hosts, switch) = (self.load.hosts, u32::from(self.number));
        let src = host(hosts, switch, flow % hosts);
        let dst = host(hosts, switch, (flow + 1) % hosts);
        let ends = IpEnds { src_mac: src.mac, dst_mac: dst.mac, src_ip: src.ip, dst_ip: dst.ip };
        let sport = u16::try_from(1024 + flow / hosts % 64_000).unwrap_or(1024);
        let segment = Segment { src: sport, dst: 80, seq: flow, ack: 0, flags: SYN, data: &[] };
        if let Some(frame) = tcp(&ends, &segment) {
            self.packet_in(flow, src.port, &pad(frame));
        }
    }

    fn packet_in(&mut self, buffer_id: u32, port: u16, frame: &[u8]) {
        let message = PacketIn {
            buffer_id,
            total_len: u16::try_from(frame.len()).unwrap_or(u16::MAX),
            in_port: PortNo(port),
            reason: PacketInReason::NO_MATCH,
            data: Bytes::copy_from_slice(frame),
        };
        self.say(0, &Message::PacketIn(message));
    }

    /// The next message that matters; what the handshake asks is answered on the way.
    async fn next(&mut self) -> Result<Heard, String> {
        loop {
            if let Some(frame) = split_frame(&mut self.input).map_err(|error| error.to_string())? {
                match self.hear(&frame).await? {
                    Heard::Nothing if self.input.is_empty() => return Ok(Heard::Nothing),
                    Heard::Nothing => continue,
                    heard => return Ok(heard),
                }
            }
            let read = self.stream.read_buf(&mut self.input).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the daemon closed the connection".to_owned());
            }
        }
    }

    async fn hear(&mut self, frame: &Bytes) -> Result<Heard, String> {
        let (xid, message) = Message::decode(frame).map_err(|error| error.to_string())?;
        let heard = match message {
            Message::PacketOut(out) if out.buffer_id != u32::MAX => return Ok(Heard::Released),
            Message::FlowMod(change) => {
                match change.command {
                    FlowModCommand::ADD | FlowModCommand::MODIFY | FlowModCommand::MODIFY_STRICT => self.flow_mods += 1,
                    _ => self.deletes += 1,
                }
                return Ok(Heard::Nothing);
            }
            Message::EchoReply(_) => return Ok(Heard::Echo),
            Message::FeaturesRequest => {
                let features = self.features();
                self.say(xid, &Message::FeaturesReply(features));
                Heard::Nothing
            }
            // What else it asks about the switch stays unanswered: then the switch cannot do it.
            Message::StatsRequest(StatsRequest { body: StatsRequestBody::Flow(_), .. }) => {
                self.say(
                    xid,
                    &Message::StatsReply(StatsReply { flags: StatsFlags::NONE, body: StatsReplyBody::Flow(Vec::new()) }),
                );
                Heard::FlowsAsked
            }
            Message::EchoRequest(data) => {
                self.say(xid, &Message::EchoReply(data));
                Heard::Nothing
            }
            Message::BarrierRequest => {
                self.barriers += 1;
                self.say(xid, &Message::BarrierReply);
                Heard::Nothing
            }
            Message::GetConfigRequest => {
                let config = SwitchConfig { flags: openflow::v10::ConfigFlags::FRAG_NORMAL, miss_send_len: 128 };
                self.say(xid, &Message::GetConfigReply(config));
                Heard::Nothing
            }
            Message::Error(error) => return Err(format!("the daemon answered with {error}")),
            _ => return Ok(Heard::Nothing),
        };
        self.flush().await?;
        Ok(heard)
    }

    fn features(&self) -> FeaturesReply {
        let ports = (1..=PORTS).filter_map(|port| u16::try_from(port).ok()).map(|port| PhyPort {
            port_no: PortNo(port),
            hw_addr: MacAddr([0x02, 0x30, 0, 0, 0, u8::try_from(port).unwrap_or(0)]),
            name: Text::new(&format!("port{port}")),
            config: PortConfig::NONE,
            state: PortState::NONE,
            curr: PortFeatures::NONE,
            advertised: PortFeatures::NONE,
            supported: PortFeatures::NONE,
            peer: PortFeatures::NONE,
        });
        FeaturesReply {
            datapath_id: Dpid(u64::from(self.number) + 1),
            n_buffers: 1 << 20,
            n_tables: 1,
            capabilities: Capabilities::FLOW_STATS,
            actions: 1,
            ports: ports.collect(),
        }
    }

    fn say(&mut self, xid: u32, message: &Message) {
        // Nothing that is said here exceeds what a message can hold.
        let _ = message.encode(xid, &mut self.output);
    }

    async fn flush(&mut self) -> Result<(), String> {
        self.stream.write_all(&self.output).await.map_err(|error| error.to_string())?;
        self.output.clear();
        Ok(())
    }
}

/// What a message of the daemon was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// Nothing to count.
    Nothing,
    /// A packet is released.
    Released,
    /// The echo is back.
    Echo,
    /// It reads the entries: the switch is admitted.
    FlowsAsked,
}
