//! Kinds of traffic as they are joined: shared as long as nothing is added, each once and in order. Knows nothing of names.

use std::collections::HashSet;
use std::sync::Arc;

use crate::checked::ServiceTerm;

/// Kinds of traffic, each once, in order.
#[derive(Clone, Debug)]
pub(crate) struct Terms(Inner);

#[derive(Clone, Debug)]
enum Inner {
    /// Those of one service, as they are.
    Shared(Arc<[ServiceTerm]>),
    /// Those of several.
    Joined { terms: Vec<ServiceTerm>, known: HashSet<ServiceTerm> },
}

impl Terms {
    /// None.
    pub(crate) fn none() -> Self {
        Terms(Inner::Joined { terms: Vec::new(), known: HashSet::new() })
    }

    /// Those of a service, each of which it names once.
    pub(crate) fn of(terms: Arc<[ServiceTerm]>) -> Self {
        Terms(Inner::Shared(terms))
    }

    /// One.
    pub(crate) fn one(term: ServiceTerm) -> Self {
        Terms(Inner::Shared(Arc::from([term])))
    }

    /// Those that there are.
    pub(crate) fn list(&self) -> &[ServiceTerm] {
        match &self.0 {
            Inner::Shared(terms) => terms,
            Inner::Joined { terms, .. } => terms,
        }
    }

    /// Adds others behind them.
    pub(crate) fn join(self, others: Terms) -> Terms {
        if self.list().is_empty() {
            return others;
        }
        let (mut terms, mut known) = match self.0 {
            Inner::Shared(terms) => (terms.to_vec(), terms.iter().cloned().collect()),
            Inner::Joined { terms, known } => (terms, known),
        };
        terms.extend(others.list().iter().filter(|term| known.insert((*term).clone())).cloned());
        Terms(Inner::Joined { terms, known })
    }

    /// All of them, to be kept.
    pub(crate) fn shared(self) -> Arc<[ServiceTerm]> {
        match self.0 {
            Inner::Shared(terms) => terms,
            Inner::Joined { terms, .. } => Arc::from(terms),
        }
    }
}
