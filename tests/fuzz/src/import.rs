//! Policies of other systems: each text is refused with a place for every mistake, or becomes a policy that checks and is laid out.

use foreign::{Imported, Place, Problem};
use lang::format::format;
use lang::source::SourceMap;

use crate::check;

/// Fails, if what comes out is no policy.
pub(crate) fn holds(text: &str) {
    // In YAML, a carriage return alone ends a line too.
    let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap_or(u32::MAX);
    sound(foreign::pol_eth(text, "x"), lines);
    sound(foreign::sepl(text, "x"), lines);
    sound(foreign::faucet(text, "x", None), lines);
}

fn sound(result: Result<Imported, Vec<Problem>>, lines: u32) {
    let is_inside = |place: &Place| (1..=lines).contains(&place.line) && place.column > 0;
    match result {
        Ok(Imported { text, left_out, notes }) => {
            assert!(check::checked(text.as_bytes()).1.is_some(), "this does not check:\n{text}");
            let mut sources = SourceMap::default();
            let id = sources.add("x.pol", text.as_str());
            assert_eq!(format(&sources, id).as_ref(), Ok(&text), "this is not laid out");
            assert!(left_out.iter().all(|left| is_inside(&left.place)), "{left_out:?}");
            assert!(notes.iter().all(|note| is_inside(&note.place)), "{notes:?}");
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a policy is refused without a reason");
            assert!(problems.iter().all(|problem| is_inside(&problem.place)), "{problems:?}");
        }
    }
}
