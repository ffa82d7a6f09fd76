// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the compositor's program. In: its paths, and whether it is a window of another desktop. Out: a
//! process that reaches nothing beyond what its role leaves it, in two stages: [`Walls::put_up`] before
//! anything is opened, [`Walls::close`] before a client is served.

use cofferdam_jail::roles::{COMPOSITOR, NESTED, compositor};
use cofferdam_jail::{JailError, Landlock, Role, Wall, tighten_to};
use std::path::{Path, PathBuf};

/// Walls that are to be closed once everything is open.
pub(crate) struct Walls(&'static Role);

impl Walls {
    /// Leaves the process what it needs to begin. Call it while there is one thread. `sockets` are those that it
    /// will make.
    ///
    /// # Errors
    /// [`JailError`]; the compositor should end then.
    pub(crate) fn put_up(
        nested: bool,
        sockets: [Option<&Path>; 2],
        phrase: Option<&Path>,
    ) -> Result<Self, JailError> {
        let role = if nested { &NESTED } else { &COMPOSITOR };
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS");
        let mut wall = Wall::of(role).bus(bus.as_deref());
        for folder in sockets.into_iter().flatten().filter_map(Path::parent) {
            // A bare name is a socket in the working directory.
            wall = wall.at("sockets", if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        }
        // Where smithay makes them.
        wall = wall.at("keymaps", under("XDG_RUNTIME_DIR", "").unwrap_or_else(std::env::temp_dir));
        for path in phrase.map(Path::to_owned).into_iter() {
            wall = wall.at("phrase", path);
        }
        for path in [under("XKB_CONFIG_ROOT", ""), under("HOME", ".xkb"), config("xkb")].into_iter().flatten()
        {
            wall = wall.at("layout", path);
        }
        if wall.enter()?.landlock == Landlock::Absent {
            tracing::warn!("this kernel has no Landlock: paths are not walled off");
        }
        Ok(Self(role))
    }

    /// Takes away what only the beginning needed.
    ///
    /// # Errors
    /// [`JailError`]; the compositor should end then.
    pub(crate) fn close(self) -> Result<(), JailError> {
        tighten_to(self.0, compositor::SERVING, Vec::new())
    }
}

fn under(variable: &str, name: &str) -> Option<PathBuf> {
    let base = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())?;
    Some(if name.is_empty() { base } else { base.join(name) })
}

fn config(name: &str) -> Option<PathBuf> {
    under("XDG_CONFIG_HOME", name).or_else(|| Some(under("HOME", ".config")?.join(name)))
}
