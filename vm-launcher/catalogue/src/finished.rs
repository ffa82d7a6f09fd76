// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a finished directory of the cache. Out: its layer, manifest and list of packages, checked so that nobody who
//! uses them has to: hashes are hashes, the file is as long as it says, texts and sizes are bounded, nothing leads
//! out of the directory.

use crate::bundle::{AppManifest, BLOCK, Layer};
use crate::error::{At, Error, Fault, Result};
use crate::lock::Package;
use crate::spec::{DATA_MIB, MEMORY_MIB};
use crate::verity;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The image in a layer's directory.
pub const LAYER_IMAGE: &str = "layer.erofs";
const LAYER: &str = "layer.json";
const MANIFEST: &str = "manifest.json";
const PACKAGES: &str = "packages.json";

/// Most bytes of a manifest or list.
const MAX_JSON: u64 = 4 << 20;

/// Most bytes of an icon: 64×64 pixels and what a PNG says about them.
const MAX_ICON: u64 = 64 << 10;

/// Most words of a command or environment, and most bytes of one.
const MAX_WORDS: usize = 256;
const MAX_WORD: usize = 4096;

/// Most blocks of a layer: 64 GiB.
const MAX_BLOCKS: u64 = 1 << 24;

/// The layer in a finished directory.
///
/// # Errors
/// It can't be read, or its manifest and its file can't be true together.
pub fn load_layer(dir: &Path) -> Result<Layer> {
    let layer: Layer = read_json(&dir.join(LAYER))?;
    let layer = Layer { path: inside(dir, &layer.path, LAYER)?, ..layer };
    let fault = if !is_hash(&layer.root_hash) || !is_hash(&layer.salt) {
        Some(Fault::Hash)
    } else if layer.hash_start != layer.data_blocks || !(1..=MAX_BLOCKS).contains(&layer.data_blocks) {
        Some(Fault::Length)
    } else {
        let blocks = layer.hash_start + verity::stored_blocks(layer.data_blocks);
        let meta = fs::metadata(&layer.path).at(&layer.path)?;
        (!meta.is_file() || meta.len() != blocks * u64::from(BLOCK)).then_some(Fault::Length)
    };
    fault.map_or(Ok(()), |fault| Err(Error::Unsound { path: layer.path.clone(), fault }))?;
    Ok(layer)
}

/// The manifest in a finished app directory.
///
/// # Errors
/// It can't be read, or asks for what no description may ask for.
pub fn load_manifest(dir: &Path) -> Result<AppManifest> {
    let path = dir.join(MANIFEST);
    let manifest: AppManifest = read_json(&path)?;
    let texts = || {
        let pairs = manifest.environment.iter().flat_map(|(key, value)| [key, value]);
        manifest.command.iter().chain(pairs)
    };
    let fault = if texts().count() > 2 * MAX_WORDS || texts().any(|text| text.len() > MAX_WORD) {
        Some(Fault::TooLong)
    } else if texts().any(|text| text.contains('\0')) {
        Some(Fault::Zero)
    } else {
        let sizes = MEMORY_MIB.contains(&manifest.memory_mib) && DATA_MIB.contains(&manifest.data_mib);
        (!sizes).then_some(Fault::Size)
    };
    fault.map_or(Ok(()), |fault| Err(Error::Unsound { path: path.clone(), fault }))?;
    let icon = manifest.icon.as_deref().map(|icon| inside(dir, icon, MANIFEST)).transpose()?;
    if let Some(icon) = &icon
        && fs::metadata(icon).at(icon)?.len() > MAX_ICON
    {
        return Err(Error::Unsound { path: icon.clone(), fault: Fault::TooLong });
    }
    Ok(AppManifest { icon, ..manifest })
}

/// The packages a finished layer is made of.
///
/// # Errors
/// The list can't be read.
pub fn packages_of(dir: &Path) -> Result<Vec<Package>> {
    read_json(&dir.join(PACKAGES))
}

/// Writes what the functions above read: `layer.json`, `manifest.json` or `packages.json`.
///
/// # Errors
/// The file can't be written.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    fs::write(path, text.map_err(|e| Error::malformed(path.display().to_string(), e))?).at(path)
}

