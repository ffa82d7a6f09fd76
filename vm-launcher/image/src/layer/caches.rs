// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the base, and a view of base and app together. Out: the caches that a package manager would have made
//! (linker, schemas, icons, MIME types, image loaders, fonts), as files of the app's layer: no root, no chroot.
//!
//! The programs that make them, their libraries and every module that they load are the base's own and run in its
//! tree; an app's files are data to them. They write into the view, which is thrown away: what a cache is called is
//! known here, and only that is taken. Modules that an app brings are not listed, because asking one means running
//! it: GIO finds an unlisted one by itself, inside the guest; image loaders and input methods of an app are not used.

#![expect(clippy::disallowed_types, reason = "runs the guest's own tools")]

use super::erofs::TIMESTAMP;
use super::run::{Room, run};
use super::tree;
use crate::error::{At, Error, Result};
use cofferdam_catalogue::Program;
use std::fs;
use std::path::Path;
use std::process::Command;

const LIB: &str = "usr/lib/x86_64-linux-gnu";
const MIME: &str = "usr/share/mime";
const FONT_CACHES: &str = "var/cache/fontconfig";

/// Most bytes of a cache, and most files of all.
const MAX_BYTES: u64 = 64 << 20;
const MAX_FILES: usize = 20_000;

/// Where caches are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trees<'t> {
    /// The base's programs, libraries and modules.
    pub(crate) base: &'t Path,
    /// Base and app as the guest will see them.
    pub(crate) view: &'t Path,
    /// The app's layer.
    pub(crate) layer: &'t Path,
}

/// Makes all caches for which the base has the program and the view something to look at.
pub(crate) fn generate(trees: Trees<'_>) -> Result<()> {
    let mut tools = Tools { trees, files: 0 };
    // Linker first: nothing else depends on it here, but everything does in the guest.
    tools.run_static("usr/sbin/ldconfig", &["-X", "-r", &tools.path("")])?;
    tools.take("etc/ld.so.cache")?;
    let glib = format!("{LIB}/glib-2.0");
    let schemas = "usr/share/glib-2.0/schemas";
    tools.run(&format!("{glib}/glib-compile-schemas"), &[schemas])?;
    tools.take(&format!("{schemas}/gschemas.compiled"))?;
    let modules = format!("{LIB}/gio/modules");
    tools.only_the_base(&modules)?;
    tools.run(&format!("{glib}/gio-querymodules"), &[&modules])?;
    tools.take(&format!("{modules}/giomodule.cache"))?;
    tools.run("usr/bin/update-mime-database", &[MIME])?;
    tools.take_all(MIME, 1, &["packages"])?;
    for theme in ["hicolor", "Adwaita"] {
        let theme = format!("usr/share/icons/{theme}");
        tools.run("usr/bin/gtk4-update-icon-cache", &["--force", "--quiet", &theme])?;
        tools.take(&format!("{theme}/icon-theme.cache"))?;
    }
    tools.list(
        &format!("{LIB}/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders"),
        &format!("{LIB}/gdk-pixbuf-2.0/2.10.0/loaders"),
        &format!("{LIB}/gdk-pixbuf-2.0/2.10.0/loaders.cache"),
    )?;
    tools.list(
        &format!("{LIB}/libgtk-3-0t64/gtk-query-immodules-3.0"),
        &format!("{LIB}/gtk-3.0/3.0.0/immodules"),
        &format!("{LIB}/gtk-3.0/3.0.0/immodules.cache"),
    )?;
    fonts(&mut tools)
}

/// Font caches remember the time stamps of directories, so those must be final before.
fn fonts(tools: &mut Tools<'_>) -> Result<()> {
    let dir = tools.trees.view.join("usr/share/fonts");
    if is_directory(&dir) {
        tree::settle(&dir)?;
    }
    let caches = tree::own_file(tools.trees.view, Path::new(FONT_CACHES))?;
    fs::create_dir(&caches).at(&caches)?;
    tools.command("usr/bin/fc-cache", &["--sysroot", &tools.path(""), "--system-only", "--force"])?;
    tools.take_all(FONT_CACHES, 0, &["CACHEDIR.TAG"])
}

/// No link: what lies behind one is somewhere else in the view.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

struct Tools<'t> {
    trees: Trees<'t>,
    /// Taken so far.
    files: usize,
}

