//! Codes E01xx: syntax, literals, files.

codes! {
    E0101 "unexpected text" {
        what "The statement cannot be read on from this place."
        why "A statement that is not understood is never guessed at; the rest of the file is still read."
        example "allow form desktops;"
        instead "Write what the message expects at that place."
    }
}
