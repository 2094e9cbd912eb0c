//! Small frames with the key that they must have, side by side, and the reasons why others have none.

use super::*;

const MACS: &str = "020000000002 020000000001";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The key in one line: type, tag, addresses, protocol, class, transport.
fn shown(frame: &[u8]) -> String {
    let frame = match parse(frame) {
        Ok(frame) => frame,
        Err(reason) => return format!("malformed: {}", reason.name()),
    };
    let mut out = format!("{:04x}", frame.key.dl_type.0);
    if let Some(tag) = frame.key.vlan {
        out += &format!(" vlan {} pcp {}", tag.id.map_or(0, VlanId::get), tag.pcp);
    }
    if let Some(ip) = frame.key.ip {
        out += &format!(" {} > {} proto {} dscp {}", ip.src, ip.dst, ip.proto.0, ip.dscp);
        match ip.transport {
            Some(Transport::Ports { src, dst }) => out += &format!(" {src} > {dst}"),
            Some(Transport::Icmp { kind, code }) => out += &format!(" type {kind} code {code}"),
            None => out += " no transport",
        }
    }
    if let Payload::Ip(IpPayload { fragment, tcp_flags, bytes, .. }) = frame.payload {
        out += &format!(" {fragment:?} {} bytes", bytes.len());
        if let Some(flags) = tcp_flags {
            out += &format!(" flags {flags:02x}");
        }
    }
    out
}

const UDP4: &str = "4500001c0000000040110000 0a000001 0a000002  0400003500080000";
const TCP4: &str = "45b80028000040004006 0000 0a000001 0a000002  0400005000000001000000005002ffff00000000";
const V6: &str = "20010db8000000000000000000000001 20010db8000000000000000000000002";
const UDP: &str = "0400003500080000";

#[test]
fn frames_have_the_keys_beside_them() {
    for (frame, expected) in [
        (format!("{MACS} 0800 {UDP4}"), "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes"),
        (format!("{MACS} 0800 {UDP4} 000000000000000000"), "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes"),
        (format!("{MACS} 0800 {TCP4}"), "0800 10.0.0.1 > 10.0.0.2 proto 6 dscp 46 1024 > 80 Whole 20 bytes flags 02"),
        (
            format!("{MACS} 0800 4600 0024 0000 0000 4001 0000 0a000001 0a000002 01010101 0800 0000 0001 0001"),
            "0800 10.0.0.1 > 10.0.0.2 proto 1 dscp 0 type 8 code 0 Whole 8 bytes",
        ),
        (
            format!("{MACS} 0800 4500001c000020004011 0000 0a000001 0a000002 {UDP}"),
            "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 First 8 bytes",
        ),
        (
            format!("{MACS} 0800 4500001c000000014011 0000 0a000001 0a000002 {UDP}"),
            "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 no transport Later 8 bytes",
        ),
        // Cut by miss_send_len: the header claims 1,500 bytes.
        (
            format!("{MACS} 0800 450005dc000000004011 0000 0a000001 0a000002 {UDP}"),
            "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes",
        ),
        (
            format!("{MACS} 8100 a005 0800 {UDP4}"),
            "0800 vlan 5 pcp 5 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes",
        ),
        (
            format!("{MACS} 88a8 0007 8100 0005 0800 {UDP4}"),
            "0800 vlan 7 pcp 0 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes",
        ),
        (format!("{MACS} 8100 2000 88b5"), "88b5 vlan 0 pcp 1"),
        (format!("{MACS} 0026 42 42 03 0000"), "05ff"),
        (format!("{MACS} 0026 aa aa 03 00 00 0c 2000"), "05ff"),
        (format!("{MACS} 0026 aa aa 03 000000 88b5"), "88b5"),
        (format!("{MACS} 0024 aa aa 03 000000 0800 {UDP4}"), "0800 10.0.0.1 > 10.0.0.2 proto 17 dscp 0 1024 > 53 Whole 8 bytes"),
        (
            format!("{MACS} 86dd 62e00000 0008 11 40 {V6} {UDP}"),
            "86dd 2001:db8::1 > 2001:db8::2 proto 17 dscp 11 1024 > 53 Whole 8 bytes",
        ),
        // Hop-by-hop, routing, destination, authentication, then an atomic fragment.
        (
            format!(
                "{MACS} 86dd 60000000 0038 00 40 {V6} 2b00000000000000 3c00000000000000 3300000000000000 \
                 2c02000000000000 00000000 00000000 1100000000000000 {UDP}"
            ),
            "86dd 2001:db8::1 > 2001:db8::2 proto 17 dscp 0 1024 > 53 Whole 8 bytes",
        ),
        (
            format!("{MACS} 86dd 60000000 0010 2c 40 {V6} 1100000100000000 {UDP}"),
            "86dd 2001:db8::1 > 2001:db8::2 proto 17 dscp 0 1024 > 53 First 8 bytes",
        ),
        (
            format!("{MACS} 86dd 60000000 0010 2c 40 {V6} 1100000900000000 {UDP}"),
            "86dd 2001:db8::1 > 2001:db8::2 proto 17 dscp 0 no transport Later 8 bytes",
        ),
        (
            format!("{MACS} 86dd 60000000 0008 3a ff {V6} 8700000000000000"),
            "86dd 2001:db8::1 > 2001:db8::2 proto 58 dscp 0 type 135 code 0 Whole 8 bytes",
        ),
        (
            format!("{MACS} 86dd 60000000 0000 3b 40 {V6}"),
            "86dd 2001:db8::1 > 2001:db8::2 proto 59 dscp 0 no transport Whole 0 bytes",
        ),
        (format!("{MACS} 888e 01010000"), "888e"),
    ] {
        assert_eq!(shown(&hex(&frame)), expected, "{frame}");
    }
}

