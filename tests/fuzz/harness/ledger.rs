// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if the reader of the ledger's file breaks a promise.

use cofferdam_ledger::scan;

/// A file as it may be found, whole, cut, or changed.
pub fn file(data: &[u8]) {
    let found = scan::<String>(data);
    let length = data.len() as u64;
    assert!(found.committed.saturating_add(found.torn) <= length);
    assert!(found.entries.windows(2).all(|two| two[0].seq < two[1].seq), "numbers grow");
    if found.damage.is_none() {
        assert_eq!(found.committed.saturating_add(found.torn), length);
        // What was committed is the same without what was not.
        let good = data.get(..usize::try_from(found.committed).expect("a slice")).expect("checked");
        let again = scan::<String>(good);
        assert_eq!((&again.entries, again.torn, again.damage), (&found.entries, 0, None));
    }
    let half = scan::<String>(data.get(..data.len() / 2).unwrap_or_default());
    assert!(
        found.entries.starts_with(&half.entries),
        "a beginning of a file holds a beginning of its events"
    );
}
