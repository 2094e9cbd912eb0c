//! THE table of diagnostic codes: each code's title, severity and page, one list for each range. Reports name them,
//! `pentane help CODE` prints a page, `docs/errors/` is made from them. Knows nothing of when a code is reported.

use std::fmt;

use crate::diag::Severity;

/// A code: `E0201`. Codes are never given a second meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

/// What is to be known of a code.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// What is reported.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Text of a policy that earns it.
    pub example: &'static str,
    /// What to write instead.
    pub instead: &'static str,
}

/// Makes a range: for each row a constant of the code's name, and `PAGES` with all of them.
macro_rules! codes {
    ($($name:ident $title:literal { what $what:literal why $why:literal example $example:literal instead $instead:literal })*) => {
        $(#[doc = $title] pub const $name: $crate::codes::Code = $crate::codes::Code::named(stringify!($name));)*

        /// The pages of this range, ascending.
        pub const PAGES: &[$crate::codes::Page] = &[$($crate::codes::Page {
            code: $name, title: $title, what: $what, why: $why, example: $example, instead: $instead,
        }),*];
    };
}

pub mod names;
pub mod switches;
pub mod syntax;
pub mod tests_and_assertions;
pub mod text;

/// All ranges, ascending.
///
/// Lints bring their own pages: each stands in the file of its lint.
pub const RANGES: &[&[Page]] =
    &[syntax::PAGES, names::PAGES, tests_and_assertions::PAGES, switches::PAGES, crate::lint::PAGES, text::PAGES];

impl Code {
    /// The code with this text. Only rows of the table make codes.
    pub(crate) const fn named(text: &'static str) -> Self {
        Code(text)
    }

    /// `E0201`
    #[must_use]
    pub fn text(self) -> &'static str {
        self.0
    }

    /// The severity by default: `E`, `V` and `S` codes are errors, `W` codes are warnings.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.0.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// Its page; every code has one.
    #[must_use]
    pub fn page(self) -> Option<&'static Page> {
        pages().find(|page| page.code == self)
    }
}

/// All pages, ascending.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    RANGES.iter().copied().flatten()
}

/// The page of the code that a person names, letter case ignored.
#[must_use]
pub fn find(text: &str) -> Option<&'static Page> {
    pages().find(|page| page.code.0.eq_ignore_ascii_case(text))
}

impl Page {
    /// The page as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Page { code, title, what, why, example, instead } = self;
        let severity = code.severity().word();
        format!(
            "# {code}: {title}\n\nSeverity: {severity}.\n\n## What it means\n\n{what}\n\n## Why it matters\n\n{why}\n\n\
             ## Example\n\n```\n{example}\n```\n\n## What to do\n\n{instead}\n"
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_pages_are_whole() {
        let all: Vec<&Page> = pages().collect();
        for pair in all.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
        }
        for page in all {
            assert_eq!(page.code.text().len(), 5, "{}", page.code);
            for part in [page.title, page.what, page.why, page.example, page.instead] {
                assert!(!part.trim().is_empty(), "{} has an empty part", page.code);
            }
            assert!(!page.title.ends_with('.'), "{}", page.code);
        }
    }

    #[test]
    fn pages_are_found_by_what_people_type() {
        assert_eq!(find("e0101").unwrap().code, syntax::E0101);
        assert!(find("E9999").is_none());
        assert!(syntax::E0101.page().unwrap().markdown().starts_with("# E0101: "));
    }
}
