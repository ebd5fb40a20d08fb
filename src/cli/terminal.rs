//! The two streams: results on stdout, everything else on stderr.

use std::io::{self, Write as _};

use super::failure::Failure;

/// Prints a result. A reader that has seen enough, as `head` has, is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    print_on(text).map(drop)
}

/// Prints a part of a result; false where the reader has seen enough, so that no more is made for nobody.
pub fn print_on(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| Failure::system("the result cannot be printed", &error)),
    }
}

/// Says something beside the result. Where stderr is gone nobody listens.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
