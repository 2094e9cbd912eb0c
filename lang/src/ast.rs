//! The tree that the parser makes: what the text says, with a place on everything. Knows nothing of what names stand for.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use net::{Dpid, Fingerprint, MacAddr, PortNo, Prefix, VlanId};

use crate::calendar::{Calendar, Until, Window};
use crate::checked::{Claim, MultiUser, Rate, Served, ServiceTerm};
use crate::source::{SourceId, Span};

mod cases;
mod expr;
mod place;
mod splice;

pub use cases::{ByRef, CaseStmt, EndTerm, FlowSpec, HeaderTerm, TestBlock};
pub use expr::{Atom, CompareOp, Cond, CondField, Expr, FieldTest, SetOp, Term};

/// A whole policy: every file that could be read, the entries and their includes.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The files, in the order in which they were first met.
    pub files: Vec<File>,
    /// The files named by the user, in order; the rest are reached by [`Include::target`].
    pub entries: Vec<SourceId>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its text.
    pub source: SourceId,
    /// Its statements in order.
    pub items: Vec<Item>,
    /// Its comments in order.
    pub comments: Vec<Comment>,
    /// How many words it has, comments and signs counted.
    pub words: usize,
}

impl File {
    /// A file of which nothing was read.
    #[must_use]
    pub fn empty(source: SourceId) -> File {
        File { source, items: Vec::new(), comments: Vec::new(), words: 0 }
    }
}

/// `# …` to the end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The comment, `#` included, line end not.
    pub span: Span,
    /// True if nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A name as the text spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Item {
    /// `include "…";`
    Include(Include),
    /// `switch …`
    Switch(SwitchDecl),
    /// `location …`
    Location(LocationDecl),
    /// `host …`
    Host(HostDecl),
    /// `user …`
    User(UserDecl),
    /// `group …`
    Group(GroupDecl),
    /// `network …`
    Network(NetworkDecl),
    /// `service …`
    Service(ServiceDecl),
    /// `gateway …`
    Gateway(GatewayDecl),
    /// `middlebox …`
    Middlebox(MiddleboxDecl),
    /// `allow …`, `deny …`, `outbound-only …`
    Rule(RuleStmt),
    /// `section NAME scope (…) owner "…" {`; the statements up to the [`Item::SectionEnd`] of the same depth stand in it. In every
    /// file each section is closed.
    Section(SectionHead),
    /// The `}` of a section.
    SectionEnd(Span),
    /// `time …`
    Time(TimeDecl),
    /// `invariant …;`
    Invariant(InvariantStmt),
    /// `assert …;`
    Assert(AssertStmt),
    /// `default …;`
    Default(DefaultStmt),
    /// `setting …;`
    Setting(SettingStmt),
    /// `test "…" { … }`
    Test(TestBlock),
    /// A statement that could not be read. It has been reported. If it declared a name that could be made out, that is kept, so
    /// that uses of it earn no further report.
    Error(ErrorItem),
}

/// A statement that could not be read.
#[derive(Clone, Debug)]
pub struct ErrorItem {
    /// All of it.
    pub span: Span,
    /// The name that it declares or carries, if it can be made out.
    pub name: Option<Ident>,
}

/// `include "PATH";`
#[derive(Clone, Debug)]
pub struct Include {
    /// The path between the quotes.
    pub path: Spanned<Arc<str>>,
    /// The file that it brings in, once loaded.
    pub target: Option<SourceId>,
    /// The statement.
    pub span: Span,
}

/// `switch NAME { dpid 0x1; access 1-24; uplink 25-26; }`
#[derive(Clone, Debug)]
pub struct SwitchDecl {
    /// Its name.
    pub name: Ident,
    /// What the block says, in order; repeated members are for the checker to refuse.
    pub members: Vec<SwitchMember>,
    /// The declaration.
    pub span: Span,
}

/// A line of a `switch` block.
#[derive(Clone, Debug)]
pub enum SwitchMember {
    /// `dpid 0x1;`
    Dpid(Spanned<Dpid>),
    /// `access 1-24, 30;`
    Access(PortList),
    /// `uplink 25-26;`
    Uplink(PortList),
    /// `certificate "sha256:…";`, with the place of the line.
    Certificate(Spanned<Fingerprint>, Span),
    /// A line that could not be read; reported.
    Error(Span),
}

/// Ranges of switch ports; each range is 1 to `0xffff_ff00`, not reversed.
#[derive(Clone, Debug)]
pub struct PortList {
    /// The ranges in order.
    pub ranges: Vec<Spanned<RangeInclusive<u32>>>,
    /// The member, its word included.
    pub span: Span,
}

