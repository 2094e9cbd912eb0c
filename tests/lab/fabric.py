"""Builds a campus of real Open vSwitch switches and Linux hosts in network namespaces, and takes it away. Knows nothing of Pentane.

What must be so, or the network lies:
 * The datapath is OVS's userspace one: no kernel module is needed. Its hosts must compute checksums themselves
   (`ethtool -K eth0 tx off`), else every TCP and UDP packet arrives broken while ping works.
 * The kernel of the namespace that holds the switches gets every frame too. It must answer no ARP and speak no IPv6.
 * Cables between switches are veth pairs: a patch port never reports a failed link.
 * `fail_mode=secure`, or OVS forwards by itself when no controller answers; in-band control is off, or it adds flows of its own.
 * Setting a controller from none flushes the flow table (`ofproto_flush_flows`): where entries must stay, leave it set.
"""

import os
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

CONTROLLER = "tcp:127.0.0.1:6653"
PROTOCOLS = "OpenFlow10,OpenFlow13"

# Two cores, two access switches with users, a server zone, an edge. All but the edge have two ways to each other.
SWITCHES = {"core1": 0x01, "core2": 0x02, "acc1": 0x11, "acc2": 0x12, "srv": 0x21, "edge": 0x31}
CABLES = [
    ("core1", "core2"), ("acc1", "core1"), ("acc1", "core2"), ("acc2", "core1"), ("acc2", "core2"),
    ("srv", "core1"), ("srv", "core2"), ("edge", "core1"),
]
GATEWAY = "10.20.0.1"
OUTSIDE = "198.51.100.1"
# name, switch, address; the kind of machine follows from the name where it is not an ordinary one
HOSTS = [
    ("alice", "acc1", "10.20.1.11"), ("bob", "acc1", "10.20.1.12"), ("laptop", "acc1", "10.20.1.13"),
    ("carol", "acc2", "10.20.1.21"), ("guest", "acc2", "10.20.1.22"), ("printer", "acc2", "10.20.1.29"),
    ("web", "srv", "10.20.2.10"), ("files", "srv", "10.20.2.11"), ("names", "srv", "10.20.2.2"), ("auth", "srv", "10.20.2.3"),
    ("proxy", "core2", None), ("inet", "edge", GATEWAY), ("ids", "core1", None),
]
WIRE = "proxy"      # a middlebox: two ports, bridged inside
ARM = "ids"         # a box of one port, without an address
ROUTER = "inet"     # the world beyond the uplink


@dataclass
class Plan:
    """What is built: switches with their datapath ids, cables, and hosts as above."""

    switches: dict
    cables: list
    hosts: list


CAMPUS = Plan(SWITCHES, CABLES, HOSTS)


@dataclass
class Host:
    """A machine: `ports` are those of its switch that lead to its eth0, eth1."""

    name: str
    switch: str
    address: str | None
    mac: str
    ports: list = field(default_factory=list)


class LabError(Exception):
    """The lab cannot be built, or does not do what it is told."""


