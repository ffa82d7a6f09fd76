// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a directory tree. Out: an erofs image with a verity tree, the same bytes for the same tree.

use super::run::{Room, run};
use super::verity;
use crate::error::{At, Result};
use cofferdam_catalogue::{LAYER_IMAGE, Layer, Program, write_json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// Time stamp of every file of a layer: 2025-01-01. Caches that compare times rely on it.
pub(crate) const TIMESTAMP: u64 = 1_735_689_600;

/// Nothing looks a layer up by its identifier; it must only not vary.
const UUID: &str = "c0ffe7da-3000-4000-8000-000000000001";

/// The salt need not be secret: it makes one precomputed table useless for all who build with
/// another, and must not vary between builds.
fn salt() -> Vec<u8> {
    Sha256::digest(b"cofferdam layer salt 1").to_vec()
}

/// Packs `tree` into `layer.erofs` in `out` and writes `layer.json` beside it.
pub(crate) fn pack(mkfs: &Program, tree: &Path, out: &Path) -> Result<Layer> {
    let image = out.join(LAYER_IMAGE);
    fs::write(&image, b"").at(&image)?;
    let mut command = mkfs.command();
    command
        .args(["-zlz4hc,level=9", "-C32768", "-x-1", "--all-root", "--quiet"])
        .arg(format!("-T{TIMESTAMP}"))
        .arg(format!("-U{UUID}"))
        .args([&image, tree]);
    run(Room { programs: mkfs.tree(), read: &[tree], write: &[&image] }, command, "mkfs.erofs")?;
    let layer = verity::append(&image, &salt())?;
    write_json(&out.join("layer.json"), &Layer { path: LAYER_IMAGE.into(), ..layer.clone() })?;
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::tree;
    use crate::{Images, Progress};
    use cofferdam_catalogue::{Options, load_layer};
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// The same files, made in another order, at another time, under another umask.
    fn make(root: &Path, reverse: bool) {
        let mut names: Vec<String> = (0..40).map(|n| format!("d{}/f{n}", n % 7)).collect();
        if reverse {
            names.reverse();
        }
        for name in names {
            let path = root.join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name.repeat(1000)).unwrap();
        }
        if reverse {
            for (path, mode) in [("d0", 0o700), ("d1/f1", 0o600), ("d1/f8", 0o700)] {
                fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
            }
        } else {
            fs::set_permissions(root.join("d1/f8"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink("f1", root.join("d1/link")).unwrap();
        fs::hard_link(root.join("d2/f2"), root.join("d2/hard")).unwrap();
        tree::settle(root).unwrap();
    }

    #[test]
    fn built_twice_is_the_same_to_the_last_bit() {
        let images = Images::open(&Options::default(), Progress::quiet()).unwrap();
        let mkfs = images.ensure_erofs().unwrap().mkfs;
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = [false, true].map(|reverse| {
            let (tree, out) =
                (dir.path().join(format!("t{reverse}")), dir.path().join(format!("o{reverse}")));
            fs::create_dir(&out).unwrap();
            make(&tree, reverse);
            let layer = pack(&mkfs, &tree, &out).unwrap();
            assert_eq!(load_layer(&out).unwrap(), layer);
            layer.verify().unwrap();
            (fs::read(&layer.path).unwrap(), layer.root_hash)
        });
        assert_eq!(first.1, second.1);
        assert!(first.0 == second.0, "the images differ");
        fs::write(dir.path().join("tfalse/d1/f1"), "changed").unwrap();
        let changed = pack(&mkfs, &dir.path().join("tfalse"), &dir.path().join("ofalse")).unwrap();
        assert_ne!(changed.root_hash, first.1);
    }
}
