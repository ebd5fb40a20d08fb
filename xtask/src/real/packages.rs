//! Debian's packages: installed where a program is missing, and fetched from its unstable suite where the stable one is too old.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::put;
use crate::{Outcome, run};

/// Where Debian keeps its keys.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where the mirror stands if the machine's own sources name none.
const MIRROR: &str = "http://deb.debian.org/debian";

/// Installs the packages whose program is not there.
///
/// # Errors
/// When apt-get cannot install them.
pub fn ensure(wanted: &[(&str, &str)]) -> Outcome {
    let missing: Vec<&str> = wanted.iter().filter(|(program, _)| !Path::new(program).exists()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = [&["install", "-y", "-qq", "--no-install-recommends"][..], &missing].concat();
    apt(&["update", "-qq"])?;
    apt(&install)
}

fn apt(arguments: &[&str]) -> Outcome {
    let elevated = [&["apt-get"][..], arguments].concat();
    let run =
        if geteuid().is_root() { run::program_of(Path::new("apt-get"), arguments) } else { run::program_of(Path::new("sudo"), &elevated) };
    run.env("DEBIAN_FRONTEND", "noninteractive").done()
}

/// Unpacks a package of Debian's unstable suite, with all that it stands on, into a folder of its own; nothing is installed.
///
/// # Errors
/// When it cannot be fetched or unpacked.
pub fn unpack(package: &str, into: &Path) -> Outcome {
    let apt = into.with_extension("apt");
    let said = |error: std::io::Error| format!("{}: {error}", apt.display());
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(folder)).map_err(said)?;
    }
    let at = |name: &str| apt.join(name).display().to_string();
    // An empty status file: all that it stands on is fetched too, whatever the machine has.
    put(&apt.join("status"), "")?;
    put(&apt.join("sources.list"), &format!("deb [signed-by={KEYRING}] {} sid main\n", mirror()))?;
    let settings = [
        format!("Dir::State \"{}\"; Dir::State::status \"{}\"; Dir::Cache \"{}\";", at("state"), at("status"), at("cache")),
        format!("Dir::Etc::sourcelist \"{}\"; Dir::Etc::sourceparts \"-\";", at("sources.list")),
        "APT::Install-Recommends \"false\"; Acquire::Languages \"none\"; APT::Sandbox::User \"root\";".to_owned(),
    ];
    put(&apt.join("apt.conf"), &settings.join("\n"))?;
    let private = |arguments: &[&str]| run::program_of(Path::new("apt-get"), arguments).env("APT_CONFIG", &at("apt.conf")).done();
    private(&["-qq", "update"])?;
    private(&["-qq", "install", "-y", "--download-only", package])?;
    fs::create_dir_all(into).map_err(said)?;
    for entry in fs::read_dir(apt.join("cache/archives")).map_err(said)? {
        let archive = entry.map_err(said)?.path();
        if archive.extension().is_some_and(|extension| extension == "deb") {
            run::program_of(Path::new("dpkg"), &["-x", &archive.display().to_string(), &into.display().to_string()]).done()?;
        }
    }
    fs::remove_dir_all(&apt).map_err(said)
}

/// The mirror of the machine's own sources.
fn mirror() -> String {
    let sources = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"].map(PathBuf::from);
    let texts = sources.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| text.lines().filter_map(uri).collect::<Vec<_>>()).next().unwrap_or_else(|| MIRROR.to_owned())
}

/// The mirror that a line of a list of sources names.
fn uri(line: &str) -> Option<String> {
    let line = line.trim();
    let named = line.strip_prefix("URIs:").or_else(|| line.strip_prefix("deb "))?;
    named.split_whitespace().find(|word| word.contains("://")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_lists_name_the_mirror() {
        assert_eq!(uri("URIs: http://mirror.example/debian"), Some("http://mirror.example/debian".into()));
        assert_eq!(uri("deb [signed-by=/k.gpg] https://m.example/debian sid main"), Some("https://m.example/debian".into()));
        assert_eq!((uri("# URIs: x"), uri("Types: deb"), uri("deb-src http://m.example/debian sid")), (None, None, None));
    }
}
