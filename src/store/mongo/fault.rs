//! What the driver and the server say, in the words of the store; never a password.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::StoreError;

/// The server's code of a key that is there already.
const DUPLICATE: i32 = 11_000;
/// Codes of a user who may not: unauthorized, authentication failed.
const DENIED: [i32; 2] = [13, 18];
/// Codes of a server whose disk is full, or that a quota stops.
const FULL: [i32; 2] = [14_031, 12_501];
/// Where the driver's notes begin and end.
const NOTES: (&str, &str) = (", labels: ", "server response: None");

/// Whether the write met a key that is there already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE)
}

/// What went wrong with a store.
pub(super) fn named(store: String, error: &Error) -> StoreError {
    let cause = cause(error);
    match (&*error.kind, code(error)) {
        (ErrorKind::Authentication { .. }, _) => StoreError::Denied { store, cause },
        (_, Some(code)) if DENIED.contains(&code) => StoreError::Denied { store, cause },
        (_, Some(code)) if FULL.contains(&code) => StoreError::Full { store, cause },
        (ErrorKind::ServerSelection { .. }, _) => StoreError::Unreachable { store, cause },
        _ => StoreError::Io { store, cause },
    }
}

/// What of an error is for people, in one line.
fn cause(error: &Error) -> String {
    let text = match &*error.kind {
        ErrorKind::Command(command) => format!("{} (code {})", command.message, command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => format!("{} (code {})", write.message, write.code),
        ErrorKind::Io(error) => error.to_string(),
        kind => kind.to_string(),
    };
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Without the driver's notes for programs, which it puts behind the error of each server.
fn plain(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, behind)) = rest.split_once(NOTES.0)
        && let Some((_, after)) = behind.split_once(NOTES.1)
    {
        plain += before;
        rest = after;
    }
    (plain + rest).replace("Error: Kind: ", "Error: ")
}

fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_drivers_notes_are_left_out() {
        let server = |at: &str| {
            let notes = r#"labels: {"SystemOverloadedError"}, source: None, server response: None"#;
            format!("{{ Address: {at}, Error: Kind: I/O error: Connection refused, {notes} }}")
        };
        assert_eq!(
            plain(&format!("No servers: [ {}, {} ]", server("a:1"), server("b:2"))),
            "No servers: [ { Address: a:1, Error: I/O error: Connection refused }, { Address: b:2, Error: I/O error: Connection refused } ]"
        );
        assert_eq!(plain("SCRAM failure, labels: odd"), "SCRAM failure, labels: odd");
    }
}
