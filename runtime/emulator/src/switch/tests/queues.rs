//! Queues as controllers of both versions see them, and what is counted in them.

use bytes::BytesMut;
use net::{PortNo, Time};
use openflow::{v10, v13};

use super::{frame, frame_to, greeted, ports, small};
use crate::switch::{Output, Queue, Switch, SwitchConfig};

const SLOW: Queue = Queue { id: 1, min_rate: Some(100), max_rate: Some(500) };

fn queued(version: u8) -> Switch {
    let fast = Queue { id: 2, min_rate: None, max_rate: None };
    greeted(SwitchConfig { queues: vec![(PortNo(2), SLOW), (PortNo(2), fast), (PortNo(3), fast)], ..small() }, &[version])
}

fn answer(outputs: &[Output]) -> bytes::Bytes {
    match outputs {
        [Output::Controller(_, bytes)] => bytes.clone(),
        other => panic!("{other:?}"),
    }
}

fn say(switch: &mut Switch, message: &v13::Message) -> Vec<Output> {
    let mut bytes = BytesMut::new();
    message.encode(9, &mut bytes).unwrap();
    switch.from_controller(&bytes, Time(0))
}

fn say_10(switch: &mut Switch, message: &v10::Message) -> Vec<Output> {
    let mut bytes = BytesMut::new();
    message.encode(9, &mut bytes).unwrap();
    switch.from_controller(&bytes, Time(0))
}

fn ask(switch: &mut Switch, port_no: v13::PortNo, queue_id: u32) -> v13::Message {
    let body = v13::MultipartRequestBody::Queue(v13::QueueStatsRequest { port_no, queue_id });
    let outputs = say(switch, &v13::Message::MultipartRequest(v13::MultipartRequest::new(body)));
    v13::Message::decode(&answer(&outputs)).unwrap().1
}

fn counted(message: v13::Message) -> Vec<(u32, u32, u64, u64)> {
    let v13::Message::MultipartReply(reply) = message else { panic!("{message:?}") };
    let v13::MultipartReplyBody::Queue(queues) = reply.body else { panic!("{:?}", reply.body) };
    queues.iter().map(|queue| (queue.port_no.0, queue.queue_id, queue.tx_packets, queue.tx_bytes)).collect()
}

#[test]
fn what_goes_through_a_queue_is_counted_there() {
    let mut switch = queued(4);
    let out = |port: u32| v13::Action::Output { port: v13::PortNo(port), max_len: 0xffff };
    let actions = vec![out(2), v13::Action::SetQueue(1), out(2), out(3), v13::Action::SetQueue(2), out(2), out(4)];
    let entry =
        v13::FlowMod { instructions: vec![v13::Instruction::ApplyActions(actions)], ..v13::FlowMod::add(0, v13::Match::ANY, 5) };
    assert_eq!(say(&mut switch, &v13::Message::FlowMod(entry)), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2, 2, 3, 2, 4]);
    let length = frame(1, 2).len() as u64;
    // Port 3 has no queue 1, so that its frame went through none.
    let all = counted(ask(&mut switch, v13::PortNo::ANY, v13::OFPQ_ALL));
    assert_eq!(all, [(2, 1, 1, length), (2, 2, 1, length), (3, 2, 0, 0)]);
    assert_eq!(counted(ask(&mut switch, v13::PortNo(2), 1)), [(2, 1, 1, length)]);
    assert_eq!(counted(ask(&mut switch, v13::PortNo(1), v13::OFPQ_ALL)), []);
    for (port, queue, wanted) in [(9, 1, "QUEUE_OP_FAILED/BAD_PORT"), (3, 1, "QUEUE_OP_FAILED/BAD_QUEUE")] {
        let v13::Message::Error(error) = ask(&mut switch, v13::PortNo(port), queue) else { panic!("{port}") };
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn queues_are_told_of() {
    let mut switch = queued(4);
    let request = v13::Message::QueueGetConfigRequest(v13::QueueGetConfigRequest { port: v13::PortNo(2) });
    let outputs = say(&mut switch, &request);
    let v13::Message::QueueGetConfigReply(reply) = v13::Message::decode(&answer(&outputs)).unwrap().1 else { panic!("reply") };
    let told: Vec<_> = reply.queues.iter().map(|queue| (queue.queue_id, queue.properties.clone())).collect();
    assert_eq!(told, [(1, vec![v13::QueueProperty::MinRate(100), v13::QueueProperty::MaxRate(500)]), (2, Vec::new())]);
    let mut switch = queued(1);
    let request = v10::Message::QueueGetConfigRequest(v10::QueueGetConfigRequest { port: v10::PortNo(2) });
    let outputs = say_10(&mut switch, &request);
    let v10::Message::QueueGetConfigReply(reply) = v10::Message::decode(&answer(&outputs)).unwrap().1 else { panic!("reply") };
    let told: Vec<_> = reply.queues.iter().map(|queue| (queue.queue_id, queue.properties.clone())).collect();
    assert_eq!(told, [(1, vec![v10::QueueProperty::MinRate(100)]), (2, Vec::new())]);
}

#[test]
fn enqueue_is_for_one_output() {
    let mut switch = queued(1);
    let actions = vec![
        v10::Action::Enqueue { port: v10::PortNo(2), queue_id: 1 },
        v10::Action::Output { port: v10::PortNo(2), max_len: 0 },
        v10::Action::Output { port: v10::PortNo(3), max_len: 0 },
    ];
    let entry = v10::FlowMod { actions, ..v10::FlowMod::add(v10::Match::ANY, 5) };
    assert_eq!(say_10(&mut switch, &v10::Message::FlowMod(entry)), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame_to(1, 2, 80), Time(0))), [2, 2, 3]);
    let body = v10::StatsRequestBody::Queue(v10::QueueStatsRequest { port_no: v10::PortNo::ALL, queue_id: v10::OFPQ_ALL });
    let outputs = say_10(&mut switch, &v10::Message::StatsRequest(v10::StatsRequest { flags: v10::StatsFlags::NONE, body }));
    let v10::Message::StatsReply(reply) = v10::Message::decode(&answer(&outputs)).unwrap().1 else { panic!("reply") };
    let v10::StatsReplyBody::Queue(queues) = reply.body else { panic!("{:?}", reply.body) };
    let told: Vec<_> = queues.iter().map(|queue| (queue.port_no.0, queue.queue_id, queue.tx_packets)).collect();
    assert_eq!(told, [(2, 1, 1), (2, 2, 0), (3, 2, 0)]);
}
