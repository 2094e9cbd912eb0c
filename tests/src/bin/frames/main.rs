//! OpenFlow frames for other judges than our own tests: Open vSwitch reads what this writes, and the fuzzer starts from it.
//!
//! ```text
//! frames draw SEEDS FILE    messages of every kind that Open vSwitch knows, drawn from so many seeds
//! frames again IN OUT       each frame of a file decoded and encoded again; fails if one of them does not decode
//! frames refuse IN          fails if one frame of the file decodes; tells how long they took
//! frames samples DIR        for each target of the fuzzer a folder of what it starts from
//! frames repeat KIND TIMES  what is done for each conversation, over and over, for callgrind to count
//! ```

mod flow;
mod hot;
mod shed;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use fuzz::messages::{Reader, frames};
use openflow::{Header, split_frame, v10, v13};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["draw", seeds, file] => draw(seeds.parse()?, Path::new(file)),
        ["again", from, to] => again(Path::new(from), Path::new(to)),
        ["refuse", from] => refuse(Path::new(from)),
        ["samples", folder] => samples(Path::new(folder)),
        ["repeat", "flow", times] => flow::repeat(1, times.parse()?),
        ["repeat", "stranger", times] => flow::strangers(times.parse()?),
        ["repeat", "flow-of-16", times] => flow::repeat(16, times.parse()?),
        ["repeat", "packet-shed", times] => shed::repeat(times.parse()?),
        ["repeat", kind, times] => hot::repeat(kind, times.parse()?),
        _ => Err("frames draw SEEDS FILE | again IN OUT | refuse IN | samples DIR | repeat KIND TIMES".into()),
    }
}

fn draw(seeds: u64, file: &Path) -> Outcome {
    let all: Vec<Bytes> = (0..seeds).flat_map(|seed| frames(seed, Reader::OpenVSwitch)).collect();
    fs::write(file, all.concat())?;
    writeln!(std::io::stdout(), "{}", all.len())?;
    Ok(())
}

/// The frames of a file, which must end with the last.
fn split(file: &Path) -> Result<Vec<Bytes>, Box<dyn Error>> {
    let mut stream = BytesMut::from(&fs::read(file)?[..]);
    let mut all = Vec::new();
    while let Some(frame) = split_frame(&mut stream)? {
        all.push(frame);
    }
    if stream.is_empty() { Ok(all) } else { Err(format!("{} bytes behind the last frame", stream.len()).into()) }
}

/// Appends what the frame says, in our own words.
fn rewrite(frame: &Bytes, out: &mut BytesMut) -> Outcome {
    if Header::of(frame)?.version == v10::VERSION {
        let (xid, message) = v10::Message::decode(frame)?;
        message.encode(xid, out)?;
    } else {
        let (xid, message) = v13::Message::decode(frame)?;
        message.encode(xid, out)?;
    }
    Ok(())
}

fn again(from: &Path, to: &Path) -> Outcome {
    let mut out = BytesMut::new();
    let (mut frames, mut same) = (0_usize, 0_usize);
    for frame in split(from)? {
        let start = out.len();
        rewrite(&frame, &mut out).map_err(|error| format!("frame {frames}: {error}: {frame:x}"))?;
        frames += 1;
        same += usize::from(out.get(start..) == Some(&frame[..]));
    }
    fs::write(to, &out)?;
    writeln!(std::io::stdout(), "{frames} {same}")?;
    Ok(())
}

fn refuse(from: &Path) -> Outcome {
    let (mut frames, mut longest) = (0_usize, 0);
    for frame in split(from)? {
        let mut out = BytesMut::new();
        let start = Instant::now();
        let read = rewrite(&frame, &mut out);
        longest = longest.max(start.elapsed().as_micros());
        frames += 1;
        if read.is_ok() {
            return Err(format!("it decodes: {frame:x}").into());
        }
    }
    writeln!(std::io::stdout(), "{frames} {longest}")?;
    Ok(())
}

fn samples(folder: &Path) -> Outcome {
    for target in fuzz::TARGETS {
        for (number, bytes) in fuzz::samples::samples(target.name).iter().enumerate() {
            fs::create_dir_all(folder.join(target.name))?;
            fs::write(folder.join(target.name).join(format!("made-{number}")), bytes)?;
        }
    }
    Ok(())
}
