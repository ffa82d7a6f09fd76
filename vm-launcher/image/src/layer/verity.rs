// SPDX-License-Identifier: GPL-3.0-or-later
//! In: an image file. Out: the same file with its dm-verity hash tree appended, and what the kernel
//! needs to check it (format 1, sha256, 4096-byte blocks, no superblock).
//!
//! The tree's levels lie root first, as the kernel expects them; a hash is taken over salt and block.

use crate::bundle::{BLOCK, Layer};
use crate::cache::hex;
use crate::error::{At, Result};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const BLOCK_BYTES: usize = BLOCK as usize;
const HASH_BYTES: usize = 32;

/// Blocks that one thread hashes at a time.
const SHARE: usize = 2048;

/// Appends the tree to `path`, whose length is padded to whole blocks first.
pub(crate) fn append(path: &Path, salt: &[u8]) -> Result<Layer> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).at(path)?;
    let length = file.metadata().at(path)?.len().next_multiple_of(u64::from(BLOCK));
    file.set_len(length).at(path)?;
    // Hashes of hashes, until one is left; that one is the root and is not stored.
    let mut hashes = hash_file(&mut file, salt).at(path)?;
    let mut levels = Vec::new();
    while hashes.len() > HASH_BYTES {
        hashes.resize(hashes.len().next_multiple_of(BLOCK_BYTES), 0);
        let above = hashes.chunks(BLOCK_BYTES).flat_map(|block| hash_block(block, salt)).collect();
        levels.push(std::mem::replace(&mut hashes, above));
    }
    file.seek(SeekFrom::Start(length)).at(path)?;
    for level in levels.iter().rev() {
        file.write_all(level).at(path)?;
    }
    file.sync_all().at(path)?;
    let data_blocks = length / u64::from(BLOCK);
    Ok(Layer {
        path: path.to_path_buf(),
        root_hash: hex(&hashes),
        salt: hex(salt),
        data_blocks,
        hash_start: data_blocks,
    })
}

fn hash_block(block: &[u8], salt: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(block).finalize().to_vec()
}

/// The hashes of all blocks of the file.
fn hash_file(file: &mut File, salt: &[u8]) -> std::io::Result<Vec<u8>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    file.seek(SeekFrom::Start(0))?;
    let mut out = Vec::new();
    let mut buffer = vec![0; threads * SHARE * BLOCK_BYTES];
    loop {
        let filled = fill(file, &mut buffer)?;
        let Some(data) = buffer.get(..filled).filter(|d| !d.is_empty()) else { break };
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

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|r| !r.is_empty()) {
        match file.read(rest)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// `veritysetup`, the reference, must agree.
    fn verify(layer: &Layer, root: &str) -> bool {
        let offset = (layer.hash_start * u64::from(BLOCK)).to_string();
        let path = layer.path.to_str().unwrap();
        Command::new("veritysetup")
            .args(["verify", "--no-superblock", "--format=1", "--hash=sha256"])
            .args(["--data-block-size=4096", "--hash-block-size=4096"])
            .arg(format!("--data-blocks={}", layer.data_blocks))
            .arg(format!("--hash-offset={offset}"))
            .arg(format!("--salt={}", layer.salt))
            .args([path, path, root])
            .output()
            .expect("cryptsetup-bin is in dist/packages.txt")
            .status
            .success()
    }

    #[test]
    fn veritysetup_agrees() {
        let dir = tempfile::tempdir().unwrap();
        // One block, one level, exactly one full level, two levels, three levels.
        for blocks in [1usize, 5, 128, 129, 128 * 128 + 1] {
            let path = dir.path().join(format!("{blocks}"));
            let bytes: Vec<u8> = (0..blocks * BLOCK_BYTES - 7)
                .map(|n| u8::try_from((n / 4096 + n % 251) % 256).unwrap())
                .collect();
            std::fs::write(&path, &bytes).unwrap();
            let layer = append(&path, &[7; 32]).unwrap();
            assert_eq!(layer.data_blocks, blocks as u64);
            assert!(verify(&layer, &layer.root_hash), "{blocks} blocks");
            let wrong = format!("0{}", &layer.root_hash[1..]);
            assert!(wrong == layer.root_hash || !verify(&layer, &wrong));
        }
    }

    #[test]
    fn a_changed_block_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, vec![1; 10 * BLOCK_BYTES]).unwrap();
        let layer = append(&path, &[7; 32]).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(5000)).unwrap();
        file.write_all(&[2]).unwrap();
        assert!(!verify(&layer, &layer.root_hash));
    }
}
