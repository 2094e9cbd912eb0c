//! Names that hosts give themselves, in one canonical form. Knows nothing of who has one.

/// The longest name, and the longest part of one (RFC 1035 §2.3.4).
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// The name in lower case without a final dot; nothing for what is no name of a host: other letters than those of ASCII, which may
/// look like them, control characters, and empty parts. Some clients count a final zero.
pub(super) fn canonical(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let is_label = |label: &[u8]| {
        let sound = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        sound && (1..=LONGEST_LABEL).contains(&label.len()) && !label.starts_with(b"-") && !label.ends_with(b"-")
    };
    let sound = bytes.len() <= LONGEST && bytes.split(|byte| *byte == b'.').all(is_label);
    sound.then(|| String::from_utf8_lossy(bytes).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn i18_one_form_for_each_name_and_none_for_what_looks_like_one() {
        for (bytes, wanted) in [
            (&b"Printer"[..], Some("printer")),
            (b"printer.", Some("printer")),
            (b"printer\0", Some("printer")),
            (b"a.b-c.d_e", Some("a.b-c.d_e")),
            (b"prin\0ter", None),
            (b"printer\0\0", None),
            (b"printer..", None),
            (b"prin ter", None),
            (b"prin\x1bter", None),
            ("рrinter".as_bytes(), None),
            ("printer\u{202e}".as_bytes(), None),
            (b"<script>", None),
            (b"-printer", None),
            (b"", None),
            (b".", None),
        ] {
            assert_eq!(canonical(bytes).as_deref(), wanted, "{bytes:?}");
        }
        assert_eq!(canonical(&[b'a'; 64]), None);
    }
}
