"""The lab as checks and measures use it: the network, its agents and the daemon, in namespaces of their own. Knows no check.

All of it happens in process, mount and network namespaces of its own, so that nothing is left however it ends: when the first process
in there is gone, the kernel ends the rest.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from capture import Capture, Record
from daemon import Daemon
from fabric import Fabric
from hosts import start_agents

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "policies" / "lab"
CLONE_NEWNS, CLONE_NEWPID, PR_SET_PDEATHSIG = 0x00020000, 0x20000000, 1


class Lab:
    """What the checks work on."""

    def __init__(self, binary):
        self.binary = binary
        self.twin = binary.with_name("twin")
        self.folder = Path("/run/lab")
        self.folder.mkdir()
        self.fabric = Fabric("/run/ovs-lab")
        self.python = sys.executable
        self.root = ROOT
        # Built beside the binary: writes messages for Open vSwitch to judge.
        self.frames = binary.with_name("frames")
        self.daemon = Daemon(self.fabric, binary, POLICY, self.folder / "site")
        self.agents = {}
        self.control = None
        self.outcomes = []
        # When a check had a table full, by the wall clock.
        self.full = []
        self.captures = 0

    def address(self, host):
        return self.fabric.hosts[host].address

    def up(self):
        """The fabric without a controller first: the daemon and the record of the control channel must be there before it is called."""
        self.fabric.up()
        self.control = Capture(self.fabric, "fabric", "lo", self.folder / "control.pcap", "tcp port 6653", whole=True)
        self.record = Record(self.control.file)
        self.agents = start_agents(self.fabric)
        self.daemon.start()
        time.sleep(0.3)
        self.fabric.connect()
        self.daemon.await_network()


def keep(lab):
    """Logs and captures outlive the lab's own /run."""
    kept = ROOT / "target" / "lab"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(lab.folder, kept)
    for log in lab.fabric.directory.glob("*.log"):
        shutil.copy(log, kept)


def enclosed(work, time_limit):
    """Runs `work` as the first process of new process and mount namespaces, with a /run of its own; its exit status. After so many
    seconds everything is ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWPID) != 0:
        print(f"the lab needs root and its capabilities: unshare: {os.strerror(ctypes.get_errno())}")
        return 1
    child = os.fork()
    if child == 0:
        status = 1
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for words in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"], ["-t", "tmpfs", "tmpfs", "/run"]):
                subprocess.run(["mount", *words], check=True)
            status = work()
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)

    def end(number, _frame):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGALRM, lambda number, frame: (print(f"not done after {time_limit} s"), end(number, frame)))
    signal.alarm(time_limit)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def program(words):
    """The binary that the words of the command line name, and what is wrong if it, or what lies beside it, is no program."""
    binary = Path(words[0]) if words else Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "pentane"
    for one in (binary, binary.with_name("frames"), binary.with_name("twin")):
        if len(words) > 1 or not os.access(one, os.X_OK):
            build = "cargo build --release -p cli -p tests -p twin --bin pentane --bin frames --bin twin"
            return binary, f"{one} is no program; build it with `{build}`"
    return binary.resolve(), None
