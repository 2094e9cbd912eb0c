//! W0313: a prelude of the site's own that leaves hosts without what they need first.

use net::{EtherType, IpProto, Time, Transport};

use super::Input;
use crate::builtin::PRELUDE_NAME;
use crate::checked::{Checked, Verdict};
use crate::diag::Diagnostic;
use crate::flow::{End, Flow, Headers, Place};
use crate::flowspec::SOURCE_PORT;
use net::MacAddr;

lint! {
    W0313 "hosts are locked out" {
        what "The policy replaces the prelude, and an unknown host may no longer ask for an address (DHCP), find its neighbours (ARP), or log in by 802.1X."
        why "Such a host gets no further: it cannot reach whatever the rules allow it, nor the portal."
        example "section prelude { }\nhost roo { mac 00:16:3e:00:00:12; }\nallow from roo;"
        instead "Take over the rules of the built-in prelude that are needed; `pentane check --show-prelude` prints them."
        clean "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let own = |section: &&crate::checked::Section| {
        // The built-in one has a text of its own.
        &*section.name == PRELUDE_NAME && input.tree.file(section.span.source).is_some()
    };
    let Some(prelude) = input.policy.sections.iter().find(own) else { return Vec::new() };
    let mut found = Vec::new();
    for (what, flow) in needs() {
        let mut flows = times(input.policy).into_iter().map(|time| Flow { time, ..flow.clone() });
        if let Some(flow) = flows.find(|flow| input.decide.decide(flow).verdict != Verdict::Allow) {
            let message = format!("an unknown host cannot {what} under this prelude");
            found.push(input.shown_by(Diagnostic::new(W0313, prelude.span, message), &flow));
        }
    }
    found
}

/// An instant of each stretch of time that rules tell apart; without one where none asks.
fn times(policy: &Checked) -> Vec<Option<Time>> {
    if policy.tests_time() { policy.samples_of_time().iter().copied().map(Some).collect() } else { vec![None] }
}

/// What a host needs before it is anybody.
fn needs() -> Vec<(&'static str, Flow)> {
    let to = |place, mac, headers| Flow {
        src: End::default(),
        dst: End { place, mac: Some(mac), ..End::default() },
        headers,
        time: None,
    };
    let dhcp = Headers {
        dl_type: Some(EtherType::IPV4),
        proto: Some(IpProto::UDP),
        dscp: Some(0),
        transport: Some(Transport::Ports { src: SOURCE_PORT, dst: 67 }),
        ..Headers::default()
    };
    let broadcast = std::net::IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    let mut lease = to(Place::Broadcast, MacAddr::BROADCAST, dhcp);
    lease.dst.address = Some(broadcast);
    let arp = Headers { dl_type: Some(EtherType::ARP), ..Headers::default() };
    vec![("ask for an address", lease), ("find its neighbours", to(Place::Broadcast, MacAddr::BROADCAST, arp))]
}
