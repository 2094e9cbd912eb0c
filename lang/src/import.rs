//! From entry files to a whole policy: follows `include`s through a loader that the caller provides. Knows nothing of files beyond
//! names, and nothing of what statements mean.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{Item, Policy};
use crate::codes::{Code, syntax};
use crate::diag::{self, Diagnostic};
use crate::lexer::span;
use crate::parse::{MAX_FILE, MAX_WORDS, parse, too_many_words};
use crate::source::{SourceId, SourceMap, Span};

/// How deep includes may nest.
pub const MAX_INCLUDE_DEPTH: usize = 64;

/// How many files a policy may have.
pub const MAX_FILES: usize = 4096;

/// How many bytes the files of a policy may have together.
pub const MAX_TOTAL: usize = 64 << 20;

/// Brings the bytes of a file. It decides what a path may reach; it must never read beyond [`MAX_FILE`] bytes.
pub trait Loader {
    /// The bytes of the file with this path: as the user named an entry, or the folder of an entry joined with the path in an
    /// `include`, `.` and `..` resolved. A path that leaves the entry's folder never gets here.
    ///
    /// # Errors
    /// Why the file cannot be had.
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError>;
}

/// Why a file cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There is none.
    NotFound,
    /// It is a folder.
    IsDirectory,
    /// It lies outside the folder of the entry file.
    Outside,
    /// It is a symbolic link, or lies behind one.
    Symlink,
    /// It has more than [`MAX_FILE`] bytes.
    TooLarge,
    /// It may not be read.
    Permission,
    /// Something else.
    Other(String),
}

/// A policy as it was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Its texts.
    pub sources: SourceMap,
    /// Its files; [`Policy::items`] has the statements in the order in which they count.
    pub policy: Policy,
    /// What is wrong, in the order of loading and of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads the entry files and all that they include. Total: whatever is wrong is in the findings, and the rest is loaded.
#[must_use]
pub fn load(entries: &[&str], loader: &dyn Loader) -> Loaded {
    let mut load = Load { loader, out: Loaded::default(), known: HashMap::new(), total: 0, words: 0, full: false };
    for (number, entry) in entries.iter().enumerate() {
        if number == MAX_FILES {
            let place = load.empty_source(entry);
            load.report(syntax::E0135, place, format!("a policy has at most {MAX_FILES} files, and {} are given", entries.len()));
            break;
        }
        load.entry(entry);
    }
    load.check_substance();
    diag::sort(&mut load.out.diagnostics, &load.out.sources);
    load.out
}

struct Load<'l> {
    loader: &'l dyn Loader,
    out: Loaded,
    /// Every path that was asked for, and where it was first: nothing for entries.
    known: HashMap<String, Option<Span>>,
    /// Bytes read so far.
    total: usize,
    /// Words so far.
    words: usize,
    /// True once it has been reported that there are too many files.
    full: bool,
}

/// A file whose includes are being followed.
struct Open {
    path: String,
    file: usize,
    next_item: usize,
}

