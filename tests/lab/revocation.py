"""Checks: each cause of revocation cuts just the transfers that it is about. The one of a rule that is taken out is in `checks`."""

import datetime
import signal
import subprocess
import time

from check import check, require
from daemon import wait_until
from fabric import GATEWAY, OUTSIDE, ROUTER
from hosts import Transfer
from watch import cut_by

RULES = """
network campus = 10.20.0.0/16;
group team = host {{ {team} }};
time window = {since}-{edge};
keep-web: allow from alice to web for tcp/8080;
keep-files: allow from laptop to files for tcp/443;
keep-out: allow from carol to internet for tcp/22;
team-web: allow from team to web for tcp/80;
bob-files: allow from bob to files for tcp/8080;
printing: allow from printer to web for tcp/443;
guest-web: allow from any at wap to internet for tcp/80 via proxy;
alice-out: allow from alice to internet for tcp/443;
leased: allow from laptop to web for tcp/22;
leases: allow to gateway for dhcp;
during: allow from names to auth for tcp/22 when time in window;
ending: allow from auth to files for tcp/22 until {until};
default deny;
"""


class Times:
    """The end of a rule, soon, and the end of a window, with the minute that ends next but not at once."""

    def __init__(self):
        now = int(time.time())
        self.until = now + 8
        self.edge = (now + 6) // 60 * 60 + 60

    def words(self):
        clock = lambda moment: datetime.datetime.fromtimestamp(moment, datetime.UTC)
        return {
            "since": f"{clock(self.edge - 3600):%H:%M}", "edge": f"{clock(self.edge):%H:%M}",
            "until": f"{clock(self.until):%Y-%m-%dT%H:%M:%S}",
        }


def policy(lab, team="bob, carol"):
    """The policy that these checks work on, with its inventory, so that one file is all."""
    if not getattr(lab, "times", None):
        lab.times = Times()
    return lab.daemon.inventory + RULES.format(team=team, **lab.times.words())


def in_force(lab):
    lab.daemon.change(policy(lab), "policy-reloaded", "policy-unchanged")


def others(lab, out=True):
    """Transfers that nothing here is about, one of them out of the site."""
    kept = [Transfer(lab.agents["alice"], lab.address("web"), 8080), Transfer(lab.agents["laptop"], lab.address("files"), 443)]
    return kept + ([Transfer(lab.agents["carol"], OUTSIDE, 22)] if out else [])


def revoked(lab, cause, cut, kept, mend=None, at=None):
    """What `cut_by` says, with what the cause broke mended and the transfers ended."""
    try:
        return cut_by(lab, cause, cut, kept, at)
    finally:
        if mend:
            mend()
        for transfer in (cut, *kept):
            transfer.stop()


@check("a host that is taken out of a group loses what the group may, within a second, and nobody else loses anything")
def membership(lab):
    in_force(lab)
    cut = Transfer(lab.agents["bob"], lab.address("web"), 80)
    told = revoked(lab, lambda: lab.daemon.change(policy(lab, team="carol")), cut, others(lab))
    require(not lab.agents["bob"].reaches("tcp", lab.address("web"), 80), "a new connection of bob's gets through")
    require(lab.agents["carol"].reaches("tcp", lab.address("web"), 80), "carol is in the group, and does not get through")
    return told


@check("a host that is pinned to another port has nothing at its own, within a second, and nobody else loses anything")
def pinned(lab):
    in_force(lab)
    text = policy(lab)
    elsewhere = text.replace("ip 10.20.1.12; }", "ip 10.20.1.12; at acc1:5; }")
    require(elsewhere != text, "the inventory does not say where bob's address is")
    cut = Transfer(lab.agents["bob"], lab.address("files"), 8080)
    told = revoked(lab, lambda: lab.daemon.change(elsewhere), cut, others(lab))
    require(not lab.agents["bob"].reaches("tcp", lab.address("files"), 8080), "a new connection from the wrong port gets through")
    return told


@check("a host that is unplugged has no entry left after a second, and nobody else loses anything")
def unplugged(lab):
    in_force(lab)
    cut = Transfer(lab.agents["printer"], lab.address("web"), 443)
    mend = lambda: lab.fabric.link("printer", "acc2", "up")
    told = revoked(lab, lambda: lab.fabric.link("printer", "acc2", "down"), cut, others(lab), mend)
    came = wait_until(lambda: lab.agents["printer"].reaches("tcp", lab.address("web"), 443), 5)
    require(came, "the printer is plugged in again, and does not get through")
    return told


@check("a middlebox that is unplugged takes what passes it along, within a second, and nothing goes around it")
def box_gone(lab):
    in_force(lab)
    cut = Transfer(lab.agents["guest"], OUTSIDE, 80)
    around = []

    def mend():
        around.append(lab.agents["guest"].reaches("http", OUTSIDE, 80))
        lab.fabric.link("proxy", "core2", "up")

    told = revoked(lab, lambda: lab.fabric.link("proxy", "core2", "down"), cut, others(lab), mend)
    require(around == [False], "the guest reaches the web without the proxy")
    came = wait_until(lambda: lab.agents["guest"].reaches("http", OUTSIDE, 80), 8)
    require(came, "the proxy is there again, and the guest does not get through")
    return told


