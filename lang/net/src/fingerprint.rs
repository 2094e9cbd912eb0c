//! Fingerprints of certificates. Knows nothing of what is in a certificate.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a certificate's DER form, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no `sha256:` and 64 hexadecimal digits")
    }
}

impl std::error::Error for NoFingerprint {}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// Reads `sha256:` and 64 digits of either case; colons between pairs of digits are those of `openssl x509 -fingerprint`.
    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let digits = text.strip_prefix("sha256:").ok_or(NoFingerprint)?;
        let pairs: Vec<&str> = match digits.len() {
            64 if digits.is_ascii() => (0..64).step_by(2).filter_map(|at| digits.get(at..at + 2)).collect(),
            95 => digits.split(':').collect(),
            _ => return Err(NoFingerprint),
        };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return Err(NoFingerprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_pair).ok_or(NoFingerprint)?;
        }
        Ok(Fingerprint(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let one = Fingerprint(std::array::from_fn(|at| at as u8 ^ 0xa0));
        let text = one.to_string();
        assert_eq!(text.parse(), Ok(one));
        let digits = &text["sha256:".len()..];
        assert_eq!(format!("sha256:{}", digits.to_uppercase()).parse(), Ok(one));
        let pairs: Vec<&str> = (0..64).step_by(2).map(|at| &digits[at..at + 2]).collect();
        assert_eq!(format!("sha256:{}", pairs.join(":")).parse(), Ok(one), "as openssl writes it");
        for wrong in [
            digits,
            "sha256:",
            "",
            "sha1:00",
            &text[..70],
            &format!("{text}0"),
            &text.replace("a0", "+1"),
            &text.replace("a0", "ä"),
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint), "{wrong}");
        }
    }
}
