"""Checks: a host that lies about who it is, what it serves, and what it is wired to gets nothing by it, its victims lose nothing, and the
log tells. The liar is bob, at a port of his own; the victim sits beside him."""

import re
import select
import socket
import threading
import time

import forge
import ipv6
from capture import DELAY, Capture, packets
from check import check, require, require_none
from daemon import wait_until
from fabric import GATEWAY, OUTSIDE
from hosts import Transfer
from revocation import Leased
from watch import UNTOUCHED_SILENCE

LIAR, VICTIM = "bob", "alice"
MARK = b"a lie of the lab"


def lie(lab, frames, rounds=10, pause=0.1, host=LIAR, interface="eth0"):
    """Sends these frames again and again."""
    raw = forge.wire(lab.fabric, host, interface)
    try:
        for _ in range(rounds):
            for frame in frames:
                raw.send(frame)
            time.sleep(pause)
    finally:
        raw.close()


class Watched:
    """The victim's traffic, and all that the liar hears, while it lies."""

    def __init__(self, lab, what):
        self.lab, self.here = lab, lab.daemon.position()
        self.transfers = [
            Transfer(lab.agents[VICTIM], lab.address("web"), 8080), Transfer(lab.agents["carol"], lab.address(VICTIM), 22),
            Transfer(lab.agents[VICTIM], OUTSIDE, 443),
        ]
        require(wait_until(lambda: all(transfer.flowing() for transfer in self.transfers), 5), "the transfers do not flow")
        self.begun = time.monotonic()
        self.links = lab.daemon.links()
        self.heard = Capture(lab.fabric, LIAR, "eth0", lab.folder / f"lie-{what}.pcap", "inbound", whole=True)

    def events(self, *names):
        return self.lab.daemon.events(self.here, *names)

    def end(self, *wanted, why=""):
        """What must be so after any lie; the events of these names, of which there must be some with this reason."""
        time.sleep(DELAY)
        frames = [frame for _, frame in packets(self.heard.stop())]
        found = wait_until(lambda: [e for e in self.events(*wanted) if why in str(e)], 2)
        reports = {transfer.what: transfer.report(self.begun) for transfer in self.transfers}
        for transfer in self.transfers:
            transfer.stop()
        wrong = [f"{what}: {r}" for what, r in reports.items() if r["error"] or r["silence"] >= UNTOUCHED_SILENCE]
        own = forge.mac(self.lab.fabric.hosts[LIAR].mac)
        # What it may hear: what is for itself, and for everybody or a group.
        wrong += [f"the liar hears a frame of others: {frame[:34].hex()}" for frame in frames if frame[:6] != own and not frame[0] & 1]
        moved = [e for e in self.events("station-moved", "station-detached") if e["mac"] != self.lab.fabric.hosts[LIAR].mac]
        wrong += [f"somebody was moved: {event}" for event in moved]
        if self.lab.daemon.links() != self.links:
            wrong.append(f"links changed: {self.lab.daemon.links() ^ self.links}")
        require_none(wrong)
        require(found, f"the log has no {wanted} with '{why}': {self.lab.daemon.tail()}")
        require(self.lab.agents["carol"].reaches("http", self.lab.address("web"), 80), "an allowed flow does not get through")
        return frames, found


def neighbour(lab, host, address):
    """The MAC address that a host believes another to have, if it believes any."""
    said = lab.fabric.run(host, "ip", "neigh", "show", address)
    found = re.search(r"lladdr (\S+)", said)
    return found and found[1]


@check("false ARP for a host, for the gateway and in answer to nobody: nobody believes it, the victim loses nothing, and it is told")
def false_arp(lab):
    hosts = lab.fabric.hosts
    bob, alice, web = (hosts[name] for name in (LIAR, VICTIM, "web"))
    watched = Watched(lab, "arp")
    claims = [(bob.mac, address) for address in (alice.address, web.address, GATEWAY)]
    frames = [forge.arp(2, claim, ("00:00:00:00:00:00", claim[1])) for claim in claims]
    frames += [forge.arp(1, claim, ("00:00:00:00:00:00", claim[1])) for claim in claims]
    frames += [forge.arp(2, claim, (alice.mac, alice.address), to=alice.mac) for claim in claims[1:]]
    lie(lab, frames)
    believed = {(host, address): neighbour(lab, host, address)
                for host, address in ((VICTIM, web.address), (VICTIM, GATEWAY), ("carol", alice.address), ("web", alice.address))}
    _, told = watched.end("spoofed", why=bob.mac)
    wrong = [f"{host} believes that {address} is bob's" for (host, address), mac in believed.items() if mac == bob.mac]
    require_none(wrong)
    require(sum(mac is not None for mac in believed.values()) >= 2, f"nobody believes anything: {believed}")
    return f"{len(told)} told, such as '{told[0]['why']}'"


