// SPDX-License-Identifier: GPL-3.0-or-later
//! In: Rust source. Out: the same lines without comments and without what stands in quotes, so that
//! a rule on code is not set off by a sentence about it; and the functions with their lengths.

/// The same text, line for line, with comments and the insides of strings turned into spaces.
#[must_use]
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, visible) = token(rest, out.chars().next_back());
        let piece = &rest[..taken.max(c.len_utf8())];
        if visible {
            out.push_str(piece);
        } else {
            out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = &rest[piece.len()..];
    }
    out
}

/// How long the next token is, and whether it is code.
fn token(rest: &str, before: Option<char>) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(len) = raw_string(rest) {
        return (len, false);
    }
    if rest.starts_with('"') {
        return (quoted(rest, '"'), false);
    }
    if rest.starts_with('\'') && !is_lifetime(rest) {
        return (quoted(rest, '\''), false);
    }
    (0, true)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0usize);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br#"…"#`.
fn raw_string(rest: &str) -> Option<usize> {
    let body =
        rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let start = rest.len() - body.len() + hashes + 1;
    Some(rest[start..].find(&close).map_or(rest.len(), |at| start + at + close.len()))
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// `'a` without a closing quote right after one character.
fn is_lifetime(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => false,
        (Some(_), Some('\'')) => false,
        (Some(c), _) => c.is_alphabetic() || c == '_',
        _ => false,
    }
}

/// Where the block that opens at or after `from` ends: the offset behind its closing brace. None if
/// the item ends with a semicolon before any block opens.
fn block_end(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut round = 0usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            ';' if depth == 0 && round == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(from + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Code without items under `#[cfg(test)]`.
#[must_use]
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        let after = at + MARK.len();
        let semicolon = rest[after..].find(';').map(|s| after + s + 1);
        match block_end(rest, after).or(semicolon) {
            Some(end) => rest = &rest[end..],
            None => rest = "",
        }
    }
    out.push_str(rest);
    out
}

/// Everything that is named of `std`, `core` and `alloc`, without those first words: `use std::{fs, io::{self,
/// Read as R}}` names `fs`, `io::self` and `io::Read`.
#[must_use]
pub fn std_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for root in ["std", "core", "alloc"] {
        for (at, word) in code.match_indices(&format!("{root}::")) {
            let before = code[..at].trim_end_matches("::");
            let own_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            // `::std` is `std`; `thing::core` is not `core`.
            if own_word {
                branch(&code[at + word.len()..], "", &mut paths);
            }
        }
    }
    paths
}

/// Names what a branch of a path or of a `use` leads to; gives back what stands behind the branch.
fn branch<'a>(rest: &'a str, above: &str, paths: &mut Vec<String>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.strip_prefix('}') {
                Some(behind) => return behind,
                None if rest.is_empty() => return rest,
                None => {}
            }
            let behind = branch(rest, above, paths);
            // Whatever it is, it is passed over once.
            rest = if behind.len() < rest.len() {
                behind
            } else {
                &rest[rest.chars().next().map_or(1, char::len_utf8)..]
            };
        }
    }
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '*');
    let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
    let path = if above.is_empty() { rest[..end].to_owned() } else { format!("{above}::{}", &rest[..end]) };
    let behind = &rest[end..];
    if let Some(below) = behind.strip_prefix("::") {
        return branch(below, &path, paths);
    }
    paths.push(path);
    // Another name does not change what it is.
    match behind.trim_start().strip_prefix("as ") {
        Some(name) => {
            let name = name.trim_start();
            &name[name.find(|c| !word(c)).unwrap_or(name.len())..]
        }
        None => behind,
    }
}

/// A function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line on which it starts, from 1.
    pub line: usize,
    /// How many it takes.
    pub lines: usize,
}

/// All functions with a body.
#[must_use]
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let own_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(end) = block_end(code, at).filter(|_| own_word && !name.is_empty()) else { continue };
        let line = code[..at].matches('\n').count() + 1;
        found.push(Function { name, line, lines: code[at..end].matches('\n').count() + 1 });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        for (text, expected) in [
            ("a // std::fs\nb", "a           \nb"),
            ("a /* x /* y */ z */ b", "a                   b"),
            ("f(\"std::fs\")", "f(         )"),
            ("f(\"a\\\"b\", c)", "f(      , c)"),
            ("f(r#\"a\"b\"#, c)", "f(        , c)"),
            ("for x in 'a'..='{' {", "for x in    ..=    {"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("bar\"x\"", "bar   "),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_of_the_standard_library_are_found_however_they_are_written() {
        for (text, expected) in [
            ("use std::fs;", vec!["fs"]),
            ("use std::{fs, io::{self, Read as R}, fmt as f};", vec!["fs", "io::self", "io::Read", "fmt"]),
            ("use ::std::{\n    time::{\n        Instant,\n    },\n};", vec!["time::Instant"]),
            ("let t = core::time::Duration::ZERO;", vec!["time::Duration::ZERO"]),
            ("std::mem::take(&mut x)", vec!["mem::take"]),
            ("use std::collections::*;", vec!["collections::*"]),
            ("mystd::fs(); gate::core::fs(); a_core::x();", vec![]),
        ] {
            assert_eq!(std_paths(text), expected, "{text}");
        }
    }

    #[test]
    fn functions_are_measured() {
        let text = "fn a() {\n  b();\n}\ntrait T {\n fn c(&self) -> [u8; 2];\n fn d() { if x { y } }\n}\n";
        let names: Vec<_> = functions(text).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(names, [("a".to_owned(), 1, 3), ("d".to_owned(), 6, 1)]);
    }

    #[test]
    fn tests_are_cut_out() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod t;\n";
        assert_eq!(without_tests(text), "fn a() {}\n\nfn c() {}\n\n");
    }
}
