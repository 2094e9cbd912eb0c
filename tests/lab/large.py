"""The check of a larger network: 20 switches, 100 hosts, and one datagram for each ordered pair of them. Knows nothing of the campus."""

import json
import select
import socket
import struct
import subprocess
import time

import forge
from check import check, require, require_none
from daemon import Daemon, wait_until
from fabric import Fabric, Plan

CORES, EDGES, HOSTS, TEAM = 2, 18, 100, 10
FROM, TO = 40000, 7000      # ports; others than the answer's, so that no answer of one pair passes for the question of another
RATE = 900                  # datagrams a second; a flow takes three switches two entries each
ROUNDS = 3
NETWORK = "10.30.0.0/16"


def plan():
    """Two cores, each with a cable to every other switch and to the other core; hosts spread over the others."""
    cores = [f"c{number}" for number in range(CORES)]
    edges = [f"e{number}" for number in range(EDGES)]
    switches = {name: number for number, name in enumerate(cores + edges, 1)}
    cables = [tuple(cores)] + [(edge, core) for edge in edges for core in cores]
    hosts = [(f"h{number}", edges[number % EDGES], f"10.30.{number // 250}.{number % 250 + 1}") for number in range(HOSTS)]
    return Plan(switches, cables, hosts)


def team(host):
    return host // TEAM


def teams_may(a, b):
    """Which teams may speak to which: about half."""
    return (a * 7 + b * 3 + a * b) % 10 < 5


# Who may nothing at all, and whom nobody may reach, whatever the teams may.
MUTE, SHUT = {7, 41}, {13, 88}


def may(a, b):
    return a not in MUTE and b not in SHUT and teams_may(team(a), team(b))


