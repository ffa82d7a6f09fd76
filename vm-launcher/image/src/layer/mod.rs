// SPDX-License-Identifier: GPL-3.0-or-later
//! In: descriptions and packages. Out: the base layer and the app layers, with their manifests.
//!
//! Layers are made without root, without chroot, without running a package's own scripts, and without running
//! anything that an app brings. An app's files lie in a tree of their own that no program writes into. All
//! generated caches live in the app layer, because they are computed over base and app together and
//! would cover one another if layers were stacked.

mod caches;
mod erofs;
mod icon;
mod run;
mod tree;
mod verity;
mod view;

pub(crate) use view::Tree;

use crate::deb::{self, Place};
use crate::error::{At, Result};
use crate::progress::Progress;
use crate::supply::{Supplied, Supply};
use caches::Trees;
use cofferdam_catalogue::{
    App, AppManifest, Base, Catalogue, Erofs, Layer, Package, cache, load_layer, packages_of, write_json,
};
use cofferdam_ids::{AppId, Label};
use rustix::rand::{GetRandomFlags, getrandom};
use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where the guest finds what to start.
const APP_JSON: &str = "usr/share/cofferdam/app.json";

/// What building takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builder<'b> {
    pub(crate) catalogue: &'b Catalogue,
    pub(crate) supply: &'b Supply<'b>,
    pub(crate) progress: &'b Progress,
    pub(crate) erofs: &'b Erofs,
    /// The base as its layer has it, unpacked when an app is built.
    pub(crate) pristine: &'b OnceCell<Tree>,
}

impl Builder<'_> {
    /// The base's programs run from here and nowhere else.
    fn pristine(&self, base: &Layer) -> Result<&Path> {
        if let Some(tree) = self.pristine.get() {
            return Ok(tree.path());
        }
        // Named like something unfinished, which it always is: pruning removes it if we can't.
        let mut random = [0; 8];
        getrandom(&mut random, GetRandomFlags::empty()).map_err(std::io::Error::from).at("random numbers")?;
        let name = format!("base-tree-{}.partial", cache::hex(&random));
        let tree = Tree::extract(&self.erofs.fsck, base, self.catalogue.cache().root().join(name))?;
        Ok(self.pristine.get_or_init(|| tree).path())
    }
}

/// Builds the base layer if need be; returns its directory.
pub(crate) fn ensure_base(base: &Base, builder: Builder<'_>) -> Result<PathBuf> {
    let Builder { catalogue, supply, progress, erofs, .. } = builder;
    catalogue.cache().ensure("base", &base.key(catalogue.lock())?, |out| {
        let supplied = supply.get(&base.set())?;
        let tree = out.join("tree");
        deb::prepare(&tree)?;
        lay_out(base, &tree)?;
        unpack(base, &supplied, Place { root: &tree, below: None }, "base", progress)?;
        let step = progress.step("base: packing the layer");
        tree::overlay(&base.rootfs, &tree)?;
        tree::settle(&tree)?;
        erofs::pack(&erofs.mkfs, &tree, out)?;
        cache::remove(&tree)?;
        write_json(&out.join("packages.json"), &supplied.packages)?;
        step.done();
        Ok(())
    })
}

/// Builds the layer of `app` over the base in `base_dir` if need be; returns its directory.
pub(crate) fn ensure_app(app: &App, base: &Base, base_dir: &Path, builder: Builder<'_>) -> Result<PathBuf> {
    let Builder { catalogue, supply, progress, erofs, .. } = builder;
    catalogue.cache().ensure(&app.artifact(), &app.key(base, catalogue.lock())?, |out| {
        let supplied = supply.get(&app.set(base, packages_of(base_dir)?))?;
        let below = load_layer(base_dir)?;
        let pristine = builder.pristine(&below)?;
        let tree = out.join("tree");
        fs::create_dir(&tree).at(&tree)?;
        let place = Place { root: &tree, below: Some(pristine) };
        unpack(base, &supplied, place, app.id.as_str(), progress)?;
        let step = progress.step(format!("{}: caches and layer", app.id));
        let view = Tree::extract(&erofs.fsck, &below, out.join("view"))?;
        view::put_over(&tree, view.path())?;
        caches::generate(Trees { base: pristine, view: view.path(), layer: &tree })?;
        let manifest = manifest(app, base, view.path(), out)?;
        drop(view);
        tree::drop_known(&tree, pristine)?;
        let inside = tree::own_file(&tree, Path::new(APP_JSON))?;
        write_json(&inside, &GuestManifest::from(&manifest))?;
        tree::settle(&tree)?;
        erofs::pack(&erofs.mkfs, &tree, out)?;
        cache::remove(&tree)?;
        write_json(&out.join("packages.json"), &supplied.packages)?;
        write_json(&out.join("manifest.json"), &manifest)?;
        step.done();
        Ok(())
    })
}

/// What no package brings; first, so that packages follow the links.
fn lay_out(base: &Base, tree: &Path) -> Result<()> {
    for dir in &base.spec.directories {
        let dir = tree.join(dir);
        fs::create_dir_all(&dir).at(&dir)?;
    }
    for (path, target) in &base.spec.links {
        let path = tree.join(path);
        let parent = path.parent().unwrap_or(tree);
        fs::create_dir_all(parent).at(parent)?;
        symlink(target, &path).at(&path)?;
    }
    Ok(())
}

fn unpack(base: &Base, supplied: &Supplied, place: Place<'_>, what: &str, progress: &Progress) -> Result<()> {
    let wanted = |p: &Package| !base.spec.omit.contains(&p.name);
    let debs: Vec<PathBuf> = supplied
        .packages
        .iter()
        .zip(&supplied.debs)
        .filter(|(p, _)| wanted(p))
        .map(|(_, deb)| deb.clone())
        .collect();
    let step = progress.step(format!("{what}: unpacking {} packages", debs.len()));
    let total = debs.len() as u64;
    deb::unpack_all(&debs, place, &|path| base.spec.wants(path), |n| step.bytes(n as u64, total))?;
    step.done();
    Ok(())
}

fn manifest(app: &App, base: &Base, tree: &Path, out: &Path) -> Result<AppManifest> {
    let icon = app.spec.icon.as_deref().unwrap_or(app.id.as_str());
    let drawn = icon::render(tree, icon, &out.join("icon.png"))?;
    let mut environment = base.spec.environment.clone();
    environment.extend(app.spec.environment.clone());
    Ok(AppManifest {
        id: app.id.clone(),
        name: Label::new(&app.spec.name),
        command: app.spec.command.clone(),
        environment,
        icon: drawn.then(|| "icon.png".into()),
        memory_mib: app.spec.memory_mib,
        data_mib: app.spec.data_mib,
    })
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
