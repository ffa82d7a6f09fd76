// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a ledger's file and the committed corpus of the fuzz target. Out: that no bytes break a promise of the
//! reader.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/ledger.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::{corpus, harness};
    use cofferdam_ledger::Ledger;
    use proptest::prelude::*;

    /// A file with three batches, compacted after the second.
    fn written() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, _, _) = Ledger::<String>::open(folder.path()).unwrap();
        ledger.append(1, &["one".into(), "two".into()]).unwrap();
        ledger.append(2, &["three".into()]).unwrap();
        ledger.compact(3, |entry| (entry.event != "one").then_some(entry.event)).unwrap();
        ledger.append(4, &["four".into(), "five".into(), "six".into()]).unwrap();
        drop(ledger);
        std::fs::read(folder.path().join("ledger")).unwrap()
    }

    #[test]
    fn the_corpus_breaks_no_promise() {
        let file = written();
        corpus::seed("ledger_file", "compacted", &file);
        corpus::seed("ledger_file", "torn", &file[..file.len() - 20]);
        assert!(corpus::replay("ledger_file", harness::file) >= 2);
    }

    proptest! {
        #[test]
        fn a_changed_file_breaks_no_promise(
            cut in any::<prop::sample::Index>(),
            change in proptest::option::of((any::<prop::sample::Index>(), 1..=255u8)),
        ) {
            let mut file = written();
            if let Some((at, bits)) = change {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            file.truncate(cut.index(file.len() + 1));
            harness::file(&file);
        }
    }
}
