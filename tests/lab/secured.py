"""Checks: switches over mutual TLS, with keys as `ovs-pki` makes them. A switch of its own, two hosts behind it, a daemon of its own."""

import subprocess
import time

from check import check, require
from daemon import wait_until
from fabric import PROTOCOLS

ONE, TWO = ("one", "10.20.9.1", "02:00:00:00:01:01"), ("two", "10.20.9.2", "02:00:00:00:01:02")
SETTINGS = """
policy = "a.pol"
log.format = "json"
[openflow.tls]
listen = "127.0.0.1:6655"
certificate = "ctl-cert.pem"
key = "ctl-privkey.pem"
ca = "pki/switchca/cacert.pem"
"""


def keys(folder, pki, *names):
    """Two authorities, and a pair of keys for each of these switches."""
    words = ["ovs-pki", f"--dir={folder / pki}", f"--log={folder / 'pki.log'}"]
    for one in (["init"], *(["req+sign", name, "switch"] for name in names)):
        subprocess.run([*words, *one], cwd=folder, check=True, capture_output=True)
    return words


def site(folder):
    """The keys of a site, and the settings and the policy of a daemon that names the switch by its certificate."""
    folder.mkdir()
    words = keys(folder, "pki", "edge", "other")
    subprocess.run([*words, "req+sign", "ctl", "controller"], cwd=folder, check=True, capture_output=True)
    keys(folder, "foreign-pki", "foreign")
    shown = subprocess.run(["openssl", "x509", "-in", folder / "edge-cert.pem", "-noout", "-fingerprint", "-sha256"],
                           check=True, capture_output=True, text=True).stdout
    hosts = "".join(f"host {name} {{ mac {mac}; ip {address}; }}\n" for name, address, mac in (ONE, TWO))
    fingerprint = shown.strip().split("=")[1]
    (folder / "a.pol").write_text(f'switch edge {{ dpid 0x77; certificate "sha256:{fingerprint}"; }}\n{hosts}'
                                  "allow from one to two for icmp/8;\ndefault deny;\n")
    (folder / "pentane.toml").write_text(SETTINGS)


class Secured:
    """The switch, and the daemon that it calls."""

    def __init__(self, lab):
        self.folder, self.fabric = lab.folder / "secured", lab.fabric
        site(self.folder)
        self.log_file = self.folder / "log"
        words = self.fabric.inside("fabric", lab.daemon.binary, "run", "-c", self.folder / "pentane.toml")
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)

    def says(self, wanted, text=""):
        def there():
            return [line for line in self.log_file.read_text().splitlines() if f'"event":"{wanted}"' in line and text in line]
        require(wait_until(there, 15), f"no {wanted} {text}:", self.log_file.read_text())

    def up(self):
        self.says("started")
        self.fabric.vsctl("add-br", "secured", "--", "set", "bridge", "secured", f"datapath_type={self.fabric.datapath}",
                          "fail_mode=secure", f"protocols={PROTOCOLS}", "other_config:datapath-id=0000000000000077",
                          "other_config:disable-in-band=true")
        for port, (name, address, mac) in enumerate((ONE, TWO), 1):
            self.fabric.add_host(name, "secured", port, address, mac)

    def comes(self, name):
        """The switch calls with these keys."""
        self.fabric.vsctl("--", "del-controller", "secured", "--", "set-ssl", self.folder / f"{name}-privkey.pem",
                          self.folder / f"{name}-cert.pem", self.folder / "pki/controllerca/cacert.pem")
        # Open vSwitch reads the keys on its next turn.
        time.sleep(1)
        self.fabric.vsctl("set-controller", "secured", "ssl:127.0.0.1:6655")

    def let_in(self):
        return '"event":"switch-joined"' in self.log_file.read_text()

    def pings(self, source, to):
        return " 0 received" not in self.fabric.run(source, "ping", "-n", "-q", "-c", "2", "-i", "0.3", "-W", "1", to, check=False)

    def down(self):
        # The switch first: it complains of a connection that ends without a word.
        self.fabric.vsctl("--if-exists", "del-br", "secured", "--", "del-ssl")
        self.daemon.kill()
        self.daemon.wait()


@check("a switch comes in over TLS with the certificate that the policy names, and not with another of its CA or of another CA")
def over_tls(lab):
    secured = Secured(lab)
    try:
        secured.up()
        secured.comes("foreign")
        secured.says("tls-refused", "is of no CA")
        require(not secured.let_in(), "with a certificate of another CA it was let in:", secured.log_file.read_text())
        secured.comes("other")
        secured.says("session-ended", "declared with another certificate")
        require(not secured.let_in(), "it was let in:", secured.log_file.read_text())
        require(not secured.pings("one", TWO[1]), "packets pass a switch that was not let in")
        secured.comes("edge")
        secured.says("switch-joined", "Open vSwitch")
        # The host may still be waiting for an answer to its ARP of before.
        require(wait_until(lambda: secured.pings("one", TWO[1]), 6), "what is allowed does not pass:", secured.log_file.read_text())
        require(not secured.pings("two", ONE[1]), "what is denied passes")
        require(secured.fabric.flows("secured"), "it got no entry")
    finally:
        secured.down()
    return "joined with its certificate alone, and does what the policy says"
