"""Checks: links and switches fail while traffic with a waypoint flows, and the control channel fails."""

import re
import time

from capture import DELAY, Capture, numbers
from check import check, require, require_none
from daemon import wait_until
from fabric import OUTSIDE
from hosts import Stream, Transfer
from stream import MARK
from watch import UNTOUCHED_SILENCE, entries_of, require_untouched

FAILURES = 20
RESTORED_WITHIN = 1.0
# A switch that calls again does it after its own patience, and the daemon believes that the old connection is dead after its own.
HUNG_WITHIN = 40.0

WAYPOINT = """
network campus = 10.20.0.0/16;
through: allow from any at wap for udp/514 via proxy;
plain: allow from alice to files for udp/514;
default deny;
"""

# What fails, in turn: each is on a way of the traffic now and then, and something is left without it. Who needs core1 gets nothing
# without it.
ELEMENTS = [("acc2", "core2"), ("core1", "core2"), ("srv", "core2"), "core1", ("acc1", "core1")]


def fail(lab, element):
    lab.fabric.fail(element) if isinstance(element, str) else lab.fabric.link(*element, "down")


def mend(lab, element):
    lab.fabric.restore(element) if isinstance(element, str) else lab.fabric.link(*element, "up")


def longest_gap(arrivals, since, until):
    """The longest time within these moments in which nothing came back."""
    moments = [since, *sorted(moment for _, moment in arrivals if since <= moment <= until), until]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


