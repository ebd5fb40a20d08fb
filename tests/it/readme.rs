//! The README's examples: what it shows is what the program prints.

use crate::support::{management, project};

/// Commands of the README's console blocks, each with the lines that it shows.
fn examples(text: &str) -> Vec<(Vec<String>, Vec<&str>)> {
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .map(|block| {
            let mut lines = block.lines();
            let command = lines.next().and_then(|line| line.strip_prefix("$ management ")).expect("a block begins with a command");
            (command.split(' ').map(str::to_owned).collect(), lines.collect())
        })
        .collect()
}

#[test]
fn the_examples_print_what_the_readme_shows() {
    let text = std::fs::read_to_string(project("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let examples = examples(&text);
    assert!(examples.len() >= 2);
    for (arguments, shown) in examples {
        let arguments = arguments.iter().map(|argument| match argument.starts_with("tests/") {
            true => project(argument).into_os_string(),
            false => argument.into(),
        });
        let run = management().args(arguments.collect::<Vec<_>>()).current_dir(folder.path()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let printed = String::from_utf8(run.stdout).unwrap();
        // How fast it ran differs from run to run.
        let lasting = |line: &&str| !line.starts_with("simulated ");
        let (printed, shown): (Vec<&str>, Vec<&str>) =
            (printed.lines().filter(lasting).collect(), shown.into_iter().filter(lasting).collect());
        assert_eq!(printed, shown, "the README shows what the program prints");
    }
}
