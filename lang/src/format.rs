//! Prints a file in the one canonical form: every comment kept, blank lines between statements kept as one, literals as they are
//! spelled. Knows the tree and the text, not what names stand for.

use crate::ast::{
    Atom, ByRef, CaseStmt, Clause, ClauseKind, CompareOp, Cond, EndTerm, Expr, File, FlowSpec, GroupDecl, HeaderTerm, HostMember,
    Ident, Item, LocationRef, MiddleboxMember, PortList, Relation, RuleStmt, SectionHead, ServiceRef, SetOp, SettingStmt,
    Spanned, SwitchMember, Term, TestBlock, VerdictWord, WindowRef,
};
use crate::checked::{Claim, DynamicSource, MultiUser};
use crate::diag::{self, Diagnostic};
use crate::keyword;
use crate::parse::parse;
use crate::source::{SourceId, SourceMap, Span};
use crate::types;

use layout::{Layout, Line};

mod layout;

/// How long a line may be before lists in it are broken.
const WIDTH: usize = 120;

/// Prints the text with this number in canonical form.
///
/// # Errors
/// The findings of the parser, if the text has errors: such a text is not printed.
pub fn format(sources: &SourceMap, id: SourceId) -> Result<String, Vec<Diagnostic>> {
    let (file, diagnostics) = parse(sources, id);
    if diag::any_error(&diagnostics) {
        return Err(diagnostics);
    }
    let text = sources.get(id).map_or("", |source| &source.text);
    Ok(print(text, &file))
}

/// Prints a tree that was read from the text without errors.
#[must_use]
pub fn print(text: &str, file: &File) -> String {
    let printer = Printer { text };
    let mut depth = 0_usize;
    let mut lines: Vec<Line> = Vec::new();
    for item in &file.items {
        if matches!(item, Item::SectionEnd(_)) {
            depth = depth.saturating_sub(1);
        }
        lines.extend(printer.item(item).into_iter().map(|line| line.indented(depth)));
        if matches!(item, Item::Section(_)) {
            depth += 1;
        }
    }
    Layout::new(text, &file.comments).write(&lines)
}

struct Printer<'t> {
    text: &'t str,
}