class Fabric:
    """The network. `directory` holds sockets, logs and pid files; its path must be short, for sockets' names are."""

    def __init__(self, directory, name="pentane", protocols=PROTOCOLS, plan=CAMPUS):
        self.directory = Path(directory)
        self.name = name
        self.protocols = protocols
        self.controller_target = CONTROLLER
        self.switches = dict(plan.switches)
        self.dead = {}
        self.ports = {switch: 0 for switch in self.switches}
        self.cables = [(a, self._next_port(a), b, self._next_port(b)) for a, b in plan.cables]
        self.hosts = {}
        for number, (host, switch, address) in enumerate(plan.hosts, 1):
            made = Host(host, switch, address, f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")
            made.ports = [self._next_port(switch) for _ in range(2 if host == WIRE else 1)]
            self.hosts[host] = made
        self.extra = []

    def _next_port(self, switch):
        self.ports[switch] += 1
        return self.ports[switch]

    # Commands in a namespace.

    def namespace(self, where):
        return f"{self.name}-{where}"

    def inside(self, where, *command):
        """The words that run a command on a host, or in `fabric`, where the switches and the controller are."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(where)}", "--", *map(str, command)]

    def environment(self):
        here = str(self.directory)
        return {**os.environ, "OVS_RUNDIR": here, "OVS_LOGDIR": here, "OVS_DBDIR": here, "OVS_SYSCONFDIR": here}

    def run(self, where, *command, text=None, check=True):
        """Runs a command to its end and returns what it printed."""
        done = subprocess.run(self.inside(where, *command), input=text, capture_output=True, text=True, env=self.environment())
        if check and done.returncode != 0:
            raise LabError(f"{where}: {shlex.join(map(str, command))}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def vsctl(self, *words):
        return self.run("fabric", "ovs-vsctl", "--timeout=20", *words)

    def ofctl(self, verb, switch, *words, version=None):
        return self.run("fabric", "ovs-ofctl", "-O", version or self.protocols, verb, switch, *words)

    def flows(self, switch):
        """The entries of a switch, one line each."""
        return [line.strip() for line in self.ofctl("dump-flows", switch).splitlines() if "actions=" in line]

    # Building.

    def up(self):
        self.down()
        missing = [tool for tool in ("ip", "ethtool", "ovsdb-tool", "ovs-vswitchd", "nsenter") if not which(tool)]
        if missing:
            raise LabError(f"not installed: {', '.join(missing)}")
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self._wire()
            self._start_switches()
            for host in self.hosts.values():
                self.run(host.name, "sh", "-e", text=self._host_script(host))
            self.vsctl(*[word for switch in self.switches for word in self._switch_words(switch)])
        except BaseException:
            self.down()
            raise

    def _wire(self):
        names = [self.namespace(host) for host in ("fabric", *self.hosts)]
        batch([], [f"netns add {name}" for name in names])
        (self.directory / "namespaces").write_text("".join(f"{name}\n" for name in names))
        self.run("fabric", "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8", "net.ipv4.ip_forward=0",
                 "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        lines = ["link set lo up"]
        for a, port_a, b, port_b in self.cables:
            lines.append(f"link add {a}-p{port_a} up type veth peer name {b}-p{port_b}")
            lines.append(f"link set {b}-p{port_b} up")
        for host in self.hosts.values():
            lines += [self._plug(host.name, host.switch, port, n) for n, port in enumerate(host.ports)]
        batch(["-n", self.namespace("fabric")], lines)

    def _plug(self, host, switch, port, number=0):
        return f"link add {switch}-p{port} up type veth peer name eth{number} netns {self.namespace(host)}"

    def _host_script(self, host):
        lines = ["ip link set lo up"]
        for number in range(len(host.ports)):
            lines.append(f"ethtool -K eth{number} tx off >/dev/null")
            if host.address:
                lines.append(f"ip link set eth{number} address {host.mac}")
            lines.append(f"ip link set eth{number} up")
        if host.name == WIRE:
            lines.append("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
            lines.append("ip link add br0 up type bridge; ip link set eth0 master br0; ip link set eth1 master br0")
        elif not host.address:
            lines.insert(1, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        elif host.name == ROUTER:
            lines.append(f"ip addr add {host.address}/16 dev eth0; ip addr add {OUTSIDE}/24 dev lo")
            lines.append("sysctl -qw net.ipv4.ip_forward=1")
        else:
            lines.append(f"ip addr add {host.address}/16 dev eth0")
            if ROUTER in self.hosts:
                lines.append(f"ip route add default via {GATEWAY}")
        return "\n".join(lines)

    def _start_switches(self):
        here = self.directory
        # The dummy datapath is the same userspace one without tap devices, for where /dev/net/tun may not be opened, and for
        # bridges through which no packet goes.
        self.datapath = "netdev" if os.access("/dev/net/tun", os.W_OK) else "dummy"
        self.run("fabric", "ovsdb-tool", "create", here / "conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        daemon = ["-vconsole:off", "--pidfile", "--log-file", "--detach", "--no-chdir"]
        self.run("fabric", "ovsdb-server", here / "conf.db", f"--remote=punix:{here}/db.sock", *daemon)
        self.vsctl("--no-wait", "init")
        self.run("fabric", "ovs-vswitchd", f"unix:{here}/db.sock", "--disable-system", "--enable-dummy", *daemon)
        (here / "datapath").write_text(self.datapath)

    def _switch_words(self, switch):
        datapath = (self.directory / "datapath").read_text()
        words = ["--", "add-br", switch, "--", "set", "bridge", switch, f"datapath_type={datapath}", "fail_mode=secure",
                 f"protocols={self.protocols}", f"other_config:datapath-id={self.switches[switch]:016x}",
                 "other_config:disable-in-band=true"]
        for port in range(1, self.ports[switch] + 1):
            name = f"{switch}-p{port}"
            words += ["--", "add-port", switch, name, "--", "set", "interface", name, f"ofport_request={port}"]
        return words + ["--", "set-controller", switch, self.controller_target]

    def down(self):
        """Ends whatever runs in the lab's namespaces (all of it was started here) and removes them. No error if there is nothing."""
        listed = self.directory / "namespaces"
        if not listed.exists():
            return
        names = listed.read_text().split()
        for attempt in range(100):
            pids = processes_inside(names)
            if not pids:
                break
            if attempt in (0, 40):
                for pid in pids:
                    kill(pid, 15 if attempt == 0 else 9)
            time.sleep(0.05)
        batch(["-force"], [f"netns del {name}" for name in names if Path("/run/netns", name).exists()])
        subprocess.run(["rm", "-rf", str(self.directory)], check=True)

    # Changing it while it runs.

    def connect(self):
        """Connects every switch now, not after OVS's back-off. This empties their flow tables."""
        for switch in self.switches:
            self.vsctl("del-controller", switch)
        self.vsctl(*[word for switch in self.switches for word in ("--", "set-controller", switch, self.controller_target)])

    def speak(self, protocols):
        """Has every switch offer these versions alone, and reconnect."""
        self.protocols = protocols
        self.vsctl(*[word for switch in self.switches for word in ("--", "set", "bridge", switch, f"protocols={protocols}")])
        self.connect()

    def reboot(self, switch):
        """Drops a switch and brings it back empty, with the same dpid and ports."""
        self.vsctl("--if-exists", "del-br", switch)
        self.vsctl(*self._switch_words(switch))

    def fail(self, switch):
        """Takes a switch's power: it is gone, and its cables are dead."""
        self.vsctl("del-br", switch)
        self._cables_of(switch, "down")
        self.dead[switch] = self.switches.pop(switch)

    def restore(self, switch):
        """Gives it its power again; it is empty."""
        self.switches[switch] = self.dead.pop(switch)
        self._cables_of(switch, "up")
        self.vsctl(*self._switch_words(switch))

    def _cables_of(self, switch, state):
        lines = [f"link set {switch}-p{port} {state}" for port in range(1, self.ports[switch] + 1)]
        batch(["-n", self.namespace("fabric")], lines)

    def cut(self, switch):
        """Ends a switch's way to the controller: it calls where nobody is. Its entries stay, for it has a controller still."""
        self.vsctl("set-controller", switch, "tcp:127.0.0.1:9")

    def heal(self, switch):
        """Has it call the controller again, now."""
        self.vsctl("set-controller", switch, self.controller_target)

    def silence(self, port):
        """Swallows what a connection of the control channel says, both ways, for a switch that calls from this port: it hangs, and
        nobody is told. Without a port, ends that."""
        self.run("fabric", "nft", "add table ip hang; delete table ip hang")
        if port:
            self.run("fabric", "nft", "add table ip hang; add chain ip hang in { type filter hook input priority 0; };"
                     f" add rule ip hang in tcp sport {port} drop; add rule ip hang in tcp dport {port} drop")

    def limit_table(self, switch, entries):
        """Lets a switch hold so many entries and refuse more; without a number, as many as it can."""
        if entries:
            self.vsctl("--", "--id=@table", "create", "Flow_Table", f"flow_limit={entries}", "overflow_policy=refuse",
                       "--", "set", "bridge", switch, "flow_tables:0=@table")
        else:
            self.vsctl("clear", "bridge", switch, "flow_tables")

    def link(self, a, b, state):
        """Fails (`down`) or mends (`up`) the cable between two switches, or between a host and its switch."""
        for one, port_one, other, port_other in self.cables:
            if {one, other} == {a, b}:
                name = f"{one}-p{port_one}"
                self.run("fabric", "ip", "link", "set", name, state)
                return
        for host in self.hosts.values():
            if {host.name, host.switch} == {a, b}:
                self.run(host.name, "ip", "link", "set", "eth0", state)
                if state == "up" and host.address and host.name != ROUTER:
                    self.run(host.name, "ip", "route", "replace", "default", "via", GATEWAY)
                return
        raise LabError(f"no cable between {a} and {b}")

    def add_switch(self, switch, dpid, cable_to, host, address):
        """A switch that nobody planned for, cabled to a new port of another, with a machine behind its port 2."""
        self.switches[switch] = dpid
        self.ports[switch] = 2
        port = self._next_port(cable_to)
        batch([], [f"netns add {self.namespace(host)}"])
        with open(self.directory / "namespaces", "a", encoding="ascii") as listed:
            listed.write(f"{self.namespace(host)}\n")
        batch(["-n", self.namespace("fabric")], [
            f"link add {switch}-p1 up type veth peer name {cable_to}-p{port}", f"link set {cable_to}-p{port} up",
            self._plug(host, switch, 2),
        ])
        self.hosts[host] = Host(host, switch, address, "02:00:00:00:00:99", [2])
        self.run(host, "sh", "-e", text=self._host_script(self.hosts[host]))
        far = f"{cable_to}-p{port}"
        self.vsctl(*self._switch_words(switch), "--", "add-port", cable_to, far, "--", "set", "interface", far,
                   f"ofport_request={port}")

    def add_host(self, host, switch, port, address, mac):
        """A machine that nobody planned for, at a port that its switch has yet to get."""
        batch([], [f"netns add {self.namespace(host)}"])
        with open(self.directory / "namespaces", "a", encoding="ascii") as listed:
            listed.write(f"{self.namespace(host)}\n")
        batch(["-n", self.namespace("fabric")], [self._plug(host, switch, port)])
        self.run(host, "sh", "-e", text=self._host_script(Host(host, switch, address, mac, [port])))
        name = f"{switch}-p{port}"
        self.vsctl("--", "add-port", switch, name, "--", "set", "interface", name, f"ofport_request={port}")

    def remove_switch(self, switch, cable_to, host):
        """Takes away what `add_switch` brought."""
        far = f"{cable_to}-p{self.ports[cable_to]}"
        self.vsctl("--", "del-br", switch, "--", "del-port", cable_to, far)
        batch(["-n", self.namespace("fabric")], [f"link del {far}", f"link del {switch}-p2"])
        del self.switches[switch], self.ports[switch], self.hosts[host]
        self.ports[cable_to] -= 1

    def map(self):
        """One line a port: switch, dpid, port number, what is behind it."""
        rows = []
        for a, port_a, b, port_b in self.cables:
            rows += [(a, port_a, f"switch {b}"), (b, port_b, f"switch {a}")]
        for host in self.hosts.values():
            rows += [(host.switch, port, f"host {host.name} {host.mac} {host.address or '-'}") for port in host.ports]
        rows.sort(key=lambda row: (self.switches[row[0]], row[1]))
        return [f"{switch} {self.switches[switch]:016x} {port} {what}" for switch, port, what in rows]

    def place(self, host):
        """Where a host is: `acc1:3`."""
        found = self.hosts[host]
        return f"{found.switch}:{found.ports[0]}"

    def neighbour(self, switch, port):
        """The switch at the other end of an uplink."""
        for a, port_a, b, port_b in self.cables:
            if (a, port_a) == (switch, port):
                return b
            if (b, port_b) == (switch, port):
                return a
        return None


def which(tool):
    return subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, check=False).returncode == 0


def batch(words, lines):
    if not lines:
        return
    done = subprocess.run(["ip", *words, "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode != 0 and "-force" not in words:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def kill(pid, signal):
    try:
        os.kill(pid, signal)
    except ProcessLookupError:
        pass


def processes_inside(namespaces):
    """The pids of what runs in these namespaces; ended processes that nobody has reaped are not among them."""
    ours = set()
    for name in namespaces:
        try:
            ours.add(os.stat(f"/run/netns/{name}").st_ino)
        except FileNotFoundError:
            pass
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.stat(entry / "ns/net").st_ino in ours:
                    found.append(int(entry.name))
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                pass
    return found
