"""Runs on a router: offers itself and a prefix of 64 bits to the machines of its link, each second. `advertise.py PREFIX MAC`."""

import socket
import sys
import time

from forge import router_advertisement


def main(prefix, hardware):
    channel = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    where = socket.if_nametoindex("eth0")
    message = router_advertisement(hardware, prefix)
    while True:
        try:
            channel.sendto(message, ("ff02::1", 0, 0, where))
        except OSError:
            pass    # not before its own address has been its own for a moment
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
