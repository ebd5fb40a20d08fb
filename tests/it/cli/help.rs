//! The help of every command: each has examples, and nothing is cut into ragged lines.

use super::*;

/// Commands below one, as its help lists them.
fn below(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let words = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    words.filter(|word| !word.is_empty() && *word != "help").map(str::to_owned).collect()
}

fn check(path: &[&str]) -> usize {
    let help = good(&[path, &["--help"]].concat()).stdout;
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{path:?}: a line is too long");
    let examples = help.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("no examples: {path:?}"));
    let shown: Vec<&str> = examples.lines().take_while(|line| !line.is_empty()).collect();
    let whole = |pair: &[&str]| pair[1].contains("management") || pair[0].ends_with('\\');
    assert!(shown[0].contains("management") && shown.windows(2).all(whole), "an example is broken in two: {path:?}: {shown:#?}");
    // Where a text was wrapped twice, a word or two stand alone in mid-paragraph.
    let lines: Vec<&str> = examples.lines().skip(shown.len()).collect();
    for pair in lines.windows(2).filter(|pair| !pair[0].is_empty() && !pair[1].is_empty() && !pair[1].starts_with("Exit codes")) {
        assert!(pair[0].len() > 60, "{path:?}: `{}` is wrapped twice", pair[0]);
    }
    1 + below(&help).iter().map(|word| check(&[path, &[word]].concat())).sum::<usize>()
}

#[test]
fn every_command_shows_examples_in_whole_lines() {
    golden("help.txt", &good(&["--help"]).stdout);
    assert!(check(&[]) > 30);
}
