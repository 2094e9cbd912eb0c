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

/// Each line that is too long in several, of which those behind the first stand further in.
pub fn hung(text: &str) -> String {
    text.lines().flat_map(hung_line).collect::<Vec<_>>().join("\n")
}

fn hung_line(line: &str) -> Vec<String> {
    if line.chars().count() <= WIDTH {
        return vec![line.to_owned()];
    }
    let margin = line.chars().take_while(|letter| *letter == ' ').count();
    let lines = folded(line, WIDTH.saturating_sub(margin + 4)).into_iter().enumerate();
    lines.map(|(place, line)| format!("{:1$}{line}", "", if place == 0 { margin } else { margin + 4 })).collect()
}

#[cfg(test)]
mod tests {
    use super::{folded, hung};

    #[test]
    fn what_follows_stands_further_in() {
        assert_eq!(hung("error: a  b\n  c"), "error: a  b\n  c");
        let long = hung(&format!("error: {}\n  {}", "word ".repeat(20), "word ".repeat(20)));
        let margins: Vec<usize> = long.lines().map(|line| line.len() - line.trim_start().len()).collect();
        assert_eq!(margins, [0, 4, 2, 6], "{long}");
        assert!(long.lines().all(|line| line.len() <= 80), "{long}");
    }

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
