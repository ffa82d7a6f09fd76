// SPDX-License-Identifier: GPL-3.0-or-later
//! In: SPDX expressions of packages, and a list of licences. Out: whether the list satisfies them.

use std::collections::BTreeSet;

/// Whether an SPDX expression can be satisfied with the allowed licences. Also takes the old form
/// `MIT/Apache-2.0`.
pub(crate) fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut ok = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        ok |= all_of(words, at, allowed);
    }
    ok
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut ok = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        ok &= one(words, at, allowed);
    }
    ok
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let ok = any_of(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return ok && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let with = words.get(*at + 1).map(|e| format!("{word} WITH {e}"));
        *at += 2;
        return with.is_some_and(|w| allowed.contains(&w));
    }
    allowed.contains(*word)
}

#[test]
fn expressions() {
    let allowed: BTreeSet<String> =
        ["MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 OR MIT", true),
        ("Apache-2.0 AND MIT", false),
        ("(Apache-2.0 OR MIT) AND BSD-3-Clause", true),
        ("(Apache-2.0 OR MIT) AND Unicode-3.0", false),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0", true),
        ("Apache-2.0 WITH Other-exception", false),
        ("MIT OR", true),
        ("MIT MIT", false),
        ("", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
}
