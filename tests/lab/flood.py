"""Runs on a host: begins conversations without end, each with ports of its own. `flood.py RATE SECONDS ADDRESS…`: so many datagrams a
second, to these addresses in turn. Prints how many were sent."""

import itertools
import socket
import sys
import time


def main(rate, seconds, *addresses):
    channels, number, begun = [], 0, time.monotonic()
    for port in range(20000, 20050):
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channel.bind(("", port))
        channels.append(channel)
    ends = itertools.cycle((channel, address, port) for port in range(30000, 39000) for channel in channels for address in addresses)
    while (elapsed := time.monotonic() - begun) < float(seconds):
        while number < elapsed * float(rate):
            channel, address, port = next(ends)
            try:
                channel.sendto(b"flood", (address, port))
            except OSError:
                pass    # a port that nobody listens at says so
            number += 1
        time.sleep(0.001)
    print(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
