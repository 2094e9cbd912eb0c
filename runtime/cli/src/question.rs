//! Questions about flows in the words of policies: `to www for web`. Reads them in the names of a policy. Knows nothing of the
//! answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::{Analysis, Budget, Program};
use lang::check::check;
use lang::checked::{Assertion, Claim, Cond, Rule};
use lang::diag::{Diagnostic, any_error};
use lang::parse::parse;
use lang::report::{Style, concise, render};
use lang::source::{SourceId, SourceMap, Span};

use crate::exit::{Exit, Failure};
use crate::fold::hung;
use crate::json;
use crate::load::Policy;
use crate::output::{self, Output};
use crate::report::{self, Format};

/// What a question is called in messages.
const NAME: &str = "QUESTION";

/// One argument of a question.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The word that it stands behind in a rule: `to`.
    pub behind: &'static str,
    /// What it is called on the command line.
    pub argument: &'static str,
    /// Its text.
    pub text: &'a str,
}

/// Where the text of an argument stands in the text that is parsed.
struct Stretch<'a> {
    part: Part<'a>,
    start: u32,
    end: u32,
}

/// A policy of which something is asked.
pub struct Asked {
    /// The program, which tells apart whatever the questions do.
    pub program: Program,
    /// The flows that each question is about.
    pub patterns: Vec<Cond>,
}

/// A question that cannot be read, and the texts to show that in.
pub struct Unreadable {
    sources: SourceMap,
    found: Vec<Diagnostic>,
    /// What is to be said where nothing was found.
    otherwise: String,
}

/// Reads questions, each of parts that make up what stands behind `deny` in a policy.
pub fn read(policy: &Policy, questions: &[Vec<Part<'_>>]) -> Result<Asked, Unreadable> {
    let mut sources = policy.sources.clone();
    let (text, stretches) = statements(questions);
    let id = sources.add(NAME, text);
    let (file, parsed) = parse(&sources, id);
    let mut tree = policy.tree.clone();
    let statements = file.items.len();
    tree.files.push(file);
    tree.entries.push(id);
    let (checked, found) = check(&sources, &tree, parsed);
    let unreadable = |found: Vec<Diagnostic>| {
        let found = found.into_iter().filter(|one| one.span.source == id).collect();
        Unreadable::new(policy.sources.clone(), &stretches, found)
    };
    let Some(mut checked) = checked.filter(|_| statements == questions.len()) else {
        return Err(unreadable(found));
    };
    // What is asked is told apart, and decides nothing.
    let (asked, rules): (Vec<Rule>, Vec<Rule>) = checked.rules.drain(..).partition(|rule| rule.span.source == id);
    checked.rules = rules;
    if asked.len() != questions.len() {
        return Err(unreadable(found));
    }
    let patterns: Vec<Cond> = asked.iter().map(|rule| rule.cond.clone()).collect();
    checked.assertions = asked
        .into_iter()
        .map(|rule| Assertion {
            name: NAME.into(),
            claim: Claim::Never,
            pattern: rule.cond,
            clauses: Vec::new(),
            via: Vec::new(),
            span: rule.span,
        })
        .collect();
    Ok(Asked { program: Program::compile(Arc::new(checked), &policy.view), patterns })
}

/// The statements that the questions are parsed as, and where the arguments stand in them.
fn statements<'a>(questions: &[Vec<Part<'a>>]) -> (String, Vec<Stretch<'a>>) {
    let mut text = String::new();
    let mut stretches = Vec::new();
    let offset = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
    for question in questions {
        text.push_str("deny");
        for part in question {
            text.push_str(&format!(" {} ", part.behind));
            let start = offset(&text);
            text.push_str(part.text);
            stretches.push(Stretch { part: *part, start, end: offset(&text) });
        }
        text.push_str(";\n");
    }
    (text, stretches)
}

impl Asked {
    /// The proofs: of all flows that there can be, or of those in the view that was given.
    pub fn analysis<'a>(&'a self, policy: &'a Policy, budget: Budget) -> Option<Analysis<'a>> {
        match policy.view_name {
            Some(_) => Analysis::in_view(&self.program, &policy.view, budget),
            None => Analysis::new(&self.program, budget),
        }
    }
}

impl Unreadable {
    /// What was found in the statements, moved to the arguments that the user wrote: each argument is a text of its own. What is wrong
    /// with one is told once, in however many questions it stands.
    fn new(mut sources: SourceMap, stretches: &[Stretch<'_>], found: Vec<Diagnostic>) -> Unreadable {
        let mut texts: BTreeMap<(&str, &str), SourceId> = BTreeMap::new();
        let mut moved = |span: Span| {
            let next = stretches.partition_point(|stretch| stretch.start <= span.start);
            let stretch = stretches.get(next.saturating_sub(1))?;
            let Part { argument, text, .. } = stretch.part;
            let source = *texts.entry((argument, text)).or_insert_with(|| sources.add(argument, text));
            let within = |at: u32| at.clamp(stretch.start, stretch.end) - stretch.start;
            let is_behind = span.start >= stretch.end;
            Some((Span { source, start: within(span.start), end: within(span.end) }, is_behind))
        };
        let mut told: Vec<Diagnostic> = Vec::new();
        for mut one in found {
            let of_question = one.span.source;
            let Some((span, is_behind)) = moved(one.span) else { continue };
            one.span = span;
            if is_behind {
                one.message = one.message.replace("found `;`", "found nothing");
            }
            for related in one.related.iter_mut().filter(|related| related.span.source == of_question) {
                related.span = moved(related.span).map_or(related.span, |(span, _)| span);
            }
            // In another question the same argument is no other place.
            one.related.retain(|related| related.span != span);
            if !told.contains(&one) {
                told.push(one);
            }
        }
        Unreadable { sources, found: told, otherwise: otherwise(stretches) }
    }

    /// Says why, and how the command ends.
    ///
    /// # Errors
    /// Nobody takes the output.
    pub fn tell(self, out: &mut Output, policy: &Policy, format: Format) -> Result<Exit, Failure> {
        let Unreadable { sources, found, otherwise } = self;
        if format == Format::Json {
            json::write(out, &report::of_findings(&policy.hash, &found, &sources))?;
            return Ok(Exit::CannotDo);
        }
        if !any_error(&found) {
            output::complain(&(hung(&format!("error: {otherwise}")) + "\n"));
        }
        let style = Style { color: format == Format::Human && output::stderr_colour() };
        let one = |found: &Diagnostic| match format {
            Format::Concise => concise(found, &sources) + "\n",
            _ => render(found, &sources, style),
        };
        output::complain(&found.iter().map(one).collect::<String>());
        Ok(Exit::CannotDo)
    }
}

/// What is said of arguments that parse, and as something else than was asked.
fn otherwise(stretches: &[Stretch<'_>]) -> String {
    let more = stretches.iter().map(|stretch| stretch.part).find(|part| part.text.contains([';', '#', '{', '}', '\n']));
    let Some(Part { behind, argument, text }) = more else { return "the arguments are not one condition of a rule".to_owned() };
    format!("{argument} is to be one set, as it stands behind `{behind}` in a rule, and `{text}` is something else")
}
