//! Codes E02xx: names and kinds.

codes! {
    E0201 "unknown name" {
        what "A statement uses a name that nothing declares."
        why "A name that matches nothing could make a policy wider than its text says, so it is never ignored. A declared host that is not on the network now is no error."
        example "allow from host grifin;"
        instead "Correct the spelling, or declare what is meant."
    }
}
