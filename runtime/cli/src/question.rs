//! Questions about flows in the words of policies: `to www for web`. Reads them in the names of a policy. Knows nothing of the
//! answers.

use std::sync::Arc;

use compiler::{Analysis, Budget, Program};
use lang::check::check;
use lang::checked::{Assertion, Claim, Cond, Rule};
use lang::diag::{Diagnostic, any_error};
use lang::parse::parse;
use lang::report::{Style, concise, render};
use lang::source::SourceMap;

use crate::exit::{Exit, Failure};
use crate::json;
use crate::load::Policy;
use crate::output::{self, Output};
use crate::report::{self, Format};

/// What a question is called in messages.
const NAME: &str = "QUESTION";

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
}

/// Reads questions, each as what stands behind `deny` in a policy.
pub fn read(policy: &Policy, questions: &[String]) -> Result<Asked, Unreadable> {
    let mut sources = policy.sources.clone();
    let text: String = questions.iter().map(|question| format!("deny {question};\n")).collect();
    let id = sources.add(NAME, text);
    let (file, parsed) = parse(&sources, id);
    let mut tree = policy.tree.clone();
    let statements = file.items.len();
    tree.files.push(file);
    tree.entries.push(id);
    let (checked, found) = check(&sources, &tree, parsed);
    let of_question = |found: Vec<Diagnostic>| found.into_iter().filter(|one| one.span.source == id).collect::<Vec<_>>();
    let Some(mut checked) = checked.filter(|_| statements == questions.len()) else {
        return Err(Unreadable { sources, found: of_question(found) });
    };
    // What is asked is told apart, and decides nothing.
    let (asked, rules): (Vec<Rule>, Vec<Rule>) = checked.rules.drain(..).partition(|rule| rule.span.source == id);
    checked.rules = rules;
    if asked.len() != questions.len() {
        return Err(Unreadable { sources, found: of_question(found) });
    }
    let patterns: Vec<Cond> = asked.iter().map(|rule| rule.cond.clone()).collect();
    checked.assertions = asked
        .into_iter()
        .map(|rule| Assertion { name: NAME.into(), claim: Claim::Never, pattern: rule.cond, via: Vec::new(), span: rule.span })
        .collect();
    Ok(Asked { program: Program::compile(Arc::new(checked), &policy.view), patterns })
}

impl Asked {
    /// The proofs: of all flows that there can be, or of those in the view that was given.
    pub fn analysis<'a>(&'a self, policy: &'a Policy) -> Option<Analysis<'a>> {
        match policy.view_name {
            Some(_) => Analysis::in_view(&self.program, &policy.view, Budget::default()),
            None => Analysis::new(&self.program, Budget::default()),
        }
    }
}

impl Unreadable {
    /// Says why, and how the command ends.
    ///
    /// # Errors
    /// Nobody takes the output.
    pub fn tell(self, out: &mut Output, policy: &Policy, format: Format) -> Result<Exit, Failure> {
        let Unreadable { sources, found } = self;
        if format == Format::Json {
            json::write(out, &report::of_findings(&policy.hash, &found, &sources))?;
            return Ok(Exit::CannotDo);
        }
        if !any_error(&found) {
            output::complain("error: this is not one condition, as it stands behind `deny`\n");
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
