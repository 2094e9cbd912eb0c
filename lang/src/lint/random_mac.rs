//! W0312: a registered MAC address that a device probably made up.

use super::{Input, MOST};
use crate::diag::Diagnostic;
use net::MacAddr;

lint! {
    W0312 "random MAC address" {
        what "A host is registered by a locally administered MAC address that looks random. Phones and laptops make up such an address for each network, and a new one when they are reset. Addresses that people give (`02:00:00:…`, virtual machines' `52:54:00:…`) are not reported."
        why "The host will not be known again when its address changes, and rules about it stop to hold."
        example "host phone { mac da:a1:19:3c:7e:54; }\nallow from phone;"
        instead "Turn the device's private address off for this network, and register the one that it was built with."
        clean "host phone { mac 3c:22:fb:3c:7e:54; }\nhost lab { mac 02:00:00:00:00:12; }\nallow from phone;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for host in &input.policy.hosts {
        if found.len() >= MOST {
            break;
        }
        for mac in host.macs.iter().filter(|mac| looks_random(**mac)).take(MOST) {
            let message = format!("{mac} of host `{}` looks like one that the device made up", host.name);
            found.push(Diagnostic::new(W0312, host.span, message).help("register the address that the device was built with"));
        }
    }
    found
}

/// Locally administered (IEEE 802 §8.4), and not one of those that people and hypervisors give: with zeros, or a known start.
fn looks_random(mac: MacAddr) -> bool {
    let MacAddr(bytes) = mac;
    let [first, second, third, ..] = bytes;
    let local = first & 0x02 != 0 && first & 0x01 == 0;
    let given = bytes.iter().filter(|byte| **byte == 0).count() >= 2 || [first, second, third] == [0x52, 0x54, 0x00];
    local && !given
}
