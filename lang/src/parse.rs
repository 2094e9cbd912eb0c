//! Text to tree. Knows nothing of what names stand for.

/// How deep expressions and conditions may nest.
pub const MAX_DEPTH: usize = 200;
