"""Who reaches whom: measured between all pairs of hosts, and compared with what `pentane explain` says of each flow."""

from collections import defaultdict
from dataclasses import dataclass

from capture import Capture, Seen, conversations
from fabric import OUTSIDE, ROUTER, WIRE

ALL = (("ping", None), ("http", 80), ("tcp", 22), ("tcp", 443), ("tcp", 445), ("tcp", 873), ("udp", 53))
SHORT = (("ping", None), ("http", 80), ("udp", 53))
PORTS = {port for _, port in ALL if port}


@dataclass(frozen=True)
class End:
    """One end of a probe: who it is, its address, how a flow's text names it, and the address to send from where it has several."""

    name: str
    address: str
    words: str
    host: str
    source: str | None = None


@dataclass(frozen=True)
class Probe:
    source: End
    destination: End
    kind: str
    port: int | None

    @property
    def protocol(self):
        return "tcp" if self.kind == "http" else self.kind

    def flow(self):
        """The flow in the policy's language."""
        ping = "icmpv6" if ":" in self.source.address else "icmp"
        service = ping if self.kind == "ping" else f"{self.protocol}/{self.port}"
        return f"{self.source.words} -> {self.destination.words} {service}"

    def seen(self, opens=True):
        """Its packets in a capture: those of the initiator, or the answers."""
        a, b = self.source.address, self.destination.address
        return Seen(a, b, self.protocol, self.port, "first") if opens else Seen(b, a, self.protocol, self.port, "answer")


def ends(fabric, addresses=None):
    """Every host, the gateway itself, and a machine beyond it; with other addresses than their first ones, if given (`internet` is that
    of the machine beyond)."""
    found = []
    at = lambda name, first: (addresses or {name: first})[name]
    for host in fabric.hosts.values():
        if not host.address:
            continue
        place, address = fabric.place(host.name), at(host.name, host.address)
        match host.name:
            case "guest":
                words = f"mac {host.mac} {address} at {place}"
            case _ if host.name == ROUTER:
                outside = at("internet", OUTSIDE)
                found.append(End("internet", outside, f"internet {outside}" if addresses else "internet", ROUTER, outside))
                words = f"{ROUTER} {address}" if addresses else ROUTER
            case "laptop":
                words = f"host laptop {address} at {place}"
            case _:
                words = f"host {host.name}{f' {address}' if addresses else ''} at {place}"
        found.append(End(host.name, address, words, host.name, address if host.name == ROUTER else None))
    return found


def probes(fabric, services, addresses=None):
    everyone = ends(fabric, addresses)
    return [
        Probe(a, b, kind, port)
        for a in everyone for b in everyone if a.host != b.host
        for kind, port in services
    ]


@dataclass
class Outcome:
    """One comparison: what was said, what was measured."""

    probe: Probe
    verdict: str
    via: list
    reached: bool
    arrived: bool
    inside: int
    """In how many of the four possible ways it was seen in the proxy: request and answer, at each of its ports."""

    def wrong(self):
        """What disagrees, in words; nothing if all agrees."""
        allowed = self.verdict == "allow"
        if allowed != self.reached:
            return f"explain says {self.verdict}, and it {'gets' if self.reached else 'does not get'} through: {self.probe.flow()}"
        if not allowed and self.arrived:
            return f"explain says {self.verdict}, and its first packet arrives: {self.probe.flow()}"
        return None

    def wrong_way(self):
        """What disagrees about the proxy."""
        if self.verdict == "allow" and self.via and self.inside != 4:
            return f"goes via {self.via}, and was seen in {self.inside} of 4 places in the proxy: {self.probe.flow()}"
        if not self.via and self.inside:
            return f"should not pass the proxy, and was seen in {self.inside} places there: {self.probe.flow()}"
        return None


def measure(lab, services, addresses=None):
    """Probes all pairs while every host and both ports of the proxy are recorded; one outcome for each."""
    fabric = lab.fabric
    wanted = probes(fabric, services, addresses)
    said = lab.daemon.explain([probe.flow() for probe in wanted])
    lab.captures += 1
    places = [(host.name, f"eth{port}") for host in fabric.hosts.values() for port in range(len(host.ports))]
    running = {
        place: Capture(fabric, *place, lab.folder / f"{place[0]}-{place[1]}-{lab.captures}.pcap", "ip or ip6") for place in places
    }
    under_way = [
        lab.agents[probe.source.host].ask(
            "probe", kind=probe.kind, to=probe.destination.address, port=probe.port, source=probe.source.source
        )
        for probe in wanted
    ]
    reached = [future.result(60)["ok"] for future in under_way]
    recorded = defaultdict(dict)
    for (host, interface), capture in running.items():
        recorded[host][interface] = conversations(capture.stop(), PORTS)
    outcomes = []
    for probe, answer, ok in zip(wanted, said, reached):
        inside = sum(seen in recorded[WIRE][port] for port in ("eth0", "eth1") for seen in (probe.seen(), probe.seen(False)))
        arrived = probe.seen() in recorded[probe.destination.host]["eth0"]
        outcomes.append(Outcome(probe, answer["verdict"], answer["via"], ok, arrived, inside))
    return outcomes


def summary(outcomes):
    allowed = sum(outcome.verdict == "allow" for outcome in outcomes)
    via = sum(bool(outcome.via) for outcome in outcomes)
    return f"{len(outcomes)} flows: {allowed} allowed, {via} of them via the proxy, {len(outcomes) - allowed} denied"
