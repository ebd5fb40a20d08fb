//! What may be tracked: no path of anybody's machine, no large data, no secret.

use super::{assert_none, tree};

/// The largest tracked file outside the folder of pictures, in bytes. Traces and instances stay outside the tree. The largest of ours
/// is the OpenAPI document, in which every response of every route is written out.
const LARGEST: u64 = 300_000;

#[test]
fn nothing_large_is_tracked() {
    let mut offences = Vec::new();
    for path in tree::files().into_iter().filter(|path| !path.starts_with("docs/images/")) {
        let size = std::fs::metadata(tree::root().join(&path)).expect("a listed file is there").len();
        if size > LARGEST {
            offences.push(format!("{path}: {size} bytes"));
        }
    }
    assert_none(
        "data sets are not copied into the tree",
        "read it from ../shared and skip visibly, or make a small one of your own",
        &offences,
    );
}

#[test]
fn no_path_of_a_machine_is_tracked() {
    let folders = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    let mut offences = Vec::new();
    for path in tree::files() {
        let Ok(text) = std::fs::read_to_string(tree::root().join(&path)) else { continue };
        let lines = text.lines().enumerate().filter(|(_, line)| folders.iter().any(|folder| names_folder(line, folder)));
        offences.extend(lines.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim().chars().take(100).collect::<String>())));
    }
    assert_none(
        "nothing tracked names a path of somebody's machine",
        "name it from the project's root, or take it from the environment",
        &offences,
    );
}

/// Whether the folder begins a path of the line: `docs/work/` is no machine's path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}".contains(before)))
}

#[test]
fn no_secret_is_tracked() {
    let marks = [concat!("PRIVATE ", "KEY-----"), concat!("mongodb://", "admin:"), concat!("pass", "word =")];
    let mut offences = Vec::new();
    for path in tree::files() {
        let Ok(text) = std::fs::read_to_string(tree::root().join(&path)) else { continue };
        offences.extend(marks.iter().filter(|mark| text.contains(**mark)).map(|mark| format!("{path}: {mark}")));
    }
    assert_none("secrets come from a file or the environment", "take it out, and change it: it is known now", &offences);
}

#[test]
fn a_folder_counts_only_where_a_path_begins() {
    let folder = concat!("/ho", "me/");
    assert!(names_folder(&format!("see {folder}anne/x"), folder));
    assert!(!names_folder(&format!("docs{folder}x"), folder));
}
