// SPDX-License-Identifier: GPL-3.0-or-later
//! In: blocks of a file. Out: their dm-verity hash tree (format 1, sha256, 4096-byte blocks), which is what a layer's
//! manifest promises and the guest's kernel checks.
//!
//! The tree's levels lie root first, as the kernel expects them; a hash is taken over salt and block.

#![expect(clippy::disallowed_methods, reason = "hashes are made on all cores")]

use crate::bundle::{BLOCK, Layer};
use crate::cache::hex;
use crate::error::{At, Error, Fault, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

const BLOCK_BYTES: usize = BLOCK as usize;
const HASH_BYTES: usize = 32;

/// Hashes that fit into a block.
const FAN_OUT: u64 = (BLOCK_BYTES / HASH_BYTES) as u64;

/// Blocks that one thread hashes at a time.
const SHARE: usize = 2048;

/// The hashes over a file's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The hash over everything, lower-case hexadecimal.
    pub root: String,
    /// What is stored: whole blocks, the level below the root first.
    pub stored: Vec<u8>,
}

/// Hashes the first `blocks` blocks of `file`.
///
/// # Errors
/// The file can't be read or is shorter.
pub fn tree(file: &mut File, blocks: u64, salt: &[u8]) -> std::io::Result<Tree> {
    // Hashes of hashes, until one is left; that one is the root and is not stored.
    let mut hashes = hash_file(file, blocks, salt)?;
    let mut levels = Vec::new();
    while hashes.len() > HASH_BYTES {
        hashes.resize(hashes.len().next_multiple_of(BLOCK_BYTES), 0);
        let above = hashes.chunks(BLOCK_BYTES).flat_map(|block| hash_block(block, salt)).collect();
        levels.push(std::mem::replace(&mut hashes, above));
    }
    levels.reverse();
    Ok(Tree { root: hex(&hashes), stored: levels.concat() })
}

/// How many blocks the stored tree over `blocks` blocks has.
pub(crate) fn stored_blocks(mut blocks: u64) -> u64 {
    let mut stored = 0u64;
    while blocks > 1 {
        blocks = blocks.div_ceil(FAN_OUT);
        stored = stored.saturating_add(blocks);
    }
    stored
}

impl Layer {
    /// Reads the whole layer and compares it with its root hash. What boots it need not: the guest's kernel
    /// checks each block that it reads.
    ///
    /// # Errors
    /// The file can't be read, or is not what its manifest says.
    pub fn verify(&self) -> Result<()> {
        let unsound = |fault| Err(Error::Unsound { path: self.path.clone(), fault });
        let Some(salt) = unhex(&self.salt) else { return unsound(Fault::Hash) };
        let mut file = File::open(&self.path).at(&self.path)?;
        let tree = tree(&mut file, self.data_blocks, &salt).at(&self.path)?;
        if tree.root == self.root_hash { Ok(()) } else { unsound(Fault::Root) }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map(digits).collect()
}

fn hash_block(block: &[u8], salt: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(block).finalize().to_vec()
}

/// The hashes of the first `blocks` blocks of the file.
fn hash_file(file: &mut File, blocks: u64, salt: &[u8]) -> std::io::Result<Vec<u8>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    file.seek(SeekFrom::Start(0))?;
    let mut left = blocks.saturating_mul(u64::from(BLOCK));
    let mut out = Vec::new();
    let mut buffer = vec![0; threads * SHARE * BLOCK_BYTES];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let data = buffer.get_mut(..most).unwrap_or_default();
        file.read_exact(data)?;
        left -= data.len() as u64;
        let data = &*data;
        std::thread::scope(|scope| {
            let hash =
                |part: &[u8]| part.chunks(BLOCK_BYTES).flat_map(|b| hash_block(b, salt)).collect::<Vec<u8>>();
            let jobs: Vec<_> =
                data.chunks(SHARE * BLOCK_BYTES).map(|part| scope.spawn(move || hash(part))).collect();
            for job in jobs {
                out.extend(job.join().map_err(|_e| std::io::Error::other("the hashing thread crashed"))?);
            }
            std::io::Result::Ok(())
        })?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_tree_is_as_long_as_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for blocks in [1u64, 2, 128, 129, 128 * 128, 128 * 128 + 1] {
            let mut file =
                File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
            file.set_len(blocks * u64::from(BLOCK)).unwrap();
            let stored = tree(&mut file, blocks, b"salt").unwrap().stored;
            assert_eq!(stored.len() as u64, stored_blocks(blocks) * u64::from(BLOCK), "{blocks} blocks");
        }
        let mut file = File::open(&path).unwrap();
        assert!(tree(&mut file, 128 * 128 + 2, b"salt").is_err(), "the file is shorter");
    }
}
