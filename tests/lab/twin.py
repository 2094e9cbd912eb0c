"""Open vSwitch beside the emulated switch: the same messages, the same packets, and what each does with them. No packet is sent:
`ofproto/trace` tells what would be done. Legitimate differences are told in docs/decisions/0050-*.

The program `twin` draws entries and packets from a seed and prints what the emulated switch does; this asks Open vSwitch the same."""

import json
import re
import socket
import struct
import subprocess
from collections import Counter

BRIDGE = "twin"
PORTS = 4
# The most tags that Open vSwitch keeps of a packet.
TAGS = 2
VLAN = 0x8100
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 0, 1, 2, 3, 20, 21
# Why a packet goes to the controller: Open vSwitch tells action sets, groups and entries for misses apart (3, 4, 6), OpenFlow 1.3
# does not.
REASONS = {0: 0, 1: 1, 2: 2, 3: 1, 4: 1, 6: 0}


class Daemon:
    """`ovs-appctl` without a process for each question: JSON-RPC on the daemon's socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.decoder = json.JSONDecoder()

    def ask(self, method, *words):
        self.socket.sendall(json.dumps({"id": 0, "method": method, "params": list(words)}).encode())
        text = ""
        while True:
            part = self.socket.recv(1 << 16)
            if not part:
                raise RuntimeError(f"{method}: the daemon hung up")
            text += part.decode()
            try:
                answer, _ = self.decoder.raw_decode(text)
            except json.JSONDecodeError:
                continue
            if answer.get("error"):
                raise RuntimeError(f"{method} {words}: {answer['error']}")
            return answer["result"]


class Controller:
    """A connection of OpenFlow 1.3 to the bridge: messages as they were printed, and which of them were refused."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.rest = b""
        self.socket.sendall(struct.pack("!BBHI", 4, HELLO, 8, 1))
        self.await_kind(HELLO)

    def await_kind(self, wanted):
        """Reads until a message of this kind comes; the errors before it."""
        errors = {}
        while True:
            while len(self.rest) < 8 or len(self.rest) < struct.unpack_from("!H", self.rest, 2)[0]:
                part = self.socket.recv(1 << 16)
                if not part:
                    raise RuntimeError("Open vSwitch closed the connection")
                self.rest += part
            _, kind, length, xid = struct.unpack_from("!BBHI", self.rest)
            body, self.rest = self.rest[8:length], self.rest[length:]
            if kind == ECHO_REQUEST:
                self.socket.sendall(struct.pack("!BBHI", 4, ECHO_REPLY, 8 + len(body), xid) + body)
            if kind == ERROR:
                errors[xid] = struct.unpack_from("!HH", body)
            if kind == wanted:
                return errors

    def carry_out(self, messages):
        self.socket.sendall(b"".join(messages) + struct.pack("!BBHI", 4, BARRIER_REQUEST, 8, 2))
        return self.await_kind(BARRIER_REPLY)


# Packets as fields, and what datapath actions make of them.

def parse(frame):
    """The fields that actions can change, by the names that Open vSwitch prints."""
    fields = {"dst": frame[0:6].hex(":"), "src": frame[6:12].hex(":"), "tags": []}
    at = 12
    kind = int.from_bytes(frame[at:at + 2])
    while kind in (VLAN, 0x88a8) and len(fields["tags"]) < TAGS + 1:
        tci = int.from_bytes(frame[at + 2:at + 4])
        fields["tags"].append((kind, tci & 0xfff, tci >> 13))
        at += 4
        kind = int.from_bytes(frame[at:at + 2])
    at += 2
    fields["kind"] = kind
    if kind == 0x0800:
        ports = at + 4 * (frame[at] & 15)
        protocol = frame[at + 9]
        fields |= {"tos": frame[at + 1], "ttl": frame[at + 8], "proto": protocol}
        fields |= {"ip_src": frame[at + 12:at + 16].hex(), "ip_dst": frame[at + 16:at + 20].hex()}
        if int.from_bytes(frame[at + 6:at + 8]) & 0x1fff:
            protocol = None
    elif kind == 0x86dd:
        ports = at + 40
        protocol = frame[at + 6]
        fields |= {"tos": int.from_bytes(frame[at:at + 2]) >> 4 & 0xff, "ttl": frame[at + 7], "proto": protocol}
        fields |= {"ip_src": frame[at + 8:at + 24].hex(), "ip_dst": frame[at + 24:at + 40].hex()}
    else:
        protocol = None
    if protocol in (6, 17, 132):
        fields |= {"tp_src": int.from_bytes(frame[ports:ports + 2]), "tp_dst": int.from_bytes(frame[ports + 2:ports + 4])}
    return fields


