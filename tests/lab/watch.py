"""What is watched while something happens to the lab: transfers, their entries in the switches, what is sent about them. Knows nothing
of what happens."""

import re
import subprocess
import time

import capture
from capture import FLOW_MOD
from check import require, require_none
from daemon import wait_until
from fabric import OUTSIDE
from hosts import Transfer

# Limits in seconds.
CUT_WITHIN = 1.0
UNTOUCHED_SILENCE = 0.5


def entries_of(lab, transfers):
    """The flow entries of transfers: what each is, and for how many seconds it has been there."""
    ports = {str(transfer.source_port) for transfer in transfers}
    found = {}
    for switch in list(lab.fabric.switches):
        for line in lab.fabric.flows(switch):
            if ports & set(re.findall(r"tp_(?:src|dst)=(\d+)", line)):
                key = re.sub(r"\b(duration|n_packets|n_bytes|idle_age|hard_age)=[^,]*, ?", "", line)
                found[switch, key] = float(re.search(r"duration=([\d.]+)s", line).group(1))
    return found


def passing(lab, transfers):
    """Those of them that let packets pass."""
    return [entry for entry in entries_of(lab, transfers) if "actions=drop" not in entry[1]]


def require_untouched(before, after, elapsed):
    """The same entries, and each of them as old as it must be: none was taken out and put in again."""
    lost = [f"gone at {switch}: {entry}" for switch, entry in before if (switch, entry) not in after]
    new = [f"new at {switch}: {entry}" for switch, entry in after if (switch, entry) not in before]
    young = [
        f"replaced at {switch}: {entry}" for (switch, entry), age in before.items()
        if (switch, entry) in after and after[switch, entry] < age + elapsed - 0.5
    ]
    require_none(lost + new + young)


def flow_mods_for(lab, transfers, since):
    """What was sent about these transfers, as Open vSwitch prints it, and how much was sent in all."""
    time.sleep(capture.DELAY)
    sent = [m for m in lab.record.messages() if m.ours and m.type == FLOW_MOD and m.time >= since]
    ports = {str(transfer.source_port) for transfer in transfers}
    texts = capture.judge(lab.fabric, lab.folder / "flow-mods", sent)
    require(len(texts) == len(sent), f"{len(sent)} flow-mods were sent, and {len(texts)} can be read")
    return [text for text in texts if ports & set(re.findall(r"tp_(?:src|dst)=(\d+)", text))], len(sent)


def cut_by(lab, cause, cut, others, at=None):
    """Runs `cause`, which must cut one transfer within a second, take its entries out everywhere, and leave the others and their entries
    alone. A cause that comes by itself comes at the time `at` of the wall clock; it may be waited for, then."""
    require(wait_until(lambda: all(transfer.flowing() for transfer in (cut, *others)), 5), "the transfers do not flow")
    time.sleep(0.5)
    require(passing(lab, [cut]), f"{cut.what} has no entries")
    if at:
        time.sleep(max(0.0, at - 1.5 - time.time()))
    before, wall, moment = entries_of(lab, others), time.time(), time.monotonic()
    seen = moment
    require(before, "the transfers have no entries")
    if at:
        require(wall < at, "the lab is too slow: the moment is over")
        require(cut.flowing(0.5), f"{cut.what} has ended before its time")
        time.sleep(at - time.time())
        moment = time.monotonic()
    else:
        cause()
    gone = wait_until(lambda: not passing(lab, [cut]), CUT_WITHIN)
    require(gone, f"{cut.what} has entries {time.monotonic() - moment:.2f} s later:", *passing(lab, [cut]))
    time.sleep(max(0.0, moment + CUT_WITHIN + 0.4 - time.monotonic()))
    last = cut.report(moment)["last"]
    require(last is None or last <= moment + CUT_WITHIN, f"{cut.what} still flows {(last or 0) - moment:.2f} s after the change")
    for transfer in others:
        report = transfer.report(moment)
        require(report["error"] is None and report["silence"] < UNTOUCHED_SILENCE, f"{transfer.what}: {report}")
    require_untouched(before, entries_of(lab, others), time.monotonic() - seen - 0.5)
    about, sent = flow_mods_for(lab, others, wall)
    require_none([f"sent for an untouched flow: {text}" for text in about])
    require(sent, "no flow-mod was recorded at all: the capture is blind")
    return f"cut after {max(0.0, (last or moment) - moment):.2f} s; {len(before)} entries of {len(others)} others untouched"


def allowed_transfers(lab):
    return [
        Transfer(lab.agents["alice"], lab.address("web"), 8080), Transfer(lab.agents["laptop"], lab.address("files"), 443),
        Transfer(lab.agents["carol"], OUTSIDE, 22),
    ]


def outputs(lab, switch, source, destination):
    """The ports that a switch sends echo requests of this pair out of."""
    found = []
    for line in lab.fabric.flows(switch):
        if f"nw_src={source}," in line and f"nw_dst={destination}," in line and re.search(r"\bicmp\b", line):
            found += [int(port) for port in re.findall(r"output:(\d+)", line)]
    return found


class Pings:
    """A ping that goes on: one packet every 50 ms."""

    def __init__(self, lab, host, address, seconds):
        self.process = subprocess.Popen(
            lab.fabric.inside(host, "ping", "-n", "-q", "-i", "0.05", "-w", str(seconds), address),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def lost(self):
        """Packets lost, out of how many. The last may be under way at the end, so it is not counted."""
        said = self.process.communicate()[0]
        found = re.search(r"(\d+) packets transmitted, (\d+) received", said)
        require(found, f"ping says: {said}")
        sent, received = map(int, found.groups())
        return max(0, sent - received - 1), sent
