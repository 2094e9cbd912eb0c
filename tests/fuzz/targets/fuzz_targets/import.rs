//! Asks what must hold of `import`.
#![no_main]

targets::target!("import");