def words(text):
    """The parts between commas, those inside brackets left whole."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part for part in [*parts, text[start:]] if part]


def settings(text):
    """`a=1,b=2` as a dictionary; values may have masks behind a slash."""
    return dict(word.split("=", 1) for word in words(text))


def number(text):
    return int(text, 0)


def masked(old, text):
    """The new number where `text` may say which bits change."""
    value, _, mask = text.partition("/")
    bits = number(mask) if mask else -1
    return old & ~bits | number(value) & bits


def address(old, text):
    value, _, mask = text.partition("/")
    family = socket.AF_INET6 if ":" in value else socket.AF_INET
    new = int.from_bytes(socket.inet_pton(family, value))
    bits = int.from_bytes(socket.inet_pton(family, mask)) if mask else -1
    return format(int(old, 16) & ~bits | new & bits, f"0{len(old)}x")


def ether(old, text):
    value, _, mask = text.partition("/")
    new, bits = int(value.replace(":", ""), 16), int(mask.replace(":", ""), 16) if mask else -1
    return format(int(old.replace(":", ""), 16) & ~bits | new & bits, "012x")


def rewrite(fields, text):
    """`set(...)`."""
    kind, inner = re.fullmatch(r"(\w+)\((.*)\)", text).groups()
    if kind == "skb_priority":
        return
    new = settings(inner)
    for name, value in new.items():
        match kind, name:
            case "eth", "src" | "dst":
                fields[name] = bytes.fromhex(ether(fields[name], value)).hex(":")
            case "ipv4" | "ipv6", "src" | "dst":
                fields[f"ip_{name}"] = address(fields[f"ip_{name}"], value)
            case "ipv4" | "ipv6", "tos" | "tclass":
                fields["tos"] = masked(fields["tos"], value)
            case "ipv4" | "ipv6", "ttl" | "hlimit":
                fields["ttl"] = masked(fields["ttl"], value)
            case "tcp" | "udp" | "sctp", "src" | "dst":
                fields[f"tp_{name}"] = masked(fields[f"tp_{name}"], value)
            case _:
                raise RuntimeError(f"what is set({text})?")


def carried_out(actions, frame):
    """Where copies go, and how they look: `(port, fields)`, with the reason in place of the port for the controller."""
    fields, gone = parse(frame), []

    def run(actions, fields):
        for action in words(actions):
            name, _, inner = action.partition("(")
            inner = inner.removesuffix(")")
            if action.isdigit():
                gone.append((int(action), {**fields, "tags": list(fields["tags"])}))
            elif name == "drop":
                pass
            elif action == "pop_vlan":
                fields["tags"].pop(0)
            elif name == "push_vlan":
                new = settings(inner)
                tag = (number(new.get("tpid", hex(VLAN))), number(new["vid"]), number(new["pcp"]))
                fields["tags"].insert(0, tag)
            elif name == "set":
                rewrite(fields, inner)
            elif name == "clone":
                run(inner, {**fields, "tags": list(fields["tags"])})
            elif name == "userspace" and "controller(" in inner:
                reason = REASONS[int(re.search(r"reason=([0-9]+)", inner)[1])]
                gone.append((f"ask {reason}", {**fields, "tags": list(fields["tags"])}))
            else:
                raise RuntimeError(f"what is {action} in {actions}?")

    run(actions, fields)
    return gone


# The comparison.

class Twin:
    """The bridge, and the differences that were found."""

    def __init__(self, fabric):
        self.fabric = fabric
        pid = (fabric.directory / "ovs-vswitchd.pid").read_text().strip()
        self.daemon = Daemon(fabric.directory / f"ovs-vswitchd.{pid}.ctl")
        self.complaints = []
        self.seen = Counter()

    def up(self):
        words = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow13"]
        for port in range(1, PORTS + 1):
            name = f"tw-{port}"
            words += ["--", "add-port", BRIDGE, name, "--", "set", "interface", name, "type=dummy", f"ofport_request={port}"]
        self.fabric.vsctl("set", "open_vswitch", ".", "other_config:vlan-limit=0")
        self.fabric.vsctl(*words)
        self.controller = Controller(self.fabric.directory / f"{BRIDGE}.mgmt")
        shown = self.daemon.ask("dpif/show")
        self.ports = {int(odp): int(of) for of, odp in re.findall(r"tw-\d+ (\d+)/(\d+):", shown)}
        # The bridge's own port, which the emulated switch does not have.
        self.own = {int(odp) for odp in re.findall(rf"{BRIDGE} 65534/(\d+):", shown)}
        if sorted(self.ports.values()) != list(range(1, PORTS + 1)):
            raise RuntimeError(f"the ports are not there: {shown}")

    def down(self):
        self.fabric.vsctl("--if-exists", "del-br", BRIDGE)
        self.fabric.vsctl("remove", "open_vswitch", ".", "other_config", "vlan-limit")

    def begin(self, seed):
        self.seed = seed
        delete_groups = struct.pack("!BBHIHBxI", 4, 15, 16, 3, 2, 0, 0xfffffffc)
        delete_flows = struct.pack("!BBHIQQBBHHHIIIHxx", 4, 14, 56, 4, 0, 0, 0xff, 3, 0, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0)
        delete_flows += struct.pack("!HHI", 1, 4, 0)
        # Entries first: Open vSwitch 3.1 ends itself when it deletes an entry that names two of the groups that it deletes.
        if errors := self.controller.carry_out([delete_flows, delete_groups]):
            raise RuntimeError(f"the bridge cannot be emptied: {errors}")
        self.lost = set()
        for port in range(1, PORTS + 1):
            self.daemon.ask("netdev-dummy/set-admin-state", f"tw-{port}", "up")

    def lose(self, port):
        self.daemon.ask("netdev-dummy/set-admin-state", f"tw-{port}", "down")
        self.lost.add(port)

    def install(self, messages, refused):
        errors = self.controller.carry_out(messages)
        self.seen["messages"] += len(messages)
        self.seen["refused"] += len(refused)
        for xid in sorted(errors.keys() | refused.keys()):
            if errors.get(xid) != refused.get(xid):
                self.complaints.append(f"seed {self.seed}, message {xid}: {refused.get(xid)}, and Open vSwitch: {errors.get(xid)}")

    def compare(self, port, frame, ours):
        """`ours` are (port or reason, frame) pairs."""
        if port in self.lost:
            return
        ours = [(where, parse(sent)) for where, sent in ours]
        if any(len(fields["tags"]) > TAGS for _, fields in ours):
            self.seen["too many tags"] += 1
            return
        trace = self.daemon.ask("ofproto/trace", BRIDGE, f"in_port={port}", frame.hex())
        actions = re.search(r"^Datapath actions: (.*)$", trace, re.MULTILINE)[1]
        theirs = [(where, fields) for where, fields in carried_out(actions, frame) if where not in self.own]
        theirs = [(self.ports[where] if isinstance(where, int) else where, fields) for where, fields in theirs]
        theirs = [(where, fields) for where, fields in theirs if where not in self.lost]
        # In which order copies leave by different ports tells nobody anything.
        ours.sort(key=lambda copy: str(copy[0]))
        theirs.sort(key=lambda copy: str(copy[0]))
        if all(any(where == "ask 2" for where, _ in side) for side in (ours, theirs)):
            self.seen["ends of life"] += 1
            return
        self.seen["packets"] += 1
        self.seen["outputs"] += len(theirs)
        self.seen["asks"] += sum(isinstance(where, str) for where, _ in theirs)
        self.seen["drops"] += not theirs
        if ours != theirs:
            text = "\n".join(f"    {name}: {where} {fields}" for name, list_ in (("ours", ours), ("OVS ", theirs)) for where, fields in list_)
            self.complaints.append(f"seed {self.seed}, in_port={port} {frame.hex()}: {actions}\n{text}")


def measure(fabric, program, seed, rounds, packets):
    """Complaints, and what was seen."""
    done = subprocess.run([program, str(seed), str(rounds), str(packets)], capture_output=True, text=True, check=True)
    twin = Twin(fabric)
    try:
        twin.up()
        messages, refused, packet = [], {}, None

        def settle():
            """Has done what was read so far."""
            nonlocal packet
            if packet is None:
                twin.install(messages, refused)
            else:
                twin.compare(*packet)
            packet = None

        for line in [*done.stdout.splitlines(), "end"]:
            match line.split():
                case ["round", text]:
                    if packet:
                        settle()
                    messages, refused = [], {}
                    twin.begin(int(text))
                case ["down", text]:
                    twin.lose(int(text))
                case ["send", _, text]:
                    messages.append(bytes.fromhex(text))
                case ["refuse", xid, kind, code]:
                    refused[int(xid)] = (int(kind), int(code))
                case ["packet", port, text]:
                    settle()
                    packet = int(port), bytes.fromhex(text), []
                case ["out", port, text]:
                    packet[2].append((int(port), bytes.fromhex(text)))
                case ["ask", reason, text]:
                    packet[2].append((f"ask {reason}", bytes.fromhex(text)))
                case ["end"]:
                    settle()
                case _:
                    raise RuntimeError(f"what does twin mean by {line}?")
    finally:
        twin.down()
    return twin.complaints, twin.seen
