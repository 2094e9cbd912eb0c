//! The hashed table against the plain one: a list that is searched from the front.

use openflow::v10::Match;

use super::*;
use crate::switch::key::{DL_TYPE, IN_PORT, TP_DST, TP_SRC};

/// A linear congruential generator: the same cases in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn entry(region: Region, priority: u16, cookie: u64) -> Entry {
    Entry {
        region,
        priority,
        cookie,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: 0,
        send_removed: false,
        instructions: Arc::default(),
        spelling: Arc::new(Spelling::V10 { matching: Match::ANY, actions: Vec::new() }),
        installed: Time(0),
        used: Time(0),
        packets: 0,
        bytes: 0,
    }
}

fn region(dice: &mut Dice) -> Region {
    let mut region = Region::default();
    for slot in [IN_PORT, DL_TYPE, TP_SRC, TP_DST] {
        match dice.roll(3) {
            0 => region.fix_all(slot, dice.roll(3)),
            1 => region.fix(slot, dice.roll(3), dice.roll(3)),
            _ => {}
        }
    }
    region
}

fn key(dice: &mut Dice) -> Key {
    let mut key = Key::default();
    for slot in [IN_PORT, DL_TYPE, TP_SRC, TP_DST] {
        key.set(slot, dice.roll(3));
    }
    key
}

#[test]
fn look_up_finds_what_a_search_from_the_front_finds() {
    let mut dice = Dice(7);
    let mut table = Table::new(300);
    let mut plain: Vec<(Region, u16)> = Vec::new();
    let mut hits = 0;
    for round in 0..20_000 {
        match dice.roll(4) {
            0 => {
                let (region, priority) = (region(&mut dice), dice.roll(20) as u16);
                if table.find(&region, priority).is_none() && table.insert(entry(region, priority, round)).is_some() {
                    plain.push((region, priority));
                }
            }
            1 if !plain.is_empty() => {
                let (region, priority) = plain.swap_remove(dice.roll(plain.len() as u64) as usize);
                let id = table.find(&region, priority).unwrap();
                let gone = table.remove(id).unwrap();
                assert_eq!((gone.region, gone.priority), (region, priority));
                assert!(table.get(id).is_none());
            }
            _ => {
                let key = key(&mut dice);
                let found = table.look_up(&key).and_then(|id| table.get(id));
                let found = found.map(|entry| (entry.priority, key & entry.region.mask == entry.region.value));
                let best =
                    plain.iter().filter(|(region, _)| key & region.mask == region.value).map(|(_, priority)| *priority).max();
                assert_eq!(found, best.map(|priority| (priority, true)));
                hits += u32::from(best.is_some());
            }
        }
        assert_eq!(table.len(), plain.len());
    }
    assert!(hits > 1000, "{hits}");
}

#[test]
fn a_hundred_thousand_exact_entries_lie_under_one_mask() {
    let mut table = Table::new(100_000);
    for number in 0..100_001_u64 {
        let mut region = Region::default();
        region.fix_all(TP_SRC, number & 0xffff);
        region.fix_all(IN_PORT, number >> 16);
        let added = table.insert(entry(region, 5, number));
        assert_eq!(added.is_some(), number < 100_000);
    }
    assert_eq!(table.subtables.len(), 1);
    let mut key = Key::default();
    key.set(TP_SRC, 77_777 & 0xffff);
    key.set(IN_PORT, 77_777 >> 16);
    let found = table.look_up(&key).and_then(|id| table.get(id));
    assert_eq!(found.map(|entry| entry.cookie), Some(77_777));
}

#[test]
fn entries_expire_when_they_are_due_and_not_before() {
    let mut table = Table::new(10);
    let second = Duration::from_secs(1);
    let timed = |port: u16, idle_timeout, hard_timeout| {
        let mut region = Region::default();
        region.fix_all(TP_DST, port);
        Entry { idle_timeout, hard_timeout, ..entry(region, 5, u64::from(port)) }
    };
    let idle = table.insert(timed(1, 2, 0)).unwrap();
    table.insert(timed(2, 0, 3)).unwrap();
    table.insert(timed(3, 5, 5)).unwrap();
    table.insert(timed(4, 0, 0)).unwrap();
    let gone = |table: &mut Table, at: u32| -> Vec<(u64, Expiry)> {
        table.expire(Time(0).after(second * at)).iter().map(|(entry, expiry)| (entry.cookie, *expiry)).collect()
    };
    assert_eq!(gone(&mut table, 1), []);
    table.get_mut(idle).unwrap().used = Time(0).after(second);
    assert_eq!(gone(&mut table, 2), []);
    assert_eq!(gone(&mut table, 3), [(1, Expiry::Idle), (2, Expiry::Hard)]);
    assert_eq!(gone(&mut table, 5), [(3, Expiry::Hard)]);
    assert_eq!((table.len(), table.deadline()), (1, None));
}
