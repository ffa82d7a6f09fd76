// SPDX-License-Identifier: GPL-3.0-or-later
//! The person's phrase. In: the file that holds it. Out: that file, made with three words drawn at random
//! if it was not there. Prompts show it; no VM ever sees it, so a prompt that knows it is the desktop's.

use crate::error::{Error, file, system};
use rustix::rand::{GetRandomFlags, getrandom};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// 32 words in each place make 32,768 phrases: more than anybody guesses in a session of prompts.
const WORDS: [[&str; 32]; 3] = [
    [
        "slow", "bright", "quiet", "early", "gentle", "brave", "tall", "round", "warm", "cold", "clever",
        "tiny", "wild", "calm", "proud", "soft", "sharp", "hidden", "open", "narrow", "wide", "merry",
        "sleepy", "quick", "humble", "lucky", "old", "young", "hollow", "patient", "honest", "distant",
    ],
    [
        "copper", "silver", "golden", "velvet", "paper", "wooden", "marble", "glass", "woollen", "stone",
        "amber", "ivory", "scarlet", "indigo", "violet", "mossy", "sandy", "snowy", "misty", "sunny",
        "stormy", "rusty", "dusty", "salty", "sweet", "bitter", "smoky", "frosty", "cloudy", "windy",
        "painted", "polished",
    ],
    [
        "lighthouse",
        "badger",
        "kettle",
        "harbour",
        "orchard",
        "violin",
        "lantern",
        "otter",
        "bridge",
        "compass",
        "meadow",
        "heron",
        "anchor",
        "cottage",
        "river",
        "pencil",
        "walnut",
        "falcon",
        "garden",
        "ladder",
        "island",
        "teapot",
        "beacon",
        "saddle",
        "thimble",
        "glacier",
        "cricket",
        "barrel",
        "willow",
        "mirror",
        "feather",
        "castle",
    ],
];

/// Makes sure that there is a phrase at `path`.
pub(super) fn ensure(path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let partial = path.with_extension("partial");
    let mut options = std::fs::OpenOptions::new();
    let mut out =
        options.write(true).create(true).truncate(true).mode(0o600).open(&partial).map_err(file(&partial))?;
    writeln!(out, "{}", draw()?).map_err(file(&partial))?;
    std::fs::rename(&partial, path).map_err(file(path))
}

fn draw() -> Result<String, Error> {
    let mut bytes = [0u8; WORDS.len()];
    let filled =
        getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|e| system("random numbers")(e.into()))?;
    if filled != bytes.len() {
        return Err(Error::Plain("the kernel gave too few random numbers; try again".into()));
    }
    // 256 is a multiple of 32: every word is as likely as any other.
    let words =
        WORDS.iter().zip(bytes).filter_map(|(words, byte)| words.get(usize::from(byte) % words.len()));
    Ok(words.copied().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_phrase_is_drawn_once_and_kept_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("phrase");
        ensure(&path).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(first.split_whitespace().count(), 3, "{first:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        ensure(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
    }

    #[test]
    fn no_word_stands_in_two_places() {
        let mut all: Vec<&str> = WORDS.iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 96);
    }
}
