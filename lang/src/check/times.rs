//! Declared times: names among their windows followed, circles reported. Knows nothing of what a window means.

use crate::ast::{CompareOp, Ident, Spanned, TimeDecl, WindowRef};
use crate::calendar::Window;
use crate::checked::{Cond, NamedTime, TimeId, TimeTest};
use crate::codes::names::{E0201, E0203, E0205, E0206};
use crate::diag::Diagnostic;
use crate::literal::when;
use crate::resolve::Symbol;
use crate::types;

use super::Checker;

/// How many windows all times may have together, those that they name counted each time.
const MAX_WINDOWS: usize = 1_000;

/// How far a time has come.
#[derive(Clone)]
enum Progress {
    New,
    Open,
    Done(Vec<Window>),
}

impl Checker {
    /// Resolves all declared times.
    pub(super) fn times(&mut self, decls: &[&TimeDecl]) {
        let mut progress = vec![Progress::New; decls.len()];
        let mut total = 0_usize;
        for (place, decl) in decls.iter().enumerate() {
            let windows = self.windows_of(place, decls, &mut progress, 0);
            total = total.saturating_add(windows.len());
            if total > MAX_WINDOWS {
                let message = format!("with `{}`, times have more than {MAX_WINDOWS} windows together", decl.name.text);
                let help = "say it with fewer: ranges of days and dates, and names used less often within others";
                self.report(Diagnostic::new(E0206, decl.name.span, message).help(help));
                total = 0;
            }
            self.policy.times.push(NamedTime { name: decl.name.text.clone(), windows, span: decl.span });
        }
    }

    fn windows_of(&mut self, place: usize, decls: &[&TimeDecl], progress: &mut Vec<Progress>, depth: u32) -> Vec<Window> {
        let Some(decl) = decls.get(place) else { return Vec::new() };
        if let Some(Progress::Done(windows)) = progress.get(place) {
            return windows.clone();
        }
        if depth > types::MAX_NESTING {
            self.report_nesting(decl.name.span, &decl.name.text);
            return Vec::new();
        }
        self.damaged |= decl.damaged;
        let set = |progress: &mut Vec<Progress>, to| {
            if let Some(state) = progress.get_mut(place) {
                *state = to;
            }
        };
        set(progress, Progress::Open);
        let mut windows = Vec::new();
        for window in &decl.windows {
            match window {
                WindowRef::Window(window) => windows.push(window.value.clone()),
                WindowRef::Name(name) => match self.time(name) {
                    Some(target) if matches!(progress.get(target.index()), Some(Progress::Open)) => {
                        let message = format!("`{}` contains itself", name.text);
                        self.report(Diagnostic::new(E0205, name.span, message));
                    }
                    Some(target) => windows.extend(self.windows_of(target.index(), decls, progress, depth + 1)),
                    None => {}
                },
            }
            if windows.len() > MAX_WINDOWS {
                break;
            }
        }
        set(progress, Progress::Done(windows.clone()));
        windows
    }

    /// The time that a name stands for; nothing if it is none, which is reported.
    fn time(&mut self, name: &Ident) -> Option<TimeId> {
        if self.names.get(&name.text).is_none()
            && let Some(meant) = when::meant_days(&name.text)
        {
            let message = format!("unknown name `{}`", name.text);
            self.report(Diagnostic::new(E0201, name.span, message).help(format!("write `{meant}`")));
            self.damaged = true;
            return None;
        }
        match self.lookup(name, None)? {
            Symbol::Time(id) => Some(id),
            Symbol::Damaged | Symbol::Unresolved(_) => {
                self.damaged = true;
                None
            }
            other => {
                let message = format!("`{}` is {}, not a time", name.text, other.what(&self.policy));
                self.report(
                    Diagnostic::new(E0203, name.span, message).help("times are declared: `time office = mon-fri 08:00-18:00;`"),
                );
                None
            }
        }
    }

    /// `time in office`: of a flow whose time is not known, neither that nor its contrary holds.
    pub(super) fn time_cond(&mut self, op: Spanned<CompareOp>, name: &Ident) -> Option<Cond> {
        let within = Cond::Time(TimeTest::Within(self.time(name)?));
        Some(match op.value {
            CompareOp::Equal | CompareOp::In => within,
            CompareOp::NotEqual | CompareOp::NotIn => types::all(vec![Cond::Time(TimeTest::Known), Cond::Not(Box::new(within))]),
        })
    }
}
