//! Style: sizes, names, module docs, comments, and words that do not belong.

use std::collections::BTreeMap;

use syn::{Item, Visibility};

use super::tree::{self, Source};
use super::{assert_none, paths};

const MOST_LINES: usize = 500;
const MEDIAN_LINES: usize = 200;
const MOST_PUBLIC: usize = 8;
/// Comment lines among all lines of a crate, percent. The house aims at 12 to 16; a crate whose types carry the vocabulary
/// lies above, because every public item and field has its rustdoc. Measured at the time of writing: actors 9, report 12,
/// scheduler 11, sim 13, engine 16, model 20.
const COMMENTS: std::ops::RangeInclusive<f64> = 5.0..=30.0;

/// Files that may have more public items, and how many.
const VOCABULARIES: [(&str, usize, &str); 4] = [
    ("src/config/document.rs", 12, "the configuration file, a type for each of its objects"),
    ("src/model/protocol.rs", 20, "all messages between machines, read as one dialogue"),
    ("src/model/job.rs", 11, "a job spec and its parts"),
    ("src/model/document/native.rs", 10, "the native document, a type for each of its objects"),
];

/// Words that the pure crates never say: wall clocks, entropy, and collections whose order differs from run to run.
const IMPURE: [&str; 9] = ["HashMap", "HashSet", "RandomState", "Instant", "SystemTime", "thread_rng", "ThreadRng", "OsRng", "UnixStream"];

#[test]
fn every_source_says_what_lives_in_it() {
    let without = tree::sources().into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path);
    assert_none("every source begins with a module doc", "say in `//!` what lives here and what may not", &without.collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let mut sizes: Vec<(usize, String)> = tree::sources().into_iter().map(|source| (source.text.lines().count(), source.path)).collect();
    sizes.sort();
    let long = sizes.iter().filter(|(lines, _)| *lines > MOST_LINES).map(|(lines, path)| format!("{path}: {lines} lines"));
    assert_none("no source is longer than 500 lines", "find the two rooms in it and part them", &long.collect::<Vec<_>>());
    let median = sizes[sizes.len() / 2].0;
    assert!(median < MEDIAN_LINES, "law: the median source is shorter than {MEDIAN_LINES} lines; it has {median}");
}

#[test]
fn files_offer_few_public_items() {
    let sources = tree::sources();
    let tests = tree::test_modules(&sources);
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| !tree::is_test_file(source, &tests)) {
        let most = VOCABULARIES.iter().find(|(path, ..)| *path == source.path).map_or(MOST_PUBLIC, |(_, most, _)| *most);
        let public = source.items.iter().filter(|item| matches!(visibility(item), Some(Visibility::Public(_)))).count();
        if public > most {
            offences.push(format!("{}: {public} public items, at most {most}", source.path));
        }
    }
    let gone = VOCABULARIES.iter().filter(|(path, ..)| sources.iter().all(|source| source.path != *path));
    offences.extend(gone.map(|(path, ..)| format!("{path}: listed in VOCABULARIES, but there is no such file")));
    assert_none(
        "a file offers at most 8 public items",
        "part it, make items private, or list it in VOCABULARIES with the reason",
        &offences,
    );
}

/// The visibility of what counts as an item: types, functions, constants; not modules and re-exports.
fn visibility(item: &Item) -> Option<&Visibility> {
    match item {
        Item::Const(item) => Some(&item.vis),
        Item::Enum(item) => Some(&item.vis),
        Item::Fn(item) => Some(&item.vis),
        Item::Static(item) => Some(&item.vis),
        Item::Struct(item) => Some(&item.vis),
        Item::Trait(item) => Some(&item.vis),
        Item::Type(item) => Some(&item.vis),
        Item::Union(item) => Some(&item.vis),
        _ => None,
    }
}

#[test]
fn names_say_what_a_thing_is() {
    let mut offences = Vec::new();
    for source in tree::sources() {
        let words = paths::words(&source);
        let defined = words.windows(2).filter(|pair| ["struct", "enum", "trait", "type", "mod"].contains(&pair[0].0.as_str()));
        offences.extend(defined.filter(|pair| is_vague(&pair[1].0)).map(|pair| format!("{}:{}: {}", source.path, pair[1].1, pair[1].0)));
        let stem = source.path.rsplit('/').next().and_then(|file| file.strip_suffix(".rs")).unwrap_or_default();
        offences.extend(is_vague(stem).then(|| source.path.clone()));
    }
    assert_none(
        "no Utils, Helper, Common, and no Manager beyond the JobManager and the GlobalManager",
        "name what it is, or move it to what it belongs to",
        &offences,
    );
}

