//! The name of a policy: a hash over its texts. Knows nothing of what they say, nor under which paths they were read.

use lang::source::SourceMap;
use sha2::{Digest, Sha256};

/// What goes into the hash first, so that it is never equal to one made of something else.
const DOMAIN: &[u8] = b"pentane.policy/1\n";

/// How many digits people are shown.
const SHOWN: usize = 12;

/// SHA-256 (FIPS 180-4) over all texts in the order in which they were loaded, each after its length; 64 hexadecimal digits.
pub fn of_policy(sources: &SourceMap) -> String {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    for (_, source) in sources.iter() {
        hash.update(u64::try_from(source.text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(source.text.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first digits, for people.
pub fn shown(hash: &str) -> &str {
    hash.get(..SHOWN).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(texts: &[(&str, &str)]) -> String {
        let mut sources = SourceMap::default();
        for (name, text) in texts {
            sources.add(*name, *text);
        }
        of_policy(&sources)
    }

    #[test]
    fn texts_count_and_paths_do_not() {
        let one = hash(&[("a.pol", "user bob;"), ("b.pol", "user bill;")]);
        assert_eq!(one.len(), 64);
        assert_eq!(one, hash(&[("x/a.pol", "user bob;"), ("x/b.pol", "user bill;")]));
        assert_ne!(one, hash(&[("a.pol", "user bob;u"), ("b.pol", "ser bill;")]));
        assert_ne!(one, hash(&[("b.pol", "user bill;"), ("a.pol", "user bob;")]));
        assert_eq!(shown(&one).len(), 12);
    }
}