@check("a switch without power takes along what needs it, within a second, and nothing else")
def switch_gone(lab):
    in_force(lab)
    cut = Transfer(lab.agents["alice"], OUTSIDE, 443)

    def mend():
        lab.fabric.restore("edge")
        lab.daemon.await_network()

    told = revoked(lab, lambda: lab.fabric.fail("edge"), cut, others(lab, out=False), mend)
    came = wait_until(lambda: lab.agents["alice"].reaches("tcp", OUTSIDE, 443), 8)
    require(came, "the switch is there again, and alice does not get out")
    return told


# A client of DHCP tells this what it got; what it gives back is no longer there.
SCRIPT = """#!/bin/sh
ip addr flush dev eth0 scope global
[ "$1" = deconfig ] || ip addr add "$ip/16" dev eth0
"""


class Leased:
    """A real server on the gateway, and a real client on the laptop instead of its fixed address."""

    def __init__(self, lab):
        self.lab = lab
        folder = lab.folder / "dhcp"
        folder.mkdir(exist_ok=True)
        script = folder / "script"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        self.log = open(folder / "log", "w", encoding="utf-8")
        self.server = self.begin(
            ROUTER, "dnsmasq", "--keep-in-foreground", "--port=0", "--interface=eth0", "--bind-interfaces", "--conf-file=/dev/null",
            "--dhcp-range=10.20.3.10,10.20.3.99,255.255.0.0,2m", f"--dhcp-option=option:router,{GATEWAY}", "--no-ping",
            "--dhcp-authoritative", f"--dhcp-leasefile={folder / 'leases'}", f"--pid-file={folder / 'pid'}", "--user=root",
            "--log-facility=-", "--log-dhcp")
        self.here = lab.daemon.position()
        self.client = self.begin("laptop", "udhcpc", "-f", "-i", "eth0", "-s", script, "-t", "8", "-T", "1", "-A", "1")

    def begin(self, where, *words):
        return subprocess.Popen(self.lab.fabric.inside(where, *words), stdout=self.log, stderr=self.log)

    def bound(self):
        mac = self.lab.fabric.hosts["laptop"].mac
        event = self.lab.daemon.await_event(self.here, 10, "lease-bound")
        require(event["mac"] == mac, f"another got the lease: {event}")
        wait_until(lambda: event["address"] in self.lab.fabric.run("laptop", "ip", "-4", "addr", "show", "dev", "eth0"), 3)
        return event["address"]

    def release(self):
        """The client gives the address back."""
        self.client.send_signal(signal.SIGUSR2)

    def knows_server(self):
        """It must know the server's MAC address by now: once it has sent the message, it has no address to ask from."""
        self.lab.agents["laptop"].reaches("ping", GATEWAY)
        known = self.lab.fabric.run("laptop", "ip", "neigh", "show", GATEWAY)
        require("lladdr" in known, f"the laptop does not know its gateway: {known}")

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait()
        self.log.close()
        laptop = self.lab.fabric.hosts["laptop"]
        self.lab.fabric.run("laptop", "sh", "-e", text=f"ip addr flush dev eth0 scope global\nip addr add {laptop.address}/16 dev eth0\n"
                                                       f"ip route replace default via {GATEWAY}\n")


@check("an address that is given back to its DHCP server takes its transfers along, within a second, and nobody else's")
def lease_ended(lab):
    in_force(lab)
    leased = Leased(lab)
    try:
        address = leased.bound()
        leased.knows_server()
        # To the web server alone: the other rule of the laptop is for the others.
        cut = Transfer(lab.agents["laptop"], lab.address("web"), 22)
        here = lab.daemon.position()
        kept = [Transfer(lab.agents["alice"], lab.address("web"), 8080), Transfer(lab.agents["carol"], OUTSIDE, 22)]
        told = revoked(lab, leased.release, cut, kept)
        released = lab.daemon.events(here, "revoked")
        require(any(address in event["flow"] for event in released), f"the log does not name {address} among what is revoked: {released}")
    finally:
        leased.end()
    came = wait_until(lambda: lab.agents["laptop"].reaches("tcp", lab.address("web"), 22), 5)
    require(came, "with its own address, the laptop does not get through")
    return f"{told}; the lease of {address}"


@check("the moment until which a rule holds cuts what it allowed, within a second, and nothing else")
def rule_ends(lab):
    lab.times = Times()
    in_force(lab)
    cut = Transfer(lab.agents["auth"], lab.address("files"), 22)
    told = revoked(lab, None, cut, others(lab), at=lab.times.until)
    require(not lab.agents["auth"].reaches("tcp", lab.address("files"), 22), "after its end, a new connection gets through")
    return told


@check("the end of a window of time cuts what was allowed in it, within a second, and nothing else", seconds=(36, 53))
def window_ends(lab):
    lab.times = Times()
    in_force(lab)
    cut = Transfer(lab.agents["names"], lab.address("auth"), 22)
    told = revoked(lab, None, cut, others(lab), at=lab.times.edge)
    require(not lab.agents["names"].reaches("tcp", lab.address("auth"), 22), "after the window, a new connection gets through")
    return told