@check("frames under the MAC address of another move nobody and reach nobody, and are told")
def stolen_mac(lab):
    hosts = lab.fabric.hosts
    alice, web = hosts[VICTIM], hosts["web"]
    watched = Watched(lab, "mac")
    arrivals = Capture(lab.fabric, "web", "eth0", lab.folder / "lie-mac-web.pcap", "udp port 514", whole=True)
    frames = [
        forge.udp((alice.mac, alice.address), (web.mac, web.address), (4000, 514), MARK),
        forge.arp(2, (alice.mac, alice.address), ("00:00:00:00:00:00", alice.address)),
        forge.udp((hosts[LIAR].mac, alice.address), (web.mac, web.address), (4001, 514), MARK),
    ]
    lie(lab, frames, rounds=20)
    _, told = watched.end("spoofed", "quarantined", why=alice.mac)
    reached = [frame for _, frame in packets(arrivals.stop()) if MARK in frame]
    require(not reached, f"{len(reached)} packets under another's address arrive")
    wait_until(lambda: lab.agents[LIAR].reaches("http", lab.address("web"), 80), 5)
    require(lab.agents[LIAR].reaches("http", lab.address("web"), 80), "under its own address, the liar does not get through")
    return f"{len(told)} told, such as '{told[0].get('why', 'quarantined')}'"


def genuine_probes(lab):
    """Probes of the daemon, picked up at a cable between switches."""
    raw = forge.wire(lab.fabric, "fabric", "acc1-p1")
    found, end = [], time.monotonic() + 5
    try:
        while len(found) < 2 and time.monotonic() < end:
            if select.select([raw], [], [], 0.2)[0]:
                frame = raw.recv(2048)
                if frame[12:14] == b"\x88\xcc":
                    found.append(frame)
    finally:
        raw.close()
    require(found, "no probe was seen between switches")
    return found


@check("forged and replayed LLDP at a host's port makes no link and no port of a switch, and is told")
def forged_lldp(lab):
    probes = genuine_probes(lab)
    watched = Watched(lab, "lldp")
    changed = [probe[:-9] + bytes([probe[-9] ^ 1]) + probe[-8:] for probe in probes]
    lie(lab, [forge.lldp(0x01, 1), *probes, *changed], rounds=8, pause=0.2)
    frames, told = watched.end("probe-refused", why="acc1:4")
    heard = [frame for frame in frames if frame[12:14] == b"\x88\xcc"]
    require(not heard, "a host's port gets probes")
    require(lab.agents[LIAR].reaches("http", lab.address("web"), 80), "the port is no host's any more")
    return f"{len(told)} told, such as '{told[0]['why']}'"


class Relay:
    """Two hosts that hand each other what they hear of LLDP, at once: a cable between their ports, for a controller that believes it."""

    def __init__(self, lab, ends):
        self.wires = [forge.wire(lab.fabric, end) for end in ends]
        self.carried = 0
        self.over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            for raw in select.select(self.wires, [], [], 0.1)[0]:
                frame, where = raw.recvfrom(2048)
                if frame[12:14] == b"\x88\xcc" and where[2] != 4:     # not what we sent ourselves
                    self.wires[raw is self.wires[0]].send(frame)
                    self.carried += 1

    def end(self):
        self.over = True
        self.thread.join()
        for raw in self.wires:
            raw.close()


@check("two hosts that relay genuine probes to each other, at ports that nobody declared, make no link, and it is told")
def relayed_lldp(lab):
    # Where the policy says of no port what it is for, probes go out of all.
    text = re.sub(r"(switch \w+ \{ dpid \w+;).*\}", r"\1 }", lab.daemon.inventory)
    require(text != lab.daemon.inventory, "the inventory does not say what ports switches have")
    rules = lab.daemon.original.split('\ntest "')[0].replace('include "inventory.pol";\n', "")
    lab.daemon.change(text + rules)
    lab.daemon.await_network()
    watched = Watched(lab, "relay")
    relay = Relay(lab, (LIAR, "printer"))
    try:
        wait_until(lambda: relay.carried >= 4 and watched.events("probe-refused"), 8)
        time.sleep(2)
    finally:
        relay.end()
    require(relay.carried, "no probe came to a host: there was nothing to relay")
    _, told = watched.end("probe-refused")
    require(lab.agents[LIAR].reaches("http", lab.address("web"), 80), "the port is no host's any more")
    return f"{relay.carried} probes relayed; told '{told[0]['why']}' at {told[0]['at']}"


