//! The whole way of a policy: loaded, checked, compiled, proved, tested. Whatever is wrong is reported; what is not decides as the
//! plain evaluator says, and as was proved.

use lang::checked::Checked;
use lang::diag::any_error;
use lang::import::{LoadError, Loaded, Loader, load};

use crate::{decide, sound};

/// What starts the next file of a policy in the bytes of one text; behind it stands the file's name.
const NEXT: &[u8] = b"#@file ";

/// The name of the first file.
const ENTRY: &str = "x.pol";

/// Fails, if the policy is lost without an error, or decides in two ways.
pub(crate) fn holds(bytes: &[u8]) {
    let (loaded, found, policy) = checked_with_findings(bytes);
    let mut sources = loaded.sources.clone();
    lang::check::add_prelude_of(&found, &mut sources);
    sound::findings(&found, &sources);
    assert_eq!(policy.is_none(), any_error(&found), "a policy with errors is none, and one without is one: {found:?}");
    if let Some(policy) = policy {
        decide::holds(policy, &loaded.policy);
    }
}

/// The policy of these bytes, if it checks.
pub(crate) fn checked(bytes: &[u8]) -> (Loaded, Option<Checked>) {
    let (loaded, _, policy) = checked_with_findings(bytes);
    (loaded, policy)
}

fn checked_with_findings(bytes: &[u8]) -> (Loaded, Vec<lang::diag::Diagnostic>, Option<Checked>) {
    let loaded = load(&[ENTRY], &Files::of(bytes));
    let (policy, found) = lang::check::check_loaded(&loaded);
    (loaded, found, policy)
}

/// The files that one text stands for.
struct Files<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Files<'a> {
    fn of(bytes: &'a [u8]) -> Files<'a> {
        let mut files = Vec::new();
        let (mut name, mut start) = (ENTRY.as_bytes(), 0);
        for (at, _) in bytes.windows(NEXT.len()).enumerate().filter(|(_, window)| *window == NEXT) {
            files.push((name, bytes.get(start..at).unwrap_or_default()));
            let rest = bytes.get(at + NEXT.len()..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            name = rest.get(..end).unwrap_or_default();
            start = at + NEXT.len() + end;
        }
        files.push((name, bytes.get(start..).unwrap_or_default()));
        Files(files)
    }
}

impl Loader for Files<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let found = self.0.iter().find(|(name, _)| *name == path.as_bytes());
        found.map(|(_, text)| text.to_vec()).ok_or(LoadError::NotFound)
    }
}
