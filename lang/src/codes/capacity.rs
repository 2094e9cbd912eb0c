//! Codes S06xx: what the compiler and switches can hold.

codes! {
    S0601 "condition with too many alternatives" {
        what "The condition of a rule has more alternatives, once every `or` is multiplied out, than the compiler indexes."
        why "Such a rule would have to be tried on every flow, and one text could make every decision slow."
        example "allow when (usrc = a or usrc = b) and (hsrc = c or hsrc = d);   # and so on: each pair of brackets doubles the number"
        instead "Put what is alike into a group and ask for membership, or split the rule into several."
    }
}
