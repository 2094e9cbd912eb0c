//! Texts out of texts, word by word: what a fuzzer that knows bytes alone hardly finds. Knows words and blanks, and no grammar.

use lang::keyword::KEYWORDS;

/// Words that are worth trying anywhere, beside those of the language.
const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ";",
    ",",
    ":",
    "=",
    "!=",
    "=>",
    "->",
    "|",
    "&",
    "-",
    "/",
    "\"",
    "#",
    "\n",
    "0",
    "1",
    "65535",
    "65536",
    "0x10",
    "4294967296",
    "18446744073709551616",
    "tcp/80",
    "udp/53",
    "tcp/1-65535",
    "icmp",
    "icmp6",
    "arp",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::1",
    "255.255.255.255",
    "02:00:00:00:00:11",
    "edge1:5",
    "mon-fri",
    "08:00-18:00",
    "2026-12-31",
    "usrc",
    "udst",
    "hsrc",
    "hdst",
    "nwsrc",
    "nwdst",
    "apsrc",
    "apdst",
    "tpsrc",
    "tpdst",
    "dltype",
    "dlvlan",
    "nwtos",
    "protocol",
    "é",
    "\u{202e}",
    "\u{feff}",
];

/// Numbers out of a seed: xorshift64.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below the bound; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.checked_rem(bound as u64).unwrap_or(0)).unwrap_or(0)
    }

    /// One of these.
    pub fn one<T: Copy + Default>(&mut self, of: &[T]) -> T {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }

    /// Bytes without a pattern.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.below(256) as u8)
    }

    /// Up to so many bytes.
    pub fn data(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect()
    }

    /// A number, small as often as large.
    pub fn number(&mut self) -> u64 {
        let number = u64::from_be_bytes(self.bytes());
        number.checked_shr(self.below(64) as u32).unwrap_or(number)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// The text with a few of its words left out, doubled, moved, or put in place of others.
#[must_use]
pub fn words(text: &str, seed: u32) -> String {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    let mut words = cut(text);
    for _ in 0..=dice.below(4) {
        let at = dice.below(words.len());
        let end = (at + 1 + dice.below(8)).min(words.len());
        let to = dice.below(words.len() + 1);
        let stretch: Vec<&str> = words.get(at..end).unwrap_or_default().to_vec();
        match dice.below(6) {
            0 => drop(words.splice(at.min(end)..end, [])),
            1 => drop(words.splice(to..to, stretch)),
            2 => drop(words.splice(to..to, [" ", any(&mut dice), " "])),
            3 => drop(words.splice(at..(at + 1).min(words.len()).max(at), [any(&mut dice)])),
            4 => drop(words.splice(at..(at + 1).min(words.len()).max(at), stretch.last().copied())),
            _ => drop(words.splice(to..(to + 1).min(words.len()), stretch)),
        }
    }
    words.concat()
}

/// A word of the language, or another one worth trying.
fn any(dice: &mut Dice) -> &'static str {
    let at = dice.below(KEYWORDS.len() + WORDS.len());
    let word = KEYWORDS.get(at).map(|row| row.word);
    word.or_else(|| WORDS.get(at.wrapping_sub(KEYWORDS.len())).copied()).unwrap_or(";")
}

/// Words, signs and blanks, which together are the text.
fn cut(text: &str) -> Vec<&str> {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) { rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, behind) = rest.split_at(end);
        words.push(word);
        rest = behind;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{cut, words};

    #[test]
    fn a_text_is_its_words() {
        let text = "allow from a-b to é for tcp/80;\n\n# ü\n";
        assert_eq!(cut(text).concat(), text);
        assert_eq!(cut(""), Vec::<&str>::new());
    }

    #[test]
    fn every_seed_makes_a_text_and_always_the_same() {
        let text = "allow from a to b;";
        let made: std::collections::BTreeSet<String> = (0..500).map(|seed| words(text, seed)).collect();
        assert!(made.len() > 300, "{}", made.len());
        assert!((0..500).all(|seed| words(text, seed) == words(text, seed)));
        assert!((0..500).any(|seed| !words("", seed).is_empty()));
    }
}
