//! JSON documents: parsed with the place of every error, also of those that only show when the whole is put together.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Fault, InputError, error::Place, nearest, text::read_document};

/// The text of a document and the file that it came from: what turns the path of a field into a line and a column.
#[derive(Clone, Debug)]
pub struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no file, has a line above 1 MiB, or is not UTF-8.
    pub fn read(file: &Path) -> Result<Self, InputError> {
        Ok(Self { file: file.into(), text: read_document(file)? })
    }

    /// A text in memory, and what to call it.
    pub fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Parses the whole text.
    ///
    /// # Errors
    /// Names line, column and field; a misspelt field or word gets the nearest right one.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InputError> {
        model::document::read_json(self.text.as_bytes()).map_err(|error| {
            let path = error.path().to_string();
            self.json_error(&error.into_inner(), &path)
        })
    }

    /// A fault at a field, given by its path (`nodes[0].memory`). Its line and column are those of the value, or of the
    /// nearest value round it that the text has.
    #[must_use]
    pub fn fault_at(&self, path: &str, fault: Fault) -> InputError {
        let (line, column) = locate(&self.text, path).unzip();
        InputError { place: Box::new(Place { file: self.file.clone(), line, column, field: Some(path.into()) }), fault }
    }

    fn json_error(&self, error: &serde_json::Error, path: &str) -> InputError {
        let mut cause = error.to_string();
        if let Some(end) = cause.rfind(" at line ") {
            cause.truncate(end);
        }
        if error.is_data() && path != "." {
            return self.fault_at(path, data_fault(cause));
        }
        // Where the text itself is broken, the reader's own position is the best.
        let fault = if error.is_eof() { Fault::Malformed(format!("{cause}; is it cut off?")) } else { data_fault(cause) };
        let field = (path != ".").then(|| path.to_owned());
        let place = Place { file: self.file.clone(), line: Some(error.line() as u64), column: Some(error.column() as u64), field };
        InputError { place: Box::new(place), fault }
    }
}

/// Sorts serde's messages, which are text only: "unknown field `x`, expected one of `a`, `b`".
fn data_fault(cause: String) -> Fault {
    let quoted: Vec<&str> = cause.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((word, known)) if cause.starts_with("unknown ") => {
            Fault::Unknown { nearest: nearest(word, known.iter().copied()).map(Into::into), what: cause }
        }
        Some(_) if cause.starts_with("duplicate ") => Fault::Duplicate(cause),
        _ => Fault::Value(cause),
    }
}

/// Line and column, both from 1, of the value that a path names; of the last value on the way where the path leads nowhere.
fn locate(text: &str, path: &str) -> Option<(u64, u64)> {
    let mut value: &str = text.trim_ascii();
    let mut rest = path;
    while !rest.is_empty() {
        let Some((inner, left)) = step(value, rest) else { break };
        (value, rest) = (inner, left);
    }
    // `value` is a slice of `text`, so the distance of their beginnings is its offset.
    let offset = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let before = text.get(..offset)?;
    let line = before.bytes().filter(|&byte| byte == b'\n').count() as u64 + 1;
    let column = before.bytes().rev().take_while(|&byte| byte != b'\n').count() as u64 + 1;
    Some((line, column))
}

/// One step of a path into a value: what lies there and the rest of the path.
fn step<'t, 'p>(value: &'t str, path: &'p str) -> Option<(&'t str, &'p str)> {
    if let Some((index, rest)) = path.strip_prefix('[').and_then(|path| path.split_once(']')) {
        let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
        return Some((items.get(index.parse::<usize>().ok()?)?.get(), rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    #[derive(serde::Deserialize, PartialEq, Eq, Hash)]
    struct Key<'t>(#[serde(borrow)] Cow<'t, str>);
    let fields: IndexMap<Key<'t>, &'t RawValue> = serde_json::from_str(value).ok()?;
    // A name may hold dots: the longest field that the path begins with is meant.
    let is_start = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let (key, found) = fields.iter().filter(|(key, _)| is_start(&key.0)).max_by_key(|(key, _)| key.0.len())?;
    Some((found.get(), &path[key.0.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        memory: model::Bytes,
    }

    fn refusal(text: &str) -> String {
        Source::new("t.json", text).parse::<Outer>().unwrap_err().to_string()
    }

    #[test]
    fn a_value_is_located_by_its_path() {
        let text = "{\n \"a.b\": {\"c\": [1,\n  {\"d\": 2}]}, \"a\": 3}";
        assert_eq!(locate(text, "a.b.c[1].d"), Some((3, 9)));
        assert_eq!(locate(text, "a"), Some((3, 20)));
        assert_eq!(locate(text, "a.b.c[1].nothing"), Some((3, 3)), "the nearest value round it");
        assert_eq!(locate(text, ""), Some((1, 1)));
    }

    #[test]
    fn every_error_names_line_column_and_field() {
        assert_eq!(
            refusal("{\"inner\": [\n  {\"memory\": \"64QiB\"}]}"),
            "t.json:2:14: inner[0].memory: `64QiB` is no amount of memory: write a number with b, k, m, g or t, \
             as in `512m` or `64GiB` (powers of 1024, at most 1 EiB)"
        );
        let unknown = refusal("{\"inner\": [{\n\"memroy\": 1}]}");
        assert!(unknown.starts_with("t.json:2:11: inner[0].memroy: unknown field `memroy`"), "{unknown}");
        assert!(unknown.ends_with("did you mean `memory`?"), "{unknown}");
        assert!(
            refusal("{\"inner\": [{}]}").starts_with("t.json:1:12: inner[0]: missing field `memory`"),
            "{}",
            refusal("{\"inner\": [{}]}")
        );
        assert!(refusal("{\"inner\": [{\"memory\": NaN}]}").starts_with("t.json:1:"));
        assert!(refusal("{\"inner\": [").contains("is it cut off?"));
        assert!(refusal("{\"inner\": []} x").starts_with("t.json:1:15: trailing"));
        assert!(refusal("{\"inner\": [], \"inner\": []}").contains("duplicate field"));
    }
}
