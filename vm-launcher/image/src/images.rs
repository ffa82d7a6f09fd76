// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where the cache, the descriptions and the guest's binary are. Out: everything this crate
//! makes, in the order in which one thing needs the other.

use crate::apt::{Package, State};
use crate::bundle::{AppManifest, Bundle};
use crate::cache::{self, Cache, Guard};
use crate::error::{At, Error, Result};
use crate::kernel;
use crate::layer::{self, App, Base, Builder};
use crate::lock::{self, Lock, Locked};
use crate::progress::Progress;
use crate::supply::{Set, Supply};
use crate::tools::{self, Tools};
use cofferdam_ids::{AppId, Label};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The cache; by default `${XDG_CACHE_HOME:-~/.cache}/cofferdam`.
    pub cache: Option<PathBuf>,
    /// The directory with `base.toml`, `lock.json` and `apps/`.
    pub guest_dir: Option<PathBuf>,
    /// The guest's static binary.
    pub guest_binary: Option<PathBuf>,
    /// Build again even what is there.
    pub fresh: bool,
}

/// What boots a guest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Kernel {
    /// The uncompressed kernel.
    pub kernel: PathBuf,
    /// Modules and PID 1.
    pub initramfs: PathBuf,
}

/// Builds and finds what VMs are made of.
#[derive(Debug)]
pub struct Images {
    cache: Cache,
    guest_dir: PathBuf,
    guest_binary: Option<PathBuf>,
    lock: Lock,
    progress: Progress,
    /// Opened when something has to be downloaded.
    apt: OnceCell<State>,
    /// Nothing is pruned meanwhile.
    _held: Guard,
}

impl Images {
    /// Opens the cache and reads the lock file.
    ///
    /// # Errors
    /// The cache can't be made, or the descriptions can't be found or read.
    pub fn open(options: &Options, progress: Progress) -> Result<Self> {
        let cache = Cache::open(options.cache.clone().unwrap_or_else(Cache::default_root), options.fresh)?;
        let held = cache.hold()?;
        let guest_dir = match &options.guest_dir {
            Some(dir) => dir.clone(),
            None => find_guest_dir()?,
        };
        let path = guest_dir.join("lock.json");
        let lock = match std::fs::read_to_string(&path) {
            Ok(text) => Lock::parse(&path.display().to_string(), &text)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(e) => return Err(Error::io(&path, e)),
        };
        Ok(Self {
            cache,
            guest_dir,
            guest_binary: options.guest_binary.clone(),
            lock,
            progress,
            apt: OnceCell::new(),
            _held: held,
        })
    }

