//! Whether an index hangs together: every clause in the lists that it belongs to and in no other, all lists in order.

use std::collections::BTreeMap;

use super::lists::{ClauseId, Lists};
use super::{Index, Order};
use crate::label::LabelId;

impl Index {
    /// What rules look at, in words.
    pub(crate) fn reads_in_words(&self) -> String {
        format!("{:?} {}", self.reads, self.clauses)
    }

    /// Panics if something is where it does not belong.
    pub(crate) fn check(&self) {
        let mut hanging: BTreeMap<ClauseId, Vec<(&str, Option<usize>)>> = BTreeMap::new();
        let mut note = |name: &'static str, lists: &Lists| {
            for (place, list) in lists.iter() {
                assert!(list.windows(2).all(|two| two[0].order < two[1].order), "{name} {place}");
                for entry in list {
                    hanging.entry(entry.clause).or_default().push((name, Some(place)));
                    self.check_entry(entry);
                }
            }
        };
        note("src", &self.forest.by_src);
        note("dst", &self.forest.by_dst);
        note("class", &self.forest.by_class);
        for entry in &self.forest.anywhere {
            hanging.entry(entry.clause).or_default().push(("any", None));
            self.check_entry(entry);
        }
        let mut clauses = 0;
        for (id, clause) in self.numbered() {
            clauses += 1;
            let stored = self.stored(id).unwrap();
            let classes = self.services.classes_of(clause.service).map(|class| ("class", Some(class.index())));
            let wanted = match (stored.src, stored.dst) {
                (Some(src), _) => vec![("src", Some(src.index()))],
                (None, Some(dst)) => vec![("dst", Some(dst.index()))],
                (None, None) => match hanging.get(&id).map(Vec::as_slice) {
                    Some([("any", None)]) => vec![("any", None)],
                    Some(_) | None => classes.collect(),
                },
            };
            assert_eq!(hanging.remove(&id).unwrap_or_default(), wanted, "{id:?}");
            self.check_anchors(id);
        }
        assert_eq!((hanging.len(), clauses), (0, self.clauses));
        let orders: Vec<Order> = self.line.iter().map(|slot| self.line.order(slot, 0)).collect();
        assert!(orders.windows(2).all(|two| two[0] < two[1]));
    }

    fn check_entry(&self, entry: &super::Entry) {
        let stored = self.stored(entry.clause).unwrap();
        assert_eq!(entry.order, self.line.order(entry.clause.rule, entry.clause.part));
        assert_eq!(entry.service, stored.service);
        assert_eq!(entry.told, stored.is_told_by_anchors());
        assert_eq!(entry.other(), stored.src.and(stored.dst));
    }

    /// A side has an anchor if something must hold there, and that is one such thing.
    fn check_anchors(&self, id: ClauseId) {
        let stored = self.stored(id).unwrap();
        let super::Body::Conjunction(all) = &stored.body else { return assert_eq!((stored.src, stored.dst), (None, None)) };
        let fits = |side: &[(LabelId, bool)], anchor: Option<LabelId>| match anchor {
            Some(anchor) => side.contains(&(anchor, true)),
            None => side.iter().all(|(_, wanted)| !wanted),
        };
        assert!(fits(&all.src, stored.src) && fits(&all.dst, stored.dst));
    }
}
