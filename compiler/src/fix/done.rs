//! What was done and what was left, as data and in words. Knows nothing of how it is proved.

use std::fmt;
use std::sync::Arc;

use lang::codes::Code;

/// One edit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The text.
    pub file: Arc<str>,
    /// The line in the text as it was at first.
    pub line: u32,
    /// The finding that it answers.
    pub code: Code,
    /// What was done, in a few words.
    pub what: String,
}

/// A finding with a plain repair that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The text.
    pub file: Arc<str>,
    /// The line in the text as it was at first.
    pub old_line: u32,
    /// The line in the text as it is now.
    pub line: u32,
    /// The finding.
    pub code: Code,
    /// Why it was left.
    pub why: Why,
}

/// Why a repair was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A comment stands inside what would go.
    Comment,
    /// A comment silences something of what would go: somebody meant it as it is.
    Silences,
    /// The rule has a name, logs, or belongs to somebody.
    Belongs,
    /// The rules that leave it nothing decide otherwise than it would.
    Otherwise,
    /// The policy has no rule that could use a name: it may be a part of another one.
    Part,
    /// What the comment silences comes and goes: with time, or with how much is found out.
    Comes,
    /// No edit is known.
    NoEdit,
    /// It would be answered otherwise: this flow.
    Flow(String),
    /// The policy would say something else: this.
    Says(String),
    /// This would be found then.
    Finds(Code),
    /// Nothing would be left of the file: whoever finds it empty takes it for one that was cut off.
    Empties,
    /// This test would come out otherwise.
    Test(String),
    /// It was not found out whether anything would change.
    Undecided,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Comment => f.write_str("a comment stands inside it"),
            Why::Silences => f.write_str("a comment says of it that it is meant"),
            Why::Belongs => f.write_str("it has a name, logs, or belongs to somebody"),
            Why::Otherwise => f.write_str("it was to decide otherwise than those before it do"),
            Why::Part => f.write_str("no rule is there that could use it"),
            Why::Comes => f.write_str("what it silences comes and goes"),
            Why::NoEdit => f.write_str("no edit is known"),
            Why::Flow(flow) => write!(f, "this would be answered otherwise: {flow}"),
            Why::Says(what) => f.write_str(what),
            Why::Finds(code) => write!(f, "{code} would follow"),
            Why::Empties => f.write_str("nothing would be left of the file"),
            Why::Test(name) => write!(f, "the test \"{name}\" would come out otherwise"),
            Why::Undecided => f.write_str("it is not proved that nothing changes"),
        }
    }
}
