//! The cables of a view file, held against what the policy declares. Knows nothing of ways.

use std::collections::HashSet;

use net::Location;

use super::error::{Fault, ViewError};
use super::words::Words;

/// The two ports that a cable joins.
pub type Cable = [Location; 2];

/// The cables whose ends may be joined; adds what is wrong with the others.
pub(super) fn resolve(links: &[[String; 2]], words: &Words<'_>, errors: &mut Vec<ViewError>) -> Vec<Cable> {
    let mut taken = HashSet::new();
    let mut cables = Vec::new();
    for (ends, place) in links.iter().zip(0_usize..) {
        let mut faults = Vec::new();
        let found = ends.each_ref().map(|text| {
            let at = end(text, words).map_err(|fault| faults.push(fault)).ok()?;
            if !taken.insert(at) {
                faults.push(Fault::Twice(format!("an end of a link at `{text}`")));
            }
            Some(at)
        });
        match found {
            [Some(from), Some(to)] if from.dpid == to.dpid => faults = vec![Fault::Loop { switch: words.switch(from.dpid) }],
            [Some(from), Some(to)] if faults.is_empty() => cables.push([from, to]),
            [Some(_) | None, Some(_) | None] => {}
        }
        errors.extend(faults.into_iter().map(|fault| fault.at(format!("links[{place}]"))));
    }
    cables
}

fn end(text: &str, words: &Words<'_>) -> Result<Location, Fault> {
    let at = words.location(text)?;
    match words.why_not(at, true) {
        Some(why) => Err(Fault::Place { what: "a link".to_owned(), at: text.to_owned(), why }),
        None => Ok(at),
    }
}
