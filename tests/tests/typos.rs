//! One slip of a finger in every word of every shipped policy: it is an error each time, and the word that was meant is suggested.
#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lang::diag::{Diagnostic, Severity};
use lang::import::{LoadError, Loader};
use lang::lexer::{Tok, lex};
use lang::source::SourceMap;
use tests::repository;

/// The files of a folder, by name.
struct Files(BTreeMap<String, String>);

impl Loader for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(LoadError::NotFound)
    }
}

impl Files {
    fn of(folder: PathBuf) -> Files {
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        Files(
            files
                .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
                .collect(),
        )
    }

    fn errors(&self, entry: &str) -> Vec<Diagnostic> {
        let read = lang::import::load(&[entry], self);
        let mut found = lang::check::check(&read.sources, &read.policy, read.diagnostics).1;
        found.retain(|one| one.severity == Severity::Error);
        found
    }
}

/// Xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).unwrap()
    }
}

/// A letter too many, one too few, two swapped, one for another.
fn slips(word: &str, dice: &mut Dice) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let letter = |dice: &mut Dice| char::from(b'a' + u8::try_from(dice.below(26)).unwrap());
    let mut more = letters.clone();
    more.insert(1 + dice.below(letters.len()), letter(dice));
    let mut fewer = letters.clone();
    fewer.remove(dice.below(letters.len()));
    let mut swapped = letters.clone();
    let at = dice.below(letters.len() - 1);
    swapped.swap(at, at + 1);
    let mut other = letters.clone();
    *other.get_mut(dice.below(letters.len())).unwrap() = letter(dice);
    [more, fewer, swapped, other].into_iter().map(|letters| letters.into_iter().collect()).collect()
}

/// The words of a text, names and those of the language, and where each stands. Where a name is declared is left out: its first place.
fn words(text: &str) -> BTreeMap<String, Vec<(usize, usize)>> {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let mut words: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for token in lex(id, text).tokens {
        let word = text.get(token.start..token.end).unwrap();
        let counted = match token.tok {
            Tok::Word(_) => true,
            Tok::Name => !seen.insert(word.to_owned()),
            _ => false,
        };
        if counted && word.len() > 1 {
            words.entry(word.to_owned()).or_default().push((token.start, token.end));
        }
    }
    words
}

#[test]
fn nine_of_ten_slips_are_met_with_the_word_that_was_meant_and_none_is_taken_for_good() {
    let (mut right, mut wrong) = (0, Vec::new());
    let mut dice = Dice(11);
    let policies = [
        ("campus", "campus.pol", "campus.pol"),
        ("campus", "inventory.pol", "campus.pol"),
        ("lab", "campus.pol", "campus.pol"),
        ("home", "home.pol", "home.pol"),
        ("branch", "branch.pol", "branch.pol"),
        ("hospital", "hospital.pol", "hospital.pol"),
    ];
    for (folder, file, entry) in policies {
        let mut files = Files::of(repository().join("policies").join(folder));
        assert!(files.errors(entry).is_empty(), "{folder}");
        let text = files.0.get(file).unwrap().clone();
        let words = words(&text);
        for (word, places) in &words {
            for slip in slips(word, &mut dice) {
                if words.contains_key(&slip) || slip == *word || slip.starts_with(|letter: char| !letter.is_ascii_alphabetic()) {
                    continue;
                }
                let (start, end) = *places.get(dice.below(places.len())).unwrap();
                files.0.insert(file.to_owned(), format!("{}{slip}{}", text.get(..start).unwrap(), text.get(end..).unwrap()));
                let errors = files.errors(entry);
                let helps: Vec<&str> = errors.iter().filter_map(|one| one.help.as_deref()).collect();
                let meant = |help: &&str| help.contains("did you mean") && help.contains(&format!("`{word}`"));
                assert!(
                    helps.iter().all(|help| help.matches('`').count() <= 6 || !help.starts_with("did you mean")),
                    "{helps:?}"
                );
                if helps.iter().any(meant) {
                    right += 1;
                } else {
                    wrong.push(format!("{folder}/{file}: {word} as {slip}: {} errors, {helps:?}", errors.len()));
                }
                assert!(!errors.is_empty(), "{folder}/{file}: {slip} for {word} passes");
            }
        }
        files.0.insert(file.to_owned(), text);
    }
    let all = right + wrong.len();
    assert!(all > 600, "only {all} slips");
    assert!(right * 10 >= all * 9, "{right} of {all}\n{}", wrong.join("\n"));
}
