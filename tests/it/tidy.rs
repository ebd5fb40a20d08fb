//! The house's laws, checked on the tree as it is tracked. A failure names the law, where it is broken, and how to mend it.
//!
//! What the compiler and clippy check themselves (unused code, `unwrap`, long functions, missing docs) is not repeated here.

mod data;
mod documents;
mod doors;
mod paths;
mod style;
mod tree;

/// Fails with all offences at once, under the law that they break.
fn assert_none(law: &str, mend: &str, offences: &[String]) {
    assert!(offences.is_empty(), "\nlaw:  {law}\nmend: {mend}\n  {}\n", offences.join("\n  "));
}
