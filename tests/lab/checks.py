"""The lab's first checks, in the order in which they run. Each is a function that raises `Failed`, or any other error, when it is not as
it must be; its first argument is the lab. None may be skipped: what cannot be checked has failed."""

import random
import re
import struct
import subprocess
import time

import plans
import reach
from check import check, require, require_none
from daemon import wait_until
from fabric import OUTSIDE, PROTOCOLS
from hosts import Transfer
from watch import UNTOUCHED_SILENCE, Pings, allowed_transfers, cut_by, entries_of, flow_mods_for, outputs, require_untouched

# Limits in seconds, and packets.
STALL = 1.0
LOST_PINGS = 5

# Reachability.

@check("pings, TCP, UDP and HTTP between all pairs of hosts agree with `pentane explain`")
def all_pairs(lab):
    lab.outcomes = reach.measure(lab, reach.ALL)
    require_none([wrong for outcome in lab.outcomes if (wrong := outcome.wrong())])
    verdicts = {(outcome.verdict, bool(outcome.via)) for outcome in lab.outcomes}
    require(verdicts == {("allow", False), ("allow", True), ("deny", False)}, f"too few sorts of verdict: {verdicts}")
    return reach.summary(lab.outcomes)


@check("the guest's web traffic is seen inside the proxy in both directions, at both its ports, and no other traffic is")
def through_the_proxy(lab):
    require(lab.outcomes, "nothing was measured")
    require_none([wrong for outcome in lab.outcomes if (wrong := outcome.wrong_way())])
    via = [outcome for outcome in lab.outcomes if outcome.via]
    require(any(outcome.probe.destination.name == "internet" for outcome in via), "no flow to the internet goes via the proxy")
    require(any(outcome.probe.destination.name == "web" for outcome in via), "no flow to a server goes via the proxy")
    return f"{len(via)} flows in the proxy, {len(lab.outcomes) - len(via)} not"


@check("with another default after a reload, all pairs agree again")
def all_pairs_default_deny(lab):
    lab.daemon.change(lab.daemon.with_default("deny"))
    outcomes = reach.measure(lab, reach.SHORT)
    lab.daemon.change(lab.daemon.original)
    require_none([wrong for outcome in outcomes if (wrong := outcome.wrong() or outcome.wrong_way())])
    # What the default leaves open is the prelude alone: names from the gateway, for who is not logged in.
    allowed = [outcome.probe for outcome in outcomes if outcome.probe.source.name == "printer" and outcome.verdict == "allow"]
    names = [(probe.destination.name, probe.kind, probe.port) for probe in allowed]
    require(names == [(reach.ROUTER, "udp", 53)], f"the default is not deny, or the prelude is not in force: {names}")
    return reach.summary(outcomes)


# Revocation.

@check("removing a rule and SIGHUP cuts its running TCP transfer within a second; the allowed ones are not touched")
def revoked_by_signal(lab):
    backup = Transfer(lab.agents["files"], lab.address("bob"), 873)
    others = [*allowed_transfers(lab), Transfer(lab.agents["guest"], lab.address("web"), 80)]
    told = cut_by(lab, lambda: lab.daemon.change(lab.daemon.without("backup")), backup, others)
    require(not lab.agents["files"].reaches("tcp", lab.address("bob"), 873), "a new connection gets through without its rule")
    lab.daemon.change(lab.daemon.original)
    require(lab.agents["files"].reaches("tcp", lab.address("bob"), 873), "the rule is back, and its flow does not get through")
    for transfer in (backup, *others):
        transfer.stop()
    return told


@check("removing a rule from the file alone does the same, for a transfer through the proxy")
def revoked_by_file_watch(lab):
    guest = Transfer(lab.agents["guest"], OUTSIDE, 80)
    others = [*allowed_transfers(lab), Transfer(lab.agents["files"], lab.address("bob"), 873)]
    told = cut_by(lab, lambda: lab.daemon.change(lab.daemon.without("guest-web"), sighup=False), guest, others)
    require(not lab.agents["guest"].reaches("http", OUTSIDE, 80), "a new request gets through without its rule")
    lab.daemon.change(lab.daemon.original, sighup=False)
    require(lab.agents["guest"].reaches("http", OUTSIDE, 80), "the rule is back, and its flow does not get through")
    for transfer in (guest, *others):
        transfer.stop()
    return told