/// Whether the name, taken apart into its words, has one that says nothing.
fn is_vague(name: &str) -> bool {
    let mut words = " ".to_owned();
    for letter in name.chars() {
        words.extend((letter.is_uppercase() || letter == '_').then_some(' '));
        words.extend(letter.to_lowercase().filter(|letter| *letter != '_'));
    }
    let empty = ["util", "utils", "helper", "helpers", "common", "misc"];
    let manager = words.ends_with("manager") && !words.ends_with(" job manager") && !words.ends_with(" global manager");
    manager || words.split(' ').any(|word| empty.contains(&word))
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    let mut offences = Vec::new();
    for source in tree::sources() {
        let lines = source.text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
        offences.extend(lines.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
    }
    assert_none("what is in the tree is done", "do it, or write an issue and say in the docs what is not there", &offences);
}

#[test]
fn pure_crates_know_no_clock_no_entropy_and_no_unordered_map() {
    let mut offences = Vec::new();
    for source in tree::sources() {
        let pure = ["model", "scheduler", "actors", "engine"].contains(&source.krate());
        // The simulator measures its own wall time in one place; its decisions are in virtual time.
        let timeless = source.room() == Some("sim") && source.path != "src/sim/simulation.rs";
        let banned: &[&str] = if pure {
            &IMPURE
        } else if timeless {
            &["Instant", "SystemTime", "thread_rng", "ThreadRng", "OsRng", "RandomState"]
        } else {
            continue;
        };
        let said = paths::words(&source).into_iter().filter(|(word, _)| banned.contains(&word.as_str()));
        offences.extend(said.map(|(word, line)| format!("{}:{line}: {word}", source.path)));
    }
    assert_none("same seed, same hash", "time and randomness are inputs; BTreeMap, BTreeSet and Vec have an order", &offences);
}

#[test]
fn pure_crates_let_clippy_keep_the_same_ban() {
    let shared = tree::text("clippy.toml");
    for krate in ["model", "scheduler", "actors", "engine"] {
        // Clippy reads the nearest file alone, so each repeats what the root says.
        let own = tree::text(&format!("src/{krate}/clippy.toml"));
        for line in shared.lines() {
            assert!(own.contains(line), "law: lints are shared; src/{krate}/clippy.toml lacks `{line}`");
        }
        for path in ["std::time::Instant", "std::time::SystemTime", "std::collections::HashMap", "std::collections::HashSet", "rand::rng"] {
            assert!(own.contains(&format!("\"{path}\"")), "law: pure crates ban {path}; src/{krate}/clippy.toml does not");
        }
    }
}

#[test]
fn comments_are_neither_rare_nor_a_second_program() {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for source in tree::sources() {
        let room = source.room().filter(|room| !room.ends_with(".rs")).unwrap_or(source.krate()).to_owned();
        let (lines, comments) = counts.entry(room).or_default();
        *lines += source.text.lines().count();
        *comments += source.text.lines().filter(|line| line.trim_start().starts_with("//")).count();
    }
    let mut offences = Vec::new();
    for (room, (lines, comments)) in counts {
        let share = 100.0 * comments as f64 / lines as f64;
        eprintln!("{room}: {lines} lines, {share:.1} % comments");
        // In a room of a few lines, or one of tests, the share says nothing.
        if lines > 200 && !["tests", "benches", "xtask"].contains(&room.as_str()) && !COMMENTS.contains(&share) {
            offences.push(format!("{room}: {share:.1} %"));
        }
    }
    assert_none("comments say why, in 5 to 30 % of lines", "explain decisions, drop what repeats the code", &offences);
}

#[test]
fn the_reader_of_sources_knows_what_is_public() {
    let items = syn::parse_file("pub struct A; pub(crate) fn b() {} pub mod c {} pub use d::E; const F: u8 = 0; pub const G: u8 = 0;")
        .unwrap()
        .items;
    let source = Source { path: "src/model/lib.rs".into(), text: String::new(), items };
    let public = source.items.iter().filter(|item| matches!(visibility(item), Some(Visibility::Public(_)))).count();
    assert_eq!(public, 2);
    assert!(
        is_vague("TaskManager") && is_vague("utils") && !is_vague("JobManager") && !is_vague("Utilisation") && !is_vague("job_manager")
    );
}
