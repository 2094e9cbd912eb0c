"""Frames that a host would not send by itself, and sockets in the namespace of any host to send them from. Knows nothing of what becomes
of them."""

import ctypes
import os
import socket
import struct
import threading

BROADCAST = "ff:ff:ff:ff:ff:ff"
LLDP_GROUP = "01:80:c2:00:00:0e"
ARP, IPV4, IPV6, LLDP = 0x0806, 0x0800, 0x86DD, 0x88CC
UDP, ICMPV6 = 17, 58
NEW_NETWORK = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_entering = threading.Lock()


def socket_in(fabric, where, family, kind, protocol=0):
    """A socket of another namespace; this thread is back in its own when it is made."""
    with _entering, open(f"/proc/self/task/{threading.get_native_id()}/ns/net", "rb") as ours, \
            open(f"/run/netns/{fabric.namespace(where)}", "rb") as theirs:
        if _libc.setns(theirs.fileno(), NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {where}")
        try:
            return socket.socket(family, kind, protocol)
        finally:
            if _libc.setns(ours.fileno(), NEW_NETWORK) != 0:
                os._exit(3)     # in the wrong network, nothing can be trusted


def wire(fabric, where, interface="eth0", hear=True):
    """What is sent and, if wanted, heard at an interface, frame by frame."""
    raw = socket_in(fabric, where, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3) if hear else 0)
    raw.bind((interface, 3 if hear else 0))
    return raw


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ipv4(text):
    return socket.inet_pton(socket.AF_INET, text)


def ipv6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def ethernet(destination, source, kind, payload):
    return mac(destination) + mac(source) + struct.pack("!H", kind) + payload


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def arp(operation, sender, target, to=BROADCAST, frame_source=None):
    """An ARP message; `sender` and `target` are (MAC address, IP address)."""
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation)
    body += mac(sender[0]) + ipv4(sender[1]) + mac(target[0]) + ipv4(target[1])
    return ethernet(to, frame_source or sender[0], ARP, body)


def udp(source, destination, ports, data):
    """A datagram of IPv4 in its frame; ends are (MAC address, IP address)."""
    body = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, UDP, 0) + ipv4(source[1]) + ipv4(destination[1])
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(destination[0], source[0], IPV4, head + body)


def icmpv6(source, destination, message, hops=255):
    """A message of ICMPv6 in its frame, with its checksum."""
    ends = ipv6(source[1]) + ipv6(destination[1])
    pseudo = ends + struct.pack("!IHBB", len(message), 0, 0, ICMPV6)
    message = message[:2] + struct.pack("!H", checksum(pseudo + message[:2] + b"\0\0" + message[4:])) + message[4:]
    head = struct.pack("!IHBB", 0x60000000, len(message), ICMPV6, hops) + ends
    return ethernet(destination[0], source[0], IPV6, head + message)


def router_advertisement(hardware, prefix, lifetime=1800):
    """A router that offers itself, and addresses under a prefix of 64 bits."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0) + b"\x01\x01" + mac(hardware)
    return body + struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + ipv6(prefix)


def neighbour_advertisement(hardware, address):
    """An answer, unasked, that says where an address is, and that older answers are void."""
    return struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ipv6(address) + b"\x02\x01" + mac(hardware)


def lldp(chassis, port):
    """A probe as other controllers send them: datapath id and port as they are, and no proof."""
    def part(kind, value):
        return struct.pack("!H", kind << 9 | len(value)) + value

    unit = part(1, b"\x07" + f"{chassis:016x}".encode()) + part(2, b"\x07" + str(port).encode()) + part(3, b"\0\x78") + part(0, b"")
    return ethernet(LLDP_GROUP, "02:00:00:00:00:02", LLDP, unit)


def dhcp_answer(server, client, kind, address, transaction=0x12345678):
    """An offer (2) or a confirmation (5) of an address, to a client; ends are (MAC address, IP address)."""
    body = struct.pack("!BBBBIHH", 2, 1, 6, 0, transaction, 0, 0x8000) + bytes(4) + ipv4(address) + ipv4(server[1]) + bytes(4)
    body += mac(client) + bytes(10) + bytes(192) + b"\x63\x82\x53\x63" + bytes([53, 1, kind, 54, 4]) + ipv4(server[1])
    body += b"\x33\x04" + struct.pack("!I", 3600) + b"\x03\x04" + ipv4(server[1]) + b"\xff"
    return udp(server, (client, "255.255.255.255"), (67, 68), body)