# Failures of the network and of the daemon.

@check("a link between switches goes down, and an allowed ping loses at most a few packets")
def link_down(lab):
    pings = Pings(lab, "alice", lab.address("web"), 6)
    ports = wait_until(lambda: outputs(lab, "acc1", lab.address("alice"), lab.address("web")), 3)
    require(ports, "the ping has no entry at acc1")
    core = lab.fabric.neighbour("acc1", ports[0])
    require(core in ("core1", "core2"), f"the ping leaves acc1 at port {ports[0]}, which is no link to a core")
    time.sleep(1)
    lab.fabric.link("acc1", core, "down")
    time.sleep(2)
    other = outputs(lab, "acc1", lab.address("alice"), lab.address("web"))
    lab.fabric.link("acc1", core, "up")
    lost, sent = pings.lost()
    require(ports != other, "the entry at acc1 still leads to the link that is down")
    require(sent > 80, f"only {sent} pings were sent")
    require(lost <= LOST_PINGS, f"{lost} of {sent} pings were lost")
    lab.daemon.await_network()
    return f"{lost} of {sent} lost"


@check("a switch comes back empty, and a running transfer through it goes on")
def switch_reboots(lab):
    transfers = allowed_transfers(lab)
    here, moment = lab.daemon.position(), time.monotonic()
    lab.fabric.reboot("srv")
    lab.daemon.await_event(here, 10, "switch-joined")
    require(wait_until(lambda: all(transfer.flowing(0.3) for transfer in transfers), 5), "the transfers do not go on")
    lab.daemon.await_network()
    require(lab.agents["carol"].reaches("http", lab.address("web"), 80), "a new flow does not get through")
    reports = [transfer.report(moment) for transfer in transfers]
    require(all(report["error"] is None for report in reports), reports)
    for transfer in transfers:
        transfer.stop()
    return f"longest stall {max(report['silence'] for report in reports):.2f} s"


@check("the daemon is killed and restarted: running transfers are not interrupted, and their entries stay as they are")
def restart(lab):
    guest = Transfer(lab.agents["guest"], OUTSIDE, 80)
    transfers = [*allowed_transfers(lab), guest, Transfer(lab.agents["files"], lab.address("bob"), 873)]
    require(wait_until(lambda: all(transfer.flowing() for transfer in transfers), 5), "the transfers do not flow")
    time.sleep(0.5)
    before, moment = entries_of(lab, transfers), time.monotonic()
    lab.daemon.kill()
    time.sleep(1)
    lab.daemon.start()
    lab.daemon.await_network()
    time.sleep(4)   # until what was found in the switches has been judged
    for transfer in transfers:
        report = transfer.report(moment)
        require(report["error"] is None and report["silence"] < STALL, f"{transfer.what}: {report}")
    require_untouched(before, entries_of(lab, transfers), time.monotonic() - moment - 0.5)
    require(lab.agents["bob"].reaches("http", lab.address("web"), 80), "after the restart, a new flow does not get through")
    require(not lab.agents["web"].reaches("tcp", lab.address("alice"), 22), "after the restart, a denied flow gets through")
    *others, backup = transfers
    told = cut_by(lab, lambda: lab.daemon.change(lab.daemon.without("backup")), backup, others)
    lab.daemon.change(lab.daemon.original)
    longest = max(transfer.report(moment)["silence"] for transfer in others)
    for transfer in transfers:
        transfer.stop()
    return f"longest stall {longest:.2f} s over {len(before)} entries; then a rule is removed: {told}"


# What must not disturb.

