//! Messages of the language server protocol on standard input and output. Whatever comes, reading goes on: what is no message is
//! answered with an error, and nothing is reserved for what has not come. Knows nothing of what messages say.

use std::io::{BufRead, Read, Result, Write, sink, stdin, stdout};
use std::thread::{JoinHandle, spawn};

use crossbeam_channel::{Sender, bounded};
use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};

/// How many bytes a message may have: texts of policies are far below.
const MOST: u64 = 64 << 20;

/// How much of a line of a header is kept.
const LINE: usize = 4096;

/// The field that says how long a message is.
const LENGTH: &[u8] = b"content-length:";

/// How many messages wait for being taken: who says more than is listened to has to wait as well.
const WAITING: usize = 16;

/// What a stretch of input is.
enum Come {
    Message(Message),
    /// An answer to nothing that was asked: saying that it is wrong could go on for ever.
    Nothing,
    Problem(Problem),
}

/// Why something is no message.
struct Problem {
    /// What was to be answered, as far as it could be read.
    id: Value,
    code: ErrorCode,
    why: String,
}

/// A connection to the editor; with it, the thread that ends once nobody has anything left to say.
pub fn connect() -> (Connection, JoinHandle<()>) {
    let (sender, to_write) = bounded::<Message>(WAITING);
    let (heard, receiver) = bounded(WAITING);
    let writer = spawn(move || {
        for message in to_write {
            if message.write(&mut stdout().lock()).is_err() {
                break;
            }
        }
    });
    // It waits for input that may never come: nobody waits for it.
    drop(spawn(move || read_all(&mut stdin().lock(), &heard)));
    (Connection { sender, receiver }, writer)
}

/// Reads until the input ends, or nobody listens any more.
fn read_all(input: &mut impl BufRead, heard: &Sender<Message>) {
    let mut reader = Reader { input, is_lost: false, rest: None, to_skip: 0 };
    while let Ok(Some(read)) = reader.next() {
        let go_on = match read {
            Come::Message(message) => heard.send(message).is_ok(),
            Come::Nothing => true,
            Come::Problem(problem) => answer(&problem).is_ok(),
        };
        if !go_on {
            return;
        }
    }
}

/// Answers in place of the server, whose library knows no answer without an `id`.
fn answer(problem: &Problem) -> Result<()> {
    let error = json!({ "code": problem.code as i32, "message": problem.why });
    let text = json!({ "jsonrpc": "2.0", "id": problem.id, "error": error }).to_string();
    // One lock for the whole: the other thread writes there too.
    let mut out = stdout().lock();
    write!(out, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    out.flush()
}

struct Reader<'a, R> {
    input: &'a mut R,
    /// True while it is not known where the next message begins: whatever comes before it was answered already.
    is_lost: bool,
    /// What is left of a line that began as something else.
    rest: Option<Vec<u8>>,
    /// How much of a message that was refused is still to come.
    to_skip: u64,
}

impl<R: BufRead> Reader<'_, R> {
    /// What comes next; nothing at the end.
    fn next(&mut self) -> Result<Option<Come>> {
        std::io::copy(&mut self.input.by_ref().take(self.to_skip), &mut sink())?;
        self.to_skip = 0;
        match self.header()? {
            None => Ok(None),
            Some(Err(why)) => {
                self.is_lost = true;
                Ok(Some(refused(why.to_owned())))
            }
            Some(Ok(length)) if length > MOST => {
                self.to_skip = length;
                Ok(Some(refused(format!("a message of {length} bytes: {MOST} are the most"))))
            }
            Some(Ok(length)) => {
                let mut body = Vec::new();
                self.input.by_ref().take(length).read_to_end(&mut body)?;
                // What ends within a message was none.
                let is_whole = u64::try_from(body.len()).is_ok_and(|there| there == length);
                Ok(is_whole.then(|| message(&body)))
            }
        }
    }

    /// How long the next message is, or why that is not known; nothing at the end.
    fn header(&mut self) -> Result<Option<std::result::Result<u64, &'static str>>> {
        let mut length = None;
        loop {
            let line = match self.rest.take() {
                Some(line) => line,
                None => match self.line()? {
                    Some(line) => line,
                    None => return Ok(None),
                },
            };
            // What follows a message whose length is not known begins behind it, on the same line.
            let at = if self.is_lost { place_of_length(&line) } else { Some(0) };
            let Some(line) = at.and_then(|at| line.get(at..)) else { continue };
            self.is_lost = false;
            match field(line) {
                Field::End => return Ok(Some(length.ok_or("a message has no `Content-Length`"))),
                Field::Length(bytes) => length = Some(bytes),
                Field::Other => {}
                Field::None(why) => {
                    let within = place_of_length(line).filter(|at| *at > 0);
                    self.rest = within.and_then(|at| line.get(at..)).map(<[u8]>::to_vec);
                    return Ok(Some(Err(why)));
                }
            }
        }
    }

    /// The next line with its end, or the last part of one that is very long; nothing at the end.
    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            let room = u64::try_from(LINE).unwrap_or(u64::MAX);
            let read = self.input.by_ref().take(room).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok((!line.is_empty()).then_some(line));
            }
            if line.ends_with(b"\n") {
                return Ok(Some(line));
            }
            // Enough stays that the line is known for a long one, and a header at its end is seen whole.
            line.drain(..line.len().saturating_sub(LINE));
        }
    }
}

/// What a line of a header is.
enum Field {
    /// Behind it, the message begins.
    End,
    Length(u64),
    /// Another field, which says nothing here.
    Other,
    /// None, for this reason.
    None(&'static str),
}

fn field(line: &[u8]) -> Field {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Field::End;
    }
    let is_length = line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH));
    if is_length {
        let value = line.get(LENGTH.len()..).unwrap_or_default().trim_ascii();
        let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let bytes = digits.and_then(|text| text.parse().ok());
        return bytes.map_or(Field::None("the `Content-Length` is no number of bytes"), Field::Length);
    }
    let is_field = line.contains(&b':') && line.len() < LINE && !line.starts_with(b"{");
    if is_field { Field::Other } else { Field::None("a header is `Content-Length: BYTES` and an empty line behind it") }
}

fn refused(why: String) -> Come {
    Come::Problem(Problem { id: Value::Null, code: ErrorCode::InvalidRequest, why })
}

/// Where a header begins in a line.
fn place_of_length(line: &[u8]) -> Option<usize> {
    line.windows(LENGTH.len()).rposition(|part| part.eq_ignore_ascii_case(LENGTH))
}

/// What a body says.
fn message(body: &[u8]) -> Come {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let why = format!("this is not JSON: {error}");
            return Come::Problem(Problem { id: Value::Null, code: ErrorCode::ParseError, why });
        }
    };
    let has = |name: &str| value.get(name).is_some();
    let (asks, tells) = (has("method"), has("result") || has("error"));
    let id = value.get("id").filter(|id| id.is_number() || id.is_string()).cloned().unwrap_or(Value::Null);
    // A request whose `id` cannot be answered would be taken for one that asks for no answer.
    let is_numbered = !has("id") || value.get("id").is_some_and(|id| id.is_string() || is_small(id));
    match serde_json::from_value(value) {
        Ok(message) if is_numbered => Come::Message(message),
        _ if tells && !asks => Come::Nothing,
        _ => {
            let why = "a message is an object with a `method`, and an `id` that is a string or an integer of 32 bits".to_owned();
            Come::Problem(Problem { id, code: ErrorCode::InvalidRequest, why })
        }
    }
}

fn is_small(id: &Value) -> bool {
    id.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}
