// SPDX-License-Identifier: GPL-3.0-or-later
//! What only tests may do in a guest is in the tests' binary and not in the one that ships.
//!
//! In: both binaries, as they go into guests. Out: the door's words, which must be in one of them.

use cofferdam_system_tests::{DOOR, guest_program};

/// What the door is called, and what can be said to it.
const WORDS: [&str; 3] = [DOOR, "as-bridge", "end-bridge"];

fn words_in(program: &str) -> Result<Vec<&'static str>, Box<dyn std::error::Error>> {
    let path = guest_program(program);
    let bytes =
        std::fs::read(&path).map_err(|e| format!("{}: {e}: run dist/setup --for test", path.display()))?;
    let has = |word: &&str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    Ok(WORDS.into_iter().filter(has).collect())
}

#[test]
fn only_the_tests_guest_has_doors() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(words_in("cofferdam-test-guest")?, WORDS);
    assert_eq!(words_in("cofferdam-guest")?, [""; 0]);
    Ok(())
}
