"""What runs on each host of the lab: servers that answer, and on demand pings, connections and long transfers. Knows nothing of
policy, nor of what should work.

It is told what to do by JSON lines on its standard input and answers each by one on its standard output, in any order:
`{"id": 7, "do": "probe", "kind": "tcp", "to": "10.20.2.10", "port": 22, "source": null}` → `{"id": 7, "ok": true}`.
It ends when its input ends.
"""

import json
import queue
import socket
import subprocess
import sys
import threading
import time

TCP_PORTS = (22, 80, 443, 445, 631, 873, 8080)
UDP_PORTS = (53, 514)
WORKERS = 24
# An allowed conversation may lose its first packet and a retransmission; a denied one takes this long to be called denied.
PATIENCE = 2.6
PAGE = b"a page of the lab"
CHUNK = 2048
PACE = 0.01     # seconds between the chunks of a transfer

IP_PKTINFO = 8

out_lock = threading.Lock()
transfers = {}


def answer(ident, **fields):
    with out_lock:
        sys.stdout.write(json.dumps({"id": ident, **fields}) + "\n")
        sys.stdout.flush()


# Servers.

def serve_tcp(port):
    """Of both families, where there is IPv6."""
    listener = socket.create_server(("", port), family=socket.AF_INET6, backlog=128, dualstack_ipv6=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(connection,), daemon=True).start()


def serve_one(connection):
    """Sends back what comes; a web request gets a page."""
    try:
        with connection:
            first = True
            while data := connection.recv(65536):
                if first and data.startswith(b"GET "):
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n".encode()
                    connection.sendall(head + PAGE)
                    return
                first = False
                connection.sendall(data)
    except OSError:
        pass


def serve_udp(port, family):
    server = socket.socket(family, socket.SOCK_DGRAM)
    # The answer must leave from the address that was asked, also on a machine with several.
    if family == socket.AF_INET:
        server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    server.bind(("", port))
    while True:
        data, control, _, peer = server.recvmsg(2048, 64)
        try:
            if family == socket.AF_INET:
                control = [(socket.IPPROTO_IP, IP_PKTINFO, control[0][2][:8] + b"\0\0\0\0")]
            server.sendmsg([data], control, 0, peer)
        except OSError:
            pass


# Probes: true if the other end was reached and its answer came back.

def probe(kind, to, port, source):
    return {"ping": ping, "tcp": tcp, "udp": udp, "http": http}[kind](to, port, source)


def ping(to, _port, source):
    words = ["ping", "-n", "-q", "-c", "1", "-w", "2", *(["-I", source] if source else []), to]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def tcp(to, port, source):
    try:
        with socket.create_connection((to, port), PATIENCE, (source, 0) if source else None) as connection:
            connection.sendall(b"hello")
            return connection.recv(16) == b"hello"
    except OSError:
        return False


def udp(to, port, source):
    with socket.socket(family_of(to), socket.SOCK_DGRAM) as sender:
        if source:
            sender.bind((source, 0))
        try:
            sender.connect((to, port))
            for patience in (0.4, 0.8, PATIENCE - 1.2):
                sender.send(b"hello")
                sender.settimeout(patience)
                try:
                    return sender.recv(16) == b"hello"
                except TimeoutError:
                    continue
        except OSError:
            pass
        return False


def http(to, port, source):
    words = ["curl", "-s", "--noproxy", "*", "--max-time", str(PATIENCE), *(["--interface", source] if source else [])]
    place = f"[{to}]" if ":" in to else to
    done = subprocess.run([*words, f"http://{place}:{port}/"], capture_output=True, check=False)
    return done.returncode == 0 and done.stdout == PAGE


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def attempt(kind, to, port, patience=PATIENCE):
    """What became of an attempt, and after how many seconds: `answered`, `refused` by some message, or `silent`."""
    begun = time.monotonic()
    try:
        with socket.socket(family_of(to), socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as channel:
            channel.settimeout(patience)
            channel.connect((to, port))
            channel.send(b"hello")
            outcome = "answered" if channel.recv(16) == b"hello" else "refused"
    except TimeoutError:
        outcome = "silent"
    except OSError as error:
        outcome = f"refused: {error.strerror}"
    return {"outcome": outcome, "seconds": time.monotonic() - begun}


# Long transfers: the initiator sends a chunk every few milliseconds and counts what comes back.

class Transfer:
    """`arrivals` are the moments (CLOCK_MONOTONIC, the same for all hosts of the lab) at which bytes came back."""

    def __init__(self, to, port):
        self.connection = socket.create_connection((to, port), PATIENCE)
        self.port = self.connection.getsockname()[1]
        self.arrivals = []
        self.bytes = 0
        self.error = None
        self.closed = False
        for task in (self.send, self.receive):
            threading.Thread(target=task, daemon=True).start()

    def send(self):
        try:
            while not self.closed:
                self.connection.sendall(b"x" * CHUNK)
                time.sleep(PACE)
        except OSError as error:
            self.error = self.error or str(error)

    def receive(self):
        try:
            while data := self.connection.recv(65536):
                self.bytes += len(data)
                self.arrivals.append(time.monotonic())
            self.error = self.error or ("closed by the other end" if not self.closed else None)
        except OSError as error:
            self.error = self.error or str(error)

    def report(self, since, until):
        """The last arrival, and the longest silence within the given time."""
        moments = [moment for moment in list(self.arrivals) if since <= moment <= until]
        edges = [since, *moments, until]
        return {
            "last": self.arrivals[-1] if self.arrivals else None,
            "silence": max(later - earlier for earlier, later in zip(edges, edges[1:])),
            "bytes": self.bytes, "error": self.error,
        }

    def close(self):
        self.closed = True
        self.connection.close()


def start_transfer(to, port):
    try:
        transfer = Transfer(to, port)
    except OSError as error:
        return {"ok": False, "error": str(error)}
    name = str(transfer.port)
    transfers[name] = transfer
    return {"ok": True, "transfer": name}


def handle(request):
    ident = request.pop("id")
    match request.pop("do"):
        case "probe":
            answer(ident, ok=probe(**request))
        case "attempt":
            answer(ident, **attempt(**request))
        case "start":
            answer(ident, **start_transfer(**request))
        case "report":
            answer(ident, **transfers[request.pop("transfer")].report(**request))
        case "stop":
            transfers.pop(request["transfer"]).close()
            answer(ident)


def main():
    for port in TCP_PORTS:
        threading.Thread(target=serve_tcp, args=(port,), daemon=True).start()
    for port in UDP_PORTS:
        for family in (socket.AF_INET, socket.AF_INET6):
            threading.Thread(target=serve_udp, args=(port, family), daemon=True).start()
    work = queue.SimpleQueue()

    def worker():
        while True:
            request = work.get()
            ident = request["id"]
            try:
                handle(request)
            except Exception as error:  # the harness must hear of it, whatever it is
                answer(ident, failure=repr(error))

    for _ in range(WORKERS):
        threading.Thread(target=worker, daemon=True).start()
    answer(0)
    for line in sys.stdin:
        work.put(json.loads(line))


if __name__ == "__main__":
    main()
