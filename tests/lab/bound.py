"""Checks: what rules bind conversations to, and how they refuse them, on real switches. Waypoints are in `checks` and `failures`."""

import re
import time

from capture import DELAY, Capture, packets
from check import check, require, require_none
from daemon import wait_until
from hosts import Stream
from stream import MARK

RATE = 800_000      # bits a second
TAG = 30
QUEUE = 1

RULES = """
middlebox ids {{ at core1:6; }}
network campus = 10.20.0.0/16;
refused: reject from bob to files for tcp/22, udp/514;
dropped: deny from bob to files for tcp/445;
carried: allow from alice to web for udp/514 vlan {tag};
boxed: allow from any at wap to web for udp/514 via proxy vlan {tag};
limited: allow from alice to files for udp/514 limit {rate}kbps;
copied: allow from carol to web for tcp/80 mirror ids;
plain: allow from carol to web for tcp/443;
queued: allow from carol to files for tcp/22 queue {queue};
default deny;
"""


def in_force(lab):
    text = lab.daemon.inventory.replace("dpid 0x01; uplink 1-5;", "dpid 0x01; uplink 1-5; access 6;")
    require(text != lab.daemon.inventory, "the inventory does not say what ports core1 has")
    rules = RULES.format(tag=TAG, rate=RATE // 1000, queue=QUEUE)
    lab.daemon.change(text + rules, "policy-reloaded", "policy-unchanged")


@check("who is rejected hears of it at once, for TCP and for UDP, and who is denied hears nothing")
def rejected(lab):
    in_force(lab)
    bob, files = lab.agents["bob"], lab.address("files")
    told = []
    for kind, port in (("tcp", 22), ("udp", 514)):
        said = bob.tell("attempt", kind=kind, to=files, port=port)
        require(said["outcome"].startswith("refused") and said["seconds"] < 1, f"{kind}/{port}: {said}")
        told.append(f"{kind}: {said['outcome']} after {said['seconds'] * 1000:.0f} ms")
    said = bob.tell("attempt", kind="tcp", to=files, port=445)
    require(said["outcome"] == "silent", f"denied: {said}")
    return "; ".join(told)


def tag_of(frame):
    """The VLAN that a frame is in; 0 is none."""
    return int.from_bytes(frame[14:16]) & 0xFFF if frame[12:14] == b"\x81\x00" else 0


def marked(file):
    return [frame for _, frame in packets(file) if MARK in frame]


@check("what is to be carried in a VLAN is tagged between switches, through the proxy too, and delivered as it was sent")
def carried(lab):
    in_force(lab)
    uplinks = [("fabric", f"{a}-p{port}") for a, port, _, _ in lab.fabric.cables]
    edges = [("alice", "eth0"), ("web", "eth0"), ("guest", "eth0")]
    boxes = [("proxy", "eth0"), ("proxy", "eth1")]
    running = {place: Capture(lab.fabric, *place, lab.folder / f"vlan-{place[1]}-{place[0]}.pcap", "", whole=True)
               for place in (*uplinks, *edges, *boxes)}
    streams = [Stream(lab.fabric, host, lab.address("web"), interval=0.02) for host in ("alice", "guest")]
    begun = time.monotonic()
    came = wait_until(lambda: all(stream.flows_since(begun + 1) for stream in streams), 6)
    for stream in streams:
        stream.stop()
    time.sleep(DELAY)
    frames = {place: marked(capture.stop()) for place, capture in running.items()}
    require(came, "what is to be carried in a VLAN does not get through")
    between = [tag_of(frame) for place in uplinks for frame in frames[place]]
    require(len(between) >= 100 and set(between) == {TAG}, f"between switches: {len(between)} packets in VLANs {set(between)}")
    inside = [tag_of(frame) for place in boxes for frame in frames[place]]
    require(len(inside) >= 50 and set(inside) == {TAG}, f"in the proxy: {len(inside)} packets in VLANs {set(inside)}")
    outer = [tag_of(frame) for place in edges for frame in frames[place]]
    require(len(outer) >= 100 and set(outer) == {0}, f"at hosts: {len(outer)} packets in VLANs {set(outer)}")
    return f"{len(between)} packets between switches and {len(inside)} at the proxy in VLAN {TAG}; {len(outer)} at hosts in none"


@check("what is limited gets its rate, both directions together, and no more")
def limited(lab):
    in_force(lab)
    places = {"there": ("files", f"src host {lab.address('alice')}"), "back": ("alice", f"src host {lab.address('files')}")}
    stream = Stream(lab.fabric, "alice", lab.address("files"), interval=0.002, size=1000)
    begun = time.monotonic()
    require(wait_until(lambda: stream.flows_since(begun), 5), "what is limited does not get through at all")
    time.sleep(1.5)     # a burst is over
    running = {name: Capture(lab.fabric, host, "eth0", lab.folder / f"limit-{name}.pcap", f"udp port 514 and {words}", whole=True)
               for name, (host, words) in places.items()}
    since = time.monotonic()
    time.sleep(4)
    seconds = time.monotonic() - since
    stream.stop()
    time.sleep(DELAY)
    sizes = {name: sum(len(frame) for _, frame in packets(capture.stop())) * 8 / seconds for name, capture in running.items()}
    rate = sum(sizes.values())
    require(rate <= RATE * 1.2, f"{rate / 1000:.0f} kbit/s: {sizes}")
    require(rate >= RATE * 0.3, f"only {rate / 1000:.0f} kbit/s: {sizes}")
    return f"{rate / 1000:.0f} kbit/s of {RATE / 1000:.0f}, of some 4,100 offered one way"


@check("a mirror gets a copy of each packet of both directions, of what is mirrored alone; where it cannot, there is no conversation")
def mirrored(lab):
    in_force(lab)
    web, carol = lab.address("web"), lab.agents["carol"]
    places = {"carol": "carol", "ids": "ids"}
    running = {name: Capture(lab.fabric, host, "eth0", lab.folder / f"mirror-{name}.pcap", f"ip and host {web}", whole=True)
               for name, host in places.items()}
    reached = [carol.reaches("http", web, 80), carol.reaches("tcp", web, 443)]
    time.sleep(DELAY)
    seen = {}
    for name, capture in running.items():
        seen[name] = sorted(frame[26:] for _, frame in packets(capture.stop()) if frame[23] == 6)
    require(all(reached), f"mirrored, not mirrored: {reached}")
    of_port = lambda frames, port: [frame for frame in frames if port in (int.from_bytes(frame[8:10]), int.from_bytes(frame[10:12]))]
    here, there = of_port(seen["carol"], 80), seen["ids"]
    require(len(here) >= 6 and here == there, f"carol saw {len(here)} packets, and the mirror {len(there)}")
    require(of_port(seen["carol"], 443), "what is not mirrored was not seen at all")
    lab.fabric.link("ids", "core1", "down")
    try:
        time.sleep(0.5)
        reached = carol.reaches("http", web, 80)
    finally:
        lab.fabric.link("ids", "core1", "up")
    require(not reached, "without the mirror, the conversation comes about")
    require(wait_until(lambda: carol.reaches("http", web, 80), 8), "the mirror is back, and nothing comes about")
    return f"{len(there)} packets, all that there were"


@check("what is put into a queue is put into it at each port, and gets through")
def queued(lab):
    in_force(lab)
    carol, files = lab.agents["carol"], lab.address("files")
    require(carol.reaches("tcp", files, 22), "what is put into a queue does not get through")
    require(carol.reaches("tcp", lab.address("web"), 443), "what is put into none does not get through")
    wrong, found = [], 0
    for switch in lab.fabric.switches:
        for line in lab.fabric.flows(switch):
            actions = line.split("actions=")[1]
            if re.search(r"tp_(src|dst)=22\b", line) and files in line and "output" in actions:
                found += 1
                if not re.match(rf"(set_queue:{QUEUE},output:\d+,?)+(pop_queue)?$|enqueue:\d+:{QUEUE}$", actions):
                    wrong.append(f"{switch}: {line}")
            elif "set_queue" in actions or "enqueue" in actions:
                wrong.append(f"{switch}: not of it: {line}")
    require_none(wrong)
    require(found >= 6, f"only {found} entries of it")
    return f"{found} entries"