@check("a DHCP server at a port that serves none: no client hears it, the real one is heard, and it is told")
def rogue_dhcp(lab):
    hosts = lab.fabric.hosts
    watched = Watched(lab, "dhcp")
    laptop, bob = hosts["laptop"], hosts[LIAR]
    answers = Capture(lab.fabric, "laptop", "eth0", lab.folder / "lie-dhcp-laptop.pcap", "udp src port 67", whole=True)
    server = (bob.mac, bob.address)
    frames = [forge.dhcp_answer(server, laptop.mac, kind, "10.66.6.6") for kind in (2, 5)]
    frames += [forge.ethernet(forge.BROADCAST, bob.mac, forge.IPV4, frame[14:]) for frame in frames]
    liar = threading.Thread(target=lie, args=(lab, frames, 40, 0.1), daemon=True)
    liar.start()
    leased = Leased(lab)
    try:
        address = leased.bound()
    finally:
        liar.join()
        leased.end()
    frames, told = watched.end("spoofed", why="declared to serve dhcp")
    heard = [frame for _, frame in packets(answers.stop())]
    real = [frame for frame in heard if frame[6:12] == forge.mac(hosts["inet"].mac)]
    require(heard and real == heard, f"the laptop heard {len(heard)} answers, {len(real)} of them of the real server")
    asked = [frame for frame in frames if frame[23:24] == b"\x11" and frame[36:38] == b"\x00\x43"]
    require(not asked, "the false server hears the client's questions")
    return f"the laptop got {address} of the real one; {len(told)} told"


def local(mac):
    """The address that a machine gives itself on its link."""
    parts = bytes.fromhex(mac.replace(":", ""))
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + bytes([parts[0] ^ 2]) + parts[1:3] + b"\xff\xfe" + parts[3:])


@check("router advertisements and neighbour advertisements of a host for others reach nobody, and are told")
def rogue_router(lab):
    lab.daemon.change(ipv6.policy(lab))
    hosts = lab.fabric.hosts
    bob = hosts[LIAR]
    router = ipv6.Router(lab)
    try:
        wait_until(lambda: ipv6.own_address(lab, VICTIM) and ipv6.own_address(lab, "carol"), 15, step=0.3)
        victim = ipv6.own_address(lab, VICTIM)
        require(victim, "the victim has no address")
        watched = Watched(lab, "router")
        carol_asks = lab.agents["carol"].reaches("ping", victim)
        group = ("33:33:00:00:00:01", "ff02::1")
        own = (bob.mac, local(bob.mac))
        frames = [forge.icmpv6(own, group, forge.router_advertisement(bob.mac, "2001:db8:bad::"))]
        frames += [forge.icmpv6(own, group, forge.router_advertisement(hosts["inet"].mac, ipv6.PREFIX, lifetime=0))]
        frames += [forge.icmpv6((bob.mac, victim), group, forge.neighbour_advertisement(bob.mac, victim))]
        frames += [forge.icmpv6(own, group, forge.neighbour_advertisement(bob.mac, ipv6.GATEWAY))]
        lie(lab, frames)
        believed = neighbour(lab, "carol", victim)
        wrong = []
        for host in lab.agents:
            said = lab.fabric.run(host, "ip", "-6", "addr", "show", "dev", "eth0") + lab.fabric.run(host, "ip", "-6", "route")
            if host != LIAR and ("2001:db8:bad" in said or local(bob.mac) in said):
                wrong.append(f"{host} believes it: {said}")
        _, told = watched.end("spoofed", why="declared to serve ra")
        require_none(wrong)
        require(carol_asks and lab.agents["carol"].reaches("ping", victim), "carol does not reach the victim over IPv6")
        require(believed != bob.mac, "carol believes that the victim's address is bob's")
        require(lab.agents[VICTIM].reaches("ping", ipv6.OUTSIDE), "the victim lost its way out")
    finally:
        router.end()
    return f"{len(told)} told, such as '{told[0]['why']}'"
