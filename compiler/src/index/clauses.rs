//! Rules as clauses: what each alternative of a condition asks, and by which label of either end it is found. Knows nothing of lists.

use std::sync::Arc;

use lang::checked::{Cond, HeaderTest, RuleId, TimeTest};
use lang::flow::Side;

use crate::label::{LabelId, Labels};
use crate::normal::{Alternative, LiteralAtom, TooMany, alternatives};
use crate::service::{ServiceSet, Tests, is_classed};

/// One alternative of one rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause<'a> {
    pub(crate) rule: RuleId,
    pub(crate) service: ServiceSet,
    pub(crate) body: &'a Body,
}

/// The same as it is kept, whatever the rule's number is.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) service: ServiceSet,
    pub(crate) src: Option<LabelId>,
    pub(crate) dst: Option<LabelId>,
    pub(crate) body: Body,
}

/// What must hold besides the service.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// All of these.
    Conjunction(Conjunction),
    /// The rule's own condition, which has too many alternatives to be indexed.
    Whole(Cond),
}

/// What must hold, by what is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conjunction {
    pub(crate) src: Box<[(LabelId, bool)]>,
    pub(crate) dst: Box<[(LabelId, bool)]>,
    /// Header tests that the service decides: kept for explanations.
    pub(crate) service: Arc<Tests>,
    /// The other header tests.
    pub(crate) headers: Box<[(HeaderTest, bool)]>,
    pub(crate) times: Box<[(TimeTest, bool)]>,
}

/// What numbers service sets: the number, and the tests as they are kept there.
pub(crate) trait Intern {
    /// The set of packets that pass all tests; nothing if there is no room for it.
    fn intern(&mut self, tests: Tests) -> Option<(ServiceSet, Arc<Tests>)>;
}

/// A rule cannot be indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has more alternatives than are indexed.
    Alternatives(usize),
    /// There is no room for one of its services.
    Service,
}

/// The clauses of a condition.
pub(crate) fn clauses_of(cond: &Cond, labels: &mut Labels, sets: &mut impl Intern) -> Result<Vec<Stored>, Unfit> {
    let all = alternatives(cond, labels).map_err(|TooMany(alternatives)| Unfit::Alternatives(alternatives))?;
    all.into_iter().map(|alternative| conjunction(alternative, labels, sets).ok_or(Unfit::Service)).collect()
}

/// The one clause of a rule whose condition is tried as it is written.
pub(crate) fn whole(cond: &Cond, labels: &mut Labels, sets: &mut impl Intern) -> Option<Stored> {
    label_all(cond, labels);
    let (service, _) = sets.intern(Vec::new())?;
    Some(Stored { service, body: Body::Whole(cond.clone()), src: None, dst: None })
}

fn conjunction(alternative: Alternative, labels: &Labels, sets: &mut impl Intern) -> Option<Stored> {
    let (mut src, mut dst, mut service, mut headers, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for literal in alternative {
        match literal.atom {
            LiteralAtom::End(Side::Src, label) => src.push((label, literal.wanted)),
            LiteralAtom::End(Side::Dst, label) => dst.push((label, literal.wanted)),
            LiteralAtom::Header(test) if is_classed(&test) => service.push((test, literal.wanted)),
            LiteralAtom::Header(test) => headers.push((test, literal.wanted)),
            LiteralAtom::Time(test) => times.push((test, literal.wanted)),
        }
    }
    let (set, shared) = sets.intern(service.clone())?;
    // Explanations keep the order of the text.
    let service = if *shared == service { shared } else { Arc::new(service) };
    let (src_anchor, dst_anchor) = (anchor(&src, labels), anchor(&dst, labels));
    let body = Conjunction { src: src.into(), dst: dst.into(), service, headers: headers.into(), times: times.into() };
    Some(Stored { service: set, body: Body::Conjunction(body), src: src_anchor, dst: dst_anchor })
}

/// The label that the fewest ends have, of those that must hold.
fn anchor(literals: &[(LabelId, bool)], labels: &Labels) -> Option<LabelId> {
    let wanted = literals.iter().filter(|(_, wanted)| *wanted).map(|(label, _)| *label);
    wanted.min_by_key(|label| (labels.weight(*label), *label))
}

fn label_all(cond: &Cond, labels: &mut Labels) {
    match cond {
        Cond::End(_, test) => {
            labels.test(*test);
        }
        Cond::Header(_) | Cond::Time(_) => {}
        Cond::Not(inner) => label_all(inner, labels),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| label_all(part, labels)),
    }
}

impl Stored {
    /// True if nothing is asked but the two anchors and the service.
    pub(crate) fn is_told_by_anchors(&self) -> bool {
        match &self.body {
            Body::Conjunction(all) => {
                let anchored =
                    |side: &[(LabelId, bool)], anchor| side.iter().all(|(label, wanted)| *wanted && Some(*label) == anchor);
                anchored(&all.src, self.src) && anchored(&all.dst, self.dst) && all.headers.is_empty() && all.times.is_empty()
            }
            Body::Whole(_) => false,
        }
    }

    /// How many bytes it takes, with what it alone points to.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Stored>()
            + match &self.body {
                Body::Conjunction(all) => {
                    size_of_val(&*all.src) + size_of_val(&*all.dst) + size_of_val(&*all.headers) + size_of_val(&*all.times)
                }
                Body::Whole(_) => 0,
            }
    }
}
