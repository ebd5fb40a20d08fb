//! Documents: every link leads somewhere, every error code has its page, every decision says what it cost.

use super::{assert_none, tree};

/// Where error codes are given, by a function named `code`: words like `input-missing`, the room's part first.
const CODES: &[&str] = &[
    "src/api/error.rs",
    "src/api/options.rs",
    "src/client/error.rs",
    "src/journal/replay.rs",
    "src/link/error.rs",
    "src/report/files/mod.rs",
    "src/report/why/mod.rs",
    "src/runtime/launch/error.rs",
    "src/sim/input/error.rs",
    "src/sim/simulation.rs",
    "src/store/error.rs",
    "workers/error.rs",
];

#[test]
fn every_error_code_has_its_page() {
    let files = tree::files();
    let mut offences = Vec::new();
    let mut codes = Vec::new();
    for file in CODES {
        let text = tree::text(file);
        let body = text.split("fn code(").nth(1).unwrap_or_else(|| panic!("{file}: it gives no codes"));
        let body = body.split("\n    }\n").next().expect("a function ends");
        codes.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    assert!(codes.len() >= 10, "the reader of codes found only {codes:?}");
    for code in &codes {
        let page = format!("docs/errors/{code}.md");
        if !files.contains(&page) {
            offences.push(format!("{code}: no {page}"));
            continue;
        }
        let text = tree::text(&page);
        let parts = ["## Cause", "## Fix"];
        offences.extend(parts.iter().filter(|part| !text.contains(**part)).map(|part| format!("{page}: no `{part}`")));
    }
    for page in files.iter().filter_map(|path| path.strip_prefix("docs/errors/")?.strip_suffix(".md")) {
        // A page about all codes of a room is called as they begin: `input` for `input-missing` and the others.
        if page != "README" && !codes.iter().any(|code| code == page || code.starts_with(&format!("{page}-"))) {
            offences.push(format!("docs/errors/{page}.md: no such code"));
        }
    }
    assert_none("every error code has a page with cause and fix", "write docs/errors/CODE.md", &offences);
}

/// Whether a text holds a part once.
fn once(text: &str, part: &str) -> bool {
    text.matches(part).count() == 1
}

#[test]
fn every_command_has_one_section_and_one_row_in_its_table() {
    let (text, source) = (tree::text("docs/cli.md"), tree::text("src/cli/mod.rs"));
    let commands = source.split("enum Command {").nth(1).and_then(|rest| rest.split("\n}\n").next()).expect("the commands are an enum");
    let words = commands.lines().filter_map(|line| line.trim().split_once('(').map(|(word, _)| word.to_lowercase()));
    let words: Vec<String> = words.filter(|word| word.chars().all(char::is_alphabetic)).collect();
    assert!(words.len() > 25, "the reader of commands found only {words:?}");
    let is_once = |word: &&String| once(&text, &format!("\n## {word}\n")) && once(&text, &format!("[`{word}`](#{word})"));
    let offences: Vec<String> = words.iter().filter(|word| !is_once(word)).map(|word| format!("docs/cli.md: {word}")).collect();
    assert_none("docs/cli.md has one section and one row for each command", "write it, or put two together", &offences);
}

#[test]
fn every_error_code_has_one_row() {
    let text = tree::text("docs/errors/README.md");
    let pages = tree::files().into_iter().filter_map(|path| Some(path.strip_prefix("docs/errors/")?.strip_suffix(".md")?.to_owned()));
    let offences: Vec<String> =
        pages.filter(|page| !["README", "input"].contains(&page.as_str()) && !once(&text, &format!("| [`{page}`]({page}.md) |"))).collect();
    assert_none("docs/errors/README.md has one row for each code", "write it, or put two together", &offences);
}

#[test]
fn decisions_say_why_and_what_they_cost() {
    let mut offences = Vec::new();
    let records: Vec<String> = tree::files().into_iter().filter(|path| path.starts_with("docs/adr/0")).collect();
    assert!(!records.is_empty());
    for path in &records {
        let text = tree::text(path);
        let parts = ["## Context", "## Decision", "## Consequences", "## Measured"];
        offences.extend(parts.iter().filter(|part| !text.contains(**part)).map(|part| format!("{path}: no `{part}`")));
    }
    assert_none("a decision is recorded with context, decision, consequences and what was measured", "add the part", &offences);
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut offences = Vec::new();
    for path in tree::files().into_iter().filter(|path| path.ends_with(".md")) {
        let folder = tree::root().join(&path).parent().expect("a file has a folder").to_owned();
        for link in tree::text(&path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://") || target.contains(' ');
            if !outside && !folder.join(target).exists() {
                offences.push(format!("{path}: {link}"));
            }
        }
    }
    assert_none("links lead somewhere", "mend the link", &offences);
}

#[test]
fn the_actors_file_is_in_the_earlier_shape_and_stays_on_this_host() {
    let actors: serde_json::Value = serde_json::from_str(&tree::text("config/actors.json")).unwrap();
    for actor in ["FE", "JM", "GM", "DC"] {
        assert_eq!(actors[actor]["address"], "127.0.0.1", "law: {actor} binds to loopback unless somebody says otherwise");
    }
    let strategies = actors["JM"]["scheduling_strategy"].as_object().unwrap();
    let chosen: Vec<_> = strategies.iter().filter(|(_, chosen)| **chosen == 1).map(|(name, _)| name.as_str()).collect();
    assert_eq!(chosen, ["best-fit"], "exactly one strategy is chosen");
    assert!(strategies.keys().all(|name| name.parse::<model::PolicyName>().is_ok()), "{strategies:?}");
    assert!((actors["JM"]["wait_time"].as_f64().unwrap() - 0.1).abs() < 1e-9);
}