@check("a switch that is not in the inventory is held pending and gets no flow")
def unknown_switch(lab):
    here, fabric = lab.daemon.position(), lab.fabric
    fabric.add_switch("rogue", 0x99, "acc1", "stranger", "10.20.1.99")
    try:
        lab.daemon.await_event(here, 10, "switch-pending")
        talk = subprocess.Popen(fabric.inside("stranger", "ping", "-n", "-q", "-i", "0.2", "-w", "3", lab.address("alice")),
                                stdout=subprocess.PIPE, text=True)
        said = talk.communicate()[0]
        flows = fabric.flows("rogue")
        require(" 0 received" in said, f"the stranger reaches a host: {said}")
        require(not flows, "the unknown switch has flows:", *flows)
        pending = lab.daemon.events(here, "switch-pending")
        require(any("99" in event["dpid"] for event in pending), f"the log names another switch: {pending}")
        joined = [event for event in lab.daemon.events(here, "switch-joined") if event["dpid"].endswith("99")]
        require(not joined, f"it joined: {joined}")
        require(lab.agents["alice"].reaches("http", lab.address("web"), 80), "meanwhile an allowed flow does not get through")
    finally:
        fabric.remove_switch("rogue", "acc1", "stranger")
    return "pending, no flows"


# Sends bytes to the OpenFlow port from within the fabric: hex on the command line, then waits for the end of the connection.
SEND = """
import socket, sys
s = socket.create_connection(("127.0.0.1", 6653), 3)
s.settimeout(float(sys.argv[2]))
try:
    s.sendall(bytes.fromhex(sys.argv[1]))
    while s.recv(65536): pass
    print("closed")
except TimeoutError: print("open")
except OSError: print("closed")
"""


def garbage():
    """Streams that are no OpenFlow, or stop being it."""
    dice = random.Random(6653)
    hello = struct.pack("!BBHI", 4, 0, 8, 1)
    return [
        dice.randbytes(4096), b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n", b"\x04\x00", struct.pack("!BBHI", 4, 0, 7, 1),
        struct.pack("!BBHI", 4, 0, 0, 1) * 100, struct.pack("!BBHI", 99, 0, 8, 1), hello + dice.randbytes(2048),
        hello + struct.pack("!BBHI", 4, 6, 65535, 2) + bytes(100), hello + struct.pack("!BBHI", 4, 10, 9, 3) + b"\xff",
        hello + struct.pack("!BBHIHHIQ", 4, 0, 24, 1, 1, 0, 0, 0), hello + struct.pack("!BBHI", 1, 99, 8, 4) * 50, b"",
    ]


@check("garbage on the OpenFlow port disturbs no switch and no traffic")
def garbage_on_the_port(lab):
    transfer = Transfer(lab.agents["alice"], lab.address("web"), 8080)
    here, moment = lab.daemon.position(), time.monotonic()
    pings = Pings(lab, "carol", lab.address("files"), 5)
    senders = [
        subprocess.Popen(lab.fabric.inside("fabric", lab.python, "-c", SEND, stream.hex(), "8"), stdout=subprocess.PIPE, text=True)
        for stream in garbage()
    ]
    reached = [lab.agents["bob"].reaches("tcp", lab.address("auth"), port) for port in (22, 443, 8080) * 3]
    ends = [sender.communicate()[0].strip() for sender in senders]
    lost, sent = pings.lost()
    report = transfer.report(moment)
    transfer.stop()
    require(lab.daemon.alive(), f"the daemon has ended: {lab.daemon.tail()}")
    require(all(reached), f"new flows did not get through: {reached}")
    require(lost == 0 and sent > 50, f"{lost} of {sent} pings were lost")
    require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{transfer.what}: {report}")
    require(not lab.daemon.events(here, "switch-left"), "a switch was lost")
    require(all(end == "closed" for end in ends), f"connections that were not closed within 8 s: {ends}")
    return f"{len(ends)} connections, all closed by the daemon"


