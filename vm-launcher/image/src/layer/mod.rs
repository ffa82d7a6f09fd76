// SPDX-License-Identifier: GPL-3.0-or-later
//! In: descriptions and packages. Out: the base layer and the app layers, with their manifests.
//!
//! Layers are made without root, without chroot and without running a package's own scripts. All
//! generated caches live in the app layer, because they are computed over base and app together and
//! would cover one another if layers were stacked.

mod caches;
mod erofs;
mod icon;
mod tree;
mod verity;
mod walls;

use crate::apt::Package;
use crate::bundle::{AppManifest, Layer};
use crate::cache::{Cache, Key};
use crate::deb;
use crate::error::{At, Error, Result};
use crate::progress::Progress;
use crate::spec::{AppSpec, BaseSpec};
use crate::supply::{Below, Set, Supplied, Supply};
use crate::tools::Program;
use cofferdam_ids::{AppId, Label};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Goes into the keys; change it when layers are made differently.
const FORMAT: &[u8] = b"layer 1";

/// Where the guest finds what to start.
const APP_JSON: &str = "usr/share/cofferdam/app.json";

/// The description of the base: `base.toml`, and the files of `rootfs/` that go over the packages.
#[derive(Debug)]
pub(crate) struct Base {
    spec: BaseSpec,
    text: String,
    rootfs: PathBuf,
}

/// The description of an app.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) spec: AppSpec,
    text: String,
}

/// What building takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builder<'b> {
    pub(crate) cache: &'b Cache,
    pub(crate) supply: &'b Supply<'b>,
    pub(crate) progress: &'b Progress,
}

impl Base {
    pub(crate) fn read(guest_dir: &Path) -> Result<Self> {
        let path = guest_dir.join("base.toml");
        let text = fs::read_to_string(&path).at(&path)?;
        let spec = BaseSpec::parse(&path.display().to_string(), &text)?;
        Ok(Self { spec, text, rootfs: guest_dir.join("rootfs") })
    }

    pub(crate) fn set(&self) -> Set {
        let mut set = Set::plain("base", &[]);
        set.request.clone_from(&self.spec.packages);
        set
    }

    pub(crate) fn key(&self, supply: &Supply<'_>) -> Result<Key> {
        let mut files = Vec::new();
        hash_files(&self.rootfs, Path::new(""), &mut files)?;
        Ok(Key::of(&[FORMAT, self.text.as_bytes(), &files, &supply.lock_bytes(&self.set())]))
    }

    /// Builds the layer if need be; returns its directory.
    pub(crate) fn ensure(&self, builder: Builder<'_>, mkfs: &Program) -> Result<PathBuf> {
        builder.cache.ensure("base", &self.key(builder.supply)?, |out| {
            let supplied = builder.supply.get(&self.set())?;
            let tree = out.join("tree");
            deb::prepare(&tree)?;
            self.lay_out(&tree)?;
            self.unpack(&supplied, &tree, "base", builder.progress)?;
            let step = builder.progress.step("base: packing the layer");
            tree::overlay(&self.rootfs, &tree)?;
            tree::settle(&tree)?;
            erofs::pack(mkfs, &tree, out)?;
            write_json(&out.join("packages.json"), &supplied.packages)?;
            step.done();
            Ok(())
        })
    }

    /// What no package brings; first, so that packages follow the links.
    fn lay_out(&self, tree: &Path) -> Result<()> {
        for dir in &self.spec.directories {
            let dir = tree.join(dir);
            fs::create_dir_all(&dir).at(&dir)?;
        }
        for (path, target) in &self.spec.links {
            let path = tree.join(path);
            let parent = path.parent().unwrap_or(tree);
            fs::create_dir_all(parent).at(parent)?;
            symlink(target, &path).at(&path)?;
        }
        Ok(())
    }

    fn unpack(&self, supplied: &Supplied, tree: &Path, what: &str, progress: &Progress) -> Result<()> {
        let wanted = |p: &Package| !self.spec.omit.contains(&p.name);
        let debs: Vec<PathBuf> = supplied
            .packages
            .iter()
            .zip(&supplied.debs)
            .filter(|(p, _)| wanted(p))
            .map(|(_, deb)| deb.clone())
            .collect();
        let step = progress.step(format!("{what}: unpacking {} packages", debs.len()));
        let total = debs.len() as u64;
        deb::unpack_all(&debs, tree, &|path| self.spec.wants(path), |n| step.bytes(n as u64, total))?;
        step.done();
        Ok(())
    }
}

