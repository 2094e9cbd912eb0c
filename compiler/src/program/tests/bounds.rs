//! What a flow costs and what an update costs, in counted work, when groups have very many members.

use std::sync::Arc;

use lang::ast::Policy;
use lang::checked::{Checked, GroupId};
use lang::flow::{End, Flow, Headers};
use lang::source::SourceMap;
use net::{Dpid, EtherType, IpProto, Location, MacAddr, PortNo, Transport};

use super::super::Program;
use crate::principal::end_of;
use crate::view::View;

fn policy(text: &str) -> Arc<Checked> {
    let mut sources = SourceMap::default();
    let id = sources.add("test.pol", text);
    let (file, parsed) = lang::parse::parse(&sources, id);
    let (policy, found) = lang::check::check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    Arc::new(policy.unwrap_or_else(|| panic!("{found:#?}")))
}

fn mac(number: u32) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + u64::from(number))
}

/// A web request of this station to nobody in particular.
fn request(view: &View, from: MacAddr) -> Flow {
    let headers = Headers {
        dl_type: Some(EtherType::IPV4),
        proto: Some(IpProto::TCP),
        dscp: Some(0),
        transport: Some(Transport::Ports { src: 49_152, dst: 80 }),
        ..Headers::default()
    };
    Flow { src: end_of(view.station(from).unwrap(), None), dst: End::default(), headers, time: None }
}

#[test]
fn a_group_of_a_hundred_thousand_costs_a_flow_no_more_than_one_of_ten() {
    let policy = policy(
        "switch edge { dpid 0x1; access 1-24; }\ngroup marked = host tagged \"x\";\ngroup others = host tagged \"y\";\n\
         group both = marked & others;\nno: deny from both;\nweb: allow from marked for tcp/80;\n",
    );
    let group = |name: &str| GroupId(policy.groups.iter().position(|group| &*group.name == name).unwrap().try_into().unwrap());
    let (marked, others) = (group("marked"), group("others"));
    let at = Location::new(Dpid(1), PortNo(1));
    let costs = [10, 100_000].map(|members| {
        let mut view = View::new(&policy);
        for number in 0..=members {
            view.attach(mac(number), at, &policy);
            // The last one is a member of none.
            view.join(mac(number), if number < members { vec![marked] } else { Vec::new() });
        }
        let mut program = Program::compile(policy.clone(), &view);
        let (member, cost) = program.judge_counting(&request(&view, mac(3)), None);
        let (stranger, _) = program.judge_counting(&request(&view, mac(members)), None);
        let name = |answer: &lang::flow::Judgement| answer.rule.and_then(|id| policy.rule(id)).and_then(|rule| rule.name.clone());
        assert_eq!((name(&member).as_deref(), name(&stranger)), (Some("web"), None));

        // One station changes: its records, and nobody else's.
        let before = program.clone();
        view.join(mac(3), vec![marked, others]);
        program.update(&view, &[mac(3)]);
        assert_eq!(name(&program.judge(&request(&view, mac(3)))).as_deref(), Some("no"));
        let kept =
            program.stations.iter().filter(|(id, known)| before.stations.get(*id).is_some_and(|old| std::ptr::eq(old, *known)));
        assert_eq!(kept.count() + 1, view.stations().count());
        cost
    });
    assert_eq!(costs[0], costs[1]);
}

#[test]
fn a_station_in_five_thousand_groups_is_looked_up_in_those_alone() {
    let groups: String = (0..5_000).map(|number| format!("group g{number} = all - h{};\n", number % 2)).collect();
    let rules: String = (0..5_000).map(|number| format!("r{number}: allow from g{number} for tcp/{};\n", number + 1)).collect();
    let policy = policy(&format!(
        "host h0 {{ mac 02:00:00:00:00:00; }}\nhost h1 {{ mac 02:00:00:00:00:01; }}\nhost h2 {{ mac 02:00:00:00:00:02; }}\n\
         group all = host {{ h0, h1, h2 }};\n{groups}{rules}default deny;\n"
    ));
    let view = View::new(&policy);
    let program = Program::try_compile(policy.clone(), &view).unwrap();
    let counted = |number| {
        let (answer, cost) = program.judge_counting(&request(&view, mac(number)), None);
        (answer.rule.and_then(|id| policy.rule(id)).and_then(|rule| rule.name.clone()).unwrap(), cost)
    };
    let ((of_half, half), (of_all, all)) = (counted(0), counted(2));
    assert_eq!((&*of_half, &*of_all), ("r79", "r79"));
    assert!(half < all && all < 2 * half + 10_000, "{half} {all}");
}
