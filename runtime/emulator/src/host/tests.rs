//! Two hosts on one cable.