    fn supply(&self) -> Supply<'_> {
        Supply::new(&self.cache, &self.lock, self.progress, &self.apt)
    }

    /// The programs, built if need be.
    ///
    /// # Errors
    /// They can't be downloaded or unpacked.
    pub fn ensure_tools(&self) -> Result<Tools> {
        tools::ensure(&self.cache, &self.supply(), &self.progress)
    }

    /// The programs, if they are built.
    ///
    /// # Errors
    /// They are not.
    pub fn load_tools(&self) -> Result<Tools> {
        tools::load(&self.cache, &self.supply())
    }

    /// Kernel and initramfs, built if need be.
    ///
    /// # Errors
    /// The package can't be downloaded or read, or the guest's binary is missing or not static.
    pub fn ensure_kernel(&self) -> Result<Kernel> {
        let dir = kernel::ensure(&self.cache, &self.supply(), &self.progress)?;
        let initramfs = kernel::ensure_initramfs(&self.cache, &dir, &self.guest_binary()?, &self.progress)?;
        Ok(Kernel { kernel: dir.join("vmlinux"), initramfs })
    }

    /// Everything that `app` (a name, or the path of a TOML file) needs to boot, built if need be.
    ///
    /// # Errors
    /// There is no such app, its description is wrong, or something can't be downloaded or built.
    pub fn ensure(&self, app: &str) -> Result<Bundle> {
        let app = self.app(app)?;
        let tools = self.ensure_tools()?;
        let Kernel { kernel, initramfs } = self.ensure_kernel()?;
        let supply = self.supply();
        let builder = Builder { cache: &self.cache, supply: &supply, progress: &self.progress };
        let base = Base::read(&self.guest_dir)?;
        let base_dir = base.ensure(builder, &tools.mkfs_erofs)?;
        let app_dir = app.ensure(&base, &base_dir, builder, &tools.mkfs_erofs)?;
        bundle(kernel, initramfs, &base_dir, &app_dir)
    }

    /// The base layer, built if need be.
    ///
    /// # Errors
    /// Its packages can't be downloaded or unpacked.
    pub fn ensure_base(&self) -> Result<crate::bundle::Layer> {
        let tools = self.ensure_tools()?;
        let supply = self.supply();
        let builder = Builder { cache: &self.cache, supply: &supply, progress: &self.progress };
        layer::load(&Base::read(&self.guest_dir)?.ensure(builder, &tools.mkfs_erofs)?)
    }

    /// What `app` needs to boot, if all of it is built; downloads and builds nothing.
    ///
    /// # Errors
    /// There is no such app, or something of it is not built yet.
    pub fn load(&self, app: &str) -> Result<Bundle> {
        let name = app;
        let app = self.app(name)?;
        let supply = self.supply();
        let missing = |what: &str| Error::NotBuilt { what: what.into(), app: name.into() };
        let kernel = kernel::find(&self.cache, &supply).ok_or_else(|| missing("the kernel"))?;
        let initramfs = kernel::find_initramfs(&self.cache, &kernel, &self.guest_binary()?)?;
        let initramfs = initramfs.ok_or_else(|| missing("the initramfs"))?;
        let base = Base::read(&self.guest_dir)?;
        let base_dir =
            self.cache.find("base", &base.key(&supply)?).ok_or_else(|| missing("the base layer"))?;
        let app_dir = app.find(&base, &self.cache, &supply)?.ok_or_else(|| missing(name))?;
        bundle(kernel.join("vmlinux"), initramfs, &base_dir, &app_dir)
    }

    /// Resolves every set of the lock file anew. Returns one line for each that changed and, if
    /// `write`, puts what it found into `lock.json`.
    ///
    /// # Errors
    /// The lists of packages can't be had, a set can't be resolved, or the file can't be written.
    pub fn renew_lock(&self, write: bool) -> Result<Vec<String>> {
        let supply = self.supply();
        let base = Base::read(&self.guest_dir)?;
        let mut sets = tools::sets();
        sets.push(kernel::set());
        let mut new = Lock::default();
        let mut changes = Vec::new();
        let mut renew = |set: &Set| -> Result<Vec<Package>> {
            let packages = supply.current(set)?;
            match self.lock.find(&set.name, &set.request) {
                None => changes.push(format!("{}: not locked yet", set.name)),
                Some(old) if old != packages => {
                    changes.push(format!("{}: {}", set.name, lock::difference(old, &packages)));
                }
                Some(_) => {}
            }
            new.insert(set.name.clone(), Locked { request: set.request.clone(), packages: packages.clone() });
            Ok(packages)
        };
        for set in &sets {
            renew(set)?;
        }
        let below = renew(&base.set())?;
        for app in self.shipped_apps()? {
            renew(&app.set(&base, below.clone()))?;
        }
        if write {
            let path = self.guest_dir.join("lock.json");
            std::fs::write(&path, new.text()?).at(&path)?;
        }
        Ok(changes)
    }

    /// The apps that came with Cofferdam.
    fn shipped_apps(&self) -> Result<Vec<App>> {
        let dir = self.guest_dir.join("apps");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&dir).at(&dir)?.flatten().map(|e| e.path()).collect();
        paths.sort();
        paths.iter().map(|p| App::read(p)).collect()
    }

    /// The apps there are: those of the user and those that came with Cofferdam.
    ///
    /// # Errors
    /// A directory can't be read.
    pub fn apps(&self) -> Result<Vec<AppId>> {
        let mut found = std::collections::BTreeSet::new();
        for dir in self.app_dirs().iter().filter(|d| d.is_dir()) {
            for entry in std::fs::read_dir(dir).at(dir)? {
                let path = entry.at(dir)?.path();
                if path.extension().is_some_and(|e| e == "toml")
                    && let Some(id) = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok())
                {
                    found.insert(id);
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The apps that open addresses, with their names for people and the schemes. An app whose description
    /// is wrong opens nothing.
    ///
    /// # Errors
    /// A directory can't be read.
    pub fn openers(&self) -> Result<Vec<(AppId, Label, Vec<String>)>> {
        let apps = self.apps()?.into_iter().filter_map(|id| self.app(id.as_str()).ok());
        let named = apps.map(|app| (app.id, Label::new(&app.spec.name), app.spec.opens));
        Ok(named.filter(|(.., schemes)| !schemes.is_empty()).collect())
    }

    /// `$COFFERDAM_APP_DIRS` (separated by colons), the user's own, and those that came with us.
    fn app_dirs(&self) -> Vec<PathBuf> {
        let named = std::env::var_os("COFFERDAM_APP_DIRS").unwrap_or_default();
        let mut dirs: Vec<PathBuf> = std::env::split_paths(&named).filter(|d| d.is_absolute()).collect();
        dirs.push(cache::xdg("XDG_CONFIG_HOME", ".config").join("cofferdam/apps"));
        dirs.push(self.guest_dir.join("apps"));
        dirs
    }

    /// Finds and reads the description of an app.
    fn app(&self, name: &str) -> Result<App> {
        if name.contains('/') {
            return App::read(Path::new(name));
        }
        let unknown = || -> Result<Error> {
            let known: Vec<String> = self.apps()?.iter().map(ToString::to_string).collect();
            Ok(Error::UnknownApp { name: name.to_owned(), known: known.join(", ") })
        };
        let Ok(id) = name.parse::<AppId>() else { return Err(unknown()?) };
        let path = self.app_dirs().iter().map(|d| d.join(format!("{id}.toml"))).find(|p| p.is_file());
        match path {
            Some(path) => App::read(&path),
            None => Err(unknown()?),
        }
    }

    /// `--guest-binary`, `$COFFERDAM_GUEST_BINARY`, or `cofferdam-guest` beside this program.
    fn guest_binary(&self) -> Result<PathBuf> {
        if let Some(path) = &self.guest_binary {
            return Ok(path.clone());
        }
        if let Some(path) = std::env::var_os("COFFERDAM_GUEST_BINARY") {
            return Ok(path.into());
        }
        let exe = std::env::current_exe().at("/proc/self/exe")?;
        let beside = exe.with_file_name("cofferdam-guest");
        // Cargo puts what was built for an explicit target into a directory of its own.
        let profile = exe.parent().and_then(Path::file_name).unwrap_or_default();
        let target = exe.ancestors().nth(2).map(|t| t.join("x86_64-unknown-linux-gnu").join(profile));
        let places = [target.map(|t| t.join("cofferdam-guest")), Some(beside)];
        places.into_iter().flatten().find(|p| p.is_file()).ok_or_else(|| {
            Error::malformed("cofferdam-guest", "not found: build it, or name it with --guest-binary")
        })
    }
}

fn bundle(kernel: PathBuf, initramfs: PathBuf, base: &Path, app: &Path) -> Result<Bundle> {
    let manifest: AppManifest = layer::load_manifest(app)?;
    Ok(Bundle { kernel, initramfs, base: layer::load(base)?, app: layer::load(app)?, manifest })
}

/// `$COFFERDAM_GUEST_DIR`, the installed place, or the source tree this was built from.
fn find_guest_dir() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("COFFERDAM_GUEST_DIR").map(PathBuf::from).into_iter().collect();
    let exe = std::env::current_exe().at("/proc/self/exe")?;
    if let Some(prefix) = exe.parent().and_then(Path::parent) {
        places.push(prefix.join("share/cofferdam/guest"));
    }
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/guest"));
    let found = places.iter().find(|p| p.join("base.toml").is_file());
    found
        .map(|p| p.canonicalize().unwrap_or_else(|_| p.clone()))
        .ok_or_else(|| Error::malformed("dist/guest", "not found: set COFFERDAM_GUEST_DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a package or an app also runs `cofferdam-image lock --update`.
    #[test]
    fn everything_shipped_is_locked() {
        let guest_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/guest");
        let cache = tempfile::tempdir().unwrap();
        let options =
            Options { cache: Some(cache.path().into()), guest_dir: Some(guest_dir), ..Options::default() };
        let images = Images::open(&options, Progress::quiet()).unwrap();
        let base = Base::read(&images.guest_dir).unwrap();
        let mut sets = tools::sets();
        sets.extend([kernel::set(), base.set()]);
        sets.extend(images.shipped_apps().unwrap().iter().map(|a| a.set(&base, Vec::new())));
        for set in &sets {
            let locked = images.lock.find(&set.name, &set.request);
            assert!(locked.is_some_and(|l| !l.is_empty()), "{} is not locked as requested", set.name);
        }
        assert_eq!(images.lock.sets().count(), sets.len(), "the lock holds what nobody asks for");
    }
}