impl Printer<'_> {
    /// The lines of a statement: one, unless it is a block that stood on several.
    fn item(&self, item: &Item) -> Vec<Line> {
        let span = item.span();
        let members: Option<(String, Vec<(Span, String)>)> = match item {
            Item::Switch(decl) => Some((format!("switch {}", decl.name.text), self.switch_lines(&decl.members))),
            Item::Host(decl) => Some((format!("host {}", decl.name.text), self.host_lines(&decl.members))),
            Item::Gateway(decl) => Some((format!("gateway {}", decl.name.text), self.host_lines(&decl.members))),
            Item::Middlebox(decl) => Some((format!("middlebox {}", decl.name.text), self.middlebox_lines(&decl.members))),
            Item::Test(test) => return self.test(test),
            Item::Include(_)
            | Item::Location(_)
            | Item::User(_)
            | Item::Group(_)
            | Item::Network(_)
            | Item::Service(_)
            | Item::Rule(_)
            | Item::Section(_)
            | Item::Time(_)
            | Item::Invariant(_)
            | Item::Assert(_)
            | Item::Default(_)
            | Item::Setting(_)
            | Item::Error(_) => None,
            Item::SectionEnd(_) => return vec![Line::closing(span, 0, "}")],
        };
        match members {
            Some((head, members)) => self.block(&head, span, &members),
            None => self.simple(item, span),
        }
    }

    fn simple(&self, item: &Item, span: Span) -> Vec<Line> {
        let text = match item {
            Item::Include(include) => format!("include {};", self.slice(include.path.span)),
            Item::Location(decl) => format!("location {} = {};", decl.name.text, place(&decl.at)),
            Item::User(decl) => format!("user {};", decl.name.text),
            Item::Group(decl) => return vec![Line::new(span, 0, self.group(decl))],
            Item::Network(decl) => {
                let prefixes: Vec<&str> = decl.prefixes.iter().map(|prefix| self.slice(prefix.span)).collect();
                fit(format!("network {} = ", decl.name.text), &prefixes, ";")
            }
            Item::Service(decl) => fit(format!("service {} = ", decl.name.text), &self.services(&decl.terms), ";"),
            Item::Rule(rule) => self.rule(rule),
            Item::Default(default) => format!("default {};", verdict(default.verdict)),
            Item::Setting(setting) => setting_text(setting),
            Item::Section(head) => self.section(head),
            Item::Time(decl) => {
                let windows: Vec<String> = decl.windows.iter().map(window).collect();
                fit(format!("time {} = ", decl.name.text), &windows, ";")
            }
            Item::Invariant(stmt) => {
                let sets: Vec<String> = stmt.sets.iter().map(|set| self.expr(set, Level::Chain)).collect();
                format!("invariant {}({});", relation(stmt.relation.value), sets.join(", "))
            }
            Item::Assert(stmt) => {
                let claim = match stmt.claim.value {
                    Claim::Never => "never",
                    Claim::Always => "always",
                };
                self.statement(stmt.label.as_ref(), &format!("assert {claim}"), &stmt.clauses)
            }
            Item::Switch(_)
            | Item::Host(_)
            | Item::Gateway(_)
            | Item::Middlebox(_)
            | Item::Test(_)
            | Item::SectionEnd(_)
            | Item::Error(_) => self.slice(span).to_owned(),
        };
        vec![Line::new(span, 0, text)]
    }

    /// A block stays on one line if it stood on one, fits, and holds no comment; else each member gets its own.
    fn block(&self, head: &str, span: Span, members: &[(Span, String)]) -> Vec<Line> {
        let joined: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        let flat = format!("{head} {{ {} }}", joined.join(" "));
        if !self.slice(span).contains('\n') && flat.len() <= WIDTH {
            return vec![Line::new(span, 0, if members.is_empty() { format!("{head} {{}}") } else { flat })];
        }
        let first = members.first().map_or(span.end, |(member, _)| member.start);
        let mut lines = vec![Line::new(Span { end: self.open_brace(span, first), ..span }, 0, format!("{head} {{"))];
        lines.extend(members.iter().map(|(member, text)| Line::new(*member, 1, text.clone())));
        lines.push(Line::closing(Span { start: span.end.saturating_sub(1), ..span }, 0, "}"));
        lines
    }

    /// The byte behind the `{` of a block whose first member starts at `first`.
    fn open_brace(&self, span: Span, first: u32) -> u32 {
        let head = self.slice(Span { end: first, ..span });
        // A `{` in a comment between head and brace stands behind a `#`; one in a test's name stands in quotes.
        let mut quoted = false;
        let mut comment = false;
        for (at, c) in head.char_indices() {
            match c {
                '\n' => comment = false,
                _ if comment => {}
                '"' => quoted = !quoted,
                '#' if !quoted => comment = true,
                '{' if !quoted => return span.start + u32::try_from(at + 1).unwrap_or(0),
                _ => {}
            }
        }
        first
    }

    fn switch_lines(&self, members: &[SwitchMember]) -> Vec<(Span, String)> {
        let ports = |word: &str, list: &PortList| {
            let ranges: Vec<&str> = list.ranges.iter().map(|range| self.slice(range.span)).collect();
            (list.span, format!("{word} {};", ranges.join(", ")))
        };
        let line = |member: &SwitchMember| match member {
            SwitchMember::Dpid(dpid) => (dpid.span, format!("dpid {};", self.slice(dpid.span))),
            SwitchMember::Access(list) => ports("access", list),
            SwitchMember::Uplink(list) => ports("uplink", list),
            SwitchMember::Certificate(text, span) => (*span, format!("certificate {};", self.slice(text.span))),
            SwitchMember::Error(span) => (*span, self.slice(*span).to_owned()),
        };
        members.iter().map(line).collect()
    }

    fn host_lines(&self, members: &[HostMember]) -> Vec<(Span, String)> {
        let line = |member: &HostMember| match member {
            HostMember::Mac(macs, span) => {
                let macs: Vec<&str> = macs.iter().map(|mac| self.slice(mac.span)).collect();
                (*span, format!("mac {};", macs.join(", ")))
            }
            HostMember::Ip(addresses, span) => {
                let addresses: Vec<&str> = addresses.iter().map(|address| self.slice(address.span)).collect();
                (*span, format!("ip {};", addresses.join(", ")))
            }
            HostMember::At(at, span) => (*span, format!("at {};", place(at))),
            HostMember::Serves(served, span) => {
                let served: Vec<&str> = served.iter().map(|one| one.value.word()).collect();
                (*span, format!("serves {};", if served.is_empty() { "none".to_owned() } else { served.join(", ") }))
            }
            HostMember::Routes(prefixes, span) => {
                let prefixes: Vec<&str> = prefixes.iter().map(|prefix| self.slice(prefix.span)).collect();
                (*span, format!("routes {};", prefixes.join(", ")))
            }
            HostMember::Error(span) => (*span, self.slice(*span).to_owned()),
        };
        members.iter().map(line).collect()
    }

    fn middlebox_lines(&self, members: &[MiddleboxMember]) -> Vec<(Span, String)> {
        let line = |member: &MiddleboxMember| match member {
            MiddleboxMember::In(at, span) => (*span, format!("in {};", place(at))),
            MiddleboxMember::Out(at, span) => (*span, format!("out {};", place(at))),
            MiddleboxMember::At(at, span) => (*span, format!("at {};", place(at))),
            MiddleboxMember::Error(span) => (*span, self.slice(*span).to_owned()),
        };
        members.iter().map(line).collect()
    }

    fn test(&self, test: &TestBlock) -> Vec<Line> {
        let first = test.cases.first().map_or(test.span.end, |case| case.span.start);
        let head = format!("test {} {{", self.slice(test.name.span));
        let mut lines = vec![Line::new(Span { end: self.open_brace(test.span, first), ..test.span }, 0, head)];
        lines.extend(test.cases.iter().map(|case| Line::new(case.span, 1, self.case(case))));
        lines.push(Line::closing(Span { start: test.span.end.saturating_sub(1), ..test.span }, 0, "}"));
        lines
    }

    fn case(&self, case: &CaseStmt) -> String {
        let (Some(flow), Some(wanted)) = (&case.flow, case.verdict) else { return self.slice(case.span).to_owned() };
        let mut text = format!("{} => {}", self.flow(flow), verdict(wanted));
        if let Some(via) = &case.via {
            text += &format!(" via {}", names(via).join(", "));
        }
        match &case.by {
            Some(ByRef::Rule(rule)) => text += &format!(" by {}", rule.text),
            Some(ByRef::Default(_)) => text += " by default",
            None => {}
        }
        text + ";"
    }

    fn flow(&self, flow: &FlowSpec) -> String {
        let end = |terms: &[EndTerm]| {
            let words = terms.iter().map(|term| match term {
                EndTerm::Term(term) => self.term(term),
                EndTerm::Member { of, groups, .. } => {
                    std::iter::once(of).chain(groups).map(|term| self.term(term)).collect::<Vec<_>>().join(" & ")
                }
                EndTerm::At(at, _) => format!("at {}", place(at)),
            });
            words.collect::<Vec<_>>().join(" ")
        };
        let service = flow.service.as_ref().map(|service| format!(" {}", self.service(service))).unwrap_or_default();
        let headers: String = flow.headers.iter().map(|term| format!(" {}", self.header_term(term))).collect();
        let time = flow.time.map(|time| format!(" time {}", self.words(time.span))).unwrap_or_default();
        format!("{} -> {}{service}{headers}{time}", end(&flow.src), end(&flow.dst))
    }

    fn header_term(&self, term: &HeaderTerm) -> String {
        // The value is the word behind the field's.
        let behind = self.text.get(term.field.span.end as usize..).unwrap_or("");
        let value: String = behind.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        format!("{} {value}", self.slice(term.field.span))
    }

    /// A stretch of words on one line.
    fn words(&self, span: Span) -> String {
        self.slice(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn group(&self, decl: &GroupDecl) -> String {
        let head = format!("group {} = ", decl.name.text);
        let flat = format!("{head}{};", self.expr(&decl.members, Level::Or));
        match &decl.members {
            Expr::Braced { kind, members, .. } if flat.len() > WIDTH => {
                let kind = kind.map(|kind| format!("{} ", types::word(kind.value))).unwrap_or_default();
                let members: Vec<String> = members.iter().map(|member| self.expr(member, Level::Or)).collect();
                broken(format!("{head}{kind}{{"), &members, "};")
            }
            _ => flat,
        }
    }

    fn section(&self, head: &SectionHead) -> String {
        let scope = head.scope.as_ref().map(|scope| format!(" scope ({})", self.cond(scope, Level::Or))).unwrap_or_default();
        let owner = head.owner.as_ref().map(|owner| format!(" owner {}", self.slice(owner.span))).unwrap_or_default();
        format!("section {}{scope}{owner} {{", head.name.text)
    }

    fn rule(&self, rule: &RuleStmt) -> String {
        self.statement(rule.label.as_ref(), verdict(rule.verdict), &rule.clauses)
    }

    /// A label, what is said, and clauses: on lines of their own if they do not fit on one.
    fn statement(&self, label: Option<&Ident>, what: &str, clauses: &[Clause]) -> String {
        let label = label.map(|label| format!("{}: ", label.text)).unwrap_or_default();
        let head = format!("{label}{what}");
        let clauses: Vec<String> = clauses.iter().map(|clause| self.clause(clause)).collect();
        let flat: String = std::iter::once(head.clone()).chain(clauses.iter().cloned()).collect::<Vec<_>>().join(" ") + ";";
        if flat.len() <= WIDTH {
            return flat;
        }
        let lines: Vec<String> = std::iter::once(head).chain(clauses.iter().map(|clause| format!("    {clause}"))).collect();
        lines.join("\n") + ";"
    }

    fn clause(&self, clause: &Clause) -> String {
        match &clause.kind {
            ClauseKind::From(expr) => format!("from {}", self.expr(expr, Level::Or)),
            ClauseKind::To(expr) => format!("to {}", self.expr(expr, Level::Or)),
            ClauseKind::At(expr) => format!("at {}", self.expr(expr, Level::Or)),
            ClauseKind::For(services) => format!("for {}", self.services(services).join(", ")),
            ClauseKind::Via(boxes) => format!("via {}", names(boxes).join(", ")),
            ClauseKind::When(cond) => format!("when {}", self.cond(cond, Level::Or)),
            ClauseKind::OneWay => "one-way".to_owned(),
            ClauseKind::Avoid(places) => format!("avoid {}", places.iter().map(place).collect::<Vec<_>>().join(", ")),
            ClauseKind::Pin(expr) => format!("pin {}", self.expr(expr, Level::Or)),
            ClauseKind::Vlan(vlan) => format!("vlan {}", self.slice(vlan.span)),
            ClauseKind::Limit(rate) => format!("limit {}", self.slice(rate.span)),
            ClauseKind::Mirror(boxes) => format!("mirror {}", names(boxes).join(", ")),
            ClauseKind::Queue(queue) => format!("queue {}", self.slice(queue.span)),
            ClauseKind::Log => "log".to_owned(),
            ClauseKind::Audit => "audit".to_owned(),
            ClauseKind::Until(until) => format!("until {}", self.moment(until.span)),
            ClauseKind::Owner(owner) => format!("owner {}", self.slice(owner.span)),
            ClauseKind::Ticket(ticket) => format!("ticket {}", self.slice(ticket.span)),
            ClauseKind::Error => self.slice(clause.span).to_owned(),
        }
    }

    fn expr(&self, expr: &Expr, level: Level) -> String {
        let (own, text) = match expr {
            Expr::Term(term) => return self.term(term),
            Expr::Error(span) => return self.slice(*span).to_owned(),
            Expr::Braced { kind, members, .. } => {
                let kind = kind.map(|kind| format!("{} ", types::word(kind.value))).unwrap_or_default();
                let members: Vec<String> = members.iter().map(|member| self.expr(member, Level::Or)).collect();
                return format!("{kind}{{ {} }}", members.join(", "));
            }
            Expr::Or(parts) => (Level::Or, self.joined(parts, " or ", Level::And)),
            Expr::And(parts) => (Level::And, self.joined(parts, " and ", Level::Chain)),
            Expr::Chain { first, rest } => {
                let mut text = self.expr(first, Level::Intersection);
                for (op, part) in rest {
                    let op = match op.value {
                        SetOp::Union => '|',
                        SetOp::Difference => '-',
                    };
                    text += &format!(" {op} {}", self.expr(part, Level::Intersection));
                }
                (Level::Chain, text)
            }
            Expr::Intersection(parts) => (Level::Intersection, self.joined(parts, " & ", Level::Unary)),
            Expr::Not(inner, _) => (Level::Unary, format!("not {}", self.expr(inner, Level::Primary))),
        };
        if own < level { format!("({text})") } else { text }
    }

    fn joined(&self, parts: &[Expr], joiner: &str, level: Level) -> String {
        parts.iter().map(|part| self.expr(part, level)).collect::<Vec<_>>().join(joiner)
    }

    fn term(&self, term: &Term) -> String {
        let kind = term.kind.map(|kind| format!("{} ", types::word(kind.value))).unwrap_or_default();
        let from = term.kind.map_or(term.span.start, |kind| kind.span.end);
        let atom = match &term.atom {
            Atom::Name(name) => name.text.to_string(),
            Atom::Multicast(prefix) => format!("multicast {}", self.slice(prefix.span)),
            Atom::Port { switch, port } => format!("{}:{}", switch.text, port.value),
            Atom::Dynamic(source) => {
                let stretch = Span { start: from, ..term.span };
                let quoted = self.slice(stretch).find('"').and_then(|at| self.slice(stretch).get(at..)).unwrap_or("").trim_end();
                let word = match source {
                    DynamicSource::Directory(_) => "directory",
                    DynamicSource::RadiusClass(_) => "radius class",
                    DynamicSource::Tagged(_) => "tagged",
                };
                format!("{word} {quoted}")
            }
            Atom::Any | Atom::BuiltIn(_) | Atom::Address(_) | Atom::Mac(_) | Atom::Service(_) | Atom::Number(_) => {
                self.last_word(Span { start: from, ..term.span }).to_owned()
            }
        };
        kind + &atom
    }

    fn cond(&self, cond: &Cond, level: Level) -> String {
        let (own, text) = match cond {
            Cond::Error(span) => return self.slice(*span).to_owned(),
            Cond::Test(test) => {
                let (field, op) = (keyword::field_word(test.field.value), operator(test.op.value));
                return format!("{field} {op} {}", self.expr(&test.value, Level::Chain));
            }
            Cond::Time { op, time, .. } => return format!("time {} {}", operator(op.value), time.text),
            Cond::From(expr, _) => return format!("from {}", self.expr(expr, Level::Chain)),
            Cond::To(expr, _) => return format!("to {}", self.expr(expr, Level::Chain)),
            Cond::At(expr, _) => return format!("at {}", self.expr(expr, Level::Chain)),
            Cond::For(services, _) => return format!("for {}", self.services(services).join(", ")),
            Cond::Or(parts) => (Level::Or, self.conds(parts, " or ", Level::And)),
            Cond::And(parts) => (Level::And, self.conds(parts, " and ", Level::Unary)),
            Cond::Not(inner, _) => (Level::Unary, format!("not {}", self.cond(inner, Level::Primary))),
        };
        if own < level { format!("({text})") } else { text }
    }

    fn conds(&self, parts: &[Cond], joiner: &str, level: Level) -> String {
        parts.iter().map(|part| self.cond(part, level)).collect::<Vec<_>>().join(joiner)
    }

    fn services(&self, services: &[ServiceRef]) -> Vec<String> {
        services.iter().map(|service| self.service(service)).collect()
    }

    fn service(&self, service: &ServiceRef) -> String {
        self.slice(service.span()).to_owned()
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// A date, with its time of day behind a `T` however it is written.
    fn moment(&self, span: Span) -> String {
        let mut words = self.slice(span).split_whitespace();
        let day = words.next().unwrap_or("");
        words.next_back().map_or_else(|| day.to_owned(), |time| format!("{day}T{time}"))
    }

    /// The last word of a stretch: a literal behind its kind word and what stands between them.
    fn last_word(&self, span: Span) -> &str {
        self.slice(span).split_whitespace().next_back().unwrap_or("")
    }
}

/// How tightly an expression binds, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Chain,
    Intersection,
    Unary,
    Primary,
}

fn names(list: &[Ident]) -> Vec<&str> {
    list.iter().map(|name| &*name.text).collect()
}

fn place(at: &LocationRef) -> String {
    match at {
        LocationRef::Port { switch, port, .. } => format!("{}:{}", switch.text, port.value),
        LocationRef::Name(name) => name.text.to_string(),
    }
}

fn verdict(verdict: Spanned<VerdictWord>) -> &'static str {
    match verdict.value {
        VerdictWord::Allow => "allow",
        VerdictWord::Deny => "deny",
        VerdictWord::Reject => "reject",
        VerdictWord::Redirect => "redirect portal",
        VerdictWord::Pass => "pass",
        VerdictWord::OutboundOnly => "outbound-only",
    }
}

