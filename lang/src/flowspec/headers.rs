//! The headers that a flow's text says besides ends and service: `vlan 5 dscp 46`. Knows nothing of ends.

use net::{EtherType, Field, Transport, VlanId, VlanTag};

use crate::ast::CondField;
use crate::ast::HeaderTerm;
use crate::codes::tests_and_assertions::E0402;
use crate::diag::Diagnostic;
use crate::flow::Headers;
use crate::keyword;

/// Sets a header. Its value is within the limits of the field.
///
/// # Errors
/// The packet cannot have this header besides the others.
pub(super) fn set(headers: &mut Headers, term: &HeaderTerm) -> Result<(), Box<Diagnostic>> {
    let word = keyword::field_word(CondField::Header(term.field.value));
    let refuse = |why: &str, help: &str| {
        let message = format!("`{word}` cannot be said of this flow: {why}");
        Err(Box::new(Diagnostic::new(E0402, term.field.span, message).help(help)))
    };
    let byte = u8::try_from(term.value).unwrap_or(u8::MAX);
    let short = u16::try_from(term.value).unwrap_or(u16::MAX);
    match term.field.value {
        Field::DlType => {
            let other_family = EtherType(short) != EtherType::IPV4 && EtherType(short) != EtherType::IPV6;
            if headers.proto.is_some() && headers.dl_type != Some(EtherType(short)) {
                return refuse("it has a service, which only IP packets of its family have", "leave out the service or the type");
            }
            headers.dl_type = Some(EtherType(short));
            if other_family {
                headers.dscp = None;
            }
        }
        Field::Vlan => {
            let tag = headers.vlan.get_or_insert(VlanTag { id: None, pcp: 0 });
            tag.id = VlanId::new(short);
        }
        Field::Pcp => headers.vlan.get_or_insert(VlanTag { id: None, pcp: 0 }).pcp = byte,
        Field::Dscp if headers.dscp.is_none() => return refuse("only IP packets have one", "leave it out, or the type"),
        Field::Dscp => headers.dscp = Some(byte),
        Field::TpSrc => match &mut headers.transport {
            Some(Transport::Ports { src, .. }) => *src = short,
            Some(Transport::Icmp { .. }) | None => {
                return refuse("its service has no ports", "name one that has, such as `tcp/80`");
            }
        },
        Field::TpDst | Field::IcmpType | Field::IcmpCode | Field::Protocol => {
            return refuse("the service says it", "write the service last: `tcp/80`, `icmp/8/0`");
        }
        Field::InPort | Field::DlSrc | Field::DlDst | Field::NwSrc | Field::NwDst => {
            return refuse("the ends say it", "write the address, or `at` and the port, beside the end");
        }
    }
    Ok(())
}
