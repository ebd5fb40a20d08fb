//! Paths in Rust sources: `use` trees and paths in expressions, types and macros alike, made absolute.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::tree::Source;

/// A path as far as its segments are plain names, with the line that it stands on.
pub struct Found {
    pub segments: Vec<String>,
    pub line: usize,
}

/// Every path of two segments or more, and every `use` of one; `crate`, `self` and `super` are resolved to the crate's name.
pub fn of(source: &Source) -> Vec<Found> {
    let mut scan = Scan { krate: source.krate().to_owned(), found: Vec::new() };
    scan.tokens(tokens(source), &source.module());
    scan.found
}

/// Every word of the source that is no comment and no literal, with its line.
pub fn words(source: &Source) -> Vec<(String, usize)> {
    fn gather(tokens: TokenStream, words: &mut Vec<(String, usize)>) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => words.push((ident.to_string(), line(&ident))),
                TokenTree::Group(group) => gather(group.stream(), words),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
    let mut words = Vec::new();
    gather(tokens(source), &mut words);
    words
}

fn tokens(source: &Source) -> TokenStream {
    source.text.parse().unwrap_or_else(|error| panic!("{}: {error}", source.path))
}

fn line(ident: &Ident) -> usize {
    ident.span().start().line
}

struct Scan {
    krate: String,
    found: Vec<Found>,
}

impl Scan {
    fn tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut index = 0;
        while index < tokens.len() {
            match &tokens[index] {
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) = (tokens.get(index + 1), tokens.get(index + 2)) {
                        let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
                        self.tokens(body.stream(), &inner);
                        index += 2;
                    }
                    index += 1;
                }
                TokenTree::Ident(first) => {
                    let is_use = index > 0 && matches!(&tokens[index - 1], TokenTree::Ident(word) if word == "use");
                    index += 1 + self.path(first, &tokens[index + 1..], &[], is_use, module);
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), module);
                    index += 1;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => index += 1,
            }
        }
    }

    /// Takes the path that begins with `first` behind `before`; returns how many of the tokens after it belong to it.
    fn path(&mut self, first: &Ident, rest: &[TokenTree], before: &[String], keep_single: bool, module: &[String]) -> usize {
        let mut segments = before.to_vec();
        segments.push(first.to_string());
        let mut used = 0;
        while let [TokenTree::Punct(one), TokenTree::Punct(two), next, ..] = &rest[used..] {
            if one.as_char() != ':' || two.as_char() != ':' {
                break;
            }
            match next {
                TokenTree::Ident(word) => segments.push(word.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.group(group.stream(), &segments, module);
                    return used + 3;
                }
                _ => break,
            }
            used += 3;
        }
        if segments.len() > 1 || keep_single {
            let segments = self.absolute(&segments, module);
            self.found.push(Found { segments, line: line(first) });
        }
        used
    }

    /// The branches of a `use` tree.
    fn group(&mut self, branches: TokenStream, before: &[String], module: &[String]) {
        let tokens: Vec<TokenTree> = branches.into_iter().collect();
        for branch in tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
            if let Some(TokenTree::Ident(first)) = branch.first() {
                self.path(first, &branch[1..], before, true, module);
            }
        }
    }

    fn absolute(&self, segments: &[String], module: &[String]) -> Vec<String> {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let kept = module.len().saturating_sub(supers);
        let (base, rest): (&[String], &[String]) = match segments[0].as_str() {
            "crate" => (&[], &segments[1..]),
            "self" => (module, &segments[1..]),
            "super" => (&module[..kept], &segments[supers..]),
            _ => return segments.to_vec(),
        };
        std::iter::once(&self.krate).chain(base).chain(rest).cloned().collect()
    }
}
