//! What must hold of any text and of any frame whatever, one function for each target of the fuzzer, and how texts and frames are made
//! out of others. One of which something does not hold makes a function panic. Knows nothing of how texts come about, nor of the fuzzer.

mod check;
mod decide;
mod flow;
mod format;
mod frames;
mod import;
mod lexer;
pub mod messages;
pub mod mutate;
mod packets;
mod parser;
pub mod samples;
mod sound;
mod wire;

/// What must hold of any text, or of any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called: the name of its program, and of its folder of texts.
    pub name: &'static str,
    /// Fails, if something does not hold of the text.
    pub holds: fn(&[u8]),
}

/// All of it.
pub const TARGETS: &[Target] = &[
    Target { name: "lexer", holds: |bytes| of_text(bytes, lexer::holds) },
    Target { name: "parser", holds: |bytes| of_text(bytes, parser::holds) },
    Target { name: "format", holds: |bytes| of_text(bytes, format::holds) },
    Target { name: "check", holds: check::holds },
    Target { name: "flow", holds: |bytes| of_text(bytes, flow::holds) },
    Target { name: "import", holds: |bytes| of_text(bytes, import::holds) },
    Target { name: "frames", holds: frames::holds },
    Target { name: "openflow10", holds: wire::openflow10 },
    Target { name: "openflow13", holds: wire::openflow13 },
    Target { name: "stream", holds: wire::stream },
    Target { name: "match", holds: wire::matches },
    Target { name: "packet", holds: packets::packet },
    Target { name: "arp", holds: packets::arp },
    Target { name: "ndp", holds: packets::ndp },
    Target { name: "quote", holds: packets::quote },
    Target { name: "lldp", holds: packets::lldp },
];

/// Asks what must hold of the target with this name.
///
/// # Panics
/// It does not hold of the text, or there is no such target.
pub fn holds(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    assert!(target.is_some(), "there is no target `{name}`");
    if let Some(target) = target {
        (target.holds)(bytes);
    }
}

/// Whatever is no text is refused where files are read, which `check` does.
fn of_text(bytes: &[u8], holds: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        holds(text);
    }
}
