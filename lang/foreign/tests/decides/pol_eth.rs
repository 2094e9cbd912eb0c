//! Pol-Eth: generated policies and flows, judged by what Ethane's paper says of its rules, and by what they became here.

use lang::checked::Verdict;
use lang::flow::{End, Flow, Headers, Person};
use net::{Dpid, EtherType, IpProto, Location, PortNo, Transport};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::checked::{self, Policy};

/// Hosts, users and access points. `bob` and `group` are of two sorts; `ghost` is in no policy.
const HOSTS: &[&str] = &["griffin", "http_server", "bob", "internet", "group"];
const USERS: &[&str] = &["bob", "plum", "deny"];
const POINTS: &[&str] = &["wap1", "griffin", "at"];
const BOXES: &[&str] = &["ids", "griffin"];

/// Protocols with one packet of theirs; the last is one that nobody can know.
const PROTOCOLS: &[&str] = &["http", "ssh", "dns", "icmp", "gopher"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Usrc,
    Udst,
    Hsrc,
    Hdst,
    Apsrc,
    Apdst,
    Protocol,
}

#[derive(Clone, Debug)]
enum Value {
    Names(Vec<usize>),
    Group(usize),
}

#[derive(Clone, Debug)]
enum Action {
    Allow,
    Deny,
    Waypoints(Vec<usize>),
    OutboundOnly,
}

#[derive(Clone, Debug)]
struct Rule {
    tests: Vec<(Field, Value)>,
    action: Action,
}

/// Of each sort of names three groups; the third holds the first two and one name.
#[derive(Clone, Debug)]
struct Original {
    groups: Vec<[Vec<usize>; 3]>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Packet {
    users: [Vec<usize>; 2],
    hosts: [usize; 2],
    points: [usize; 2],
    protocol: usize,
}

fn names(field: Field) -> &'static [&'static str] {
    match field {
        Field::Usrc | Field::Udst => USERS,
        Field::Hsrc | Field::Hdst => HOSTS,
        Field::Apsrc | Field::Apdst => POINTS,
        Field::Protocol => PROTOCOLS,
    }
}

/// Which row of groups a field's are in.
fn row(field: Field) -> usize {
    match field {
        Field::Usrc | Field::Udst => 0,
        Field::Hsrc | Field::Hdst => 1,
        Field::Apsrc | Field::Apdst => 2,
        Field::Protocol => 3,
    }
}

const SORTS: &[Field] = &[Field::Usrc, Field::Hsrc, Field::Apsrc, Field::Protocol];

fn group_name(row: usize, which: usize) -> String {
    let word = ["users", "hosts", "points", "protocols"][row];
    // One is a word of the policy language.
    if (row, which) == (1, 0) { "server".to_owned() } else { format!("{word}_{which}") }
}

impl Original {
    fn text(&self) -> String {
        let quoted = |names: &[&str], list: &[usize]| list.iter().map(|one| format!("\"{}\"", names[*one])).collect::<Vec<_>>();
        let mut text = String::new();
        for (row, groups) in self.groups.iter().enumerate() {
            for (which, members) in groups.iter().enumerate() {
                let mut listed = quoted(names(SORTS[row]), members);
                if which == 2 {
                    listed.extend([0, 1].map(|other| format!("\"{}\"", group_name(row, other))));
                }
                text.push_str(&format!("{} = [{}];  # a group\n", group_name(row, which), listed.join(", ")));
            }
        }
        text.push_str("%%\n");
        for rule in &self.rules {
            let tests: Vec<String> = rule
                .tests
                .iter()
                .map(|(field, value)| {
                    let value = match value {
                        Value::Names(list) if list.len() == 1 => quoted(names(*field), list).concat(),
                        Value::Names(list) => format!("[{}]", quoted(names(*field), list).join(",")),
                        Value::Group(which) => format!("in(\"{}\")", group_name(row(*field), *which)),
                    };
                    format!("({}={value})", format!("{field:?}").to_lowercase())
                })
                .collect();
            let action = match &rule.action {
                Action::Allow => "allow".to_owned(),
                Action::Deny => "deny".to_owned(),
                Action::Waypoints(list) => format!("waypoints({})", quoted(BOXES, list).join(",")),
                Action::OutboundOnly => "outbound-only".to_owned(),
            };
            text.push_str(&format!("[{}] : {action};\n", tests.join("^")));
        }
        text
    }

    /// True if a value of a test is this name.
    fn holds(&self, field: Field, value: &Value, name: usize) -> bool {
        match value {
            Value::Names(list) => list.contains(&name),
            Value::Group(which) => {
                let groups = &self.groups[row(field)];
                groups[*which].contains(&name) || *which == 2 && (groups[0].contains(&name) || groups[1].contains(&name))
            }
        }
    }

