//! Rules: their clauses, what verdict and clauses may say together, and the two halves of `outbound-only` and `pin`.
//! Knows nothing of how conditions are made.

use std::collections::HashMap;
use std::sync::Arc;

use net::{Time, VlanId};

use crate::ast::{Clause, ClauseKind, Cond as TreeCond, Expr, Ident, LocationRef, RuleStmt, ServiceRef, VerdictWord};
use crate::calendar::Until;
use crate::checked::{Avoid, Cond, Duties, Effect, Kind, MiddleboxId, Part, Rate, Rule, RuleId, SectionId, TimeTest, Verdict};
use crate::codes::names::{E0203, E0213, E0214, E0215, E0216, E0221};
use crate::diag::Diagnostic;
use crate::flow::Side;
use crate::resolve::Symbol;
use crate::source::Span;
use crate::types;

use super::Checker;
use super::conditions::Wanted;
use super::limits::Counted;

/// The clauses of a rule, each at most once.
#[derive(Default)]
struct Clauses<'a> {
    from: Option<(&'a Expr, Span)>,
    to: Option<(&'a Expr, Span)>,
    services: Option<(&'a [ServiceRef], Span)>,
    at: Option<(&'a Expr, Span)>,
    via: Option<(&'a [Ident], Span)>,
    one_way: Option<((), Span)>,
    avoid: Option<(&'a [LocationRef], Span)>,
    pin: Option<(&'a Expr, Span)>,
    vlan: Option<(VlanId, Span)>,
    limit: Option<(Rate, Span)>,
    mirror: Option<(&'a [Ident], Span)>,
    queue: Option<(u32, Span)>,
    when: Option<(&'a TreeCond, Span)>,
    log: Option<((), Span)>,
    audit: Option<((), Span)>,
    until: Option<(Until, Span)>,
    owner: Option<(&'a Arc<str>, Span)>,
    ticket: Option<(&'a Arc<str>, Span)>,
    damaged: bool,
}

/// What each clause asks of a flow, with its place.
type Conditions = Vec<(Span, Cond)>;

/// What both halves of a statement have in common.
struct Common {
    via: Option<Vec<MiddleboxId>>,
    duties: Duties,
    until: Option<Time>,
    section: Option<SectionId>,
}

impl Checker {
    /// Checks a rule and adds it, or both halves of it.
    pub(super) fn rule(&mut self, stmt: &RuleStmt, section: Option<SectionId>) {
        let clauses = self.clauses(stmt);
        self.damaged |= clauses.damaged;
        self.fitting(stmt, &clauses, section);
        let via = clauses.via.map_or_else(|| Some(Vec::new()), |(names, _)| self.boxes(names));
        let until = clauses.until.map(|(until, _)| self.policy.calendar.end_of(until));
        let duties = self.duties(&clauses);
        let common = Common { via: via.filter(|_| duties.is_some()), duties: duties.unwrap_or_default(), until, section };
        let verdict = match stmt.verdict.value {
            VerdictWord::Allow => Verdict::Allow,
            VerdictWord::Deny => Verdict::Deny,
            VerdictWord::Reject => Verdict::Reject,
            VerdictWord::Redirect => Verdict::Redirect,
            VerdictWord::Pass => {
                let cond = self.conjunction(&clauses, Side::Src);
                // Where the section ends is known when it is closed.
                return self.add_rule(stmt, &common, cond, Effect::Pass(RuleId(0)), Part::Whole);
            }
            VerdictWord::OutboundOnly => return self.outbound_only(stmt, &clauses, &common),
        };
        let cond = self.conjunction(&clauses, Side::Src);
        let Some((pin, _)) = clauses.pin else {
            return self.add_rule(stmt, &common, cond, clauses.effect(verdict), Part::Whole);
        };
        self.pinned(stmt, &clauses, &common, cond, pin);
    }

    /// Allow from there; then deny the same from anywhere else.
    fn pinned(&mut self, stmt: &RuleStmt, clauses: &Clauses<'_>, common: &Common, cond: Option<Cond>, pin: &Expr) {
        let there = self.end_cond(pin, Side::Src, Wanted::PLACE);
        let half = |there: Option<Cond>| Some(types::all(vec![cond.clone()?, there?]));
        let allow = half(there.clone());
        let deny = half(there.map(|there| Cond::Not(Box::new(there))));
        self.add_rule(stmt, common, allow, clauses.effect(Verdict::Allow), Part::PinAllow);
        self.add_rule(stmt, common, deny, clauses.effect(Verdict::Deny), Part::PinDeny);
    }

    /// Reports clauses that do not go with the verdict, or not with each other.
    fn fitting(&mut self, stmt: &RuleStmt, clauses: &Clauses<'_>, section: Option<SectionId>) {
        let word = stmt.verdict.value;
        let allows = matches!(word, VerdictWord::Allow | VerdictWord::OutboundOnly);
        if !allows {
            let message = match word {
                VerdictWord::Deny | VerdictWord::Reject => "nothing happens to a flow that is denied",
                VerdictWord::Redirect => "what is redirected goes to the portal only",
                _ => "`pass` decides nothing",
            };
            for (clause, span) in clauses.obligations() {
                let found = Diagnostic::new(E0215, span, format!("{message}, so it has no `{clause}`"));
                self.report(found.help(format!("remove `{clause}`, or write `allow`")));
            }
        }
        if let (None, Some((_, span))) = (clauses.via, clauses.one_way) {
            let found = Diagnostic::new(E0215, span, "`one-way` says which packets pass the middleboxes, and there are none");
            self.report(found.help("add `via`, or remove `one-way`"));
        }
        if let (VerdictWord::OutboundOnly, Some((_, span))) = (word, clauses.pin) {
            let found = Diagnostic::new(E0215, span, "`pin` cannot stand on an `outbound-only`");
            self.report(found.help("`at` says where it holds"));
        }
        if word != VerdictWord::Pass {
            return;
        }
        if section.is_none() {
            let found = Diagnostic::new(E0221, stmt.verdict.span, "`pass` leaves a section, and this stands in none");
            self.report(found.help("put the rule into a `section`, or say what it is to decide"));
        }
        if let Some((_, span)) = clauses.audit {
            self.report(Diagnostic::new(E0215, span, "`pass` decides nothing, so there is nothing to audit"));
        }
    }

    /// What an allowed conversation is bound to; nothing if a part of it is damaged, which is reported.
    fn duties(&mut self, clauses: &Clauses<'_>) -> Option<Duties> {
        let mut avoid = Vec::new();
        let mut sound = true;
        for place in clauses.avoid.map_or(&[][..], |(places, _)| places) {
            match self.avoided(place) {
                Some(one) => avoid.push(one),
                None => sound = false,
            }
        }
        avoid.sort_unstable();
        avoid.dedup();
        let mut mirror = match clauses.mirror {
            None => Vec::new(),
            Some((names, _)) => self.boxes(names)?,
        };
        mirror.sort_unstable();
        sound.then(|| Duties {
            one_way: clauses.one_way.is_some(),
            avoid,
            vlan: clauses.vlan.map(|(vlan, _)| vlan),
            limit: clauses.limit.map(|(limit, _)| limit),
            mirror,
            queue: clauses.queue.map(|(queue, _)| queue),
        })
    }

    fn avoided(&mut self, place: &LocationRef) -> Option<Avoid> {
        let name = match place {
            LocationRef::Port { switch, port, span } => return self.path_port(switch, port.value, *span).map(Avoid::Port),
            LocationRef::Name(name) => name,
        };
        match self.lookup(name, Some(Kind::Switch))? {
            Symbol::Switch(id) => self.policy.switches.get(id.index()).map(|switch| Avoid::Switch(switch.dpid)),
            Symbol::Location(place) => self.policy.locations.get(place).map(|location| Avoid::Port(location.at)),
            Symbol::Host(id) => Some(Avoid::Host(id)),
            Symbol::Damaged | Symbol::Unresolved(_) => {
                self.damaged = true;
                None
            }
            other => {
                let message = format!("`{}` is {}: a path avoids switches, ports and hosts", name.text, other.what(&self.policy));
                self.report(Diagnostic::new(E0203, name.span, message).help("name each of them: `avoid edge1, edge2`"));
                None
            }
        }
    }

    /// Deny what the other side initiates towards `from`, wherever that is; then allow as the text says. The deny half goes first,
    /// so that two outbound-only ends cannot reach each other.
    fn outbound_only(&mut self, stmt: &RuleStmt, clauses: &Clauses<'_>, common: &Common) {
        if let Some((_, span)) = clauses.when {
            let message = "`when` cannot stand on an `outbound-only`: the deny half would need its mirror";
            self.report(Diagnostic::new(E0215, span, message).help("write the `deny` and the `allow` that you mean"));
        }
        if clauses.from.is_none() && !clauses.damaged {
            let message = "`outbound-only` needs `from`: whom others may not reach";
            self.report(Diagnostic::new(E0213, stmt.verdict.span, message));
        }
        // Mistakes in the clauses are found once, in the allow half.
        let allow = self.conjunction(clauses, Side::Src);
        let found = self.found.total();
        let mirrored = clauses.ends();
        let deny = self.conjunction(&mirrored, Side::Dst);
        self.found.take_back(found);
        self.add_rule(stmt, common, deny, clauses.effect(Verdict::Deny), Part::OutboundDeny);
        self.add_rule(stmt, common, allow, clauses.effect(Verdict::Allow), Part::OutboundAllow);
    }

    /// The flows that the clauses of an assertion are about, and which way they go.
    pub(super) fn pattern(&mut self, list: &[Clause]) -> (Option<Conditions>, Option<Vec<MiddleboxId>>) {
        let clauses = self.read_clauses(list, "assertion");
        self.damaged |= clauses.damaged;
        let via = clauses.via.map_or_else(|| Some(Vec::new()), |(names, _)| self.boxes(names));
        (self.conditions(&clauses, Side::Src).filter(|_| !clauses.damaged), via)
    }

    /// All clauses together, with `from` and `at` about this side and `to` about the other.
    fn conjunction(&mut self, clauses: &Clauses<'_>, initiator: Side) -> Option<Cond> {
        let parts = self.conditions(clauses, initiator)?;
        Some(types::all(parts.into_iter().map(|(_, cond)| cond).collect()))
    }

    /// What each clause asks of a flow; nothing if one of them is damaged.
    fn conditions(&mut self, clauses: &Clauses<'_>, initiator: Side) -> Option<Conditions> {
        let from = clauses.from.map(|(expr, span)| (span, self.end_cond(expr, initiator, Wanted::END)));
        let to = clauses.to.map(|(expr, span)| (span, self.end_cond(expr, initiator.other(), Wanted::END)));
        let services = clauses.services.map(|(list, span)| {
            let terms = self.services(list);
            (span, terms.and_then(|terms| self.service_cond(terms, span)))
        });
        let at = clauses.at.map(|(expr, span)| (span, self.end_cond(expr, initiator, Wanted::PLACE)));
        let when = clauses.when.map(|(cond, span)| (span, self.when(cond)));
        [from, to, services, at, when].into_iter().flatten().map(|(span, cond)| Some((span, cond?))).collect()
    }

    /// Rules are numbered in the order in which they are tried. A damaged one gets no row: then there is no policy to number.
    fn add_rule(&mut self, stmt: &RuleStmt, common: &Common, cond: Option<Cond>, effect: Effect, part: Part) {
        let (Some(cond), Some(via)) = (cond, &common.via) else {
            self.damaged = true;
            return;
        };
        if !self.room_for(Counted::Rules, self.policy.rules.len() + 1, stmt.span) {
            return;
        }
        let allows = matches!(effect, Effect::Decide(Verdict::Allow) | Effect::Audit(Verdict::Allow));
        let before = common.until.map(|until| Cond::Time(TimeTest::Before(until)));
        let text =
            |wanted: fn(&ClauseKind) -> Option<&Arc<str>>| stmt.clauses.iter().find_map(|clause| wanted(&clause.kind)).cloned();
        let section_owner = common.section.and_then(|id| self.policy.sections.get(id.index())).and_then(|one| one.owner.clone());
        self.policy.rules.push(Rule {
            id: RuleId(u32::try_from(self.policy.rules.len()).unwrap_or(u32::MAX)),
            name: stmt.label.as_ref().map(|label| Arc::clone(&label.text)),
            cond: match before {
                Some(before) => types::all(vec![cond, before]),
                None => cond,
            },
            effect,
            via: if allows { via.clone() } else { Vec::new() },
            duties: if allows { common.duties.clone() } else { Duties::default() },
            log: stmt.clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::Log)),
            until: common.until,
            owner: text(|kind| if let ClauseKind::Owner(text) = kind { Some(&text.value) } else { None }).or(section_owner),
            ticket: text(|kind| if let ClauseKind::Ticket(text) = kind { Some(&text.value) } else { None }),
            section: common.section,
            part,
            span: stmt.span,
        });
    }

    fn clauses<'a>(&mut self, stmt: &'a RuleStmt) -> Clauses<'a> {
        self.read_clauses(&stmt.clauses, "rule")
    }

    fn read_clauses<'a>(&mut self, list: &'a [Clause], what: &str) -> Clauses<'a> {
        let mut clauses = Clauses::default();
        for clause in list {
            let span = clause.span;
            match &clause.kind {
                ClauseKind::From(expr) => self.single(&mut clauses.from, expr, span, "from", what),
                ClauseKind::To(expr) => self.single(&mut clauses.to, expr, span, "to", what),
                ClauseKind::For(services) => self.single(&mut clauses.services, services.as_slice(), span, "for", what),
                ClauseKind::At(expr) => self.single(&mut clauses.at, expr, span, "at", what),
                ClauseKind::Via(names) => self.single(&mut clauses.via, names.as_slice(), span, "via", what),
                ClauseKind::When(cond) => self.single(&mut clauses.when, cond, span, "when", what),
                ClauseKind::OneWay => self.single(&mut clauses.one_way, (), span, "one-way", what),
                ClauseKind::Avoid(places) => self.single(&mut clauses.avoid, places.as_slice(), span, "avoid", what),
                ClauseKind::Pin(expr) => self.single(&mut clauses.pin, expr, span, "pin", what),
                ClauseKind::Vlan(vlan) => self.single(&mut clauses.vlan, vlan.value, span, "vlan", what),
                ClauseKind::Limit(rate) => self.single(&mut clauses.limit, rate.value, span, "limit", what),
                ClauseKind::Mirror(names) => self.single(&mut clauses.mirror, names.as_slice(), span, "mirror", what),
                ClauseKind::Queue(queue) => self.single(&mut clauses.queue, queue.value, span, "queue", what),
                ClauseKind::Log => self.single(&mut clauses.log, (), span, "log", what),
                ClauseKind::Audit => self.single(&mut clauses.audit, (), span, "audit", what),
                ClauseKind::Until(until) => self.single(&mut clauses.until, until.value, span, "until", what),
                ClauseKind::Owner(owner) => self.single(&mut clauses.owner, &owner.value, span, "owner", what),
                ClauseKind::Ticket(ticket) => self.single(&mut clauses.ticket, &ticket.value, span, "ticket", what),
                ClauseKind::Error => clauses.damaged = true,
            }
        }
        clauses
    }

    fn single<T>(&mut self, slot: &mut Option<(T, Span)>, value: T, span: Span, word: &str, what: &str) {
        match slot {
            None => *slot = Some((value, span)),
            Some((_, first)) => {
                let first = *first;
                let message = format!(
                    "{} has one `{word}`, and this is the second",
                    if what == "rule" { "a rule" } else { "an assertion" }
                );
                let help = match word {
                    "from" | "to" | "at" | "pin" => "join them in one clause: `|` for either, `&` for both",
                    "for" | "via" | "avoid" | "mirror" => "list them in one clause, with commas",
                    "when" => "join them in one clause with `and`",
                    _ => "remove it",
                };
                self.report(Diagnostic::new(E0214, span, message).related(first, "the first is here").help(help));
            }
        }
    }

    /// The middleboxes that a list names, in order; nothing if one is unknown or named twice.
    pub(super) fn boxes(&mut self, names: &[Ident]) -> Option<Vec<MiddleboxId>> {
        let mut boxes: Option<Vec<MiddleboxId>> = Some(Vec::new());
        let mut named: HashMap<&str, Span> = HashMap::new();
        for name in names {
            if let Some(first) = named.get(&*name.text) {
                let message = format!("middlebox `{}` is named twice", name.text);
                self.report(Diagnostic::new(E0216, name.span, message).related(*first, "first named here"));
                boxes = None;
                continue;
            }
            named.insert(&name.text, name.span);
            let id = match self.lookup(name, None) {
                Some(Symbol::Middlebox(id)) => Some(id),
                None | Some(Symbol::Damaged | Symbol::Unresolved(_)) => None,
                Some(other) => {
                    let message = format!("`{}` is {}, not a middlebox", name.text, other.what(&self.policy));
                    self.report(Diagnostic::new(E0203, name.span, message));
                    None
                }
            };
            boxes = boxes.zip(id).map(|(mut boxes, id)| {
                boxes.push(id);
                boxes
            });
        }
        boxes
    }
}

impl<'a> Clauses<'a> {
    /// What a rule with these clauses does with flows that get the verdict.
    fn effect(&self, verdict: Verdict) -> Effect {
        if self.audit.is_some() { Effect::Audit(verdict) } else { Effect::Decide(verdict) }
    }

    /// The clauses that bind what is allowed, with their words.
    fn obligations(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let all = [
            ("via", self.via.map(|(_, span)| span)),
            ("one-way", self.one_way.map(|(_, span)| span)),
            ("avoid", self.avoid.map(|(_, span)| span)),
            ("pin", self.pin.map(|(_, span)| span)),
            ("vlan", self.vlan.map(|(_, span)| span)),
            ("limit", self.limit.map(|(_, span)| span)),
            ("mirror", self.mirror.map(|(_, span)| span)),
            ("queue", self.queue.map(|(_, span)| span)),
        ];
        all.into_iter().filter_map(|(word, span)| Some((word, span?)))
    }

    /// The clauses that say who the ends are: neither where one is attached nor what the traffic is.
    fn ends(&self) -> Clauses<'a> {
        Clauses { from: self.from, to: self.to, ..Clauses::default() }
    }
}