/// `location NAME = SWITCH:PORT;`
#[derive(Clone, Debug)]
pub struct LocationDecl {
    /// Its name.
    pub name: Ident,
    /// Where it is.
    pub at: LocationRef,
    /// The declaration.
    pub span: Span,
}

/// An access point, spelled out or by name.
#[derive(Clone, Debug)]
pub enum LocationRef {
    /// `edge1:5`
    Port {
        /// The switch, by name.
        switch: Ident,
        /// The port.
        port: Spanned<PortNo>,
        /// All of it.
        span: Span,
    },
    /// `wap1`
    Name(Ident),
}

/// `host NAME { mac …; ip …; at …; }`
#[derive(Clone, Debug)]
pub struct HostDecl {
    /// Its name.
    pub name: Ident,
    /// What the block says, in order.
    pub members: Vec<HostMember>,
    /// The declaration.
    pub span: Span,
}

/// A line of a `host` or `gateway` block.
#[derive(Clone, Debug)]
pub enum HostMember {
    /// `mac 02:00:00:00:00:11, …;`: unicast addresses.
    Mac(Vec<Spanned<MacAddr>>, Span),
    /// `ip 10.0.9.10, …;`
    Ip(Vec<Spanned<IpAddr>>, Span),
    /// `at edge1:1;`
    At(LocationRef, Span),
    /// `serves dhcp, ra;`, or `serves none;`, which is empty.
    Serves(Vec<Spanned<Served>>, Span),
    /// `routes 10.9.0.0/16, …;`
    Routes(Vec<Spanned<Prefix>>, Span),
    /// A line that could not be read; reported.
    Error(Span),
}

/// `user NAME;`
#[derive(Clone, Debug)]
pub struct UserDecl {
    /// The name.
    pub name: Ident,
    /// The declaration.
    pub span: Span,
}

/// `group NAME = …;`
#[derive(Clone, Debug)]
pub struct GroupDecl {
    /// Its name.
    pub name: Ident,
    /// Its members.
    pub members: Expr,
    /// The declaration.
    pub span: Span,
}

/// `network NAME = PREFIX, …;`
#[derive(Clone, Debug)]
pub struct NetworkDecl {
    /// Its name.
    pub name: Ident,
    /// Its prefixes; those that could not be read are left out, and `damaged` is set.
    pub prefixes: Vec<Spanned<Prefix>>,
    /// True if a prefix was refused.
    pub damaged: bool,
    /// The declaration.
    pub span: Span,
}

/// `service NAME = tcp/80, …;`
#[derive(Clone, Debug)]
pub struct ServiceDecl {
    /// Its name.
    pub name: Ident,
    /// What belongs to it.
    pub terms: Vec<ServiceRef>,
    /// The declaration.
    pub span: Span,
}

/// A service, spelled out or by name.
#[derive(Clone, Debug)]
pub enum ServiceRef {
    /// `tcp/80`, `icmp`, `ip/89`
    Term(Spanned<ServiceTerm>),
    /// `web`
    Name(Ident),
    /// Could not be read; reported.
    Error(Span),
}

/// `gateway NAME { at …; mac …; ip …; }`
#[derive(Clone, Debug)]
pub struct GatewayDecl {
    /// Its name.
    pub name: Ident,
    /// What the block says, in order.
    pub members: Vec<HostMember>,
    /// The declaration.
    pub span: Span,
}

/// `middlebox NAME { in …; out …; }` or `{ at …; }`, once or more
#[derive(Clone, Debug)]
pub struct MiddleboxDecl {
    /// Its name.
    pub name: Ident,
    /// What the block says, in order.
    pub members: Vec<MiddleboxMember>,
    /// The declaration.
    pub span: Span,
}

/// A line of a `middlebox` block.
#[derive(Clone, Debug)]
pub enum MiddleboxMember {
    /// `in core:40;`
    In(LocationRef, Span),
    /// `out core:41;`
    Out(LocationRef, Span),
    /// `at core:42;`
    At(LocationRef, Span),
    /// A line that could not be read; reported.
    Error(Span),
}

/// `section NAME scope (…) owner "…" {`
#[derive(Clone, Debug)]
pub struct SectionHead {
    /// Its name; `prelude` for the rules that replace those that the language brings along.
    pub name: Ident,
    /// What its rules may speak about.
    pub scope: Option<Box<Cond>>,
    /// Who answers for it.
    pub owner: Option<Spanned<Arc<str>>>,
    /// From its word to its `{`.
    pub span: Span,
}