#[test]
fn frames_without_a_key_say_why() {
    for (frame, expected) in [
        (String::new(), "short-frame"),
        ("020000000002 020000000001 08".into(), "short-frame"),
        (format!("{MACS} 8100 00"), "short-frame"),
        (format!("020000000002 030000000001 0800 {UDP4}"), "source-address"),
        (format!("020000000002 000000000000 0800 {UDP4}"), "source-address"),
        (format!("020000000002 ffffffffffff 0800 {UDP4}"), "source-address"),
        (format!("{MACS} 8100 0fff 0800 {UDP4}"), "reserved-vlan"),
        (format!("{MACS} 8100 0001 8100 0002 8100 0003 0800 {UDP4}"), "vlan-tags"),
        (format!("{MACS} 0806 0001"), "arp"),
        (format!("{MACS} 0800 {}", UDP4.replacen('4', "6", 1)), "ip-version"),
        (format!("{MACS} 86dd 40000000 0008 11 40 {V6} {UDP}"), "ip-version"),
        (format!("{MACS} 0800 4400001c"), "ip-header"),
        (format!("{MACS} 0800 {}", UDP4.replacen("45", "44", 1)), "ip-header"),
        (format!("{MACS} 0800 {}", UDP4.replacen("45", "4f", 1)), "ip-header"),
        (format!("{MACS} 0800 {}", UDP4.replacen("001c", "0013", 1)), "ip-header"),
        (format!("{MACS} 0800 {}", UDP4.replacen("001c", "0000", 1)), "ip-header"),
        (format!("{MACS} 0800 {}", UDP4.replacen("001c", "001b", 1)), "transport"),
        (format!("{MACS} 0800 {}", TCP4.replacen("5002", "4002", 1)), "transport"),
        (format!("{MACS} 86dd 60000000 0010 2b 40 {V6} 0000000000000000 {UDP}"), "extension-headers"),
        (format!("{MACS} 86dd 60000000 0008 2b 40 {V6} 1101000000000000"), "extension-headers"),
        (format!("{MACS} 86dd 60000000 0048 2b 40 {V6} {}", "2b00000000000000".repeat(9)), "extension-headers"),
    ] {
        assert_eq!(shown(&hex(&frame)), format!("malformed: {expected}"), "{frame}");
    }
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let mut names: Vec<_> = Malformed::ALL.iter().map(|reason| reason.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Malformed::ALL.len());
}
