//! The command line that makes a run again.

use std::env;

/// How the program was called, as a shell would take it.
pub fn program() -> String {
    env::args().next().map_or_else(|| "management".into(), |program| quoted(&[program]))
}

/// The whole command line, with the program's plain name.
pub fn command() -> String {
    let arguments: Vec<String> = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    format!("management {}", quoted(&arguments))
}

/// Words as a shell takes them.
pub fn quoted(words: &[String]) -> String {
    // Only a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}
