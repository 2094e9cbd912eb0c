//! "Did you mean": names near a misspelled one. Knows nothing of where the names come from.

use crate::checked::Kind;

/// A name that could have been meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The name.
    pub name: &'a str,
    /// Its kind, if it has one.
    pub kind: Option<Kind>,
}

/// How many suggestions a message carries at most.
pub const MAX_SUGGESTIONS: usize = 3;

/// Longer names than this are not compared: the distance costs the product of the lengths.
const MAX_COMPARED: usize = 64;

/// The nearest candidates, best first, at most [`MAX_SUGGESTIONS`]: those of the wanted kind before others, then by distance, then
/// those that start alike, since the first letter is seldom missed, then by length, then by name. A candidate is near if it differs in at most a third of the longer one's letters, or in one of two, counting a swap of neighbours as one.
#[must_use]
pub fn nearest<'a>(wrong: &str, wanted: Option<Kind>, candidates: impl IntoIterator<Item = Candidate<'a>>) -> Vec<&'a str> {
    let folded_wrong = folded(wrong);
    let mut near: Vec<(bool, usize, bool, usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let limit = threshold(wrong.len().max(candidate.name.len()));
            let distance = distance_within(&folded_wrong, candidate.name, limit)?;
            let other_kind = wanted.is_some() && candidate.kind != wanted;
            let other_start = candidate.name.chars().next().map(|c| c.to_ascii_lowercase()) != folded_wrong.first().copied();
            Some((other_kind, distance, other_start, wrong.len().abs_diff(candidate.name.len()), candidate.name))
        })
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(.., name)| *name);
    near.into_iter().map(|(.., name)| name).take(MAX_SUGGESTIONS).collect()
}

/// The sentence for a message: "did you mean `a`, `b` or `c`?"; nothing if there is nothing near.
#[must_use]
pub fn did_you_mean(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        [most @ .., last] => Some(format!("did you mean {} or {last}?", most.join(", "))),
    }
}

/// How many edits still count as a slip, in a name of this length.
fn threshold(length: usize) -> usize {
    match length {
        0..=1 => 0,
        2..=5 => 1,
        6..=8 => 2,
        _ => (length / 3).min(4),
    }
}

/// The Damerau–Levenshtein distance (optimal string alignment: neighbours swapped count one), letter case ignored, if it is at most
/// `limit`.
fn distance_within(a: &[char], b: &str, limit: usize) -> Option<usize> {
    // A letter is at most four bytes.
    if a.len() > MAX_COMPARED || b.len() > 4 * MAX_COMPARED {
        return None;
    }
    let b: Vec<char> = folded(b);
    if a.len().abs_diff(b.len()) > limit || b.len() > MAX_COMPARED {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        let mut left = i + 1;
        row.push(left);
        for (j, y) in b.iter().enumerate() {
            let replace = above.get(j).copied().unwrap_or(usize::MAX - 1) + usize::from(x != y);
            let delete = above.get(j + 1).copied().unwrap_or(usize::MAX - 1) + 1;
            let mut best = replace.min(delete).min(left + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if let (true, Some(cost)) = (swapped, j.checked_sub(1).and_then(|j| before.get(j))) {
                best = best.min(cost + 1);
            }
            row.push(best);
            left = best;
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().filter(|distance| *distance <= limit)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(kind: Kind, names: &[&'a str]) -> Vec<Candidate<'a>> {
        names.iter().map(|name| Candidate { name, kind: Some(kind) }).collect()
    }

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let hosts = of(Kind::Host, &["griffin", "glaptop", "rlaptop", "roo", "nfs-server"]);
        assert_eq!(nearest("grifin", None, hosts.clone()), ["griffin"]);
        assert_eq!(nearest("girffin", None, hosts.clone()), ["griffin"], "neighbours swapped");
        assert_eq!(nearest("NFS-server", None, hosts.clone()), ["nfs-server"]);
        assert_eq!(nearest("laptop", None, hosts.clone()), ["glaptop", "rlaptop"]);
        assert!(nearest("printer", None, hosts.clone()).is_empty());
        assert!(nearest("x", None, hosts).is_empty(), "a short name is near to everything, so to nothing");
    }

    #[test]
    fn the_wanted_kind_comes_first_and_three_are_enough() {
        let mut names = of(Kind::User, &["serverb"]);
        names.extend(of(Kind::Host, &["servers1", "servers2", "servers3"]));
        assert_eq!(nearest("serverq", Some(Kind::Host), names.clone()), ["servers1", "servers2", "servers3"]);
        assert_eq!(nearest("serverq", Some(Kind::User), names)[0], "serverb");
    }

    #[test]
    fn the_sentence_reads_well() {
        assert_eq!(did_you_mean(&[]), None);
        assert_eq!(did_you_mean(&["a"]).unwrap(), "did you mean `a`?");
        assert_eq!(did_you_mean(&["a", "b", "c"]).unwrap(), "did you mean `a`, `b` or `c`?");
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, wanted) in [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("ca", "abc", 3), ("", "abc", 3)] {
            assert_eq!(distance_within(&folded(a), b, 9), Some(wanted), "{a} {b}");
        }
    }
}
