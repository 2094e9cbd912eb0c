//! Where names are: definition, references, highlights, outlines. Knows nothing of what names stand for.

use lang::ast::{Item, TestBlock};
use lang::source::Span;
use lsp_types::{DocumentHighlight, DocumentHighlightKind, DocumentSymbol, Location, SymbolInformation, SymbolKind};

use crate::names::Sort;
use crate::place::Place;
use crate::project::Snapshot;

/// How many symbols a search over all policies brings.
const MAX_MATCHES: usize = 1_000;

/// Where the name at a byte is declared; of an `include`, the file.
pub(crate) fn definition(place: &Place<'_>, offset: usize) -> Option<Location> {
    if let Some(Item::Include(include)) = place.item(offset) {
        let file = Span { source: include.target?, start: 0, end: 0 };
        return place.snapshot.location(file);
    }
    let name = place.name(offset)?;
    place.snapshot.location(place.snapshot.names().declaration(name.space, &name.name)?.name)
}

/// All places of the name at a byte.
pub(crate) fn references(place: &Place<'_>, offset: usize, declaration: bool) -> Option<Vec<Location>> {
    let name = place.name(offset)?;
    let all = place.snapshot.names().places(name.space, &name.name).filter(|one| declaration || !one.declares);
    Some(all.filter_map(|one| place.snapshot.location(one.span)).collect())
}

/// All places of the name in the same text.
pub(crate) fn highlights(place: &Place<'_>, offset: usize) -> Option<Vec<DocumentHighlight>> {
    let name = place.name(offset)?;
    let all = place.snapshot.names().places(name.space, &name.name).filter(|one| one.span.source == place.source);
    let shown = all.filter_map(|one| {
        let kind = if one.declares { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
        Some(DocumentHighlight { range: place.snapshot.range(one.span)?, kind: Some(kind) })
    });
    Some(shown.collect())
}

/// What a text declares, sections with what stands in them.
pub(crate) fn outline(place: &Place<'_>) -> Vec<DocumentSymbol> {
    let items = place.snapshot.file(place.source).map_or(&[][..], |file| &file.items);
    let mut open: Vec<(DocumentSymbol, Vec<DocumentSymbol>)> = Vec::new();
    let mut top = Vec::new();
    for item in items {
        let list = open.last_mut().map_or(&mut top, |(_, list)| list);
        match item {
            Item::Section(_) => {
                if let Some(symbol) = of_item(place.snapshot, item) {
                    open.push((symbol, Vec::new()));
                }
            }
            Item::SectionEnd(span) => {
                if let Some((mut section, inside)) = open.pop() {
                    section.children = Some(inside);
                    section.range.end = place.snapshot.range(*span).map_or(section.range.end, |range| range.end);
                    open.last_mut().map_or(&mut top, |(_, list)| list).push(section);
                }
            }
            _ => list.extend(of_item(place.snapshot, item)),
        }
    }
    // A section that is not closed holds all that follows.
    while let Some((mut section, inside)) = open.pop() {
        section.children = Some(inside);
        open.last_mut().map_or(&mut top, |(_, list)| list).push(section);
    }
    top
}

fn of_item(snapshot: &Snapshot, item: &Item) -> Option<DocumentSymbol> {
    let (name, at, kind, detail) = match item {
        Item::Test(TestBlock { name, .. }) => (name.value.to_string(), name.span, SymbolKind::EVENT, "test".to_owned()),
        Item::Rule(rule) => {
            let text = snapshot.sources.text(rule.span);
            let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
            match &rule.label {
                Some(label) => (label.text.to_string(), label.span, SymbolKind::FUNCTION, shown),
                None => (shown, rule.verdict.span, SymbolKind::FUNCTION, "rule".to_owned()),
            }
        }
        Item::Default(_) => ("default".to_owned(), item.span(), SymbolKind::FUNCTION, String::new()),
        Item::Invariant(_) => {
            (snapshot.sources.text(item.span()).to_owned(), item.span(), SymbolKind::INTERFACE, "invariant".to_owned())
        }
        Item::Assert(stmt) if stmt.label.is_none() => {
            (snapshot.sources.text(stmt.span).to_owned(), stmt.claim.span, SymbolKind::INTERFACE, "assertion".to_owned())
        }
        _ => {
            let sort = crate::names::sort_of(item)?;
            let all = snapshot.names().in_text(item.span().source);
            let inside = |span: Span| item.span().start <= span.start && span.end <= item.span().end;
            let declared = all.iter().find(|one| one.declares && inside(one.span))?;
            (declared.name.to_string(), declared.span, kind(sort), sort.word().to_owned())
        }
    };
    #[expect(deprecated, reason = "the field must be there, and is replaced by tags that say nothing here")]
    Some(DocumentSymbol {
        name,
        detail: Some(detail),
        kind,
        tags: None,
        deprecated: None,
        range: snapshot.range(item.span())?,
        selection_range: snapshot.range(at)?,
        children: None,
    })
}

/// What all texts of a policy declare under names that hold the letters.
pub(crate) fn matching(snapshot: &Snapshot, query: &str) -> Vec<SymbolInformation> {
    let query = query.to_lowercase();
    let all = snapshot.names().declarations().into_iter().filter(|(name, _)| name.to_lowercase().contains(&query));
    let shown = all.filter_map(|(name, made)| {
        #[expect(deprecated, reason = "the field must be there, and is replaced by tags that say nothing here")]
        Some(SymbolInformation {
            name: name.to_owned(),
            kind: kind(made.sort),
            tags: None,
            deprecated: None,
            location: snapshot.location(made.name)?,
            container_name: Some(made.sort.word().to_owned()),
        })
    });
    shown.take(MAX_MATCHES).collect()
}

fn kind(sort: Sort) -> SymbolKind {
    match sort {
        Sort::User => SymbolKind::CONSTANT,
        Sort::Host => SymbolKind::OBJECT,
        Sort::Switch | Sort::Gateway | Sort::Middlebox => SymbolKind::MODULE,
        Sort::Location => SymbolKind::FIELD,
        Sort::Group(_) => SymbolKind::CLASS,
        Sort::Network => SymbolKind::STRUCT,
        Sort::Service => SymbolKind::ENUM,
        Sort::Time => SymbolKind::VARIABLE,
        Sort::Rule => SymbolKind::FUNCTION,
        Sort::Section => SymbolKind::NAMESPACE,
        Sort::Assertion => SymbolKind::INTERFACE,
    }
}
