"""Our reader and writer of OpenFlow before a second judge: what `frames` writes is read by Open vSwitch. Knows nothing of the fabric
but that commands run in it."""

import json
import os
import re
import subprocess
from pathlib import Path

# Seeds of messages, of which each makes about a hundred.
SEEDS = 100
# Fewer samples than these say that the corpus is not whole.
MUST_DECODE, HANGING = 177, 6
# The transaction of frames that errors quote, which Open vSwitch prints as well.
QUOTED = "(xid=0x71756f74)"
WRONG = re.compile(r"decode error|\*\*\*|OFPERR|unknown|\bbad ")


def frames(program, *words):
    """Runs the program that writes frames: the numbers that it says."""
    if not os.access(program, os.X_OK):
        raise RuntimeError(f"{program} is no program; build it with `cargo build --release -p tests --bin frames`")
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return [int(number) for number in done.stdout.split()]


def printed(fabric, file):
    """What Open vSwitch reads in a file of messages."""
    return fabric.run("fabric", "ovs-ofctl", "ofp-parse", file).rstrip("\n")


def texts(all_printed):
    parts = re.split(r"\n(?=(?:OFP|NX|ONF)[A-Z]*_)", all_printed)
    return [part for part in parts if QUOTED not in part.split("\n", 1)[0]]


def drawn(fabric, program, folder):
    """How many messages were drawn, and what is wrong with them."""
    file = Path(folder) / "drawn"
    [count] = frames(program, "draw", SEEDS, file)
    read = texts(printed(fabric, file))
    wrong = [text for text in read if WRONG.search(text)]
    if len(read) != count:
        wrong.insert(0, f"{count} messages were drawn, and {len(read)} can be read")
    return count, wrong


def rows(root):
    """Frames to decode, and frames that hang others: those of the corpus, where it is given, and always our own."""
    ours = [bytes.fromhex("".join(line for line in block.splitlines() if line[:1] not in "#=!"))
            for name in ("v10", "v13")
            for block in (root / f"runtime/openflow/tests/cases/{name}.hex").read_text().split("\n\n") if "\n= " in block]
    malformed = [bytes.fromhex("".join(line for line in block.splitlines() if line[:1] not in "#=!"))
                 for block in (root / "runtime/openflow/tests/cases/malformed.hex").read_text().split("\n\n")
                 if "length zero" in block.splitlines()[0]]
    corpus = os.environ.get("PENTANE_CORPUS")
    if not corpus:
        return ours, malformed
    folder = Path(corpus) / "openflow"
    samples = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    decoded = [bytes.fromhex(row["hex"]) for row in samples if row["grade"] == "must-decode"]
    hanging = [bytes.fromhex(row["hex"]) for row in json.loads((folder / "malformed.json").read_text())]
    if len(decoded) < MUST_DECODE or len(hanging) < HANGING:
        raise RuntimeError(f"the corpus has {len(decoded)} samples and {len(hanging)} frames that hang others")
    return ours + decoded, malformed + hanging


def rewritten(fabric, program, folder, samples):
    """How many samples were read and written again, how many of them became the same bytes, and where Open vSwitch reads others."""
    before, after = Path(folder) / "samples", Path(folder) / "samples-again"
    before.write_bytes(b"".join(samples))
    count, same = frames(program, "again", before, after)
    first, second = printed(fabric, before), printed(fabric, after)
    # What §7.5.1 has us ignore in a HELLO is not written again: nothing else may be missing.
    ignored = re.compile(r"\n unknown data in hello:(\n[0-9a-f]{8}  .*)+")
    first, second = ignored.sub("", first).splitlines(), ignored.sub("", second).splitlines()
    wrong = [f"read: {a}\nread after writing: {b}" for a, b in zip(first, second) if a != b]
    if len(first) != len(second):
        wrong.append(f"{len(first)} lines became {len(second)}")
    if count != len(samples):
        wrong.append(f"{len(samples)} samples, of which {count} were read")
    return count, same, wrong


def refused(program, folder, hanging):
    """The longest time that one of these frames took, in microseconds; none may decode."""
    file = Path(folder) / "hanging"
    file.write_bytes(b"".join(hanging))
    count, longest = frames(program, "refuse", file)
    if count != len(hanging):
        raise RuntimeError(f"{len(hanging)} frames, of which {count} were read")
    return longest
