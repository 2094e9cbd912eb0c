"""The last checks: what Open vSwitch says of all that was sent, and of what we write. Knows nothing of traffic."""

import os
import re

import capture
import codec
import twin
from capture import ERROR
from check import check, require, require_none

# The error FLOW_MOD_FAILED, TABLE_FULL of OpenFlow 1.3.
TABLE_FULL = bytes([0, 5, 0, 1])
# Rounds of random entries, and packets in each.
TWIN_ROUNDS, TWIN_PACKETS, TWIN_LEAST = 100, 40, 2_000


@check("messages of every kind out of our own writer are well-formed to Open vSwitch")
def drawn_messages(lab):
    count, wrong = codec.drawn(lab.fabric, lab.frames, lab.folder)
    require_none(wrong)
    require(count >= 9000, f"{count} messages are too few")
    return f"{count} messages"


@check("samples of others mean the same to Open vSwitch after we have read and written them, and frames that hang others are errors")
def samples_rewritten(lab):
    samples, hanging = codec.rows(lab.root)
    count, same, wrong = codec.rewritten(lab.fabric, lab.frames, lab.folder, samples)
    require_none(wrong)
    longest = codec.refused(lab.frames, lab.folder, hanging)
    return f"{count} samples, {same} of them byte by byte; {len(hanging)} frames refused, the slowest in {longest} us"


@check("every OpenFlow message that was sent is well-formed to Open vSwitch, and no switch reported an error")
def judged(lab):
    lab.control.stop()
    all_said = lab.record.messages()
    ours = [message for message in all_said if message.ours]
    versions = {version: sum(m.version == version for m in ours) for version in sorted({m.version for m in ours})}
    require({1, 4} <= versions.keys(), f"only these versions were spoken: {versions}")
    # Where a check filled a table, the switch had to say so.
    told_to_be_full = [
        message for message in all_said
        if message.raw[8:12] == TABLE_FULL and any(begin <= message.time <= end for begin, end in lab.full)
    ]
    errors = [message for message in all_said if message.type == ERROR and not message.ours and message not in told_to_be_full]
    wrong = [f"a switch reported: {text}" for text in capture.judge(lab.fabric, lab.folder / "errors", errors)]
    # What was answered to the garbage that the lab itself sent quotes that garbage; only what went to switches is judged.
    switches = {message.connection for message in all_said if not message.ours and message.type == 6}
    chosen = [message for message in ours if message.connection in switches]
    texts = capture.judge(lab.fabric, lab.folder / "sent", chosen)
    require(len(texts) == len(chosen), f"{len(chosen)} messages were sent, and {len(texts)} can be read")
    wrong += [text for text in texts if re.search(r"decode error|\*\*\*|OFPERR|unknown|\bbad ", text)]
    require_none(wrong)
    return f"{len(chosen)} messages on {len(switches)} connections, by version: {versions}"


@check("Open vSwitch's log has no warning about what it was sent")
def quiet_switches(lab):
    # Connections end and devices fail because the lab makes them; the modules that read messages have nothing to complain of.
    about_messages = re.compile(r"\|(ofp|ofproto|connmgr|nx_match|meta_flow|vconn|rconn|stream)\w*(\([^|]*\))?\|(WARN|ERR|EMER)\|")
    log = (lab.fabric.directory / "ovs-vswitchd.log").read_text(encoding="utf-8", errors="replace")
    # The lab has a switch call with a certificate that is refused, and has a connection hang.
    meant = re.compile(r"connection (failed|dropped)|stream_ssl.*alert|no response to inactivity probe")
    warned = [line for line in log.splitlines() if about_messages.search(line) and not meant.search(line)]
    require_none(warned)
    require("|INFO|" in log, "the log is empty")
    return f"{len(log.splitlines())} lines"


# The switch that the tests and the demo use. Last, for what it says is meant to be refused now and then.

@check("the emulated switch does with random entries and packets what Open vSwitch does")
def emulated(lab):
    seed = int(os.environ.get("TWIN_SEED", "1"))
    rounds = int(os.environ.get("TWIN_ROUNDS", TWIN_ROUNDS))
    complaints, seen = twin.measure(lab.fabric, lab.twin, seed, rounds, TWIN_PACKETS)
    require_none(complaints)
    require(seen["packets"] >= min(TWIN_LEAST, rounds * TWIN_PACKETS // 2), f"too few packets: {dict(seen)}")
    for sort in ("outputs", "asks", "drops", "refused"):
        require(seen[sort] * 100 >= seen["packets"], f"too few {sort}: {dict(seen)}")
    return f"seed {seed}: {dict(seen)}"
