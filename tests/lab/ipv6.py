"""Checks: the network speaks IPv6. A router advertises a prefix, hosts give themselves addresses in it, and the lab's own policy
decides."""

import json
import subprocess
import sys
from pathlib import Path

import reach
from check import check, require, require_none
from daemon import wait_until
from fabric import ROUTER
from hosts import Transfer
from watch import cut_by

PREFIX = "2001:db8:20::"
GATEWAY = "2001:db8:20::1"
OUTSIDE = "2001:db8:ffff::1"


class Router:
    """The gateway as a router of IPv6."""

    def __init__(self, lab):
        self.lab = lab
        lab.fabric.run(ROUTER, "sh", "-e", text=f"""
            sysctl -qw net.ipv6.conf.all.forwarding=1
            ip addr add {GATEWAY}/64 dev eth0
            ip addr add {OUTSIDE}/128 dev lo
        """)
        words = [sys.executable, Path(__file__).with_name("advertise.py"), PREFIX, lab.fabric.hosts[ROUTER].mac]
        self.process = subprocess.Popen(lab.fabric.inside(ROUTER, *words))

    def end(self):
        self.process.kill()
        self.process.wait()
        self.lab.fabric.run(ROUTER, "sh", "-e", text=f"""
            sysctl -qw net.ipv6.conf.all.forwarding=0
            ip addr del {GATEWAY}/64 dev eth0
            ip addr del {OUTSIDE}/128 dev lo
        """)
        for host in self.lab.agents:
            if host != ROUTER:
                self.lab.fabric.run(host, "ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
                self.lab.fabric.run(host, "ip", "-6", "route", "flush", "default")


def own_address(lab, host):
    """The address that a host has given itself, once nobody has objected to it."""
    links = json.loads(lab.fabric.run(host, "ip", "-j", "-6", "addr", "show", "dev", "eth0", "scope", "global"))
    own = [one for link in links for one in link.get("addr_info", []) if one.get("local", "").startswith(PREFIX)]
    return next((one["local"] for one in own if not one.get("tentative") and not one.get("dadfailed")), None)


def policy(lab):
    """The lab's own policy in one file, for a site that has the prefix as well; without test blocks, which speak of IPv4."""
    text = lab.daemon.original.split('\ntest "')[0].replace('include "inventory.pol";', lab.daemon.inventory)
    for old, new in (("10.20.0.0/16;", f"10.20.0.0/16, {PREFIX}/64;"), ("ip 10.20.0.1;", f"ip 10.20.0.1, {GATEWAY};")):
        require(old in text, f"the policy lacks {old}")
        text = text.replace(old, new)
    return text + "\n"


@check("over IPv6, with addresses that hosts give themselves, pings, UDP and HTTP between all pairs agree with `pentane explain`, and a rule that is removed cuts its transfer")
def all_pairs_over_ipv6(lab):
    lab.daemon.change(policy(lab))
    router = Router(lab)
    try:
        hosts = [host for host in lab.agents if host != ROUTER]
        wait_until(lambda: all(own_address(lab, host) for host in hosts), 15, step=0.3)
        addresses = {host: own_address(lab, host) for host in hosts}
        require(all(addresses.values()), f"hosts without an address: {addresses}", lab.daemon.tail())
        addresses |= {ROUTER: GATEWAY, "internet": OUTSIDE}
        outcomes = reach.measure(lab, reach.SHORT, addresses)
        require_none([wrong for outcome in outcomes if (wrong := outcome.wrong() or outcome.wrong_way())])
        verdicts = {(outcome.verdict, bool(outcome.via)) for outcome in outcomes}
        require(verdicts == {("allow", False), ("allow", True), ("deny", False)}, f"too few sorts of verdict: {verdicts}")
        told = revoked_over_ipv6(lab, addresses)
    finally:
        router.end()
    return f"{reach.summary(outcomes)}; {told}"


def revoked_over_ipv6(lab, addresses):
    backup = Transfer(lab.agents["files"], addresses["bob"], 873)
    others = [
        Transfer(lab.agents["alice"], addresses["web"], 8080), Transfer(lab.agents["carol"], OUTSIDE, 22),
        Transfer(lab.agents["guest"], addresses["web"], 80),
    ]
    text = policy(lab)
    rule = next(line for line in text.splitlines() if line.startswith("backup:"))
    told = cut_by(lab, lambda: lab.daemon.change(text.replace(rule + "\n", "")), backup, others)
    for transfer in (backup, *others):
        transfer.stop()
    return told