    /// What the paper says happens to one pair of users: the first rule that matches, else deny. Each is allowed, and the
    /// waypoints. An outbound-only rule denies what goes to those whom it is about, whatever it is.
    fn pair(&self, users: [Option<usize>; 2], packet: &Packet) -> Option<(usize, Vec<usize>)> {
        for (place, rule) in self.rules.iter().enumerate() {
            let passes = |mirrored: bool, (field, value): &(Field, Value)| {
                let flip = usize::from(mirrored);
                let name = match field {
                    Field::Usrc => users[flip],
                    Field::Udst => users[1 - flip],
                    Field::Hsrc => Some(packet.hosts[flip]),
                    Field::Hdst => Some(packet.hosts[1 - flip]),
                    Field::Apsrc => Some(packet.points[flip]),
                    Field::Apdst => Some(packet.points[1 - flip]),
                    Field::Protocol if mirrored => return true,
                    Field::Protocol => Some(packet.protocol),
                };
                name.is_some_and(|name| self.holds(*field, value, name))
            };
            let matches = rule.tests.iter().all(|test| passes(false, test));
            match &rule.action {
                Action::OutboundOnly if rule.tests.iter().all(|test| passes(true, test)) => return None,
                Action::Allow | Action::OutboundOnly if matches => return Some((place, Vec::new())),
                Action::Waypoints(list) if matches => return Some((place, list.clone())),
                Action::Deny if matches => return None,
                Action::Allow | Action::OutboundOnly | Action::Waypoints(_) | Action::Deny => {}
            }
        }
        None
    }

    /// What each pair of users is allowed, with the rule.
    fn pairs(&self, packet: &Packet) -> Vec<(usize, Vec<usize>)> {
        let faces = |users: &[usize]| if users.is_empty() { vec![None] } else { users.iter().copied().map(Some).collect() };
        let mut allowed = Vec::new();
        for src in faces(&packet.users[0]) {
            for dst in faces(&packet.users[1]) {
                allowed.extend(self.pair([src, dst], packet));
            }
        }
        allowed
    }

    /// Of the users of both hosts, the least restricted pair decides; among equals the rule of the highest priority.
    fn judge(&self, packet: &Packet) -> Option<Vec<usize>> {
        let least = |(place, waypoints): &(usize, Vec<usize>)| (!waypoints.is_empty(), *place);
        self.pairs(packet).into_iter().min_by_key(least).map(|(_, waypoints)| waypoints)
    }

    fn asks_for_gopher(&self) -> bool {
        let gopher = PROTOCOLS.len() - 1;
        self.rules
            .iter()
            .flat_map(|rule| &rule.tests)
            .any(|(field, value)| *field == Field::Protocol && self.holds(*field, value, gopher))
    }
}

fn end(policy: &Policy, packet: &Packet, side: usize) -> End {
    let elsewhere = Location::new(Dpid(7), PortNo(u32::try_from(packet.points[side]).unwrap_or(0) + 1));
    let mut users: Vec<Person> =
        packet.users[side].iter().map(|user| Person { user: policy.user(USERS[*user]), groups: Vec::new() }).collect();
    users.sort();
    users.dedup();
    End {
        users,
        host: HOSTS.get(packet.hosts[side]).and_then(|name| policy.host(name)),
        location: POINTS.get(packet.points[side]).and_then(|name| policy.location(name)).or(Some(elsewhere)),
        ..End::default()
    }
}

fn flow(policy: &Policy, packet: &Packet) -> Flow {
    let ports = |dst| Some(Transport::Ports { src: 49152, dst });
    let (proto, transport) = match PROTOCOLS[packet.protocol] {
        "http" => (IpProto::TCP, ports(80)),
        "ssh" => (IpProto::TCP, ports(22)),
        "dns" => (IpProto::UDP, ports(53)),
        "icmp" => (IpProto::ICMP, Some(Transport::Icmp { kind: 8, code: 0 })),
        _ => (IpProto::TCP, ports(70)),
    };
    let headers = Headers { dl_type: Some(EtherType::IPV4), vlan: None, proto: Some(proto), dscp: Some(0), transport };
    Flow { src: end(policy, packet, 0), dst: end(policy, packet, 1), headers, time: None }
}

fn some(of: usize) -> impl Strategy<Value = Vec<usize>> {
    vec(0..of, 1..3)
}

fn a_test() -> impl Strategy<Value = (Field, Value)> {
    let fields = [Field::Usrc, Field::Udst, Field::Hsrc, Field::Hdst, Field::Apsrc, Field::Apdst, Field::Protocol];
    proptest::sample::select(fields.to_vec()).prop_flat_map(|field| {
        let value = prop_oneof![some(names(field).len()).prop_map(Value::Names), (0_usize..3).prop_map(Value::Group)];
        (Just(field), value)
    })
}

