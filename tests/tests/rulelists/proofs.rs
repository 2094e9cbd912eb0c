//! What the analysis says of rules that decide nothing, held against what is found exactly. Knows nothing of where lists come from.

use compiler::{Budget, facts};
use lang::facts::RuleFact;
use lang::flow::Flow;
use net::Transport;

use super::exact;
use super::rules::{Compiled, Header, Rule, WITH_PORTS, first};

/// How many rules were told to be what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Others before it take all that it matches.
    pub shadowed: usize,
    /// No packet is of it.
    pub never: usize,
    /// It decides something.
    pub decides: usize,
}

impl Told {
    /// Counts more.
    pub fn add(&mut self, more: Told) {
        self.shadowed += more.shadowed;
        self.never += more.never;
        self.decides += more.decides;
    }
}

/// The five fields of a flow of a proof.
fn fields(flow: &Flow) -> Header {
    let address = |address: Option<std::net::IpAddr>| match address {
        Some(std::net::IpAddr::V4(address)) => u32::from(address),
        other => panic!("no IPv4 address: {other:?}"),
    };
    let ports = flow.headers.transport.and_then(|transport| match transport {
        Transport::Ports { src, dst } => Some((src, dst)),
        Transport::Icmp { .. } => None,
    });
    let proto = flow.headers.proto.unwrap().0;
    assert_eq!(ports.is_some(), WITH_PORTS.contains(&proto));
    Header { src: address(flow.src.address), dst: address(flow.dst.address), proto, ports }
}

/// Each rule is told to decide something just if it does, and the flow that is named for it is its own.
pub fn check(name: &str, rules: &[Rule]) -> Told {
    let compiled = Compiled::new(rules);
    let found = facts(compiled.program(), Budget::default());
    assert_eq!(found.rules.len(), rules.len());
    let mut told = Told::default();
    for (id, fact) in found.rules {
        let place = id.index();
        let rule = &rules[place];
        let left = exact::decides(rules, place);
        if let Some(header) = left {
            assert_eq!(compiled.agrees(name, &header), Some(place), "{name}: {header:?}");
        }
        match fact {
            RuleFact::Decides(flow) | RuleFact::Redundant(flow, _) => {
                told.decides += 1;
                assert!(left.is_some(), "{name}: {rule:?} by {flow:?}");
                assert_eq!(first(rules, &fields(&flow)), Some(place), "{name}: {flow:?}");
            }
            RuleFact::Shadowed(by) => {
                told.shadowed += 1;
                assert_eq!(left, None, "{name}: {rule:?}");
                assert!(!exact::is_empty(rule) && by.iter().all(|taken| taken.by < id), "{name}: {rule:?}");
            }
            RuleFact::MatchesNothing => {
                told.never += 1;
                assert!(exact::is_empty(rule), "{name}: {rule:?}");
            }
            RuleFact::Undecided => panic!("{name}: rule {place} is undecided: {rule:?}"),
        }
    }
    told
}
