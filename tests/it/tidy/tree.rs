//! The tracked tree: its files, and its Rust sources with what they parse to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::Item;

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that is tracked, or will be: paths from the root, with `/`.
pub fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the project's files; it is needed to run the tidy tests");
    assert!(listed.status.success(), "the tidy tests read what git tracks: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let mut files: Vec<String> = text.lines().map(str::to_owned).filter(|path| root().join(path).is_file()).collect();
    files.sort();
    files.dedup();
    files
}

/// A file's text.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A Rust source.
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
    pub items: Vec<Item>,
}

/// Every Rust source of the tree.
pub fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| {
        let text = text(&path);
        let items = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}")).items;
        Source { path, text, items }
    })
    .collect()
}

impl Source {
    /// The workspace member that it belongs to, as its folder: "" is the root package.
    pub fn member(&self) -> &str {
        let nested = ["src/model", "src/scheduler", "src/actors", "src/engine", "src/link", "workers", "xtask"];
        nested.into_iter().find(|member| self.path.strip_prefix(member).is_some_and(|rest| rest.starts_with('/'))).unwrap_or("")
    }

    /// The crate that it belongs to; integration tests and benches are crates of their own.
    pub fn krate(&self) -> &str {
        match (self.member(), self.path.split('/').next()) {
            ("", Some("src")) => "wharfinger",
            ("", first) => first.expect("a path has a first part"),
            (member, _) => member.rsplit('/').next().expect("a path has a last part"),
        }
    }

    /// The module that the file is, below its crate: `["report", "html"]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.strip_prefix(self.member()).unwrap_or(&self.path).trim_start_matches('/');
        let inside = inside.strip_prefix("src/").unwrap_or(inside).trim_end_matches(".rs");
        let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            parts.pop();
        }
        parts
    }

    /// The room of the root package that it belongs to.
    pub fn room(&self) -> Option<&str> {
        (self.krate() == "wharfinger").then(|| self.path.split('/').nth(1)).flatten()
    }
}

/// Paths without `.rs` of the modules that exist in tests alone, and of all that lies below them.
pub fn test_modules(sources: &[Source]) -> BTreeSet<PathBuf> {
    let mut modules = BTreeSet::new();
    for source in sources {
        let file = Path::new(&source.path);
        let holder = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib" | "main") => file.parent().expect("a file has a folder").to_owned(),
            _ => file.with_extension(""),
        };
        for item in &source.items {
            if let Item::Mod(module) = item
                && module.content.is_none()
                && is_test(&module.attrs)
            {
                modules.insert(holder.join(module.ident.to_string()));
            }
        }
    }
    modules
}

/// Whether the file exists in tests alone.
pub fn is_test_file(source: &Source, test_modules: &BTreeSet<PathBuf>) -> bool {
    let module = Path::new(&source.path).with_extension("");
    source.path.starts_with("tests/") || module.ancestors().any(|ancestor| test_modules.contains(ancestor))
}

/// Whether the attributes say `cfg(test)`.
pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}
