//! The texts of a policy as they are edited: what they were, and where each line came from. Knows nothing of what they say.

use std::sync::Arc;

use lang::import::{LoadError, Loader};
use lang::repair::{Edit, apply};
use lang::source::{SourceId, SourceMap, Span};

/// All texts of a policy.
#[derive(Clone, Debug)]
pub(super) struct Texts(Vec<Text>);

/// One text.
#[derive(Clone, Debug)]
struct Text {
    name: Arc<str>,
    old: Arc<str>,
    new: Arc<str>,
    /// For each line the line that it was at first.
    origins: Vec<u32>,
    /// It was laid out as `fmt` does.
    laid_out: bool,
}

/// A text that is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub name: Arc<str>,
    /// What it was.
    pub old: Arc<str>,
    /// What it is.
    pub new: Arc<str>,
}

impl Texts {
    pub(super) fn new(sources: &SourceMap) -> Texts {
        let text = |(id, source): (SourceId, &lang::source::Source)| Text {
            name: source.name.clone(),
            old: source.text.clone(),
            new: source.text.clone(),
            origins: (1..).zip(source.text.split('\n')).map(|(number, _)| number).collect(),
            laid_out: lang::format::format(sources, id).is_ok_and(|text| *text == *source.text),
        };
        Texts(sources.iter().map(text).collect())
    }

    /// The texts with these edits, which do not overlap, to texts that were loaded from these under the same names.
    pub(super) fn edited(&self, sources: &SourceMap, edits: &[Edit]) -> Texts {
        let mut texts = self.clone();
        for (id, source) in sources.iter() {
            let own: Vec<Edit> = edits.iter().filter(|edit| edit.span.source == id).cloned().collect();
            if let Some(text) = texts.0.iter_mut().find(|text| text.name == source.name)
                && !own.is_empty()
            {
                text.origins = moved(&text.new, &text.origins, &own);
                text.new = apply(&text.new, &own).into();
            }
        }
        texts
    }

    /// The texts with those laid out that were so before and are not any more; nothing if there are none.
    pub(super) fn laid_out(&self, sources: &SourceMap) -> Option<Texts> {
        let mut texts = self.clone();
        let mut changed = false;
        for (id, source) in sources.iter() {
            let Some(text) = texts.0.iter_mut().find(|text| text.name == source.name && text.laid_out) else { continue };
            let Ok(laid_out) = lang::format::format(sources, id) else { continue };
            if *laid_out != *text.new {
                text.origins = matched(&text.new, &text.origins, &laid_out);
                text.new = laid_out.into();
                changed = true;
            }
        }
        changed.then_some(texts)
    }

    /// The line that a line of a text was at first.
    pub(super) fn origin(&self, name: &str, line: u32) -> u32 {
        let text = self.0.iter().find(|text| *text.name == *name);
        text.and_then(|text| text.origins.get((line as usize).saturating_sub(1))).copied().unwrap_or(line)
    }

    /// The place of a text in the order of the policy.
    pub(super) fn place_of(&self, name: &str) -> usize {
        self.0.iter().position(|text| *text.name == *name).unwrap_or(self.0.len())
    }

    pub(super) fn changed(&self) -> Vec<Changed> {
        let changed = self.0.iter().filter(|text| text.old != text.new);
        changed.map(|text| Changed { name: text.name.clone(), old: text.old.clone(), new: text.new.clone() }).collect()
    }
}

impl Loader for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let found = self.0.iter().find(|text| *text.name == *path);
        found.map(|text| text.new.as_bytes().to_vec()).ok_or(LoadError::NotFound)
    }
}

/// Where the lines come from, once the edits are made.
fn moved(text: &str, origins: &[u32], edits: &[Edit]) -> Vec<u32> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let line_of = |byte: usize| text.get(..byte).map_or(0, |before| before.matches('\n').count());
    let mut all = Vec::new();
    let mut kept = |from: usize, to: usize, starts_line: &mut bool| {
        for (place, piece) in (line_of(from)..).zip(text.get(from..to).unwrap_or("").split_inclusive('\n')) {
            if *starts_line {
                all.push(origins.get(place).copied().unwrap_or(0));
            }
            *starts_line = piece.ends_with('\n');
        }
    };
    let (mut done, mut starts_line) = (0, true);
    for edit in edits {
        let Span { start, end, .. } = edit.span;
        kept(done, start as usize, &mut starts_line);
        done = end as usize;
    }
    kept(done, text.len(), &mut starts_line);
    if starts_line {
        all.push(origins.last().copied().unwrap_or(0));
    }
    all
}

/// Where the lines come from, once the text is laid out anew: lines that are found again in their order are known, others are taken
/// to come from where the last of those came from.
fn matched(text: &str, origins: &[u32], new: &str) -> Vec<u32> {
    let mut left = text.split('\n').zip(origins);
    let mut last = origins.first().copied().unwrap_or(1);
    let mut all = Vec::new();
    for line in new.split('\n') {
        let mut ahead = left.clone();
        if let Some((_, origin)) = ahead.find(|(old, _)| *old == line) {
            last = *origin;
            left = ahead;
        }
        all.push(last);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_remember_where_they_came_from() {
        let mut sources = SourceMap::default();
        let id = sources.add("a.pol", "user a;\n\nuser b;\nuser   c;\nuser d;\n");
        let texts = Texts::new(&sources);
        let cut = |start, end| Edit { span: Span { source: id, start, end }, text: String::new() };
        let next = texts.edited(&sources, &[cut(8, 9), cut(9, 17)]);
        assert_eq!(*next.0[0].new, *"user a;\nuser   c;\nuser d;\n");
        assert_eq!(next.0[0].origins, [1, 4, 5, 6]);
        let mid = texts.edited(&sources, &[cut(5, 14)]);
        assert_eq!(*mid.0[0].new, *"user b;\nuser   c;\nuser d;\n");
        assert_eq!(mid.0[0].origins, [1, 4, 5, 6]);
        assert_eq!(matched("a\nb c\nd\n", &[1, 5, 7, 8], "a\nb\nc\nd\n"), [1, 1, 1, 7, 8]);
        assert_eq!((next.origin("a.pol", 2), next.origin("a.pol", 9)), (4, 9));
        assert!(texts.changed().is_empty() && next.changed().len() == 1);
    }
}