@check("a broken policy: the daemon does not start, says where the mistake is, and ends with 1")
def broken_policy_at_start(lab):
    folder = lab.folder / "broken"
    folder.mkdir()
    (folder / "broken.pol").write_text("switch s { dpid 0x1; }\nallow from nobody-declared;\ndefault deny;\n")
    (folder / "pentane.toml").write_text('policy = "broken.pol"\nlisten = "127.0.0.1:0"\n')
    words = lab.fabric.inside("fabric", lab.daemon.binary, "run", "-c", folder / "pentane.toml")
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    told = done.stdout + done.stderr
    require(done.returncode == 1, f"exit {done.returncode}: {told}")
    require(re.search(r"broken\.pol:2:\d+", told), f"no file and line in: {told}")
    require("nobody-declared" in told and re.search(r"\bE0\d{3}\b", told), f"no name or code in: {told}")
    (folder / "pentane.toml").write_text('policy = "absent.pol"\nlisten = "127.0.0.1:0"\n')
    absent = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    require(absent.returncode == 2 and "absent.pol" in absent.stdout + absent.stderr, f"exit {absent.returncode}: {absent.stderr}")
    return "exit 1 with the report; exit 2 without the file"


@check("a reload of a broken policy keeps the old one in force and says so")
def broken_policy_at_reload(lab):
    transfers = allowed_transfers(lab)
    require(wait_until(lambda: all(transfer.flowing() for transfer in transfers), 5), "the transfers do not flow")
    before, wall, moment = entries_of(lab, transfers), time.time(), time.monotonic()
    broken = {
        "unknown name": lab.daemon.original.replace("default allow;", "default allow;\nallow from nobody-declared;"),
        "broken off": lab.daemon.original[:len(lab.daemon.original) // 2],
        "missing include": lab.daemon.original.replace("inventory.pol", "absent.pol"),
        "no text": "default allow;\n\0\n",
    }
    for what, text in broken.items():
        refused = lab.daemon.change(text, "policy-refused")
        require("campus.pol:" in refused["report"], f"{what}: the log does not say where: {refused}")
        require(refused["level"] == "ERROR", f"{what}: told as {refused['level']}")
    require(lab.agents["bob"].reaches("http", lab.address("web"), 80), "an allowed flow does not get through")
    require(not lab.agents["web"].reaches("tcp", lab.address("alice"), 22), "a denied flow gets through")
    for transfer in transfers:
        report = transfer.report(moment)
        require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{transfer.what}: {report}")
    require_untouched(before, entries_of(lab, transfers), time.monotonic() - moment - 0.5)
    about, _ = flow_mods_for(lab, transfers, wall)
    require_none(about)
    lab.daemon.change(lab.daemon.original, "policy-unchanged")
    for transfer in transfers:
        transfer.stop()
    return f"{len(broken)} sorts refused"


# What would be installed before any packet comes.

@check("what `pentane compile` plans for the network is taken by Open vSwitch, and does what the policy says of all pairs")
def planned(lab):
    probes = [
        probe for probe in reach.probes(lab.fabric, reach.ALL)
        if not {probe.source.host, probe.destination.host} & {reach.ROUTER, reach.WIRE}
    ]
    answers = lab.daemon.explain([probe.flow() for probe in probes])
    told = []
    for version in ("1.0", "1.3"):
        complaints, entries, seen = plans.measure(lab, probes, answers, version)
        require_none(complaints)
        require({"drop", "pass"} <= seen.keys(), f"too few sorts of fate: {seen}")
        told.append(f"{version}: {entries} entries, {dict(seen)}")
    return "; ".join(told)


# The other version.

@check("with switches that speak OpenFlow 1.0 alone, all pairs agree as well")
def openflow_10(lab):
    here = lab.daemon.position()
    lab.fabric.speak("OpenFlow10")
    try:
        joined = wait_until(lambda: len(lab.daemon.events(here, "switch-joined")) >= len(lab.fabric.switches), 15)
        require(joined, f"not all switches came back: {lab.daemon.tail()}")
        versions = {event["openflow"] for event in lab.daemon.events(here, "switch-joined")}
        require(versions == {"1.0"}, f"they speak {versions}")
        lab.daemon.mark = here
        lab.daemon.await_network()
        outcomes = reach.measure(lab, reach.SHORT)
    finally:
        here = lab.daemon.position()
        lab.fabric.speak(PROTOCOLS)
        lab.daemon.mark = here
        lab.daemon.await_network()
    require_none([wrong for outcome in outcomes if (wrong := outcome.wrong() or outcome.wrong_way())])
    return reach.summary(outcomes)
