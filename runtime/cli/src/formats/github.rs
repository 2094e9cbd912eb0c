//! Annotations of GitHub: workflow commands, one line each. Knows nothing of other formats.

use lang::diag::Severity;
use lang::source::hides;

use super::Note;
use crate::exit::Failure;
use crate::output::Output;

/// One command for each note.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, notes: &[Note]) -> Result<(), Failure> {
    notes.iter().try_for_each(|note| out.line(command(note)))
}

fn command(note: &Note) -> String {
    let level = match note.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let title = format!("title={}", property(&format!("{}: {}", note.code, note.title())));
    let place = note.at.as_ref().map_or_else(String::new, |at| {
        let end = if at.end_line == at.line { format!(",endColumn={}", at.end_column) } else { String::new() };
        format!("file={},line={},endLine={},col={}{end},", property(&at.file), at.line, at.end_line, at.column)
    });
    format!("::{level} {place}{title}::{}", data(&note.message))
}

/// A message: lines stay one command. What else would do something to the log that shows it is shown as U+FFFD.
fn data(text: &str) -> String {
    let shown = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    shown.replace(hides, "\u{fffd}")
}

/// A property: what parts properties is kept out, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use lang::codes::names::E0201;

    use super::*;
    use crate::formats::Region;

    #[test]
    fn nothing_in_a_name_or_a_message_ends_the_command() {
        let at = Region { file: "a,b:c%.pol".to_owned(), line: 2, column: 3, end_line: 2, end_column: 9 };
        let note = Note {
            code: E0201,
            severity: Severity::Error,
            message: "100 % wrong\r\n::warning::forged\u{1b}[31m\u{202e}".to_owned(),
            at: Some(at),
            related: Vec::new(),
        };
        let wanted = "::error file=a%2Cb%3Ac%25.pol,line=2,endLine=2,col=3,endColumn=9,title=E0201%3A unknown name\
                      ::100 %25 wrong%0D%0A::warning::forged\u{fffd}[31m\u{fffd}";
        assert_eq!(command(&note), wanted);
    }
}
