//! How a target of the fuzzer is made: it is asked what must hold, and texts are changed byte by byte or word by word.

pub use libfuzzer_sys;

/// The program of the target with this name.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        use $crate::libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

        fuzz_target!(|bytes: &[u8]| fuzz::holds($name, bytes));

        fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            match $crate::words(data, size, max_size, seed) {
                Some(size) => size,
                None => fuzzer_mutate(data, size, max_size),
            }
        });
    };
}

/// Changes the text word by word, for every second seed; the size that it has then. Nothing where that cannot be.
pub fn words(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let text = std::str::from_utf8(data.get(..size)?).ok().filter(|_| seed % 2 == 0)?;
    let made = fuzz::mutate::words(text, seed / 2);
    let place = data.get_mut(..made.len()).filter(|_| made.len() <= max_size)?;
    place.copy_from_slice(made.as_bytes());
    Some(made.len())
}
