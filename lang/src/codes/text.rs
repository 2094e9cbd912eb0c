//! Codes W07xx: the text itself, whatever it means.

codes! {
    W0701 "suppression without a reason" {
        what "A comment `# allow(CODE)` silences a finding and does not say why."
        why "Whoever reads it later cannot tell whether the reason still holds. The finding is shown all the same."
        example "user bob;\ngroup idle = user { bob }; # allow(W0301)"
        instead "Say why behind a colon: `# allow(W0301): filled in by the help desk`."
    }
    W0702 "suppression of nothing" {
        what "A comment `# allow(CODE): reason` stands where there is no such finding."
        why "It hides whatever comes later at this place."
        example "user bob; # allow(W0303): not any more"
        instead "Remove it."
    }
    W0703 "suppression of what cannot be silenced" {
        what "A comment `# allow(CODE): reason` names a code that there is not, one of an error, or several."
        why "Errors forbid the use of a policy: no comment makes it right. Each code is silenced for a reason of its own."
        example "user bob; # allow(E0201): wrong"
        instead "Name the code of a warning, `W0303` for example, or correct the error. For two codes, write two comments, each on a line of its own above the statement."
    }
    W0704 "more than is shown" {
        what "There are more warnings than are shown. The message says how many."
        why "They mostly have few causes. What is shown is where the first of them are."
        example "group a = user { bob };   # … and so on, 2,000 groups that nothing uses"
        instead "Correct the first ones, or silence their code with `[severity]` in pentane.toml, then check again."
    }
}