impl App {
    /// Reads the description in `path`, whose file name is the app's name.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).at(path)?;
        let file = path.display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let id = stem.parse::<AppId>().map_err(|e| Error::malformed(file.as_str(), e))?;
        Ok(Self { id, spec: AppSpec::parse(&file, &text)?, text })
    }

    fn artifact(&self) -> String {
        format!("app-{}", self.id)
    }

    /// The set of packages, on top of the base that was built with `below`.
    pub(crate) fn set(&self, base: &Base, below: Vec<Package>) -> Set {
        let mut set = Set::plain(&format!("app/{}", self.id), &[]);
        set.request.clone_from(&self.spec.packages);
        set.below = Some(Below { request: base.spec.packages.clone(), packages: below });
        set
    }

    pub(crate) fn key(&self, base: &Base, supply: &Supply<'_>) -> Result<Key> {
        let base_key = base.key(supply)?;
        let lock = supply.lock_bytes(&self.set(base, Vec::new()));
        Ok(Key::of(&[
            FORMAT,
            base_key.as_str().as_bytes(),
            self.id.as_str().as_bytes(),
            self.text.as_bytes(),
            &lock,
        ]))
    }

    /// Builds the layer over the base in `base_dir` if need be; returns its directory.
    pub(crate) fn ensure(
        &self,
        base: &Base,
        base_dir: &Path,
        builder: Builder<'_>,
        mkfs: &Program,
    ) -> Result<PathBuf> {
        let key = self.key(base, builder.supply)?;
        builder.cache.ensure(&self.artifact(), &key, |out| {
            let base_tree = base_dir.join("tree");
            let supplied = builder.supply.get(&self.set(base, read_packages(base_dir)?))?;
            let tree = out.join("tree");
            tree::link(&base_tree, &tree)?;
            base.unpack(&supplied, &tree, self.id.as_str(), builder.progress)?;
            let step = builder.progress.step(format!("{}: caches and layer", self.id));
            caches::generate(&tree)?;
            let manifest = self.manifest(base, &tree, out)?;
            tree::subtract(&tree, &base_tree)?;
            let inside = tree::own_file(&tree, Path::new(APP_JSON))?;
            write_json(&inside, &GuestManifest::from(&manifest))?;
            tree::settle(&tree)?;
            erofs::pack(mkfs, &tree, out)?;
            crate::cache::remove(&tree)?;
            write_json(&out.join("packages.json"), &supplied.packages)?;
            write_json(&out.join("manifest.json"), &manifest)?;
            step.done();
            Ok(())
        })
    }

    fn manifest(&self, base: &Base, tree: &Path, out: &Path) -> Result<AppManifest> {
        let icon = self.spec.icon.as_deref().unwrap_or(self.id.as_str());
        let drawn = icon::render(tree, icon, &out.join("icon.png"))?;
        let mut environment = base.spec.environment.clone();
        environment.extend(self.spec.environment.clone());
        Ok(AppManifest {
            id: self.id.clone(),
            name: Label::new(&self.spec.name),
            command: self.spec.command.clone(),
            environment,
            icon: drawn.then(|| "icon.png".into()),
            memory_mib: self.spec.memory_mib,
            data_mib: self.spec.data_mib,
        })
    }

    /// The layer's directory, if it is built.
    pub(crate) fn find(&self, base: &Base, cache: &Cache, supply: &Supply<'_>) -> Result<Option<PathBuf>> {
        Ok(cache.find(&self.artifact(), &self.key(base, supply)?))
    }
}

/// What the guest reads.
#[derive(serde::Serialize)]
struct GuestManifest<'m> {
    id: &'m AppId,
    name: &'m Label,
    command: &'m [String],
    environment: &'m std::collections::BTreeMap<String, String>,
}

impl<'m> From<&'m AppManifest> for GuestManifest<'m> {
    fn from(m: &'m AppManifest) -> Self {
        Self { id: &m.id, name: &m.name, command: &m.command, environment: &m.environment }
    }
}

/// The layer in a finished directory.
pub(crate) fn load(dir: &Path) -> Result<Layer> {
    erofs::load(dir)
}

/// The manifest in a finished app directory.
pub(crate) fn load_manifest(dir: &Path) -> Result<AppManifest> {
    let manifest: AppManifest = read_json(&dir.join("manifest.json"))?;
    Ok(AppManifest { icon: manifest.icon.map(|i| dir.join(i)), ..manifest })
}

/// The packages a finished layer is made of.
pub(crate) fn read_packages(dir: &Path) -> Result<Vec<Package>> {
    read_json(&dir.join("packages.json"))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).at(path)?;
    serde_json::from_str(&text).map_err(|e| Error::malformed(path.display().to_string(), e))
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    fs::write(path, text.map_err(|e| Error::malformed(path.display().to_string(), e))?).at(path)
}

/// Names and contents of all files in `dir` below `root`, in order.
fn hash_files(root: &Path, dir: &Path, out: &mut Vec<u8>) -> Result<()> {
    let here = root.join(dir);
    let mut names: Vec<_> =
        fs::read_dir(&here).at(&here)?.flatten().map(|e| dir.join(e.file_name())).collect();
    names.sort();
    for name in names {
        let path = root.join(&name);
        if path.is_dir() {
            hash_files(root, &name, out)?;
        } else {
            let bytes = fs::read(&path).at(&path)?;
            out.extend_from_slice(
                Key::of(&[name.as_os_str().as_encoded_bytes(), &bytes]).as_str().as_bytes(),
            );
        }
    }
    Ok(())
}
