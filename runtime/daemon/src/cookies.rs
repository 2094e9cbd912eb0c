//! Cookies of flow entries as they stand in `pentane.toml`: `"0x1234"`, or with the bits that count, `"0x1200/0xff00"`. Knows
//! nothing of whose they are.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A cookie, and which bits of it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieMask {
    /// The cookie.
    pub cookie: u64,
    /// A bit that is set counts.
    pub mask: u64,
}

impl CookieMask {
    fn read(text: &str) -> Option<CookieMask> {
        let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        match text.split_once('/') {
            Some((cookie, mask)) => Some(CookieMask { cookie: number(cookie)?, mask: number(mask)? }),
            None => Some(CookieMask { cookie: number(text)?, mask: u64::MAX }),
        }
    }
}

impl<'de> Deserialize<'de> for CookieMask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CookieMask::read(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no cookie: expected \"0x1234\", or \"0x1200/0xff00\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_hexadecimal_with_a_mask_or_without() {
        assert_eq!(CookieMask::read("0x12"), Some(CookieMask { cookie: 0x12, mask: u64::MAX }));
        assert_eq!(CookieMask::read("0x1200/0xff00"), Some(CookieMask { cookie: 0x1200, mask: 0xff00 }));
        for wrong in ["", "12", "0x", "0xg", "0x12/", "/0x12", "0x12/0x34/0x56", "0x12345678901234567"] {
            assert_eq!(CookieMask::read(wrong), None, "{wrong}");
        }
    }
}
