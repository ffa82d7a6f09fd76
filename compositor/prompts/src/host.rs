// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a host name of up to 253 characters. Out: the same, short, with the end that says whose it is.
//!
//! Attackers put a well-known name in front (`www.bank.example.login.evil.example`). What counts is
//! the end, so the middle is left out and the last three labels never are.

/// Labels at the end that are always shown in full: enough for `shop.example.co.uk`'s owner.
const KEPT: usize = 3;

/// `host` in about `max` characters: the beginning, `…`, and at least the last three labels.
#[must_use]
pub fn elide_host(host: &str, max: usize) -> String {
    if host.chars().count() <= max {
        return host.to_owned();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let mut tail = String::new();
    for (n, label) in labels.iter().rev().enumerate() {
        let longer = if tail.is_empty() { (*label).to_owned() } else { format!("{label}.{tail}") };
        // Room for some of the beginning, the ellipsis and a dot.
        if n >= KEPT && longer.chars().count().saturating_add(max / 3) > max {
            break;
        }
        tail = longer;
    }
    if tail.len() >= host.len() {
        return host.to_owned();
    }
    let room = max.saturating_sub(tail.chars().count()).saturating_sub(1);
    let head: String = host.chars().take(room).collect();
    format!("{}…{tail}", head.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts() {
        for (host, max, expected) in [
            ("imap.example.org", 44, "imap.example.org"),
            ("www.bank.example.login.session.verify.evil.example", 30, "www.bank.e…verify.evil.example"),
            ("a.b.c", 2, "a.b.c"),
        ] {
            assert_eq!(elide_host(host, max), expected);
        }
    }

    proptest! {
        #[test]
        fn the_end_is_always_there(labels in prop::collection::vec("[a-z0-9-]{1,63}", 1..12), max in 0usize..80) {
            let host = labels.join(".");
            let short = elide_host(&host, max);
            let from = labels.len().saturating_sub(KEPT);
            let end = labels[from..].join(".");
            prop_assert!(short.ends_with(&end), "{short} lost {end}");
            prop_assert!(short.chars().count() <= host.chars().count().max(end.len() + 2));
            if short != host {
                prop_assert!(short.contains('…'));
                prop_assert!(short.chars().count() <= max.max(end.chars().count() + 2));
            }
        }
    }
}
