//! What the suites of all three languages need: the result of an import checked without an error, and who is who in it.

use std::sync::Arc;

use foreign::{Imported, LeftOut, Problem};
use lang::checked::{Checked, HostId, UserId};
use lang::flow::{Flow, Judgement};
use lang::import::{LoadError, Loader};
use net::Location;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

struct One<'a>(&'a str);

impl Loader for One<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "imported.pol" { Ok(self.0.as_bytes().to_vec()) } else { Err(LoadError::NotFound) }
    }
}

/// A policy that was carried over, checked.
pub struct Policy {
    pub text: String,
    pub left_out: Vec<LeftOut>,
    pub checked: Checked,
}

/// Checks what was carried over from a text.
pub fn policy(original: &str, result: Result<Imported, Vec<Problem>>) -> Policy {
    let imported = result.unwrap_or_else(|problems| panic!("{original}\n{problems:#?}"));
    let checked = checked(&imported.text).unwrap_or_else(|found| panic!("{original}\n{}\n{found}", imported.text));
    Policy { text: imported.text, left_out: imported.left_out, checked }
}

/// A policy's text, checked; or what is wrong with it.
pub fn checked(text: &str) -> Result<Checked, String> {
    let loaded = lang::import::load(&["imported.pol"], &One(text));
    let (checked, found) = lang::check::check(&loaded.sources, &loaded.policy, loaded.diagnostics);
    checked.ok_or_else(|| {
        let lines: Vec<String> = found.iter().map(|one| lang::report::concise(one, &loaded.sources)).collect();
        lines.join("\n")
    })
}

/// So many policies in the other language, each with packets, the same each time.
pub fn drawn<P: Strategy, K: Strategy>(count: usize, policies: P, packets: K) -> impl Iterator<Item = (P::Value, K::Value)> {
    let mut runner = TestRunner::deterministic();
    let draw = move || {
        let policy = policies.new_tree(&mut runner).expect("a policy").current();
        (policy, packets.new_tree(&mut runner).expect("packets").current())
    };
    std::iter::repeat_with(draw).take(count)
}

impl Policy {
    pub fn judge(&self, flow: &Flow) -> Judgement {
        lang::eval::judge(&self.checked, flow)
    }

    /// The host that stands for this one of the original, if the policy knows it.
    pub fn host(&self, name: &str) -> Option<HostId> {
        let place = self.checked.hosts.iter().position(|host| is_of(&host.name, name, "host"))?;
        u32::try_from(place).ok().map(HostId)
    }

    pub fn user(&self, name: &str) -> Option<UserId> {
        let place = self.checked.users.iter().position(|user| is_of(&user.name, name, "user"))?;
        u32::try_from(place).ok().map(UserId)
    }

    pub fn location(&self, name: &str) -> Option<Location> {
        self.checked.locations.iter().find(|location| is_of(&location.name, name, "location")).map(|location| location.at)
    }

    pub fn via(&self, judgement: &Judgement) -> Vec<Arc<str>> {
        judgement.via.iter().map(|id| self.checked.middleboxes[id.index()].name.clone()).collect()
    }
}

/// True if the name is the original's, or what an original's becomes that something else has.
fn is_of(name: &str, original: &str, kind: &str) -> bool {
    name == original || name == format!("{original}-{kind}")
}