impl Tools<'_> {
    /// A path of the view.
    fn path(&self, inside: &str) -> String {
        self.trees.view.join(inside).display().to_string().trim_end_matches('/').to_owned()
    }

    /// Runs `program` on a path of the view, its last argument, if both exist.
    fn run(&self, program: &str, args: &[&str]) -> Result<()> {
        let Some((subject, options)) = args.split_last() else { return Ok(()) };
        if !self.trees.view.join(subject).is_dir() {
            return Ok(());
        }
        let subject = self.path(subject);
        self.command(program, &[options, &[subject.as_str()]].concat()).map(drop)
    }

    /// Runs `program` on every library that the base has in `dir` and keeps what it prints, without the
    /// tree's own path, as `cache`.
    fn list(&self, program: &str, dir: &str, cache: &str) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.trees.base.join(dir)) else { return Ok(()) };
        let mut modules: Vec<String> = entries
            .flatten()
            .map(|e| e.path().display().to_string())
            .filter(|p| Path::new(p).extension().is_some_and(|e| e == "so"))
            .collect();
        modules.sort();
        let arguments: Vec<&str> = modules.iter().map(String::as_str).collect();
        let Some(text) = self.command(program, &arguments)? else { return Ok(()) };
        let target = tree::own_file(self.trees.layer, Path::new(cache))?;
        fs::write(&target, text.replace(&format!("{}/", self.trees.base.display()), "/")).at(&target)
    }

    /// Makes a directory of the view what it is in the base: what lies in it is about to be loaded.
    fn only_the_base(&self, dir: &str) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.trees.base.join(dir)) else { return Ok(()) };
        let ours = tree::own_file(self.trees.view, Path::new(dir))?;
        fs::create_dir(&ours).at(&ours)?;
        let mut files: Vec<_> = entries.flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        for file in files.iter().filter(|file| file.file_type().is_ok_and(|kind| kind.is_file())) {
            fs::copy(file.path(), ours.join(file.file_name())).at(file.path())?;
        }
        Ok(())
    }

    fn run_static(&self, program: &str, args: &[&str]) -> Result<()> {
        let path = self.trees.base.join(program);
        let command = Command::new(&path);
        if path.is_file() { self.finish(command, program, args).map(drop) } else { Ok(()) }
    }

    /// Runs `program` if the base has it; what it printed.
    fn command(&self, program: &str, args: &[&str]) -> Result<Option<String>> {
        let base = self.trees.base;
        if !base.join(program).exists() {
            return Ok(None);
        }
        self.finish(Program::in_tree(base, program).command(), program, args).map(Some)
    }

    fn finish(&self, mut command: Command, program: &str, args: &[&str]) -> Result<String> {
        // Nothing of whoever builds may leak into a layer.
        command.args(args).env_clear();
        command.env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
        command.env("SOURCE_DATE_EPOCH", TIMESTAMP.to_string());
        // A thousand small files would each wait for the disk; the view is thrown away.
        command.env("PKGSYSTEM_ENABLE_FSYNC", "0");
        command.env("XDG_DATA_DIRS", self.path("usr/share"));
        run(Room { programs: self.trees.base, read: &[], write: &[self.trees.view] }, command, program)
    }

    /// Takes a file of the view into the layer, if it is there.
    fn take(&mut self, path: &str) -> Result<()> {
        let mut here = self.trees.view.to_path_buf();
        for part in Path::new(path).parent().into_iter().flat_map(Path::components) {
            here.push(part);
            if !is_directory(&here) {
                return Ok(());
            }
        }
        let source = self.trees.view.join(path);
        let Ok(meta) = fs::symlink_metadata(&source) else { return Ok(()) };
        if !meta.is_file() {
            return Ok(());
        }
        self.files += 1;
        if meta.len() > MAX_BYTES || self.files > MAX_FILES {
            return Err(Error::TooLarge(path.to_owned()));
        }
        let bytes = fs::read(&source).at(&source)?;
        let target = tree::own_file(self.trees.layer, Path::new(path))?;
        fs::write(&target, bytes).at(&target)?;
        tree::set_mode(&target, 0o644)
    }

    /// Takes all files in a directory of the view, down to `depth`, but none called `but`.
    fn take_all(&mut self, dir: &str, depth: usize, but: &[&str]) -> Result<()> {
        let here = self.trees.view.join(dir);
        if !is_directory(&here) {
            return Ok(());
        }
        for entry in fs::read_dir(&here).at(&here)? {
            let entry = entry.at(&here)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let path = format!("{dir}/{name}");
            if but.contains(&name.as_str()) {
                continue;
            }
            if !entry.file_type().at(&here)?.is_dir() {
                self.take(&path)?;
            } else if let Some(depth) = depth.checked_sub(1) {
                self.take_all(&path, depth, &[])?;
            }
        }
        Ok(())
    }
}
