"""The daemon under test: its policy and settings, its process in the fabric, its log, and the answers of `pentane explain`. Knows
nothing of what the answers should be."""

import json
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SETTINGS = 'policy = "campus.pol"\nlisten = "127.0.0.1:6653"\n\n[log]\nformat = "json"\nlevel = "info"\n'


class Daemon:
    """One site folder with a policy; `start` and `kill` as often as wanted. The log of all runs is one file."""

    def __init__(self, fabric, binary, policy, folder):
        self.fabric = fabric
        self.binary = Path(binary).resolve()
        self.folder = Path(folder)
        self.process = None
        self.runs = 0
        shutil.copytree(policy, self.folder)
        self.policy_file = self.folder / "campus.pol"
        self.original = self.policy_file.read_text()
        self.policy = self.original
        # For policies that are in one file.
        self.inventory = (self.folder / "inventory.pol").read_text()
        (self.folder / "pentane.toml").write_text(SETTINGS)
        self.log_file = self.folder.with_name("daemon.log")
        self.log_file.touch()

    def start(self):
        with open(self.log_file, "a", encoding="utf-8") as log:
            self.mark = self.log_file.stat().st_size
            self.process = subprocess.Popen(
                self.fabric.inside("fabric", self.binary, "run", "-c", self.folder / "pentane.toml"), stdout=log, stderr=log,
                cwd=self.folder, env={**os.environ, "NO_COLOR": "1"},
            )
        self.runs += 1

    def kill(self):
        """As `kill -9` does: it gets no chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def ensure(self):
        """Runs with the original policy, whatever a check that failed has left."""
        if not self.alive():
            self.write(self.original)
            self.policy = self.original
            self.start()
            self.await_network()
        elif self.policy_file.read_text() != self.original or self.policy != self.original:
            self.change(self.original, "policy-reloaded", "policy-unchanged")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def write(self, text):
        """Replaces the policy as an editor does: a new file, renamed over the old one."""
        fresh = self.policy_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.policy_file)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def change(self, text, *wanted, sighup=True):
        """Writes a policy, and waits until the log says what became of it: `policy-reloaded`, if nothing else is wanted."""
        wanted = wanted or ("policy-reloaded",)
        here = self.position()
        self.write(text)
        if sighup:
            self.reload()
        found = self.await_event(here, 5, *wanted)
        if found["event"] != "policy-refused":
            self.policy = text
        return found

    def without(self, rule):
        """The policy without the rule of this name, and without test blocks, which may name it."""
        rules = self.original.split('\ntest "')[0]
        kept = [line for line in rules.splitlines() if not line.startswith(f"{rule}:")]
        if len(kept) == len(rules.splitlines()):
            raise RuntimeError(f"the policy has no rule {rule}")
        return "\n".join(kept) + "\n"

    def with_default(self, verdict):
        """The policy with another default, without test blocks."""
        rules = self.original.split('\ntest "')[0]
        return rules.replace("default allow;", f"default {verdict};") + "\n"

    # The log.

    def position(self):
        return self.log_file.stat().st_size

    def events(self, since, *names):
        """Log lines as objects, from this position on; those of these names alone, if any are given."""
        with open(self.log_file, encoding="utf-8", errors="replace") as log:
            log.seek(since)
            found = []
            for line in log:
                if line.startswith("{") and line.endswith("}\n"):
                    event = json.loads(line)
                    if not names or event.get("event") in names:
                        found.append(event)
            return found

    def await_event(self, since, within, *names):
        """The first event of one of these names."""
        found = wait_until(lambda: self.events(since, *names), within)
        if not found:
            raise RuntimeError(f"the log has no {' or '.join(names)} after {within} s; its end:\n{self.tail()}")
        return found[0]

    def tail(self, lines=12):
        return "\n".join(self.log_file.read_text(encoding="utf-8").splitlines()[-lines:])

    def links(self):
        """Cables in use in this run, by the log."""
        up = set()
        for event in self.events(self.mark, "link-up", "link-down"):
            (up.add if event["event"] == "link-up" else up.discard)(frozenset((event["from"], event["to"])))
        return up

    def await_network(self, within=20.0):
        """Waits until every switch takes flows and every cable is known."""
        wanted = len(self.fabric.cables)

        def complete():
            joined = {event["dpid"] for event in self.events(self.mark, "switch-joined")}
            return len(joined) == len(self.fabric.switches) and len(self.links()) == wanted

        if not wait_until(complete, within):
            raise RuntimeError(f"{len(self.links())} of {wanted} links after {within} s; the log's end:\n{self.tail()}")

    # Offline answers.

    def explain(self, flows):
        """What the binary says of each flow under the policy in force, as it answers in JSON."""
        folder = self.folder.with_name("explain")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        (folder / "campus.pol").write_text(self.policy)

        def ask(flow):
            words = [self.binary, "explain", flow, "campus.pol", "--format", "json"]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            try:
                answer = json.loads(done.stdout)
            except json.JSONDecodeError as error:
                raise RuntimeError(f"explain '{flow}': exit {done.returncode}: {done.stdout}{done.stderr}") from error
            if "verdict" not in answer:
                raise RuntimeError(f"explain '{flow}': {answer}")
            return answer

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(ask, flows))


def wait_until(true, within, step=0.05):
    """Asks again and again until the answer is true or the time is over; the last answer."""
    end = time.monotonic() + within
    while not (answer := true()) and time.monotonic() < end:
        time.sleep(step)
    return answer
