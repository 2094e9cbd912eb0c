//! `pentane help`: the page of a diagnostic code, or of a command, without a network.

use clap::{Args as ClapArgs, Command, CommandFactory};
use lang::codes::{self, Page};
use lang::suggest::{Candidate, did_you_mean, nearest};

use crate::args::Cli;
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded};
use crate::output::{Output, Paint};

/// The topic that is neither a code nor a command: what stands in a view file.
pub const VIEW: &str = "view";

/// Its page.
const VIEW_PAGE: &str = include_str!("help/view.txt");

/// What `help` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// A code, E0201 for example, a command (`who can-reach`), or `view`: what stands in a view file; without it all codes are listed
    #[arg(value_name = "CODE")]
    topic: Vec<String>,
}

/// Prints the page of a code, of a command or of view files, or the list of codes and commands.
///
/// # Errors
/// There is no such page, or nobody takes the output.
pub fn help(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let Some(first) = args.topic.first() else {
        let text = Cli::command().render_help().to_string();
        out.text(&text)?;
        list(out)?;
        return Ok(Exit::Good);
    };
    if *first == VIEW && args.topic.len() == 1 {
        out.text(VIEW_PAGE)?;
        return Ok(Exit::Good);
    }
    if let Some(page) = codes::find(first).filter(|_| args.topic.len() == 1) {
        write_page(out, page)?;
        return Ok(Exit::Good);
    }
    let mut cli = Cli::command();
    cli.build();
    let command = command(&cli, &args.topic).ok_or_else(|| Failure::Cannot(unknown(&args.topic, &cli)))?;
    let text = command.clone().render_long_help().to_string();
    out.text(&text)?;
    Ok(Exit::Good)
}

/// The command with these words, each below the one before.
pub fn command<'a>(cli: &'a Command, words: &[String]) -> Option<&'a Command> {
    words.iter().try_fold(cli, |above, word| above.find_subcommand(word))
}

/// The words of every command below this one, those of nested ones behind the command that they belong to: `who`, `who can-reach`.
pub fn all_commands(above: &Command) -> Vec<String> {
    let mut all = Vec::new();
    for command in above.get_subcommands() {
        let name = command.get_name();
        all.push(name.to_owned());
        all.extend(all_commands(command).into_iter().map(|below| format!("{name} {below}")));
    }
    all
}

fn list(out: &mut Output) -> Result<(), Failure> {
    out.line("\n`pentane help view` prints what stands in a view file (`--view`).")?;
    let heading = out.paint(Paint::Bold, "Codes");
    out.line(format!("\n{heading} (`pentane help CODE` prints the page of one):"))?;
    for page in codes::pages() {
        let lines = folded(page.title, WIDTH - 18);
        out.line(format!("  {}  {:7}  {}", page.code, page.code.severity().word(), lines.join(&format!("\n{:18}", ""))))?;
    }
    Ok(())
}

fn write_page(out: &mut Output, page: &Page) -> Result<(), Failure> {
    let Page { code, title, what, why, example, instead } = page;
    let name = out.paint(Paint::Bold, &format!("{code}: {title}"));
    out.line(format!("{name} ({})\n", code.severity().word()))?;
    out.line(paragraphs(what))?;
    out.line(paragraphs(why))?;
    out.line("Example:\n")?;
    for line in example.lines() {
        out.line(format!("    {line}"))?;
    }
    out.line("\nWhat to do:\n")?;
    out.text(&paragraphs(instead))
}

/// Every line of the text folded, each ended.
fn paragraphs(text: &str) -> String {
    text.lines().map(|line| folded(line, WIDTH).join("\n") + "\n").collect()
}

/// What to say of words that are no code and no command.
pub fn unknown(words: &[String], cli: &Command) -> String {
    let topic = &*words.join(" ");
    let commands = all_commands(cli);
    let all: Vec<&str> =
        codes::pages().map(|page| page.code.text()).chain([VIEW]).chain(commands.iter().map(String::as_str)).collect();
    let upper = topic.to_ascii_uppercase();
    let near = nearest(topic, None, all.iter().map(|name| Candidate { name, kind: None }));
    // A code differs from its neighbours in one digit, so that the nearest say little: those that start alike say more.
    let alike: Vec<&str> = if near.is_empty() {
        all.into_iter().filter(|name| upper.len() >= 3 && name.get(..3) == upper.get(..3)).take(3).collect()
    } else {
        near
    };
    let advice = did_you_mean(&alike).unwrap_or_else(|| "`pentane help` lists them all".to_owned());
    format!("there is no code or command `{topic}`: {advice}")
}
