// SPDX-License-Identifier: GPL-3.0-or-later
//! In: rule files and the committed corpus of the fuzz target. Out: that no text breaks a promise of their reader.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/rules.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::{corpus, harness};
    use proptest::prelude::*;

    const GOOD: &str = "# all machines\n[[rule]]\napp = \"fire*\"\nkind = \"network\"\nhost = \"*.example.org\"\n\
        zone = \"local\"\nverdict = \"allow\"\n\n[[rule]]\nvm = \"bank\"\nkind = \"clipboard\"\nat_most = \"ask\"\n\n\
        [[rule]]\nkind = \"files\"\ninitially = 'off'\n";
    const BAD: &str = "[[rule]]\nverdikt = \"\\u001b[31m\"\nhost = [1, { a = 2.5e9 }]\n";

    #[test]
    fn the_corpus_breaks_no_promise() {
        corpus::seed("rule_file", "good", GOOD.as_bytes());
        corpus::seed("rule_file", "bad", BAD.as_bytes());
        assert!(corpus::replay("rule_file", harness::file) >= 2);
    }

    proptest! {
        #[test]
        fn a_changed_file_breaks_no_promise(at in any::<prop::sample::Index>(), odd in "\\PC|[\\x00-\\x1f]", bad in any::<bool>()) {
            let text = if bad { BAD } else { GOOD };
            let at = at.index(text.len());
            harness::file([&text[..at], &odd, &text[at..]].concat().as_bytes());
            harness::file([&text[..at], &odd, &text[at + 1..]].concat().as_bytes());
        }
    }
}
