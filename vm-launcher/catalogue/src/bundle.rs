// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing but finished files of the cache. Out: `Bundle`, all that a machine driver needs to
//! boot one app, and the small manifests that are stored beside the layers.
//!
//! These are the types that other crates code against. They hold paths, hashes and the words of the
//! kernel command line, and no knowledge of how an image is built.

use crate::error::Result;
use crate::finished::{load_layer, load_manifest};
use cofferdam_ids::{AppId, Label};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Size of a block of data and of a block of the hash tree, in bytes.
pub const BLOCK: u32 = 4096;

/// All that a machine driver needs to boot one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Uncompressed ELF kernel with a PVH entry (`vmlinux`).
    pub kernel: PathBuf,
    /// Uncompressed newc archive: `/init`, `/m/order`, `/m/*.ko`.
    pub initramfs: PathBuf,
    /// The layer that all apps share.
    pub base: Layer,
    /// The layer of this app.
    pub app: Layer,
    /// What the app is called and how it is started.
    pub manifest: AppManifest,
}

/// What boots a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// The uncompressed kernel.
    pub kernel: PathBuf,
    /// Modules and PID 1.
    pub initramfs: PathBuf,
}

impl Bundle {
    /// Puts together what lies in the finished directories of a base and an app.
    ///
    /// # Errors
    /// A manifest can't be read or is not sound.
    pub fn read(kernel: Kernel, base: &Path, app: &Path) -> Result<Self> {
        let Kernel { kernel, initramfs } = kernel;
        let manifest = load_manifest(app)?;
        Ok(Self { kernel, initramfs, base: load_layer(base)?, app: load_layer(app)?, manifest })
    }
}

/// An erofs image with its dm-verity tree appended in the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The file; attach it read-only.
    pub path: PathBuf,
    /// Root of the hash tree (sha256), lower-case hexadecimal.
    pub root_hash: String,
    /// Salt of the hash tree, lower-case hexadecimal.
    pub salt: String,
    /// Number of 4096-byte blocks that hold data.
    pub data_blocks: u64,
    /// Index of the 4096-byte block where the hash tree starts.
    pub hash_start: u64,
}

impl Layer {
    /// The value of `cofferdam.base=` or `cofferdam.app=` on the guest's command line.
    #[must_use]
    pub fn kernel_argument(&self) -> String {
        format!("{},{},{},{}", self.data_blocks, self.hash_start, self.root_hash, self.salt)
    }
}

/// What an app is called and how it is started; made from its TOML file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppManifest {
    /// Name in the catalogue.
    pub id: AppId,
    /// Name for people.
    pub name: Label,
    /// Program and arguments inside the guest.
    pub command: Vec<String>,
    /// Extra environment inside the guest.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// A 64×64 RGBA PNG on the host, where the package has an icon that can be read.
    #[serde(default)]
    pub icon: Option<PathBuf>,
    /// Memory of the VM in MiB.
    pub memory_mib: u32,
    /// Greatest size of the data volume in MiB; the file is sparse.
    pub data_mib: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_argument_is_what_the_guest_parses() {
        let layer = Layer {
            path: "/x".into(),
            root_hash: "ab".into(),
            salt: "cd".into(),
            data_blocks: 10,
            hash_start: 10,
        };
        assert_eq!(layer.kernel_argument(), "10,10,ab,cd");
    }
}
