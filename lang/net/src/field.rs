//! THE table of match fields: each field's name in the language, in OpenFlow 1.0 and in OXM, its width and what it needs.
//! Keywords of the language, codecs and templates derive from it or are checked against it.

/// A field of a flow that a policy or a flow entry can test on the packet itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Port the packet came in on.
    InPort,
    /// Source MAC address.
    DlSrc,
    /// Destination MAC address.
    DlDst,
    /// Ethernet type.
    DlType,
    /// VLAN identifier.
    Vlan,
    /// VLAN priority.
    Pcp,
    /// Source IP address.
    NwSrc,
    /// Destination IP address.
    NwDst,
    /// Differentiated services code point.
    Dscp,
    /// IP protocol.
    Protocol,
    /// Source port of TCP, UDP or SCTP.
    TpSrc,
    /// Destination port of TCP, UDP or SCTP.
    TpDst,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// The field.
    pub field: Field,
    /// Its word in the policy language, and in messages.
    pub name: &'static str,
    /// Its name in `ofp_match` of OpenFlow 1.0.1 §5.2.3.
    pub of10: &'static str,
    /// Its OXM basic-class fields in OpenFlow 1.3.5 §7.2.3.7: one, or one for each family or protocol.
    pub oxm: &'static [&'static str],
    /// Width in bits; the wider one where families differ.
    pub bits: u8,
    /// The field whose value must be fixed before this one may be tested.
    pub needs: Option<Field>,
}

/// Every field, in the order of `ofp_match`.
pub const FIELDS: &[FieldInfo] = &[
    row(Field::InPort, "in_port", "in_port", &["in_port"], 32, None),
    row(Field::DlSrc, "dlsrc", "dl_src", &["eth_src"], 48, None),
    row(Field::DlDst, "dldst", "dl_dst", &["eth_dst"], 48, None),
    row(Field::DlType, "dltype", "dl_type", &["eth_type"], 16, None),
    row(Field::Vlan, "vlan", "dl_vlan", &["vlan_vid"], 12, None),
    row(Field::Pcp, "pcp", "dl_vlan_pcp", &["vlan_pcp"], 3, Some(Field::Vlan)),
    row(Field::NwSrc, "nwsrc", "nw_src", &["ipv4_src", "ipv6_src"], 128, Some(Field::DlType)),
    row(Field::NwDst, "nwdst", "nw_dst", &["ipv4_dst", "ipv6_dst"], 128, Some(Field::DlType)),
    row(Field::Dscp, "dscp", "nw_tos", &["ip_dscp"], 6, Some(Field::DlType)),
    row(Field::Protocol, "protocol", "nw_proto", &["ip_proto"], 8, Some(Field::DlType)),
    row(Field::TpSrc, "tpsrc", "tp_src", &["tcp_src", "udp_src", "sctp_src"], 16, Some(Field::Protocol)),
    row(Field::TpDst, "tpdst", "tp_dst", &["tcp_dst", "udp_dst", "sctp_dst"], 16, Some(Field::Protocol)),
    row(Field::IcmpType, "icmp-type", "tp_src", &["icmpv4_type", "icmpv6_type"], 8, Some(Field::Protocol)),
    row(Field::IcmpCode, "icmp-code", "tp_dst", &["icmpv4_code", "icmpv6_code"], 8, Some(Field::Protocol)),
];

const fn row(
    field: Field,
    name: &'static str,
    of10: &'static str,
    oxm: &'static [&'static str],
    bits: u8,
    needs: Option<Field>,
) -> FieldInfo {
    FieldInfo { field, name, of10, oxm, bits, needs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_the_fields_and_names_are_unique() {
        for pair in FIELDS.windows(2) {
            assert!(pair[0].field < pair[1].field);
        }
        let mut names: Vec<_> = FIELDS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
    }
}