fn setting_text(statement: &SettingStmt) -> String {
    use crate::ast::Setting;
    match &statement.setting.value {
        Setting::MultiUser(MultiUser::LeastRestrictive) => "setting multi-user = least-restrictive;".to_owned(),
        Setting::MultiUser(MultiUser::MostRestrictive) => "setting multi-user = most-restrictive;".to_owned(),
        Setting::TimeZone(calendar) => format!("setting time-zone = \"{}\";", calendar.zone()),
    }
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "=",
        CompareOp::NotEqual => "!=",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Disjoint => "disjoint",
        Relation::Subset => "subset",
        Relation::Nonempty => "nonempty",
    }
}

fn window(window: &WindowRef) -> String {
    match window {
        WindowRef::Window(window) => window.value.to_string(),
        WindowRef::Name(name) => name.text.to_string(),
    }
}

/// A list behind its head: on one line if it fits, else broken.
fn fit<T: AsRef<str>>(head: String, list: &[T], tail: &str) -> String {
    let joined = list.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    let flat = format!("{head}{joined}{tail}");
    if flat.len() <= WIDTH { flat } else { broken(head.trim_end().to_owned(), list, tail) }
}

/// A list on lines of its own, as many elements on each as fit.
fn broken<T: AsRef<str>>(head: String, list: &[T], tail: &str) -> String {
    let mut text = head;
    let mut column = WIDTH;
    for (place, element) in list.iter().map(AsRef::as_ref).enumerate() {
        let comma = if place + 1 < list.len() { "," } else { "" };
        if column + element.len() + 2 > WIDTH {
            text += "\n    ";
            column = 4;
        } else {
            text.push(' ');
            column += 1;
        }
        text += element;
        text += comma;
        column += element.len() + comma.len();
    }
    if tail.starts_with('}') {
        text.push('\n');
    }
    text + tail
}
