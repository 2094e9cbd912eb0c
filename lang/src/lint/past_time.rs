//! W0319: a time that never comes again.

use super::Input;
use crate::checked::NamedTime;
use crate::diag::Diagnostic;
use net::Time;

lint! {
    W0319 "time that is over" {
        what "All windows of a declared time are dates that are past."
        why "No moment is in it any more. A rule that asks for it matches nothing, like one that has expired; what it was to leave out with `not in` is left out no more."
        example "host roo { mac 00:16:3e:00:00:12; }\ntime fair = 2024-05-01 to 2024-05-05;\nallow from roo when time in fair;"
        instead "Give it new dates, or remove it with the rules that ask for it."
        clean "host roo { mac 00:16:3e:00:00:12; }\ntime fair = 2024-05-01 to 2024-05-05, 2036-05-01 to 2036-05-05;\nallow from roo when time in fair;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let Some(now) = input.now else { return Vec::new() };
    input.policy.times.iter().filter_map(|time| report(input, time, now)).collect()
}

fn report(input: &Input<'_>, time: &NamedTime, now: Time) -> Option<Diagnostic> {
    let ends = time.windows.iter().map(|window| input.policy.calendar.last_of(window));
    let (last, _) = ends.collect::<Option<Vec<_>>>()?.into_iter().max_by_key(|(_, end)| *end).filter(|(_, end)| *end <= now)?;
    let message = format!("`{}` is over: its last day was {last}, and no moment is in it any more", time.name);
    Some(Diagnostic::new(W0319, time.span, message).help("give it new dates, or remove it with the rules that ask for it"))
}
