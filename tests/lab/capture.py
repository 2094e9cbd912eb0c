"""Records traffic with tcpdump and reads it back: packets by flow, and OpenFlow messages out of the control channel. Knows nothing
of what should be there."""

import re
import signal
import socket
import struct
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

OPENFLOW_PORT = 6653
HEADER = struct.Struct("!BBHI")
FLOW_MOD = 14
ERROR = 1
PCAP_HEAD = 24
# Protocol and type of echo requests and answers.
PINGS = {(1, b"\x08"): "first", (1, b"\x00"): "answer", (58, b"\x80"): "first", (58, b"\x81"): "answer"}


# A packet is in the file at most this many seconds after it passed. (tcpdump's immediate mode would be quicker, and lose packets.)
DELAY = 1.2


class Capture:
    """A running tcpdump. `stop` waits until all is written."""

    def __init__(self, fabric, where, interface, file, expression, whole=False):
        self.file = Path(file)
        self.process = subprocess.Popen(
            fabric.inside(where, "tcpdump", "-i", interface, "-nn", "-U", "-B", "65536" if whole else "4096",
                          "-s", "0" if whole else "96", "-w", self.file, "-Z", "root", expression),
            stderr=subprocess.PIPE, text=True,
        )
        while True:     # the first lines are printed when it has begun
            line = self.process.stderr.readline()
            if "listening on" in line:
                break
            if not line:
                raise RuntimeError(f"tcpdump in {where} ended at once")

    def stop(self):
        """Ends it; an incomplete record is an error, or what is missing from it would prove nothing."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate()[1]
        dropped = re.search(r"(\d+) packets? dropped by kernel", said)
        if dropped and dropped.group(1) != "0":
            raise RuntimeError(f"tcpdump lost {dropped.group(1)} packets")
        return self.file


def packets(file):
    """(time, frame) of a pcap file; a record that is still being written is left out."""
    return [packet for packet, _ in packets_from(Path(file).read_bytes(), None)]


def packets_from(data, head):
    """((time, frame), place behind it) of what stands in `data`; `head` is the head of the file, if `data` begins behind it."""
    if head is None and len(data) < PCAP_HEAD:
        return
    magic, at = (data[:4], PCAP_HEAD) if head is None else (head[:4], 0)
    order = "<" if magic[0] in (0xD4, 0x4D) else ">"
    fraction = 1e-9 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    record = struct.Struct(order + "IIII")
    while at + 16 <= len(data):
        seconds, part, length, _ = record.unpack_from(data, at)
        if at + 16 + length > len(data):
            return
        packet = seconds + part * fraction, data[at + 16:at + 16 + length]
        at += 16 + length
        yield packet, at


@dataclass(frozen=True)
class Seen:
    """What one packet says of its conversation: `kind` is ping, tcp or udp; `port` is the responder's; `part` is `first` for one that
    initiates (for UDP, all towards the responder's port), `answer` for one from the responder, else `more`."""

    source: str
    destination: str
    kind: str
    port: int | None
    part: str


def conversations(file, service_ports):
    """How many packets there were of each sort."""
    found = defaultdict(int)
    for _, frame in packets(file):
        seen = read_frame(frame, service_ports)
        if seen:
            found[seen] += 1
    return found


def read_frame(frame, service_ports):
    ethertype, start = frame[12:14], 14
    if ethertype == b"\x81\x00":
        ethertype, start = frame[16:18], 18
    ip = frame[start:]
    if ethertype == b"\x08\x00" and len(ip) >= 20:
        source, destination = (socket.inet_ntop(socket.AF_INET, ip[at:at + 4]) for at in (12, 16))
        protocol, rest = ip[9], ip[(ip[0] & 15) * 4:]
    elif ethertype == b"\x86\xdd" and len(ip) >= 40:
        source, destination = (socket.inet_ntop(socket.AF_INET6, ip[at:at + 16]) for at in (8, 24))
        protocol, rest = ip[6], ip[40:]
    else:
        return None
    if (protocol, rest[:1]) in PINGS:
        return Seen(source, destination, "ping", None, PINGS[protocol, rest[:1]])
    if protocol in (6, 17) and len(rest) >= 4:
        from_port, to_port = struct.unpack_from("!HH", rest)
        if to_port not in service_ports:
            return Seen(source, destination, "tcp" if protocol == 6 else "udp", from_port, "answer")
        if protocol == 17:
            return Seen(source, destination, "udp", to_port, "first")
        opens = len(rest) >= 14 and rest[13] & 0x12 == 0x02
        return Seen(source, destination, "tcp", to_port, "first" if opens else "more")
    return None


# The control channel.

@dataclass
class Message:
    """An OpenFlow message as it stood in the stream."""

    time: float
    connection: int
    ours: bool
    raw: bytes

    @property
    def version(self):
        return self.raw[0]

    @property
    def type(self):
        return self.raw[1]


class Record:
    """The messages in a capture of the control channel that may still be growing, each read once."""

    def __init__(self, file):
        self.file = Path(file)
        self.at = 0
        self.head = None
        self.streams = defaultdict(lambda: {"next": None, "later": {}, "buffer": b""})
        self.found = []

    def messages(self):
        """All so far, in the order of their last bytes. Raises ValueError where a stream does not fall into messages."""
        with open(self.file, "rb") as file:
            file.seek(self.at)
            data = file.read()
        begin, head = self.at, self.head
        if head is None:
            self.head = data[:PCAP_HEAD] if len(data) >= PCAP_HEAD else None
        for (moment, frame), behind in packets_from(data, head):
            self.at = begin + behind
            self.take(moment, frame)
        return self.found

    def take(self, moment, frame):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return
        ip = frame[14:14 + struct.unpack_from("!H", frame, 16)[0]]
        tcp = ip[(ip[0] & 15) * 4:]
        source, destination, sequence = struct.unpack_from("!HHI", tcp)
        payload = tcp[(tcp[12] >> 4) * 4:]
        ours = source == OPENFLOW_PORT
        connection = destination if ours else source
        stream = self.streams[(connection, ours)]
        if tcp[13] & 0x02:
            stream.update(next=(sequence + 1) & 0xFFFFFFFF, later={}, buffer=b"")
            return
        if stream["next"] is None or not payload:
            return
        stream["later"][sequence] = payload
        while (part := stream["later"].pop(stream["next"], None)) is not None:
            stream["buffer"] += part
            stream["next"] = (stream["next"] + len(part)) & 0xFFFFFFFF
        self.found += cut(stream, moment, connection, ours)


def messages(file):
    """All messages of a capture that has ended."""
    return Record(file).messages()


def cut(stream, moment, connection, ours):
    data, at, found = stream["buffer"], 0, []
    while len(data) - at >= HEADER.size:
        version, _, length, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or version not in (1, 2, 3, 4, 5, 6):
            if not ours:    # garbage that the lab itself sent
                stream["buffer"] = b""
                return found
            raise ValueError(f"connection {connection}: a message of version {version} and length {length}")
        if len(data) - at < length:
            break
        found.append(Message(moment, connection, ours, data[at:at + length]))
        at += length
    stream["buffer"] = data[at:]
    return found


def judge(fabric, file, chosen):
    """What Open vSwitch reads in each of these messages: one text for each."""
    file = Path(file)
    file.write_bytes(b"".join(message.raw for message in chosen))
    if not chosen:
        return []
    printed = fabric.run("fabric", "ovs-ofctl", "ofp-parse", file)
    return re.split(r"\n(?=(?:OFP|NX|ONF)[A-Z]*_)", printed.rstrip("\n"))


# Numbered datagrams.

def numbers(file, mark):
    """{(source, destination): numbers} of the datagrams in a capture that begin with this mark."""
    found = defaultdict(set)
    for _, frame in packets(file):
        place = frame.find(mark)
        if place < 0:
            continue
        start = 18 if frame[12:14] == b"\x81\x00" else 14
        if frame[start - 2:start] == b"\x08\x00":
            ends = (".".join(map(str, frame[start + at:start + at + 4])) for at in (12, 16))
        else:
            ends = (socket.inet_ntop(socket.AF_INET6, frame[start + at:start + at + 16]) for at in (8, 24))
        found[tuple(ends)].add(int.from_bytes(frame[place + len(mark):place + len(mark) + 4]))
    return found
