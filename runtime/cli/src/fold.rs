//! Text in lines that fit a terminal. Knows nothing of what the text says.

/// Columns of a terminal that everybody has.
pub const WIDTH: usize = 80;

/// The words in lines of at most so many characters; a word that is longer has a line of its own.
pub fn folded(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn text_is_folded_between_words() {
        let lines = folded(&"word ".repeat(40), 80);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= 80));
        assert_eq!(folded("a  b\nccc", 3), ["a b", "ccc"]);
        assert_eq!(folded("too-long a", 3), ["too-long", "a"]);
        assert!(folded(" \n", 3).is_empty());
    }
}