/// `name` in `dir`, if it is a plain name.
fn inside(dir: &Path, name: &Path, manifest: &str) -> Result<PathBuf> {
    let mut parts = name.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) => Ok(dir.join(name)),
        _ => Err(Error::Unsound { path: dir.join(manifest), fault: Fault::Path }),
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_JSON + 1).read_to_string(&mut text));
    if read.at(path)? as u64 > MAX_JSON {
        return Err(Error::Unsound { path: path.to_path_buf(), fault: Fault::TooLong });
    }
    serde_json::from_str(&text).map_err(|e| Error::malformed(path.display().to_string(), e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Three blocks and the one that holds their hashes.
    fn layer() -> Value {
        let hash = "0123456789abcdef".repeat(4);
        json!({"path": LAYER_IMAGE, "root_hash": hash, "salt": hash, "data_blocks": 3, "hash_start": 3})
    }

    fn manifest() -> Value {
        json!({"id": "a", "name": "A", "command": ["a"], "icon": "icon.png", "memory_mib": 512, "data_mib": 16})
    }

    /// What `load` makes of the manifest with `field` changed to `value`.
    fn fault<T>(
        mut good: Value,
        name: &str,
        load: fn(&Path) -> Result<T>,
        field: &str,
        value: Value,
    ) -> Option<Fault> {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join(LAYER_IMAGE)).unwrap().set_len(4 * u64::from(BLOCK)).unwrap();
        File::create(dir.path().join("icon.png")).unwrap().set_len(MAX_ICON).unwrap();
        File::create(dir.path().join("large.png")).unwrap().set_len(MAX_ICON + 1).unwrap();
        good[field] = value;
        write_json(&dir.path().join(name), &good).unwrap();
        match load(dir.path()) {
            Ok(_) => None,
            Err(Error::Unsound { fault, .. }) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_layer_is_what_it_says_or_refused() {
        let short = "ab".repeat(31);
        let capital = "AB".repeat(32);
        for (field, value, expected) in [
            ("path", json!(LAYER_IMAGE), None),
            ("path", json!("../layer.erofs"), Some(Fault::Path)),
            ("path", json!("/dev/zero"), Some(Fault::Path)),
            ("root_hash", json!(short), Some(Fault::Hash)),
            ("root_hash", json!(format!("{} init=/x", "ab".repeat(32))), Some(Fault::Hash)),
            ("salt", json!(capital), Some(Fault::Hash)),
            ("data_blocks", json!(0), Some(Fault::Length)),
            ("data_blocks", json!(u64::MAX), Some(Fault::Length)),
            ("hash_start", json!(2), Some(Fault::Length)),
            ("hash_start", json!(u64::MAX), Some(Fault::Length)),
        ] {
            assert_eq!(
                fault(layer(), LAYER, load_layer, field, value.clone()),
                expected,
                "{field} = {value}"
            );
        }
        let mut longer = layer();
        longer["data_blocks"] = json!(4);
        assert_eq!(
            fault(longer, LAYER, load_layer, "hash_start", json!(4)),
            Some(Fault::Length),
            "a block is missing"
        );
    }

    #[test]
    fn a_manifest_stays_within_bounds() {
        for (field, value, expected) in [
            ("id", json!("a"), None),
            ("icon", json!(null), None),
            ("icon", json!("../icon.png"), Some(Fault::Path)),
            ("icon", json!("/etc/passwd"), Some(Fault::Path)),
            ("icon", json!("large.png"), Some(Fault::TooLong)),
            ("command", json!(["a".repeat(MAX_WORD + 1)]), Some(Fault::TooLong)),
            ("command", json!(vec!["a"; 2 * MAX_WORDS + 1]), Some(Fault::TooLong)),
            ("command", json!(["a\0b"]), Some(Fault::Zero)),
            ("environment", json!({"A": "\0"}), Some(Fault::Zero)),
            ("memory_mib", json!(u32::MAX), Some(Fault::Size)),
            ("data_mib", json!(0), Some(Fault::Size)),
        ] {
            assert_eq!(
                fault(manifest(), MANIFEST, load_manifest, field, value.clone()),
                expected,
                "{field} = {value}"
            );
        }
    }

    #[test]
    fn a_list_without_end_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join(PACKAGES)).unwrap().set_len(MAX_JSON + 1).unwrap();
        let error = packages_of(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Unsound { fault: Fault::TooLong, .. }), "{error}");
    }
}