@check("20 failures of links and of a switch: traffic comes back each time, and no packet goes around the middlebox")
def failures_with_a_waypoint(lab):
    lab.daemon.change(lab.daemon.inventory + WAYPOINT)
    places = [("proxy", "eth0"), ("proxy", "eth1"), ("guest", "eth0"), ("web", "eth0"), ("inet", "eth0")]
    captures = {place: Capture(lab.fabric, *place, lab.folder / f"failures-{'-'.join(place)}.pcap", "udp port 514") for place in places}
    streams = {
        "web": Stream(lab.fabric, "guest", lab.address("web")), "out": Stream(lab.fabric, "guest", OUTSIDE),
        "plain": Stream(lab.fabric, "alice", lab.address("files")),
    }
    here, moments = lab.daemon.position(), []
    begun = time.monotonic()
    require(wait_until(lambda: all(stream.flows_since(begun) for stream in streams.values()), 5), "the streams do not flow")
    for number in range(FAILURES):
        element = ELEMENTS[number % len(ELEMENTS)]
        held = [stream for name, stream in streams.items() if name != "out" or element != "core1"]
        moment = time.monotonic()
        fail(lab, element)
        back = wait_until(lambda: all(stream.flows_since(moment + 0.3) for stream in held), 4)
        moments.append((element, moment, time.monotonic()))
        require(back, f"failure {number + 1}, of {element}: nothing flows again", lab.daemon.tail())
        mend(lab, element)
        lab.daemon.await_network()
        mended = time.monotonic()
        whole = wait_until(lambda: all(stream.flows_since(mended) for stream in streams.values()), 5)
        require(whole, f"{element} is mended, and something does not flow")
    ended = {name: stream.stop() for name, stream in streams.items()}
    time.sleep(DELAY)
    seen = {place: numbers(capture.stop(), MARK) for place, capture in captures.items()}
    rerouted = len(lab.daemon.events(here, "rerouted"))
    require(rerouted >= FAILURES // 2, f"only {rerouted} conversations were moved: the failures hit nothing")
    wrong, inside, gaps = [], 0, []
    for element, since, until in moments:
        for name, (_, arrivals) in ended.items():
            if name == "out" and element == "core1":
                continue
            gap = longest_gap(arrivals, since, until)
            gaps.append(gap)
            if gap > RESTORED_WITHIN:
                wrong.append(f"without {element}, {streams[name].what} stood for {gap:.2f} s")
    for near, far, address in (("web", "web", lab.address("web")), ("out", "inet", OUTSIDE)):
        guest = lab.address("guest")
        for end, pair in ((far, (guest, address)), ("guest", (address, guest))):
            arrived = seen[end, "eth0"][pair]
            for port in ("eth0", "eth1"):
                around = arrived - seen["proxy", port][pair]
                inside += len(arrived)
                if around:
                    wrong.append(f"{len(around)} of {len(arrived)} packets {pair[0]} → {pair[1]} were not seen at {port} of the proxy")
            require(len(arrived) > 1000, f"only {len(arrived)} packets {pair}")
    require_none(wrong)
    lost = sum(sent - len(arrivals) for sent, arrivals in ended.values())
    told = f"{inside // 2} packets, all in the proxy; {rerouted} conversations moved"
    return f"{told}; longest stall {max(gaps) * 1000:.0f} ms; {lost} lost in all"


# The control channel.

CONTROL = """
network campus = 10.20.0.0/16;
across: allow from alice to web for tcp/8080;
inside: allow from files to web for tcp/8080, tcp/80;
ending: allow from names to auth for tcp/22;
default deny;
"""


def without(text, rule):
    return "\n".join(line for line in text.splitlines() if not line.startswith(f"{rule}:")) + "\n"


def control_transfers(lab):
    kept = [Transfer(lab.agents["alice"], lab.address("web"), 8080), Transfer(lab.agents["files"], lab.address("web"), 8080)]
    return kept, Transfer(lab.agents["names"], lab.address("auth"), 22)


def require_flowing(transfers, since):
    for transfer in transfers:
        report = transfer.report(since)
        require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{transfer.what}: {report}")


def require_fail_closed(lab):
    """Nothing new through a switch that nobody decides for."""
    web, files, names = (lab.address(host) for host in ("web", "files", "names"))
    probes = [("files", "tcp", web, 80), ("web", "tcp", files, 22), ("auth", "ping", names, None)]
    asked = [lab.agents[source].ask("probe", kind=kind, to=to, port=port, source=None) for source, kind, to, port in probes]
    reached = [future.result(30)["ok"] for future in asked]
    require(not any(reached), f"something new got through while nobody decided: {list(zip(probes, reached))}")


@check("a switch cut off from the controller: allowed traffic goes on, nothing new passes, and a rule that is gone is enforced when it is back")
def control_cut(lab):
    text = lab.daemon.inventory + CONTROL
    lab.daemon.change(text)
    kept, ending = control_transfers(lab)
    require(wait_until(lambda: all(transfer.flowing() for transfer in (*kept, ending)), 5), "the transfers do not flow")
    time.sleep(0.3)
    here, moment, before = lab.daemon.position(), time.monotonic(), entries_of(lab, kept)
    lab.fabric.cut("srv")
    try:
        lab.daemon.await_event(here, 5, "switch-left")
        require_fail_closed(lab)
        lab.daemon.change(without(text, "ending"))
        time.sleep(0.5)
        require(ending.flowing(0.5), "the switch lost its entries: this shows nothing")
        require_flowing(kept, moment)
    finally:
        lab.fabric.heal("srv")
    lab.daemon.await_event(here, 10, "switch-joined")
    back = time.monotonic()
    require(wait_until(lambda: lab.agents["files"].reaches("tcp", lab.address("web"), 80), 5), "new flows are not decided again")
    time.sleep(max(0.0, back + 1.5 - time.monotonic()))
    last = ending.report(moment)["last"]
    require(last is None or last < back + 1, f"{ending.what} flows {time.monotonic() - back:.1f} s after the switch is back")
    require(not lab.agents["names"].reaches("tcp", lab.address("auth"), 22), "the rule is gone, and a new connection gets through")
    require_flowing(kept, moment)
    require_untouched(before, entries_of(lab, kept), time.monotonic() - moment - 0.5)
    lab.daemon.await_network()
    for transfer in (*kept, ending):
        transfer.stop()
    return f"enforced {max(0.0, (last or back) - back):.2f} s after the switch was back; {len(before)} entries of 2 others untouched"


@check("a control channel that hangs without a word: allowed traffic goes on, denied does not pass, and the switch comes back by itself")
def control_hangs(lab):
    lab.daemon.change(lab.daemon.inventory + CONTROL)
    kept, ending = control_transfers(lab)
    joined = [event for event in lab.daemon.events(lab.daemon.mark, "switch-joined") if event["switch"] == "srv"]
    port = int(re.search(r":(\d+)$", joined[-1]["peer"])[1])
    here, moment = lab.daemon.position(), time.monotonic()
    lab.fabric.silence(port)
    try:
        require_fail_closed(lab)
        back = wait_until(lambda: [e for e in lab.daemon.events(here, "switch-joined") if e["switch"] == "srv"], HUNG_WITHIN)
        require(back, f"the switch did not come back: {lab.daemon.tail()}")
        elapsed = time.monotonic() - moment
        require(wait_until(lambda: lab.agents["files"].reaches("tcp", lab.address("web"), 80), 5), "new flows are not decided again")
    finally:
        lab.fabric.silence(None)
    require_flowing((*kept, ending), moment)
    require(not lab.agents["web"].reaches("tcp", lab.address("files"), 22), "a denied flow gets through")
    lab.daemon.await_network()
    for transfer in (*kept, ending):
        transfer.stop()
    return f"back after {elapsed:.1f} s; no transfer stood for longer than {UNTOUCHED_SILENCE} s"
