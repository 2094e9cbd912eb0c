"""Checks: what is full or flooded refuses what is new, says so, and disturbs nothing that is there."""

import subprocess
import sys
import time
from pathlib import Path

from check import check, require, require_none
from daemon import wait_until
from hosts import Transfer
from watch import UNTOUCHED_SILENCE, entries_of, require_untouched

ROOM = 24           # entries that a switch is left room for
FLOOD_RATE, FLOOD_SECONDS = 3_000, 6
SLOWEST = 8.0       # seconds for a conversation to come about while others flood; generous, for losses cost seconds

TABLE = """
network campus = 10.20.0.0/16;
old: allow from alice to web for tcp/8080;
filler: allow from carol to web for udp/1000-1099;
new: allow from laptop to web for tcp/80;
default deny;
"""


def set_up_times(lab, seconds):
    """How long conversations of other hosts took to come about, one after the other at each, and those that did not."""
    ends = [("carol", "web", 22), ("alice", "files", 443), ("names", "auth", 8080), ("laptop", "web", 443)]
    until, took, failed = time.monotonic() + seconds, [], []
    while time.monotonic() < until:
        asked = [(end, lab.agents[end[0]].ask("attempt", kind="tcp", to=lab.address(end[1]), port=end[2], patience=SLOWEST))
                 for end in ends]
        for end, future in asked:
            said = future.result(30)
            (took if said["outcome"] == "answered" else failed).append(said["seconds"])
            if said["outcome"] != "answered":
                failed[-1] = f"{end}: {said}"
        time.sleep(0.1)
    return sorted(took), failed


def figures(took):
    return f"{len(took)} in {took[len(took) // 2] * 1000:.0f} ms (p50), {took[-1] * 1000:.0f} ms (longest)"


@check("one host begins thousands of conversations a second: all conversations of others come about, from its own switch and from others")
def flooded(lab):
    quiet, failed = set_up_times(lab, 3)
    require_none([f"without a flood: {why}" for why in failed])
    words = [sys.executable, Path(__file__).with_name("flood.py"), FLOOD_RATE, FLOOD_SECONDS]
    # Allowed, denied, and towards nobody.
    words += [lab.address("web"), lab.address("printer"), "10.20.7.7"]
    process = subprocess.Popen(lab.fabric.inside("bob", *words), stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    took, failed = set_up_times(lab, FLOOD_SECONDS - 1)
    sent = int(process.communicate()[0])
    require(sent > FLOOD_RATE, f"only {sent} packets were sent: this was no flood")
    # What it began is taken out again, or the tables stay large.
    lab.daemon.change(lab.daemon.with_default("deny"))
    lab.daemon.change(lab.daemon.original)
    require_none([f"during the flood: {why}" for why in failed])
    require(len(took) >= 12, f"only {len(took)} conversations came about")
    # The switches take their time to take out what it began.
    came = wait_until(lambda: lab.agents["carol"].reaches("http", lab.address("web"), 80), 20)
    require(came, "after the flood, an allowed flow does not get through")
    return f"without: {figures(quiet)}; with {sent} packets: {figures(took)}"


# The last: for some minutes, the daemon remembers how little room the switch had, and gives each sender a share of that.
@check("a full table: what is new is refused and told, what is there goes on, and where there is room again, new conversations come about")
def table_full(lab):
    text = lab.daemon.inventory + TABLE
    lab.daemon.change(text)
    old, begun = Transfer(lab.agents["alice"], lab.address("web"), 8080), time.time()
    require(wait_until(old.flowing, 5), "the transfer does not flow")
    time.sleep(0.3)
    here, moment, before = lab.daemon.position(), time.monotonic(), entries_of(lab, [old])
    held = len(lab.fabric.flows("srv"))
    lab.fabric.limit_table("srv", held + ROOM)
    try:
        for port in range(1000, 1000 + 2 * ROOM):
            lab.agents["carol"].ask("probe", kind="udp", to=lab.address("web"), port=port, source=None)
        full = lab.daemon.await_event(here, 6, "table-full")
        require(full["switch"] == "srv", f"another switch is full: {full}")
        require(not lab.agents["laptop"].reaches("tcp", lab.address("web"), 80), "a new conversation gets through a full table")
        at_most = len(lab.fabric.flows("srv"))
        require(at_most <= held + ROOM, f"{at_most} entries where {held + ROOM} have room")
        report = old.report(moment)
        require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{old.what}: {report}")
        require_untouched(before, entries_of(lab, [old]), time.monotonic() - moment - 0.5)
        lab.daemon.change("\n".join(line for line in text.splitlines() if not line.startswith("filler:")) + "\n")
        came = wait_until(lambda: lab.agents["laptop"].reaches("tcp", lab.address("web"), 80), 5)
        require(came, "there is room again, and a new conversation does not come about", lab.daemon.tail())
    finally:
        lab.fabric.limit_table("srv", None)
        lab.full.append((begun, time.time()))
    report = old.report(moment)
    require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{old.what}: {report}")
    require_untouched(before, entries_of(lab, [old]), time.monotonic() - moment - 0.5)
    old.stop()
    return f"{at_most} entries of {held + ROOM}; {len(before)} entries of the old transfer untouched"
