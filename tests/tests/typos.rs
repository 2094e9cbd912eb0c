//! One slip of a finger in every word of every shipped policy: it is an error each time, and the word that was meant is suggested.
#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fuzz::mutate::Dice;
use lang::builtin;
use lang::diag::{Diagnostic, Severity};
use lang::import::{LoadError, Loader};
use lang::keyword::Keyword;
use lang::lexer::{Tok, lex};
use lang::source::SourceMap;
use tests::repository;

/// The files of a policy, by their paths.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

impl Loader for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(LoadError::NotFound)
    }
}

impl Files {
    fn of(folder: &Path) -> Files {
        let mut files = BTreeMap::new();
        let mut open = vec![folder.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), text);
            }
        }
        Files(files)
    }

    fn errors(&self, entry: &str) -> Vec<Diagnostic> {
        let read = lang::import::load(&[entry], self);
        let mut found = lang::check::check(&read.sources, &read.policy, read.diagnostics).1;
        found.retain(|one| one.severity == Severity::Error);
        found
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

/// The words of a text, names and those of the language, and where each stands. Where a name is declared is left out: its first place,
/// and that behind `section`, the name of which may be another thing's.
fn words(text: &str) -> BTreeMap<String, Vec<(usize, usize)>> {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let mut words: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut last = None;
    for token in lex(id, text).tokens {
        let word = text.get(token.start..token.end).unwrap();
        let declares = last.replace(token.tok) == Some(Tok::Word(Keyword::Section));
        let counted = match token.tok {
            Tok::Word(_) => true,
            Tok::Name => !declares && !seen.insert(word.to_owned()),
            _ => false,
        };
        if counted && word.len() > 1 {
            words.entry(word.to_owned()).or_default().push((token.start, token.end));
        }
    }
    words
}

/// What came of all slips in one policy.
struct Outcome {
    policy: &'static str,
    seed: u64,
    right: usize,
    wrong: Vec<String>,
}

impl Outcome {
    fn all(&self) -> usize {
        self.right + self.wrong.len()
    }
}

/// Misspells words of all files of a policy, each in turn.
fn misspell(policy: &'static str, entry: &str, seed: u64) -> Outcome {
    let mut outcome = Outcome { policy, seed, right: 0, wrong: Vec::new() };
    let mut dice = Dice(seed);
    let mut files = Files::of(&repository().join("policies").join(policy));
    assert!(files.errors(entry).is_empty(), "{policy}");
    let texts: Vec<(String, String)> = files.0.clone().into_iter().filter(|(file, _)| file.ends_with(".pol")).collect();
    // What is another word by chance is no slip.
    let known: BTreeSet<String> = texts.iter().flat_map(|(_, text)| words(text).into_keys()).collect();
    let is_built_in =
        |word: &str| builtin::service(word).is_some() || builtin::set(word).is_some() || builtin::protocol(word).is_some();
    let is_known = |word: &str| known.contains(word) || is_built_in(word);
    for (file, text) in &texts {
        for (word, places) in &words(text) {
            for slip in slips(word, &mut dice) {
                // Half of them: another seed takes others.
                if dice.below(2) == 0 {
                    continue;
                }
                if is_known(&slip) || slip.starts_with(|letter: char| !letter.is_ascii_alphabetic()) {
                    continue;
                }
                let (start, end) = *places.get(dice.below(places.len())).unwrap();
                files.0.insert(file.clone(), format!("{}{slip}{}", text.get(..start).unwrap(), text.get(end..).unwrap()));
                judge(&mut outcome, &format!("{policy}/{file}: {slip} for {word}"), word, &files.errors(entry));
            }
        }
        files.0.insert(file.clone(), text.clone());
    }
    outcome
}

/// Counts a slip: the errors that it led to name the word that was meant, or they do not.
fn judge(outcome: &mut Outcome, slip: &str, word: &str, errors: &[Diagnostic]) {
    assert!(!errors.is_empty(), "{slip} passes");
    let helps: Vec<&str> = errors.iter().filter_map(|one| one.help.as_deref()).collect();
    assert!(helps.iter().all(|help| help.matches('`').count() <= 6 || !help.starts_with("did you mean")), "{helps:?}");
    if helps.iter().any(|help| help.contains("did you mean") && help.contains(&format!("`{word}`"))) {
        outcome.right += 1;
    } else {
        outcome.wrong.push(format!("{slip}: {} errors, {helps:?}", errors.len()));
    }
}

/// Every shipped policy, and its first file.
const POLICIES: [(&str, &str); 8] = [
    ("university", "university.pol"),
    ("stanford", "stanford.pol"),
    ("snac", "snac.pol"),
    ("hospital", "hospital.pol"),
    ("campus", "campus.pol"),
    ("lab", "campus.pol"),
    ("branch", "branch.pol"),
    ("home", "home.pol"),
];

const SEEDS: [u64; 3] = [11, 4_711, 20_261_130];

#[test]
fn nine_of_ten_slips_in_each_policy_are_met_with_the_word_that_was_meant_and_none_is_taken_for_good() {
    let there = std::fs::read_dir(repository().join("policies")).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(there.count(), POLICIES.len());
    let jobs: Vec<_> = POLICIES.iter().flat_map(|policy| SEEDS.map(|seed| (*policy, seed))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let jobs = std::iter::from_fn(|| jobs.get(next.fetch_add(1, Ordering::Relaxed)));
        jobs.map(|((policy, entry), seed)| misspell(policy, entry, *seed)).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.len(), POLICIES.len() * SEEDS.len());
    let slips: usize = outcomes.iter().map(Outcome::all).sum();
    assert!(slips > 5_000, "only {slips} slips");
    let mut shares = String::new();
    for outcome in &outcomes {
        let percent = outcome.right * 100 / outcome.all();
        shares.push_str(&format!(
            "{}, seed {}: {percent} %, {} of {}\n",
            outcome.policy,
            outcome.seed,
            outcome.right,
            outcome.all()
        ));
    }
    let few: Vec<&Outcome> = outcomes.iter().filter(|one| one.right * 10 < one.all() * 9).collect();
    let wrong: Vec<&str> = few.iter().flat_map(|one| one.wrong.iter().map(String::as_str)).collect();
    assert!(few.is_empty(), "{shares}{}", wrong.join("\n"));
}
