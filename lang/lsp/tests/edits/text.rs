//! The editor's copy of the text, and how it is changed at random.

use lang::diag::{Diagnostic, Severity};
use lang::import::{LoadError, Loader, load};
use lang::source::SourceMap;
use serde_json::{Value, json};

/// What is put in: words that fit somewhere, words that fit nowhere, letters of two UTF-16 units, ends of lines.
const PUT: [&str; 24] = [
    "",
    " ",
    "\n",
    "\r\n",
    ";",
    "{",
    "}",
    "\"",
    "#",
    "x",
    "é",
    "\u{1f511}",
    "\u{202e}",
    "allow ",
    "from any ",
    "group g = host { };\n",
    "user bob;",
    "tcp/80",
    " when ",
    " or ",
    "# allow(W0301): so it is\n",
    "test \"t\" { user none -> internet => deny; }\n",
    "10.0.0.0/8",
    "default allow;\n",
];

/// Numbers out of a seed: xorshift64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).unwrap()
    }
}

/// A text.
#[derive(Clone)]
pub struct Text(String);

impl Text {
    pub fn new(text: &str) -> Text {
        Text(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Changes it at random; the change as it is told.
    pub fn edit(&mut self, dice: &mut Dice) -> Value {
        let start = self.boundary(dice);
        let most = [0, 1, 3, 12][dice.below(4)];
        let end = self.0[start..].char_indices().nth(most).map_or(self.0.len(), |(at, _)| start + at);
        let put = PUT[dice.below(PUT.len())];
        let range = json!({ "start": self.position(start), "end": self.position(end) });
        self.0.replace_range(start..end, put);
        json!({ "range": range, "text": put })
    }

    /// Somewhere in the text, at times behind the end of a line or of the text.
    pub fn place(&self, dice: &mut Dice) -> Value {
        let mut place = self.position(self.boundary(dice));
        match dice.below(12) {
            0 => place["character"] = json!(100_000),
            1 => place["line"] = json!(100_000),
            _ => {}
        }
        place
    }

    fn boundary(&self, dice: &mut Dice) -> usize {
        let mut at = dice.below(self.0.len() + 1);
        while !self.0.is_char_boundary(at) {
            at -= 1;
        }
        // Between the two bytes of a line end is no place that an editor knows.
        if self.0[..at].ends_with('\r') && self.0[at..].starts_with('\n') { at - 1 } else { at }
    }

    fn position(&self, at: usize) -> Value {
        let before = &self.0[..at];
        let line = before.rsplit('\n').next().unwrap();
        json!({ "line": before.matches('\n').count(), "character": line.encode_utf16().count() })
    }

    /// The byte of a place; nothing if the text has no such place.
    fn offset(&self, place: &Value) -> Option<usize> {
        let (wanted, units) = (place["line"].as_u64()?, usize::try_from(place["character"].as_u64()?).ok()?);
        let mut start = 0;
        for _ in 0..wanted {
            start += self.0[start..].find('\n')? + 1;
        }
        let line = self.0[start..].split('\n').next()?;
        let mut passed = 0;
        for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
            if passed == units {
                return Some(start + at);
            }
            passed += letter.len_utf16();
        }
        None
    }

    /// Fails, if a range in the answer is not in the text.
    pub fn holds_all_ranges(&self, answer: &Value) {
        match answer {
            Value::Object(fields) => {
                if let (Some(start), Some(end)) = (fields.get("start"), fields.get("end")) {
                    let (from, to) = (self.offset(start), self.offset(end));
                    assert!(from.is_some() && from <= to, "{answer} is not in\n{}", self.0);
                }
                fields.values().for_each(|value| self.holds_all_ranges(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.holds_all_ranges(value)),
            _ => {}
        }
    }

    /// The text after edits, all of which are of the text as it is.
    pub fn with_edits(&self, edits: &[Value]) -> Text {
        let place = |edit: &Value, end: &str| {
            let at = self.offset(&edit["range"][end]);
            at.unwrap_or_else(|| panic!("{edit} is not in\n{}", self.0))
        };
        let mut edits: Vec<(usize, usize, &str)> =
            edits.iter().map(|edit| (place(edit, "start"), place(edit, "end"), edit["newText"].as_str().unwrap())).collect();
        edits.sort_unstable();
        let mut text = self.0.clone();
        let mut last = usize::MAX;
        for (start, end, put) in edits.into_iter().rev() {
            assert!(start <= end && end <= last, "edits overlap in\n{}", self.0);
            text.replace_range(start..end, put);
            last = start;
        }
        Text(text)
    }

    /// How many errors a check finds.
    pub fn errors(&self) -> usize {
        self.check().iter().filter(|one| one.severity == Severity::Error).count()
    }

    /// What a check finds, each with the place where it starts.
    pub fn findings(&self) -> Vec<(String, Value)> {
        self.check().into_iter().map(|one| (one.message, self.position(one.span.range().start))).collect()
    }

    fn check(&self) -> Vec<Diagnostic> {
        lang::check::check_loaded(&load(&["policy"], self)).1
    }

    /// Its canonical form.
    pub fn canonical(&self) -> Option<String> {
        let mut sources = SourceMap::default();
        let id = sources.add("policy", self.0.as_str());
        lang::format::format(&sources, id).ok()
    }
}

impl Loader for Text {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "policy" { Ok(self.0.clone().into_bytes()) } else { Err(LoadError::NotFound) }
    }
}