impl Load<'_> {
    fn entry(&mut self, path: &str) {
        let path = normal(path);
        if self.known.contains_key(&path) {
            let place = self.start_of(&path).unwrap_or_else(|| self.empty_source(&path));
            let found = Diagnostic::new(syntax::E0132, place, format!("`{path}` is given twice"));
            self.out.diagnostics.push(found.help("give each file once; what a file includes is not given by itself"));
            return;
        }
        let folder = folder_of(&path).to_owned();
        let Some(file) = self.read(&path, None) else { return };
        self.out.policy.entries.extend(self.out.policy.files.get(file).map(|file| file.source));
        self.follow(&folder, Open { path, file, next_item: 0 });
    }

    /// Follows the includes of one entry, depth first, in the order of the text.
    fn follow(&mut self, folder: &str, entry: Open) {
        let mut open = vec![entry];
        while let Some(current) = open.last_mut() {
            let place = (current.file, current.next_item);
            current.next_item += 1;
            let (path, span) = match self.out.policy.files.get(place.0).and_then(|file| file.items.get(place.1)) {
                None => {
                    open.pop();
                    continue;
                }
                Some(Item::Include(include)) => (Arc::clone(&include.path.value), include.path.span),
                Some(_) => continue,
            };
            let Some(file) = self.include(folder, &path, span, &open) else { continue };
            let target = self.out.policy.files.get(file.file).map(|file| file.source);
            let item = self.out.policy.files.get_mut(place.0).and_then(|file| file.items.get_mut(place.1));
            if let Some(Item::Include(include)) = item {
                include.target = target;
            }
            open.push(file);
        }
    }

    /// Reads an included file, unless it may not be included here.
    fn include(&mut self, folder: &str, written: &str, span: Span, open: &[Open]) -> Option<Open> {
        let from = open.last().map_or("", |open| folder_of(&open.path));
        let path = if written.starts_with('/') { written.to_owned() } else { normal(&join(from, written)) };
        if written.is_empty() {
            let found = Diagnostic::new(syntax::E0130, span, "the path is empty").help("name the file to include");
            self.out.diagnostics.push(found);
            return None;
        }
        if path == "." || path == folder {
            let found = Diagnostic::new(syntax::E0130, span, format!("`{written}` is a folder, not a file"));
            self.out.diagnostics.push(found.help(Self::advice(&LoadError::IsDirectory, true)));
            return None;
        }
        if written.starts_with('/') || written.contains('\\') || !is_within(folder, &path) {
            self.outside(span, written);
            return None;
        }
        if let Some(start) = open.iter().position(|open| open.path == path) {
            let chain: Vec<&str> = open.iter().skip(start).map(|open| open.path.as_str()).chain([path.as_str()]).collect();
            let chain = chain.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" includes ");
            let found = Diagnostic::new(syntax::E0131, span, format!("this include closes a cycle: {chain}"));
            self.out.diagnostics.push(found.help("move what both need into a third file"));
            return None;
        }
        if let Some(first) = self.known.get(&path) {
            let found = Diagnostic::new(syntax::E0132, span, format!("`{path}` is included twice"));
            let found = match first {
                Some(first) => found.related(*first, "it is first included here"),
                None => found.help("it is also given as a file of its own"),
            };
            self.out.diagnostics.push(found);
            return None;
        }
        if self.full {
            return None;
        }
        self.full = self.known.len() >= MAX_FILES;
        if self.full || open.len() >= MAX_INCLUDE_DEPTH {
            let message = format!("includes nest at most {MAX_INCLUDE_DEPTH} deep, and a policy has at most {MAX_FILES} files");
            let found = Diagnostic::new(syntax::E0135, span, message);
            self.out.diagnostics.push(found.help("include the files from one place, or join small ones"));
            return None;
        }
        let file = self.read(&path, Some(span))?;
        Some(Open { path, file, next_item: 0 })
    }

    /// Reads and parses a file; what is wrong is reported where it was asked for.
    fn read(&mut self, path: &str, asked: Option<Span>) -> Option<usize> {
        self.known.insert(path.to_owned(), asked);
        let bytes = match self.loader.read(path) {
            Ok(bytes) if bytes.len() > MAX_FILE => return self.refuse(path, asked, &LoadError::TooLarge),
            Ok(bytes) => bytes,
            Err(error) => return self.refuse(path, asked, &error),
        };
        self.total = self.total.saturating_add(bytes.len());
        if self.total > MAX_TOTAL {
            let place = asked.unwrap_or_else(|| self.empty_source(path));
            let found =
                Diagnostic::new(syntax::E0114, place, format!("with `{path}`, the policy has more than {MAX_TOTAL} bytes"));
            self.out
                .diagnostics
                .push(found.help("say it with fewer: prefixes for addresses, groups for members, ranges for ports"));
            return None;
        }
        let source = match String::from_utf8(bytes) {
            Ok(text) => self.out.sources.add(path, text),
            Err(error) => {
                self.not_utf8(path, &error);
                return None;
            }
        };
        let (file, diagnostics) = parse(&self.out.sources, source);
        self.words = self.words.saturating_add(file.words);
        if self.words > MAX_WORDS {
            self.out.diagnostics.push(too_many_words(asked.unwrap_or_else(|| span(source, 0, 0))));
            return None;
        }
        self.out.diagnostics.extend(diagnostics);
        self.out.policy.files.push(file);
        Some(self.out.policy.files.len() - 1)
    }

    fn not_utf8(&mut self, path: &str, error: &std::string::FromUtf8Error) {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or(0);
        let source = self.out.sources.add(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
        let message = format!("`{path}` is not UTF-8: byte {byte:#04x} at offset {at}");
        let found = Diagnostic::new(syntax::E0109, span(source, at, at + '\u{fffd}'.len_utf8()), message);
        self.out.diagnostics.push(found.help("save the file as UTF-8, or name a file that is text"));
    }

    /// What to do about a file that cannot be had.
    fn advice(error: &LoadError, included: bool) -> &'static str {
        match error {
            LoadError::TooLarge => "split it with `include`",
            LoadError::IsDirectory if included => "include its files one by one",
            LoadError::IsDirectory => "name a file in it",
            LoadError::Symlink | LoadError::Outside => "put the file itself into the folder of the policy",
            LoadError::NotFound if included => "the path counts from the folder of the file that includes it",
            LoadError::NotFound | LoadError::Permission | LoadError::Other(_) => "name a file that can be read",
        }
    }

    fn refuse(&mut self, path: &str, asked: Option<Span>, error: &LoadError) -> Option<usize> {
        let place = asked.unwrap_or_else(|| self.empty_source(path));
        let (code, message) = match error {
            LoadError::NotFound => (syntax::E0130, format!("there is no file `{path}`")),
            LoadError::IsDirectory => (syntax::E0130, format!("`{path}` is a folder, not a file")),
            LoadError::Outside => {
                self.outside(place, path);
                return None;
            }
            LoadError::Symlink => (syntax::E0134, format!("`{path}` is, or goes through, a symbolic link")),
            LoadError::TooLarge => (syntax::E0114, format!("`{path}` has more than {MAX_FILE} bytes")),
            LoadError::Permission => (syntax::E0130, format!("`{path}` may not be read")),
            LoadError::Other(why) => (syntax::E0130, format!("`{path}` cannot be read: {why}")),
        };
        let help = Self::advice(error, asked.is_some());
        self.out.diagnostics.push(Diagnostic::new(code, place, message).help(help));
        None
    }

    fn outside(&mut self, span: Span, written: &str) {
        let found =
            Diagnostic::new(syntax::E0133, span, format!("`{written}` leads outside the folder of the policy's first file"))
                .help("copy the file into that folder, and give its path from the including file");
        self.out.diagnostics.push(found);
    }

    /// Where a file starts that was read.
    fn start_of(&self, path: &str) -> Option<Span> {
        let files = &self.out.policy.files;
        let file = files.iter().find(|file| self.out.sources.get(file.source).is_some_and(|source| &*source.name == path))?;
        Some(span(file.source, 0, 0))
    }

    /// A text without content, to have a place for what is wrong with a file as a whole.
    fn empty_source(&mut self, path: &str) -> Span {
        let source = self.out.sources.add(path, "");
        span(source, 0, 0)
    }

    fn report(&mut self, code: Code, span: Span, message: String) {
        self.out.diagnostics.push(Diagnostic::new(code, span, message));
    }

    /// An entry that says nothing would deny everything: that has to be said.
    fn check_substance(&mut self) {
        let policy = &self.out.policy;
        let silent: Vec<SourceId> = policy.entries.iter().filter(|id| policy.items_from(**id).is_empty()).copied().collect();
        // What failed to load may have said something.
        if diag::any_error(&self.out.diagnostics) {
            return;
        }
        for source in silent {
            let found =
                Diagnostic::new(syntax::E0136, span(source, 0, 0), "this policy holds no statement, so it would deny everything")
                    .help("if that is meant, write `default deny;`");
            self.out.diagnostics.push(found);
        }
    }
}

