"""Entries that `pentane compile` plans for a whole view, in Open vSwitch beside the lab's own switches: are they taken, and what would be
done with packets? No packet is sent."""

import json
import re
import shutil
import subprocess
from collections import Counter

import twin
from fabric import ROUTER

FIELDS = {
    "ping": ("icmp", "icmp_type=8,icmp_code=0"), "udp": ("udp", "udp_src=40000,udp_dst={port}"),
    "tcp": ("tcp", "tcp_src=40000,tcp_dst={port}"),
}
ACTION = re.compile(r"^ +(drop|output:(\d+)|CONTROLLER:\d+)$", re.MULTILINE)


def view(fabric):
    """Where every machine is, and what joins the switches."""
    stations = []
    for host in fabric.hosts.values():
        if host.address and host.name != ROUTER:
            who = {"mac": host.mac} if host.name == "guest" else {"host": host.name}
            stations.append({**who, "at": fabric.place(host.name), "ip": [host.address]})
    links = [[f"{a}:{port}", f"{b}:{other}"] for a, port, b, other in fabric.cables]
    return {"schema": "pentane.view/1", "stations": stations, "links": links}


class Plan:
    """The entries for one version, each switch's in a bridge of its own."""

    def __init__(self, lab, version):
        self.fabric = lab.fabric
        folder = lab.folder / "plan"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(lab.daemon.folder, folder)
        (folder / "view.json").write_text(json.dumps(view(lab.fabric)), encoding="utf-8")
        words = [lab.daemon.binary, "compile", "campus.pol", "--view", "view.json", "--emit", "flows", "--of", version]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
        self.entries = {}
        for line in done.stdout.splitlines():
            if found := re.match(r"# switch (\S+) ", line):
                switch = self.entries.setdefault(found[1], [])
            else:
                switch.append(line)
        # Without a process for each question.
        self.daemon = twin.Daemon(next(lab.fabric.directory.glob("ovs-vswitchd.*.ctl")))
        self.cables = {}
        for a, port, b, other in lab.fabric.cables:
            self.cables[a, port] = (b, other)
            self.cables[b, other] = (a, port)
        self.protocol = "OpenFlow10" if version == "1.0" else "OpenFlow13"

    def bridge(self, switch):
        return f"plan-{switch}"

    def up(self):
        """The bridges with the entries; how many Open vSwitch says it has, and how many it was given."""
        given = held = 0
        for switch, entries in self.entries.items():
            name = self.bridge(switch)
            self.fabric.vsctl("--may-exist", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev",
                              "fail_mode=secure", f"protocols={self.protocol}")
            for port in range(1, self.fabric.ports[switch] + 1):
                interface = f"pl-{switch}-{port}"
                self.fabric.vsctl("--may-exist", "add-port", name, interface, "--", "set", "interface", interface, "type=patch",
                                  f"options:peer={interface}-none", f"ofport_request={port}")
            self.fabric.run("fabric", "ovs-ofctl", "-O", self.protocol, "add-flows", name, "-", text="\n".join(entries) + "\n")
            dump = self.fabric.run("fabric", "ovs-ofctl", "-O", self.protocol, "dump-flows", name)
            given += len(entries)
            held += dump.count("actions=")
        return given, held

    def down(self):
        for switch in self.entries:
            self.fabric.vsctl("--if-exists", "del-br", self.bridge(switch))

    def fate(self, source, destination, kind, port):
        """What becomes of a packet: `drop`, `ask`, or where it leaves."""
        switch, at = source.switch, source.ports[0]
        protocol, service = FIELDS["tcp" if kind == "http" else kind]
        ends = f"dl_src={source.mac},dl_dst={destination.mac},nw_src={source.address},nw_dst={destination.address}"
        for _ in range(len(self.entries) + 1):
            if switch not in self.entries:
                return "ask"
            packet = f"{protocol},in_port={at},{ends},nw_ttl=64,{service.format(port=port)}"
            trace = self.daemon.ask("ofproto/trace", self.bridge(switch), packet)
            action = ACTION.search(trace)
            if not action or "No match" in trace:
                return "ask"
            if action[1] == "drop":
                return "drop"
            if not action[2]:
                return "ask"
            out = switch, int(action[2])
            if out not in self.cables:
                return f"{out[0]}:{out[1]}"
            switch, at = self.cables[out]
        raise RuntimeError(f"a packet of {source.name} to {destination.name} goes round at {switch}")


def wrong(plan, probes, answers, seen):
    """Complaints about packets that do not fare as the policy says; `seen` counts what became of all."""
    complaints = []
    for probe, answer in zip(probes, answers, strict=True):
        source, destination = plan.fabric.hosts[probe.source.host], plan.fabric.hosts[probe.destination.host]
        fate = plan.fate(source, destination, probe.kind, probe.port)
        seen[fate if fate in ("drop", "ask") else "pass"] += 1
        may = answer["verdict"] == "allow"
        right = {"drop": not may, "ask": True}.get(fate, may and not answer["via"] and fate == plan.fabric.place(destination.name))
        if not right:
            complaints.append(f"{probe.flow()}: {answer['verdict']} via {answer['via']}, and Open vSwitch: {fate}")
    return complaints


def measure(lab, probes, answers, version):
    """Complaints, and what was seen."""
    plan, seen = Plan(lab, version), Counter()
    try:
        given, held = plan.up()
        complaints = [] if given == held else [f"{given} entries were given, and {held} are there"]
        complaints += wrong(plan, probes, answers, seen)
    finally:
        plan.down()
    return complaints, given, seen
