// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the launcher and around the shepherd of each VM.
//!
//! In: where things are. Out: a process that reaches nothing beyond what its role leaves it. The shepherd's wall has
//! a second stage: [`serving`] takes away starting programs before the first byte of a guest is read. Walls are
//! inherited, so what a VM's parts need is in the wall of their shepherd, and that in the launcher's.

use crate::shepherd::ShepherdSpec;
use cofferdam_catalogue::{Cache, Catalogue, Options};
use cofferdam_jail::roles::{LAUNCHERD, SHEPHERD, shepherd};
use cofferdam_jail::{JailError, Landlock, Role, Wall, personal, tighten_to, visible};
use cofferdam_kit::paths::Paths;
use std::path::{Path, PathBuf};

/// Where the name servers may be listed that `/etc/resolv.conf` leads to; which of them is there can change.
const RESOLVERS: [&str; 4] =
    ["/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/connman"];

/// Puts up the launcher's. Call it while there is one thread, and once `paths` are made.
///
/// # Errors
/// [`JailError`]; the launcher should end then.
pub fn around_launcher(paths: &Paths) -> Result<(), JailError> {
    let cache = Cache::default_root();
    let mut wall = common(&LAUNCHERD, &paths.libexec, &paths.runtime, personal())
        .at("data", &paths.data)
        // It notes there what is in use, and whether the hardware can run guests.
        .at("notes", &cache);
    for folder in images() {
        wall = wall.at("images", folder);
    }
    // Without a catalogue there is nothing to start either, and whoever asks is told why.
    for folder in Catalogue::open(&Options::default()).iter().flat_map(Catalogue::sources) {
        wall = wall.at("apps", folder);
    }
    enter(wall)
}

/// Puts up a shepherd's first one. Call it while there is one thread.
///
/// # Errors
/// [`JailError`]; the shepherd should end then.
pub fn around_shepherd(spec: &ShepherdSpec) -> Result<(), JailError> {
    let sockets = spec.monitor.parent().unwrap_or(&spec.monitor);
    // Folders that are handed over are read here, so it reaches what a person could choose, and nothing hidden.
    let mut wall = common(&SHEPHERD, &spec.libexec, sockets, visible()).at("data", &spec.directory);
    let machine = &spec.machine;
    let files = machine.disks.iter().map(|disk| &disk.path).chain([&machine.kernel, &machine.initramfs]);
    for file in files.chain(&spec.icon).cloned().chain(images()) {
        wall = wall.at("images", file);
    }
    enter(wall)
}

/// Takes away from a shepherd what only starting its parts needed. `children` are those that it may still end.
///
/// # Errors
/// [`JailError`]; the VM must not go on then.
pub(crate) fn serving(children: Vec<u32>) -> Result<(), JailError> {
    tighten_to(&SHEPHERD, shepherd::SERVING, children)
}

/// The cache, and what in it was moved to another place, with a link left behind.
fn images() -> Vec<PathBuf> {
    let cache = Cache::default_root();
    let moved = std::fs::read_dir(&cache).into_iter().flatten().flatten();
    let moved = moved.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    moved.map(|entry| entry.path()).chain([cache.clone()]).collect()
}

/// What both reach.
fn common(role: &'static Role, programs: &Path, sockets: &Path, files: Vec<PathBuf>) -> Wall {
    let mut wall = Wall::of(role).at("programs", programs).at("sockets", sockets);
    for folder in files {
        wall = wall.at("files", folder);
    }
    let linked = Path::new("/etc/resolv.conf").canonicalize().ok();
    let linked = linked.as_deref().and_then(Path::parent).map(Path::to_owned);
    for folder in RESOLVERS.map(PathBuf::from).into_iter().chain(linked) {
        wall = wall.at("resolver", folder);
    }
    wall.bus(std::env::var_os("DBUS_SESSION_BUS_ADDRESS").as_deref())
}

fn enter(wall: Wall) -> Result<(), JailError> {
    if wall.enter()?.landlock == Landlock::Absent {
        tracing::warn!("this kernel has no Landlock: paths are not walled off");
    }
    Ok(())
}