/// The path up to its last `/`, without it.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

fn join(folder: &str, path: &str) -> String {
    match folder {
        "" => path.to_owned(),
        "/" => format!("/{path}"),
        _ => format!("{folder}/{path}"),
    }
}

/// The path without `.`, and without `..` where something stands before it. The folder itself is `.`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match path.starts_with('/') {
        true => format!("/{joined}"),
        false if joined.is_empty() && !path.is_empty() => ".".to_owned(),
        false => joined,
    }
}

/// True if the path, in normal form, lies in the folder, in normal form.
fn is_within(folder: &str, path: &str) -> bool {
    match folder {
        "" => !path.starts_with('/') && !path.starts_with("../") && path != "..",
        "/" => true,
        _ => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') && !rest.starts_with("/../")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files<'a>(&'a [(&'a str, &'a [u8])]);

    impl Loader for Files<'_> {
        fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
            match path {
                "etc/link.pol" => Err(LoadError::Symlink),
                "etc/dir" => Err(LoadError::IsDirectory),
                "etc/secret.pol" => Err(LoadError::Permission),
                _ => self.0.iter().find(|(name, _)| *name == path).map(|(_, bytes)| bytes.to_vec()).ok_or(LoadError::NotFound),
            }
        }
    }

    fn told(entries: &[&str], files: &[(&str, &[u8])]) -> Vec<String> {
        let loaded = load(entries, &Files(files));
        let place = |span| loaded.sources.position(span);
        let line = |found: &Diagnostic| {
            format!("{}:{} {} {}", place(found.span).file, place(found.span).line, found.code, found.message)
        };
        loaded.diagnostics.iter().map(line).collect()
    }

    #[test]
    fn an_include_stands_for_what_it_brings_in() {
        let files: &[(&str, &[u8])] = &[
            ("etc/a.pol", b"user a;\ninclude \"sub/b.pol\";\nuser d;"),
            ("etc/sub/b.pol", b"user b;\ninclude \"../c.pol\";"),
            ("etc/c.pol", b"user c;"),
            ("etc/z.pol", b"user z;"),
        ];
        let loaded = load(&["etc/a.pol", "./etc/z.pol"], &Files(files));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let names: Vec<&str> = loaded
            .policy
            .items()
            .iter()
            .map(|item| match item {
                Item::User(user) => &*user.name.text,
                _ => "?",
            })
            .collect();
        assert_eq!(names, ["a", "b", "c", "d", "z"]);
    }

    #[test]
    fn what_cannot_be_included_is_refused_at_its_include() {
        let wrong = b"user a;\ninclude \"no.pol\";\ninclude \"dir\";\ninclude \"link.pol\";\ninclude \"secret.pol\";\n\
            include \"../../up.pol\";\ninclude \"/etc/passwd\";\ninclude \"x/../../../up.pol\";\ninclude \"\";\ninclude \".\";";
        assert_eq!(
            told(&["etc/a.pol"], &[("etc/a.pol", wrong)]),
            [
                "etc/a.pol:2 E0130 there is no file `etc/no.pol`",
                "etc/a.pol:3 E0130 `etc/dir` is a folder, not a file",
                "etc/a.pol:4 E0134 `etc/link.pol` is, or goes through, a symbolic link",
                "etc/a.pol:5 E0130 `etc/secret.pol` may not be read",
                "etc/a.pol:6 E0133 `../../up.pol` leads outside the folder of the policy's first file",
                "etc/a.pol:7 E0133 `/etc/passwd` leads outside the folder of the policy's first file",
                "etc/a.pol:8 E0133 `x/../../../up.pol` leads outside the folder of the policy's first file",
                "etc/a.pol:9 E0130 the path is empty",
                "etc/a.pol:10 E0130 `.` is a folder, not a file",
            ]
        );
        assert_eq!(told(&["a"], &[("a", b"include \".\";")]), ["a:1 E0130 `.` is a folder, not a file"]);
        assert_eq!(told(&["a"], &[("a", b"include \"b/..\";")]), ["a:1 E0130 `b/..` is a folder, not a file"]);
        assert_eq!(told(&["gone.pol"], &[]), ["gone.pol:1 E0130 there is no file `gone.pol`"]);
    }

    #[test]
    fn cycles_and_repetitions_are_refused() {
        let cycle: &[(&str, &[u8])] = &[("a", b"include \"b\";"), ("b", b"user x; include \"c\";"), ("c", b"include \"./b\";")];
        assert_eq!(told(&["a"], cycle), ["c:1 E0131 this include closes a cycle: `b` includes `c` includes `b`"]);
        let twice: &[(&str, &[u8])] = &[("a", b"include \"b\";\ninclude \"b\";"), ("b", b"user x;")];
        assert_eq!(told(&["a"], twice), ["a:2 E0132 `b` is included twice"]);
        assert_eq!(told(&["b", "b"], twice), ["b:1 E0132 `b` is given twice"]);
        let loaded = load(&["b", "b"], &Files(twice));
        let drawn = crate::report::render(&loaded.diagnostics[0], &loaded.sources, crate::report::Style::default());
        assert!(drawn.contains("user x;"), "the file is shown: {drawn}");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_offset() {
        let latin: &[(&str, &[u8])] = &[("a", b"user a;\n# gr\xfcn\n")];
        assert_eq!(told(&["a"], latin), ["a:2 E0109 `a` is not UTF-8: byte 0xfc at offset 12"]);
    }

    #[test]
    fn an_empty_policy_needs_to_be_meant() {
        let message = "a:1 E0136 this policy holds no statement, so it would deny everything";
        assert_eq!(told(&["a"], &[("a", b"")]), [message]);
        assert_eq!(told(&["a"], &[("a", b"# nothing\r\n\n")]), [message]);
        assert_eq!(told(&["a"], &[("a", b"include \"b\";"), ("b", b"include \"c\";"), ("c", b"")]), [message]);
        assert!(told(&["a"], &[("a", b"default deny;")]).is_empty());
    }

    #[test]
    fn any_bytes_are_loaded_or_refused() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for length in 0..400 {
            let mut bytes = b"user a; include \"".to_vec();
            bytes.extend(
                std::iter::repeat_with(|| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes()[0]
                })
                .take(length),
            );
            let loaded = load(&["a"], &Files(&[("a", &bytes)]));
            assert!(!loaded.diagnostics.is_empty());
            for found in &loaded.diagnostics {
                let drawn = crate::report::render(found, &loaded.sources, crate::report::Style::default());
                assert!(drawn.starts_with(&format!("[{}] Error: ", found.code)), "{drawn}");
            }
        }
    }

    #[test]
    fn depth_size_and_number_of_files_are_bounded() {
        struct Endless(usize);
        impl Loader for Endless {
            fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
                let number: u32 = path.parse().map_err(|_| LoadError::NotFound)?;
                let mut text = format!("include \"{}\";\n", number + 1).into_bytes();
                text.resize(text.len() + self.0, b'\n');
                Ok(text)
            }
        }
        let codes = |size| load(&["1"], &Endless(size)).diagnostics.iter().map(|found| found.code).collect::<Vec<_>>();
        assert_eq!(codes(0), [syntax::E0135]);
        assert_eq!(codes(8 << 20), [syntax::E0114]);
        assert_eq!(codes(MAX_FILE), [syntax::E0114]);
    }
}
