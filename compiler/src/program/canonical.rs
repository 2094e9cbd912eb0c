//! What a program says, without the numbers that tell how it came to be: programs that say the same are written alike.

use std::collections::{BTreeMap, BTreeSet};

use super::Program;
use crate::index::{Body, Clause, Conjunction};
use crate::label::{LabelId, Labels, Meaning, Record};
use crate::service::Tests;

/// A program in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Canonical {
    clauses: Vec<String>,
    stations: BTreeMap<String, Vec<Vec<BTreeSet<String>>>>,
    reads: String,
}

impl Program {
    /// The program in words. Of labels of which nothing depends on, only those that are told are spoken of.
    pub(crate) fn canonical(&self, told: &BTreeSet<String>) -> Canonical {
        let labels = &self.index.labels;
        let record = |record: &Record| {
            record.labels().iter().map(|label| words(labels, *label)).filter(|text| told.contains(text)).collect()
        };
        let stations = self.stations.iter().map(|(_, known)| {
            let ends = known.ends().map(|(address, records)| {
                let told = std::iter::once(BTreeSet::from([format!("{address:?}")]));
                told.chain(records.iter().map(record)).collect()
            });
            (known.mac.to_string(), ends.collect())
        });
        Canonical {
            clauses: self.index.in_order().map(|clause| self.clause_in_words(&clause)).collect(),
            stations: stations.collect(),
            reads: self.index.reads_in_words(),
        }
    }

    /// All labels in words.
    pub(crate) fn labels_in_words(&self) -> BTreeSet<String> {
        let labels = &self.index.labels;
        (0..u32::try_from(labels.len()).unwrap()).map(|label| words(labels, LabelId(label))).collect()
    }

    fn clause_in_words(&self, clause: &Clause<'_>) -> String {
        let service = sorted(self.index.services.tests(clause.service).unwrap());
        let body = match clause.body {
            Body::Whole(cond) => format!("{cond:?}"),
            Body::Conjunction(Conjunction { src, dst, service, headers, times }) => {
                let side = |side: &[(LabelId, bool)]| {
                    side.iter().map(|(label, wanted)| (words(&self.index.labels, *label), *wanted)).collect::<Vec<_>>()
                };
                format!("{:?} {:?} {:?} {headers:?} {times:?}", side(src), side(dst), sorted(service))
            }
        };
        format!("{:?} {service:?} {body}", clause.rule)
    }
}

fn words(labels: &Labels, label: LabelId) -> String {
    match labels.meaning(label) {
        Some(Meaning::Test(test)) => format!("{test:?}"),
        Some(Meaning::AnyOf(tests)) => format!("one of {tests:?}"),
        None => "nothing".to_owned(),
    }
}

fn sorted(tests: &Tests) -> BTreeSet<String> {
    tests.iter().map(|test| format!("{test:?}")).collect()
}