def policy(fabric):
    teams = range(HOSTS // TEAM)
    lines = [f"switch {name} {{ dpid {dpid:#x}; }}" for name, dpid in fabric.switches.items()]
    lines += [f"host {h.name} {{ mac {h.mac}; ip {h.address}; at {fabric.place(h.name)}; }}" for h in fabric.hosts.values()]
    lines += [f"group t{one} = host {{ {', '.join(f'h{n}' for n in range(one * TEAM, one * TEAM + TEAM))} }};" for one in teams]
    lines += [f"network site = {NETWORK};"]
    lines += [f"deny from h{one};" for one in sorted(MUTE)] + [f"deny to h{one};" for one in sorted(SHUT)]
    for a in teams:
        if reached := [f"t{b}" for b in teams if teams_may(a, b)]:
            lines.append(f"allow from t{a} to {' | '.join(reached)} for udp/{TO};")
    return "\n".join([*lines, "default deny;\n"])


class Hosts:
    """Two sockets on each host, one to ask from and one to hear with. Questions are whole frames: for a machine with a hundred hosts on
    it, the kernel does not keep ten thousand neighbours."""

    def __init__(self, fabric):
        self.fabric = fabric
        self.ends = [(fabric.hosts[f"h{number}"].mac, fabric.hosts[f"h{number}"].address) for number in range(HOSTS)]
        self.asking = [forge.wire(fabric, f"h{number}", hear=False) for number in range(HOSTS)]
        self.hearing = [self.bound(number, TO) for number in range(HOSTS)]
        self.by_file = {one.fileno(): number for number, one in enumerate(self.hearing)}
        self.poll = select.epoll()
        for one in self.hearing:
            self.poll.register(one, select.EPOLLIN)
        self.arrived = set()
        self.wrong = []

    def bound(self, number, port):
        one = forge.socket_in(self.fabric, f"h{number}", socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("", port))
        one.setblocking(False)
        return one

    def announce(self):
        """Each says once who it is, so that it is known where it is."""
        for end, raw in zip(self.ends, self.asking):
            raw.send(forge.arp(1, end, ("00:00:00:00:00:00", end[1])))

    def hear(self, within):
        """Takes in what comes within this time."""
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            for file, _ in self.poll.poll(left):
                there = self.by_file[file]
                try:
                    while True:
                        data, peer = self.hearing[there].recvfrom(64)
                        a, b = struct.unpack("!HH", data)
                        self.arrived.add((a, b))
                        if b != there or peer[0] != self.ends[a][1]:
                            self.wrong.append(f"h{there} got from {peer[0]} what h{a} sent to h{b}")
                except BlockingIOError:
                    pass

    def ask(self, pairs):
        """One datagram for each pair, at an even rate."""
        begun = time.monotonic()
        for number, (a, b) in enumerate(pairs):
            self.asking[a].send(forge.udp(self.ends[a], self.ends[b], (FROM, TO), struct.pack("!HH", a, b)))
            if number % 10 == 9:
                self.hear(max(0.0005, begun + (number + 1) / RATE - time.monotonic()))
        self.hear(1.5)

    def close(self):
        for one in (*self.asking, *self.hearing):
            one.close()


def matrix(daemon):
    """What `pentane matrix` says of each pair of teams: `all`, `some` or `none`."""
    teams = ",".join(f"t{number}" for number in range(HOSTS // TEAM))
    words = [daemon.binary, "matrix", "campus.pol", "--from", teams, "--to", teams, "--for", f"udp/{TO}", "--format", "json"]
    done = subprocess.run(words, cwd=daemon.folder, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"matrix: exit {done.returncode}: {done.stdout[:500]}{done.stderr}")
    return [[cell["allowed"] for cell in row] for row in json.loads(done.stdout)["cells"]]


def disagreements(said, arrived):
    """Pairs of teams of which the matrix says something else than what was measured."""
    wrong = []
    for a, row in enumerate(said):
        for b, cell in enumerate(row):
            pairs = [(x, y) for x in range(HOSTS) for y in range(HOSTS) if x != y and team(x) == a and team(y) == b]
            got = sum(pair in arrived for pair in pairs)
            measured = "all" if got == len(pairs) else "some" if got else "none"
            if cell != measured:
                wrong.append(f"matrix says {cell} for t{a} to t{b}, and {got} of {len(pairs)} get through")
    return wrong


def measure(fabric, daemon):
    hosts = Hosts(fabric)
    try:
        here = daemon.position()
        hosts.announce()
        known = wait_until(lambda: len({e["mac"] for e in daemon.events(daemon.mark, "station-attached")}) == HOSTS, 10)
        require(known, f"not all hosts are known: {daemon.tail()}")
        pairs = [(a, b) for a in range(HOSTS) for b in range(HOSTS) if a != b]
        # Neighbours in time are no neighbours in space.
        pairs.sort(key=lambda pair: (pair[0] * 7919 + pair[1] * 104729) % 15485863)
        hosts.ask(pairs)
        first = len(hosts.arrived)
        hosts.ask([pair for pair in pairs if pair not in hosts.arrived])
        for _ in range(ROUNDS - 2):
            if missing := [pair for pair in pairs if may(*pair) and pair not in hosts.arrived]:
                hosts.ask(missing)
        require_none(hosts.wrong)
        lost = [f"h{a} may reach h{b}, and does not" for a, b in pairs if may(a, b) and (a, b) not in hosts.arrived]
        leaked = [f"h{a} may not reach h{b}, and does" for a, b in pairs if not may(a, b) and (a, b) in hosts.arrived]
        require_none(leaked + lost)
        require_none(disagreements(matrix(daemon), hosts.arrived))
        left = daemon.events(here, "session-ended", "switch-left")
        require(not left, f"switches were lost: {left}")
        return len(pairs), len(hosts.arrived), first
    finally:
        hosts.close()


@check("20 switches and 100 hosts: of all 9,900 ordered pairs just those get through that the policy and `pentane matrix` allow")
def all_pairs_of_a_hundred(lab):
    fabric = Fabric("/run/ovs-large", name="large", protocols="OpenFlow13", plan=plan())
    folder = lab.folder / "large"
    (folder / "policy").mkdir(parents=True)
    (folder / "policy" / "campus.pol").write_text(policy(fabric))
    (folder / "policy" / "inventory.pol").write_text("# all is in campus.pol\n")
    daemon = Daemon(fabric, lab.binary, folder / "policy", folder / "site")
    begun = time.monotonic()
    fabric.up()
    try:
        daemon.start()
        time.sleep(0.5)
        fabric.connect()
        daemon.await_network(40)
        up = time.monotonic() - begun
        pairs, arrived, first = measure(fabric, daemon)
        entries = sum(len(fabric.flows(switch)) for switch in fabric.switches)
    finally:
        if daemon.alive():
            daemon.kill()
        fabric.down()
    return f"up in {up:.0f} s; {arrived} of {pairs} pairs get through, {first} with the first packet; {entries} entries"
