//! Policies that were carried over from other systems are policies like any other: they compile, and the compiled program answers as
//! the reference evaluator does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read has failed the test")]

use std::fmt::Write;
use std::sync::Arc;

use compiler::{Budget, Program, View};
use foreign::{Imported, Problem};
use lang::flow::{Decide, End, Flow, Headers};
use lang::lint::random_mac::W0312;
use net::{EtherType, IpProto, Transport};
use tests::{policy, repository};

fn sample(file: &str) -> String {
    std::fs::read_to_string(repository().join("lang/foreign/tests/samples").join(file)).unwrap()
}

fn carried(result: Result<Imported, Vec<Problem>>) -> Arc<lang::checked::Checked> {
    let imported = result.unwrap_or_else(|problems| panic!("{problems:#?}"));
    policy(&[("imported.pol", imported.text)])
}

fn all() -> Vec<Arc<lang::checked::Checked>> {
    vec![
        carried(foreign::pol_eth(&sample("campus.pol-eth"), "campus.pol-eth")),
        carried(foreign::sepl(&sample("site.sepl.py"), "site.sepl.py")),
        carried(foreign::sepl(&sample("gaps.sepl.py"), "gaps.sepl.py")),
        carried(foreign::faucet(&sample("office.faucet.yaml"), "office.faucet.yaml", None)),
        carried(foreign::faucet(&sample("gaps.faucet.yaml"), "gaps.faucet.yaml", None)),
    ]
}

/// A packet of every sort between every two hosts and places of a policy.
fn flows(policy: &lang::checked::Checked) -> Vec<Flow> {
    let mut ends = vec![End::default()];
    for (host, id) in policy.hosts.iter().zip(0..) {
        ends.push(End { host: Some(lang::checked::HostId(id)), mac: host.macs.first().copied(), ..End::default() });
    }
    for at in policy.locations.iter().map(|location| location.at) {
        ends.push(End { location: Some(at), ..End::default() });
    }
    for switch in &policy.switches {
        let ports = switch.access.0.iter().flat_map(|range| range.clone().take(8));
        ends.extend(
            ports.map(|port| End { location: Some(net::Location::new(switch.dpid, net::PortNo(port))), ..End::default() }),
        );
    }
    let packet = |proto, dst| Headers {
        dl_type: Some(EtherType::IPV4),
        vlan: None,
        proto: Some(proto),
        dscp: Some(0),
        transport: Some(Transport::Ports { src: 68, dst }),
    };
    let packets = [packet(IpProto::TCP, 80), packet(IpProto::TCP, 443), packet(IpProto::UDP, 53), packet(IpProto::UDP, 67)];
    let arp = Headers { dl_type: Some(EtherType::ARP), ..Headers::default() };
    let mut flows = Vec::new();
    for src in &ends {
        for dst in &ends {
            let headers = packets.iter().chain([&arp]);
            flows.extend(headers.map(|headers| Flow { src: src.clone(), dst: dst.clone(), headers: *headers, time: None }));
        }
    }
    flows
}

#[test]
fn they_compile_and_answer_as_they_are_written() {
    for policy in all() {
        let program = Program::compile(policy.clone(), &View::new(&policy));
        let flows = flows(&policy);
        assert!(flows.len() > 100);
        for flow in flows {
            assert_eq!(program.judge(&flow), lang::eval::Reference(&policy).decide(&flow), "{flow:?}");
        }
    }
}

/// E0230 is found when a policy is compiled: conditions with more alternatives than that are cut before they get there.
#[test]
fn conditions_with_many_alternatives_are_cut_into_rules_that_compile() {
    let sum = |field: &str, from: u32| (from..from + 12).map(|port| format!("{field}({port})")).collect::<Vec<_>>().join(" | ");
    let mut text = "from nox.ext.apps.sepl.declare import *\n".to_owned();
    let _ = writeln!(text, "allow() <= ({}) ^ ({}) ^ ({})", sum("tpsrc", 300), sum("tpdst", 300), sum("dlvlan", 100));
    let _ = writeln!(text, "allow() <= ~(({}) ^ ({}))", sum("tpsrc", 300), sum("dlvlan", 100));
    let policy = carried(foreign::sepl(&text, "many.py"));
    assert!(policy.site_rules().len() > 10, "{}", policy.site_rules().len());
    let program = Program::compile(policy.clone(), &View::new(&policy));
    assert_eq!(program.excess().iter().filter_map(|excess| excess.diagnostic(&policy)).count(), 0);
}

/// What is denied to a name that stands for nobody is denied to nobody: as long as one does, the daemon carries nothing out.
#[test]
fn a_policy_in_which_something_stands_in_is_not_put_in_force() {
    let module = |host: &str| {
        let text = "register_switch('edge', 0x1)\nregister_location('wap', 'edge', 7, 'eth7')\n".to_owned();
        carried(foreign::sepl(&(text + host + "deny() <= hsrc('roo') ^ locdst('wap')\nallow() <= True\n"), "x.py"))
    };
    let refused = |policy: &lang::checked::Checked| {
        runtime::capability::refusals(policy).iter().any(|found| found.code == lang::codes::switches::S0603)
    };
    assert!(refused(&module("")));
    assert!(!refused(&module("register_host('roo', dladdr=0x025400000001)\n")));
}

struct One(String);

impl lang::import::Loader for One {
    fn read(&self, _: &str) -> Result<Vec<u8>, lang::import::LoadError> {
        Ok(self.0.clone().into_bytes())
    }
}

/// The codes of what `check` finds in a policy that was carried over.
fn found(result: Result<Imported, Vec<Problem>>) -> Vec<&'static str> {
    let loaded = lang::import::load(&["imported.pol"], &One(result.unwrap().text));
    let policy = Arc::new(lang::check::check_loaded(&loaded).0.unwrap());
    let program = Program::compile(policy.clone(), &View::new(&policy));
    let found = compiler::findings(&program, &loaded.policy, None, Budget::default()).1;
    found.iter().map(|found| found.code.text()).collect()
}

/// What an import does of itself is no reason to warn of: what stands in says so, and nothing is said twice.
#[test]
fn what_an_import_makes_earns_no_warning() {
    let campus = found(foreign::pol_eth(&sample("campus.pol-eth"), "campus.pol-eth"));
    assert!(!campus.iter().any(|code| [W0312.text(), "W0702"].contains(code)), "{campus:?}");
    let lists = "vlans:\n  office: {vid: 100}\nacls:\n  web:\n  - rule: {dl_type: 0x800, nw_proto: 6, tcp_dst: 80, \
        actions: {allow: 1}}\n  - rule: {dl_type: 0x800, nw_proto: 17, udp_dst: 53, actions: {allow: 1}}\n  - rule: {actions: {allow: 0}}\n\
        dps:\n  sw1:\n    dp_id: 0x1\n    hardware: \"Open vSwitch\"\n    interfaces:\n      1: {native_vlan: office, acl_in: web}\n\
        \x20     2: {native_vlan: office, acl_in: web}\n";
    let faucet = found(foreign::faucet(lists, "lists.yaml", None));
    assert!(!faucet.iter().any(|code| ["W0303", "W0304", "W0307"].contains(code)), "{faucet:?}");
    let alone = &lists[lists.find("acls").unwrap()..lists.find("dps").unwrap()];
    let faucet = found(foreign::faucet(alone, "lists.yaml", None));
    assert!(!faucet.iter().any(|code| ["W0303", "W0304", "W0307"].contains(code)), "{faucet:?}");
}
