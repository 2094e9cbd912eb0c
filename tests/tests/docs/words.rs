//! Lists of words in the pages, held against the tables that they are taken from.

use std::collections::BTreeSet;

use lang::keyword::{KEYWORDS, fields};
use lang::{builtin, lexer};

use super::{between, blocks, text};

#[test]
fn the_language_page_lists_the_words_that_cannot_be_names() {
    let words = KEYWORDS.iter().map(|row| row.word).chain(fields().map(|(word, _)| word));
    let words = words.chain(builtin::SETS.iter().map(|(word, _)| *word)).chain(builtin::PROTOCOLS.iter().map(|(word, _)| *word));
    let known: BTreeSet<&str> = words.collect();
    let page = "docs/language.md";
    let told = blocks(page).into_iter().find(|block| block.text.starts_with("access ")).unwrap();
    assert_eq!(told.text.split_whitespace().collect::<BTreeSet<_>>(), known, "{}", told.place());
    for word in &known {
        let tokens = lexer::lex(lang::source::SourceId(0), word).tokens;
        assert!(tokens.iter().all(|token| token.tok != lexer::Tok::Name), "`{word}` can be a name");
    }
}

#[test]
fn the_command_page_has_every_field_of_a_view() {
    let page = text("docs/cli.md");
    let (_, section) = page.split_once("\n## View files\n").unwrap();
    let source = text("compiler/src/view/file.rs");
    for body in ["ViewFile", "StationFile", "MemberFile", "GatewayFile"] {
        let body = between(&source, &format!("pub struct {body} {{"), "\n}");
        for field in body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next()) {
            assert!(section.contains(&format!("\"{field}\"")), "docs/cli.md does not name the field `{field}` of a view");
        }
    }
}