/// `time NAME = mon-fri 08:00-18:00, 2026-12-24;`
#[derive(Clone, Debug)]
pub struct TimeDecl {
    /// Its name.
    pub name: Ident,
    /// When it holds; those that could not be read are left out, and `damaged` is set.
    pub windows: Vec<WindowRef>,
    /// True if a window was refused.
    pub damaged: bool,
    /// The declaration.
    pub span: Span,
}

/// When a time holds: spelled out or by the name of another time.
#[derive(Clone, Debug)]
pub enum WindowRef {
    /// `mon-fri 08:00-18:00`
    Window(Spanned<Window>),
    /// `office`
    Name(Ident),
}

/// `invariant disjoint(a, b);`
#[derive(Clone, Debug)]
pub struct InvariantStmt {
    /// What is assumed.
    pub relation: Spanned<Relation>,
    /// Of what: two sets, or one for `nonempty`; the parser has counted them.
    pub sets: Vec<Expr>,
    /// The statement.
    pub span: Span,
}

/// What an invariant says of its sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `disjoint(a, b)`
    Disjoint,
    /// `subset(a, b)`
    Subset,
    /// `nonempty(a)`
    Nonempty,
}

/// `LABEL: assert never CLAUSE …;`
#[derive(Clone, Debug)]
pub struct AssertStmt {
    /// Its name.
    pub label: Option<Ident>,
    /// What is claimed.
    pub claim: Spanned<Claim>,
    /// Which flows, and with `via` which way.
    pub clauses: Vec<Clause>,
    /// The statement.
    pub span: Span,
}

/// `LABEL: VERDICT CLAUSE …;`
#[derive(Clone, Debug)]
pub struct RuleStmt {
    /// The rule's name.
    pub label: Option<Ident>,
    /// What it does.
    pub verdict: Spanned<VerdictWord>,
    /// Its clauses in the order of the text; repeated ones are for the checker to judge.
    pub clauses: Vec<Clause>,
    /// The statement.
    pub span: Span,
}

/// What a rule can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictWord {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
    /// `reject`
    Reject,
    /// `redirect portal`
    Redirect,
    /// `pass`
    Pass,
    /// `outbound-only`
    OutboundOnly,
}

/// A clause of a rule and where it stands, its word included.
#[derive(Clone, Debug)]
pub struct Clause {
    /// What it says.
    pub kind: ClauseKind,
    /// Where it stands.
    pub span: Span,
}

/// What a clause says.
#[derive(Clone, Debug)]
pub enum ClauseKind {
    /// `from X`
    From(Expr),
    /// `to Y`
    To(Expr),
    /// `for S, T`
    For(Vec<ServiceRef>),
    /// `at L`
    At(Expr),
    /// `via A, B`
    Via(Vec<Ident>),
    /// `when C`
    When(Cond),
    /// `one-way`
    OneWay,
    /// `avoid A, edge1:25`
    Avoid(Vec<LocationRef>),
    /// `pin L`
    Pin(Expr),
    /// `vlan 5`
    Vlan(Spanned<VlanId>),
    /// `limit 50mbps`
    Limit(Spanned<Rate>),
    /// `mirror A, B`
    Mirror(Vec<Ident>),
    /// `queue 3`
    Queue(Spanned<u32>),
    /// `log`
    Log,
    /// `audit`
    Audit,
    /// `until 2026-12-31`, `until 2026-12-31T18:00`
    Until(Spanned<Until>),
    /// `owner "netsec"`
    Owner(Spanned<Arc<str>>),
    /// `ticket "CHG-1234"`
    Ticket(Spanned<Arc<str>>),
    /// Could not be read; reported.
    Error,
}

/// `default allow;`
#[derive(Clone, Debug)]
pub struct DefaultStmt {
    /// What it does; never `outbound-only`.
    pub verdict: Spanned<VerdictWord>,
    /// The statement.
    pub span: Span,
}

/// `setting NAME = VALUE;`
#[derive(Clone, Debug)]
pub struct SettingStmt {
    /// What it sets.
    pub setting: Spanned<Setting>,
    /// The statement.
    pub span: Span,
}

/// A setting with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `multi-user = most-restrictive`
    MultiUser(MultiUser),
    /// `time-zone = "Europe/Berlin"`
    TimeZone(Calendar),
}

impl Ident {
    /// False if the name holds characters that names may not hold. That has been reported, so nothing more is to be said of it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.text.is_ascii()
    }
}
