// SPDX-License-Identifier: GPL-3.0-or-later
//! Where a desktop's sockets, data and programs are. In: the desktop's name and the environment.
//! Out: paths; every program of a desktop derives the same ones.

use cofferdam_ids::VmId;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The desktop's name unless something else is said.
pub const DEFAULT_DESKTOP: &str = "main";

/// Longest path of a Unix socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;

/// Longest id of a VM, in bytes, so that its socket's path fits.
pub const MAX_VM_ID: usize = 40;

/// Paths of one desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Its name.
    pub desktop: String,
    /// Sockets; mode 0700, gone with the login session.
    pub runtime: PathBuf,
    /// What is kept: records and data volumes.
    pub data: PathBuf,
    /// Our other programs.
    pub libexec: PathBuf,
}

/// Why there is no place for a desktop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathsError {
    /// The name can't be part of a path.
    #[error("{0:?} is no name for a desktop: use up to 32 of a–z, 0–9 and '-'")]
    Name(String),
    /// A directory can't be made or read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could put sockets into the directory.
    #[error("{0} belongs to somebody else or is open to others; remove it or set XDG_RUNTIME_DIR")]
    Unsafe(PathBuf),
    /// The kernel's limit.
    #[error("{0} is too long for sockets; set XDG_RUNTIME_DIR to a shorter directory")]
    TooLong(PathBuf),
    /// There is no home to keep things in.
    #[error("neither XDG_DATA_HOME nor HOME is set; set one of them")]
    NoHome,
}

impl Paths {
    /// Paths of the desktop `name` in this environment.
    ///
    /// # Errors
    /// [`PathsError`]; nothing is created.
    pub fn of(name: &str) -> Result<Self, PathsError> {
        let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fit) || name.starts_with('-') {
            return Err(PathsError::Name(name.to_owned()));
        }
        let uid = rustix::process::getuid().as_raw();
        let base = directory("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/tmp/cofferdam-{uid}").into());
        let runtime = base.join("cofferdam").join(name);
        let data = directory("XDG_DATA_HOME")
            .or_else(|| Some(directory("HOME")?.join(".local/share")))
            .ok_or(PathsError::NoHome)?
            .join("cofferdam")
            .join(name);
        if runtime.as_os_str().len() + "/vm/".len() + MAX_VM_ID + ".sock".len() > MAX_SOCKET_PATH {
            return Err(PathsError::TooLong(runtime));
        }
        let libexec = directory("COFFERDAM_LIBEXEC").map_or_else(beside_us, Ok)?;
        Ok(Self { desktop: name.to_owned(), runtime, data, libexec })
    }

    /// Makes the directories and checks that nobody else can reach into them.
    ///
    /// # Errors
    /// [`PathsError`].
    pub fn create(&self) -> Result<(), PathsError> {
        for path in [self.runtime.join("vm"), self.data.join("vms")] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|source| PathsError::Io { path, source })?;
        }
        // Whoever may rename a directory above may put another one in its place.
        for path in self.runtime.ancestors().take(3) {
            let meta = std::fs::symlink_metadata(path)
                .map_err(|source| PathsError::Io { path: path.to_owned(), source })?;
            if !meta.is_dir() || meta.uid() != rustix::process::getuid().as_raw() || meta.mode() & 0o022 != 0
            {
                return Err(PathsError::Unsafe(path.to_owned()));
            }
        }
        Ok(())
    }

    /// The compositor's control socket.
    #[must_use]
    pub fn compositor(&self) -> PathBuf {
        self.runtime.join("compositor.sock")
    }

    /// The socket on which the permission monitor hears of VMs.
    #[must_use]
    pub fn monitor(&self) -> PathBuf {
        self.runtime.join("monitor.sock")
    }

    /// The directory of the permission ledger.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.data.join("ledger")
    }

    /// The phrase by which a person knows that the desktop itself is speaking.
    #[must_use]
    pub fn phrase(&self) -> PathBuf {
        self.data.join("phrase")
    }

    /// The person's own rule files; beside them there are those in `/etc/cofferdam/policy.d`.
    #[must_use]
    pub fn user_rules() -> Option<PathBuf> {
        let base = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")))?;
        Some(base.join("cofferdam").join("policy.d"))
    }

    /// The socket of the desktop's own bus, if it has one.
    #[must_use]
    pub fn bus(&self) -> PathBuf {
        self.runtime.join("bus")
    }

    /// The socket of a VM's shepherd.
    #[must_use]
    pub fn shepherd(&self, vm: &VmId) -> PathBuf {
        self.runtime.join("vm").join(format!("{vm}.sock"))
    }

    /// What is kept of a VM.
    #[must_use]
    pub fn vm_data(&self, vm: &VmId) -> PathBuf {
        self.data.join("vms").join(vm.as_str())
    }

    /// One of our programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.libexec.join(name)
    }
}

fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute())
}

fn beside_us() -> Result<PathBuf, PathsError> {
    let path = Path::new("/proc/self/exe");
    let exe = std::env::current_exe().map_err(|source| PathsError::Io { path: path.to_owned(), source })?;
    let directory = exe.parent().unwrap_or(Path::new("/")).to_owned();
    // Tests run from target/PROFILE/deps, our programs are one above.
    Ok(if directory.ends_with("deps") {
        directory.parent().map(Path::to_owned).unwrap_or(directory)
    } else {
        directory
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("run");
        let paths = Paths {
            desktop: "x".to_owned(),
            runtime: base.join("cofferdam/x"),
            data: directory.path().join("data"),
            libexec: directory.path().to_owned(),
        };
        paths.create().unwrap();
        paths.create().unwrap();
        std::fs::set_permissions(&base, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(matches!(paths.create(), Err(PathsError::Unsafe(path)) if path == base));
    }

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for bad in ["", "..", "a/b", "-x", "A", "x y", &"a".repeat(33)] {
            assert!(matches!(Paths::of(bad), Err(PathsError::Name(_))), "{bad:?}");
        }
    }
}
