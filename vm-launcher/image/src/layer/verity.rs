// SPDX-License-Identifier: GPL-3.0-or-later
//! In: an image file. Out: the same file with its dm-verity hash tree appended, and what the kernel
//! needs to check it (no superblock).

use crate::error::{At, Result};
use cofferdam_catalogue::bundle::BLOCK;
use cofferdam_catalogue::cache::hex;
use cofferdam_catalogue::{Layer, verity};
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Appends the tree to `path`, whose length is padded to whole blocks first.
pub(crate) fn append(path: &Path, salt: &[u8]) -> Result<Layer> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).at(path)?;
    let length = file.metadata().at(path)?.len().next_multiple_of(u64::from(BLOCK));
    file.set_len(length).at(path)?;
    let data_blocks = length / u64::from(BLOCK);
    let tree = verity::tree(&mut file, data_blocks, salt).at(path)?;
    file.seek(SeekFrom::Start(length)).at(path)?;
    file.write_all(&tree.stored).at(path)?;
    file.sync_all().at(path)?;
    Ok(Layer {
        path: path.to_path_buf(),
        root_hash: tree.root,
        salt: hex(salt),
        data_blocks,
        hash_start: data_blocks,
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "veritysetup judges the tree")]
mod tests {
    use super::*;
    use cofferdam_catalogue::{Error, Fault};
    use std::process::Command;

    const BLOCK_BYTES: usize = BLOCK as usize;

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
            layer.verify().unwrap();
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
        let error = layer.verify().unwrap_err();
        assert!(matches!(error, Error::Unsound { fault: Fault::Root, .. }), "{error}");
    }
}
