//! W0316: days without hours, in a list that ends with days that have some.

use super::{Input, MOST};
use crate::ast::{Item, Spanned, TimeDecl, WindowRef};
use crate::calendar::{Days, Window};
use crate::diag::Diagnostic;

lint! {
    W0316 "days without the hours of others" {
        what "A list of windows has days of the week alone, and hours behind the last of them: `mon, wed, fri 08:00-18:00`."
        why "The hours are of the last days alone. Monday and Wednesday count from midnight to midnight."
        example "host roo { mac 00:16:3e:00:00:12; }\ntime office = mon, wed, fri 08:00-18:00;\nallow from roo when time in office;"
        instead "Write the hours behind each: `mon 08:00-18:00, wed 08:00-18:00, fri 08:00-18:00`. If whole days are meant, write them last."
        clean "host roo { mac 00:16:3e:00:00:12; }\ntime office = mon 08:00-18:00, wed 08:00-18:00;\nallow from roo when time in office;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let decls = input.tree.items().into_iter().filter_map(|item| if let Item::Time(decl) = item { Some(decl) } else { None });
    decls.filter_map(|decl| report(input, decl)).take(MOST).collect()
}

fn report(input: &Input<'_>, decl: &TimeDecl) -> Option<Diagnostic> {
    let windows: Vec<&Spanned<Window>> = decl
        .windows
        .iter()
        .map(|one| if let WindowRef::Window(window) = one { Some(window) } else { None })
        .collect::<Option<_>>()?;
    let (last, before) = windows.split_last()?;
    let of_week = |window: &Window| matches!(window.days, Days::Week(_));
    let alone = before.iter().all(|window| window.value.clock.is_none() && of_week(&window.value));
    if before.is_empty() || !alone || last.value.clock.is_none() || !of_week(&last.value) {
        return None;
    }
    let first = before.first()?;
    let days = input.policy.sources.text(first.span);
    let hours = input.policy.sources.text(last.span).split_whitespace().last().unwrap_or_default();
    let message = format!("`{days}` is all day here: the hours are those of the last days alone");
    Some(
        Diagnostic::new(W0316, first.span, message)
            .related(last.span, "these hours")
            .help(format!("write `{days} {hours}`; if whole days are meant, write them behind the others")),
    )
}