fn a_rule() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        3 => Just(Action::Allow),
        3 => Just(Action::Deny),
        2 => proptest::sample::subsequence(vec![0, 1], 1..=2).prop_map(Action::Waypoints),
        2 => Just(Action::OutboundOnly),
    ];
    (vec(a_test(), 0..3), action).prop_map(|(tests, action)| Rule { tests, action })
}

fn an_original() -> impl Strategy<Value = Original> {
    let groups: Vec<_> =
        SORTS.iter().map(|field| [some(names(*field).len()), some(names(*field).len()), some(names(*field).len())]).collect();
    (groups, vec(a_rule(), 0..7)).prop_map(|(groups, rules)| Original { groups, rules })
}

fn a_packet() -> impl Strategy<Value = Packet> {
    let users = || proptest::sample::subsequence(vec![0, 1, 2], 0..=2);
    // One more than there are of each: a stranger.
    let two = |count: usize| [0..=count, 0..=count];
    ([users(), users()], two(HOSTS.len()), two(POINTS.len()), 0..PROTOCOLS.len())
        .prop_map(|(users, hosts, points, protocol)| Packet { users, hosts, points, protocol })
}

fn carried(original: &Original) -> Policy {
    checked::policy(&original.text(), foreign::pol_eth(&original.text(), "generated"))
}

/// What differs in the answers, if anything does that must not: the verdict and the waypoints where all was carried over, else
/// what is allowed there and not here is taken, and never the reverse.
fn difference(original: &Original, policy: &Policy, packet: &Packet) -> Option<String> {
    let wanted = original.judge(packet);
    let flow = flow(policy, packet);
    let judged = policy.judge(&flow);
    let allowed = judged.verdict == Verdict::Allow;
    let via: Vec<String> = policy.via(&judged).iter().map(|name| name.trim_end_matches("-box").to_owned()).collect();
    let boxes = |waypoints: &[usize]| waypoints.iter().map(|one| BOXES[*one].to_owned()).collect::<Vec<_>>();
    let exact = allowed == wanted.is_some() && via == boxes(wanted.as_deref().unwrap_or_default());
    let covered = |(_, waypoints): &(usize, Vec<usize>)| boxes(waypoints).iter().all(|one| via.contains(one));
    let wider = allowed && !original.pairs(packet).iter().any(covered);
    let wrong = if original.asks_for_gopher() { wider } else { !exact };
    wrong.then(|| format!("{}\n{}\n{packet:?}\nwanted {wanted:?}, is {judged:?}", original.text(), policy.text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_carried_over_decides_like_the_original(original in an_original(), packets in vec(a_packet(), 30)) {
        let policy = carried(&original);
        // What no rule asks for is left out, and decides nothing; a protocol that nobody knows is all that may matter.
        if !original.asks_for_gopher() {
            prop_assert!(policy.left_out.iter().all(|one| one.why.starts_with("no rule asks for it")), "{:?}", policy.left_out);
        }
        for packet in &packets {
            let found = difference(&original, &policy, packet);
            prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
        }
    }
}

/// The comparison finds what is wrong: policies that a careless import could have made are told from the right one.
#[test]
fn a_careless_import_is_caught() {
    let mut caught = [0_usize; 3];
    for (original, packets) in checked::drawn(300, an_original(), vec(a_packet(), 60)) {
        let careful = carried(&original);
        let lines: Vec<&str> = careful.text.lines().collect();
        let is_rule = |line: &&str| ["allow ", "deny ", "outbound-only "].iter().any(|word| line.starts_with(word));
        let rules: Vec<usize> = (0..lines.len()).filter(|place| is_rule(&lines[*place])).collect();
        let swapped = rules.get(..2).map(|two| {
            let mut lines = lines.clone();
            lines.swap(two[0], two[1]);
            lines.join("\n")
        });
        let turned = careful.text.replace("outbound-only from", "allow from");
        let unbound = |line: &str| match line.split_once(" via ") {
            Some((rule, _)) if is_rule(&line) => format!("{rule};\n"),
            _ => format!("{line}\n"),
        };
        let unbound: String = careful.text.lines().map(unbound).collect();
        for (which, text) in [(0, swapped), (1, Some(turned)), (2, Some(unbound))] {
            let Some(checked) = text.as_deref().and_then(|text| checked::checked(text).ok()) else { continue };
            let careless = Policy { text: text.unwrap_or_default(), left_out: Vec::new(), checked };
            caught[which] += usize::from(packets.iter().any(|packet| difference(&original, &careless, packet).is_some()));
        }
    }
    assert!(caught.iter().all(|count| *count >= 10), "{caught:?}");
}
