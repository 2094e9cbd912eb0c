"""The harness's hold on the agents: one on each host, many requests under way at once. Knows nothing of what they mean."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

AGENT = Path(__file__).with_name("agent.py")
ANSWER_WITHIN = 30.0


class Agent:
    """The agent on one host."""

    def __init__(self, fabric, host):
        self.host = host
        self.waiting = {0: Future()}
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            fabric.inside(host, sys.executable, AGENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=fabric.environment(),
        )
        ready = self.waiting[0]
        threading.Thread(target=self._listen, daemon=True).start()
        ready.result(ANSWER_WITHIN)

    def _listen(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self.lock:
                future = self.waiting.pop(answer.pop("id"))
            if "failure" in answer:
                future.set_exception(RuntimeError(f"{self.host}: {answer['failure']}"))
            else:
                future.set_result(answer)

    def ask(self, do, **fields):
        """Asks for something; the answer is a future."""
        future = Future()
        with self.lock:
            ident = self.next = getattr(self, "next", 0) + 1
            self.waiting[ident] = future
            self.process.stdin.write(json.dumps({"id": ident, "do": do, **fields}) + "\n")
            self.process.stdin.flush()
        return future

    def tell(self, do, **fields):
        """Asks and waits for the answer."""
        return self.ask(do, **fields).result(ANSWER_WITHIN)

    def reaches(self, kind, to, port=None, source=None):
        """Whether one probe came back."""
        return self.tell("probe", kind=kind, to=to, port=port, source=source)["ok"]


class Transfer:
    """A long TCP transfer that was begun by a host."""

    def __init__(self, agent, to, port):
        self.agent = agent
        self.what = f"{agent.host} → {to}:{port}"
        started = agent.tell("start", to=to, port=port)
        if not started["ok"]:
            raise RuntimeError(f"transfer {self.what} did not start: {started['error']}")
        self.name = started["transfer"]
        self.source_port = int(self.name)

    def report(self, since, until=None):
        return self.agent.tell("report", transfer=self.name, since=since, until=until or time.monotonic())

    def flowing(self, within=1.0):
        """True if bytes came back in the last moments."""
        last = self.report(time.monotonic() - within)["last"]
        return last is not None and time.monotonic() - last < within

    def stop(self):
        self.agent.tell("stop", transfer=self.name)


def start_agents(fabric):
    """One agent for each host that speaks."""
    return {name: Agent(fabric, name) for name, host in fabric.hosts.items() if host.address}


class Stream:
    """Numbered datagrams from a host to an echo service; see `stream.py`."""

    def __init__(self, fabric, host, to, port=514, interval=0.005, size=16):
        self.what = f"{host} → {to}:{port}"
        self.host, self.to = host, to
        self.process = subprocess.Popen(
            fabric.inside(host, sys.executable, AGENT.with_name("stream.py"), to, port, interval, size),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )

    def last(self):
        """When something last came back."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def flows_since(self, moment):
        return (self.last() or 0) > moment

    def stop(self):
        """Ends it: how many were sent, and when each came back."""
        self.process.stdin.close()
        said = json.loads(self.process.stdout.read())
        self.process.wait()
        return said["sent"], said["arrivals"]
