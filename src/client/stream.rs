//! Server-sent events: frames of lines, as the HTML standard has them.

use std::io::{self, BufRead, BufReader, Read};

use super::Reply;

/// A line longer than this ends the stream: no honest frame is so long.
const LONGEST_LINE: u64 = 1 << 20;

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The id after which a new stream can go on.
    pub id: Option<String>,
    /// What kind it is; empty: a message.
    pub event: String,
    /// What it says.
    pub data: String,
}

/// The frames of an answer, as they come. An error ends them.
pub struct Frames {
    reader: Box<dyn BufRead>,
    ended: bool,
}

impl Frames {
    /// The frames of an answer.
    #[must_use]
    pub fn new(reply: Reply) -> Self {
        Self::of(reply.reader())
    }

    /// The frames of any bytes.
    pub(super) fn of(reader: impl Read + 'static) -> Self {
        Self { reader: Box::new(BufReader::new(reader)), ended: false }
    }

    /// The next line without its end; none at the end of the stream.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => {
                line.pop_if(|last| *last == b'\r');
                String::from_utf8(line).map(Some).map_err(|_| io::Error::other("a line is no text"))
            }
            // An unfinished frame is none: who asks again gets it whole.
            Some(_) if (line.len() as u64) < LONGEST_LINE - 1 => Ok(None),
            Some(_) => Err(io::Error::other("a line is too long")),
        }
    }

    fn frame(&mut self) -> io::Result<Option<Frame>> {
        let mut frame = Frame::default();
        let mut has_data = false;
        while let Some(line) = self.line()? {
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                // An empty line ends a frame; one without data was a sign of life.
                _ if line.is_empty() && has_data => return Ok(Some(frame)),
                _ if line.is_empty() => frame = Frame::default(),
                "id" => frame.id = Some(value.to_owned()),
                "event" => value.clone_into(&mut frame.event),
                "data" => {
                    if has_data {
                        frame.data.push('\n');
                    }
                    has_data = true;
                    frame.data.push_str(value);
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Iterator for Frames {
    type Item = io::Result<Frame>;

    fn next(&mut self) -> Option<io::Result<Frame>> {
        if self.ended {
            return None;
        }
        let next = self.frame().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
