// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where the cache, the descriptions and the guest's binary are. Out: the apps there are, and what of them is
//! finished in the cache.

use crate::bundle::{Bundle, Kernel};
use crate::cache::{self, Cache, Guard};
use crate::error::{At, Error, Result};
use crate::kernel;
use crate::lock::Lock;
use crate::program::{Bundled, Erofs, Tools};
use crate::recipe::{App, Base};
use cofferdam_ids::{AppId, Label};
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
    /// Take for missing even what is there.
    pub fresh: bool,
}

/// Finds what VMs are made of.
#[derive(Debug)]
pub struct Catalogue {
    cache: Cache,
    guest_dir: PathBuf,
    guest_binary: Option<PathBuf>,
    lock: Lock,
    /// Nothing is pruned meanwhile.
    _held: Guard,
}

impl Catalogue {
    /// Opens the cache and reads the lock file.
    ///
    /// # Errors
    /// The cache can't be made, or the descriptions can't be found or read.
    pub fn open(options: &Options) -> Result<Self> {
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
        Ok(Self { cache, guest_dir, guest_binary: options.guest_binary.clone(), lock, _held: held })
    }

    /// The cache.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What is locked.
    #[must_use]
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// The directory with `base.toml`, `lock.json` and `apps/`.
    #[must_use]
    pub fn guest_dir(&self) -> &Path {
        &self.guest_dir
    }

    /// The description of the base.
    ///
    /// # Errors
    /// It can't be read or understood.
    pub fn base(&self) -> Result<Base> {
        Base::read(&self.guest_dir)
    }

    /// The programs, if they are built.
    ///
    /// # Errors
    /// They are not.
    pub fn load_tools(&self) -> Result<Tools> {
        let find = |kind: &Bundled| {
            self.cache
                .find(kind.name, &kind.key(&self.lock))
                .ok_or_else(|| Error::NotBuilt { what: kind.name.to_owned(), app: "foot".to_owned() })
        };
        Ok(Tools::of(&find(&Bundled::QEMU)?, Erofs::of(&find(&Bundled::EROFS)?)))
    }

    /// What `app` (a name, or the path of a TOML file) needs to boot, if all of it is built.
    ///
    /// # Errors
    /// There is no such app, something of it is not built yet, or what lies in the cache is not sound.
    pub fn load(&self, app: &str) -> Result<Bundle> {
        let name = app;
        let app = self.app(name)?;
        let missing = |what: &str| Error::NotBuilt { what: what.into(), app: name.into() };
        let kernel = kernel::find(&self.cache, &self.lock).ok_or_else(|| missing("the kernel"))?;
        let initramfs = kernel::find_initramfs(&self.cache, &kernel, &self.guest_binary()?)?;
        let initramfs = initramfs.ok_or_else(|| missing("the initramfs"))?;
        let base = self.base()?;
        let base_dir =
            self.cache.find("base", &base.key(&self.lock)?).ok_or_else(|| missing("the base layer"))?;
        let app_dir = app.find(&base, &self.cache, &self.lock)?.ok_or_else(|| missing(name))?;
        let kernel = Kernel { kernel: kernel.join(kernel::VMLINUX), initramfs };
        Bundle::read(kernel, &base_dir, &app_dir)
    }

    /// The apps that came with Cofferdam.
    ///
    /// # Errors
    /// A description can't be read or understood.
    pub fn shipped_apps(&self) -> Result<Vec<App>> {
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

    /// Every folder that descriptions are read from.
    #[must_use]
    pub fn sources(&self) -> Vec<PathBuf> {
        let mut folders = self.app_dirs();
        folders.push(self.guest_dir.clone());
        folders
    }

    /// `$COFFERDAM_APP_DIRS` (separated by colons), the user's own, and those that came with us.
    fn app_dirs(&self) -> Vec<PathBuf> {
        let named = std::env::var_os("COFFERDAM_APP_DIRS").unwrap_or_default();
        let mut dirs: Vec<PathBuf> = std::env::split_paths(&named).filter(|d| d.is_absolute()).collect();
        dirs.push(cache::xdg("XDG_CONFIG_HOME", ".config").join("cofferdam/apps"));
        dirs.push(self.guest_dir.join("apps"));
        dirs
    }

    /// Finds and reads the description of an app, by its name or the path of a TOML file.
    ///
    /// # Errors
    /// There is no such app, or its description is wrong.
    pub fn app(&self, name: &str) -> Result<App> {
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
    ///
    /// # Errors
    /// There is none.
    pub fn guest_binary(&self) -> Result<PathBuf> {
        if let Some(path) = &self.guest_binary {
            return Ok(path.clone());
        }
        if let Some(path) = std::env::var_os("COFFERDAM_GUEST_BINARY") {
            return Ok(path.into());
        }
        let exe = std::env::current_exe().at("/proc/self/exe")?;
        let beside = exe.with_file_name("cofferdam-guest");
        // In a build directory there may be one beside that is not static; set-up puts the right one there.
        let target = exe.ancestors().nth(2).map(|target| target.join("guest"));
        let places = [target.map(|t| t.join("cofferdam-guest")), Some(beside)];
        places.into_iter().flatten().find(|p| p.is_file()).ok_or_else(|| {
            Error::malformed("cofferdam-guest", "not found: build it, or name it with --guest-binary")
        })
    }
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
