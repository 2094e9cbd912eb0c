"""Runs on a host: sends numbered datagrams to an echo service and notes when each comes back. Knows nothing of what should come back.

`stream.py TO PORT INTERVAL SIZE`: the interval in seconds, the size of each in bytes. A line on standard input is answered by a line
with the moment (CLOCK_MONOTONIC, the same for the whole machine) at which something last came back. When the input ends, the last line is
all: how many were sent, and `[number, moment]` for each that came back.
"""

import json
import os
import select
import socket
import struct
import sys
import time

# What a datagram begins with; its number stands behind it.
MARK = b"pentane-lab "
LENGTH = len(MARK) + 4      # at least


def main(to, port, interval, size):
    rest = b"x" * (int(size) - LENGTH)
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    channel = socket.socket(family, socket.SOCK_DGRAM)
    channel.connect((to, int(port)))
    channel.setblocking(False)
    number, last, arrivals, due = 0, None, [], time.monotonic()
    while True:
        ready, _, _ = select.select([channel, 0], [], [], max(0.0, due - time.monotonic()))
        if channel in ready:
            try:
                while len(data := channel.recv(2048)) >= LENGTH:
                    last = time.monotonic()
                    arrivals.append((struct.unpack_from("!I", data, len(MARK))[0], last))
            except OSError:
                pass
        if 0 in ready:
            if not os.read(0, 4096):
                break
            print(json.dumps(last), flush=True)
        while time.monotonic() >= due:
            try:
                channel.send(MARK + struct.pack("!I", number) + rest)
            except OSError:
                pass
            number += 1
            due = max(due + float(interval), time.monotonic() - 0.02)
    print(json.dumps({"sent": number, "arrivals": arrivals}))


if __name__ == "__main__":
    main(*sys.argv[1:])
