//! The one error of everything that is read: where it is, what is wrong, what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where in the input something is wrong; what is unknown is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it; empty: an argument.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: Option<u64>,
    /// Column, from 1.
    pub column: Option<u64>,
    /// The field: a path in a document, a column in a table.
    pub field: Option<String>,
}

/// Why an input cannot be used. Exit code 3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{fault}")]
pub struct InputError {
    /// Where.
    pub place: Box<Place>,
    /// What.
    pub fault: Fault,
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The path names a directory.
    #[error("it is a directory; a file is needed")]
    Directory,
    /// The operating system refused.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Nothing is in it.
    #[error("it is empty: {0}")]
    Empty(&'static str),
    /// A line is longer than any honest one.
    #[error("the line is longer than {} KiB; is this the right file?", super::LONGEST_LINE / 1024)]
    LongLine,
    /// Not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The text breaks its format: broken JSON, a short row.
    #[error("{0}")]
    Malformed(String),
    /// A row ends too early, or is too long.
    #[error("the row has {found} fields where {wanted} are needed; is it cut off?")]
    RowLength {
        /// Fields that it has.
        found: u64,
        /// Fields that it needs.
        wanted: u64,
    },
    /// A value means nothing here.
    #[error("{0}")]
    Value(String),
    /// A word, field or name that is not known.
    #[error("{what}{}", nearest.as_ref().map(|word| format!("; did you mean `{word}`?")).unwrap_or_default())]
    Unknown {
        /// What was written.
        what: String,
        /// The nearest that would have been right.
        nearest: Option<String>,
    },
    /// Two things have one name.
    #[error("{0}")]
    Duplicate(String),
    /// Times run backwards.
    #[error("{0}")]
    Backwards(String),
    /// Parts that are right alone but not together.
    #[error("{0}")]
    Contradiction(String),
}

impl Fault {
    /// The stable code of the fault; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "input-missing",
            Self::Directory => "input-directory",
            Self::Unreadable(_) => "input-unreadable",
            Self::Empty(_) => "input-empty",
            Self::LongLine => "input-long-line",
            Self::NotText => "input-not-text",
            Self::Malformed(_) => "input-malformed",
            Self::RowLength { .. } => "input-row-length",
            Self::Value(_) => "input-value",
            Self::Unknown { .. } => "input-unknown",
            Self::Duplicate(_) => "input-duplicate",
            Self::Backwards(_) => "input-backwards",
            Self::Contradiction(_) => "input-contradiction",
        }
    }

    /// The fault in a file as a whole.
    #[must_use]
    pub fn in_file(self, file: &Path) -> InputError {
        InputError { place: Box::new(Place { file: file.into(), ..Place::default() }), fault: self }
    }

    /// The fault on a line of a file.
    #[must_use]
    pub fn on_line(self, file: &Path, line: u64) -> InputError {
        InputError { place: Box::new(Place { file: file.into(), line: Some(line), ..Place::default() }), fault: self }
    }

    /// The fault of a field that lies in no file: of a command-line argument.
    #[must_use]
    pub fn in_field(self, field: &str) -> InputError {
        InputError { place: Box::new(Place { field: Some(field.into()), ..Place::default() }), fault: self }
    }

    /// A word that is none of those known, with the nearest of them.
    #[must_use]
    pub fn unknown<'a>(kind: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let shown: String = word.chars().take(60).collect();
        Self::Unknown { what: format!("unknown {kind} `{shown}`"), nearest: nearest(word, known).map(Into::into) }
    }
}

impl InputError {
    /// What the program ends with.
    pub const EXIT_CODE: u8 = 3;

    /// The stable code of the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// The same at a field.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.place.field = Some(field.into());
        self
    }
}

impl fmt::Display for Place {
    /// As compilers write it, so that editors can jump there: `file:line:column: field: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.as_os_str().is_empty() {
            write!(f, "{}", self.file.display())?;
            for number in [self.line, self.column].into_iter().flatten() {
                write!(f, ":{number}")?;
            }
            f.write_str(": ")?;
        }
        match &self.field {
            Some(field) => write!(f, "{field}: "),
            None => Ok(()),
        }
    }
}

/// The known word most like `word`, where one is like it at all (Jaro-Winkler at least 0.75).
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|&(likeness, _)| likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_reads_as_compilers_write_it() {
        let place = Place { file: "s.json".into(), line: Some(12), column: Some(9), field: Some("nodes[0].memory".into()) };
        let error = InputError { place: Box::new(place), fault: Fault::Value("`64QiB` is no amount of memory".into()) };
        assert_eq!(error.to_string(), "s.json:12:9: nodes[0].memory: `64QiB` is no amount of memory");
        assert_eq!(Fault::Missing.in_file(Path::new("t.csv")).to_string(), "t.csv: there is no such file");
        assert_eq!(Fault::Value("it is 0".into()).in_field("--nodes").to_string(), "--nodes: it is 0");
    }

    #[test]
    fn the_nearest_word_is_offered_only_where_it_is_near() {
        let known = ["best-fit", "first-fit", "l2"];
        assert_eq!(nearest("bestfit", known), Some("best-fit"));
        assert_eq!(nearest("fist-fit", known), Some("first-fit"));
        assert_eq!(nearest("zzz", known), None);
    }
}
