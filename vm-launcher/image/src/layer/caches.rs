// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the merged tree of base and app. Out: the caches that a package manager would have made in it
//! (linker, schemas, icons, MIME types, image loaders, fonts), made by the guest's own programs run
//! through the guest's own loader: no root, no chroot.

use super::erofs::TIMESTAMP;
use super::{tree, walls};
use crate::error::{At, Error, Result};
use cofferdam_catalogue::{Program, cache};
use std::fs;
use std::path::Path;
use std::process::Stdio;

const LIB: &str = "usr/lib/x86_64-linux-gnu";

/// Makes all caches for which the tree has both the program and something to look at.
pub(crate) fn generate(root: &Path) -> Result<()> {
    let tools = Tools { root };
    // Linker first: nothing else depends on it here, but everything does in the guest.
    tools.run_static("usr/sbin/ldconfig", &["-X", "-r", &tools.path("")])?;
    cache::remove(&root.join("var/cache/ldconfig"))?;
    let glib = format!("{LIB}/glib-2.0");
    tools.run(&format!("{glib}/glib-compile-schemas"), &["usr/share/glib-2.0/schemas"])?;
    tools.run(&format!("{glib}/gio-querymodules"), &[&format!("{LIB}/gio/modules")])?;
    tools.run("usr/bin/update-mime-database", &["usr/share/mime"])?;
    for theme in ["hicolor", "Adwaita"] {
        let theme = format!("usr/share/icons/{theme}");
        tools.run("usr/bin/gtk4-update-icon-cache", &["--force", "--quiet", &theme])?;
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
    fonts(&tools)
}

/// Font caches remember the time stamps of directories, so those must be final before.
fn fonts(tools: &Tools<'_>) -> Result<()> {
    let dir = tools.root.join("usr/share/fonts");
    if dir.is_dir() {
        tree::settle(&dir)?;
    }
    cache::remove(&tools.root.join("var/cache/fontconfig"))?;
    let cache = tools.root.join("var/cache/fontconfig");
    fs::create_dir_all(&cache).at(&cache)?;
    tools.command("usr/bin/fc-cache", &["--sysroot", &tools.path(""), "--system-only", "--force"])?;
    let tag = cache.join("CACHEDIR.TAG");
    if tag.is_file() { fs::remove_file(&tag).at(&tag) } else { Ok(()) }
}

struct Tools<'r> {
    root: &'r Path,
}

impl Tools<'_> {
    fn path(&self, inside: &str) -> String {
        self.root.join(inside).display().to_string().trim_end_matches('/').to_owned()
    }

    /// Runs `program` on a path of the tree, its last argument, if both exist.
    fn run(&self, program: &str, args: &[&str]) -> Result<()> {
        let Some((subject, options)) = args.split_last() else { return Ok(()) };
        if !self.root.join(subject).is_dir() {
            return Ok(());
        }
        let subject = self.path(subject);
        self.command(program, &[options, &[subject.as_str()]].concat()).map(drop)
    }

    /// Runs `program` on every library in `dir` and keeps what it prints, without the tree's own
    /// path, as `cache`.
    fn list(&self, program: &str, dir: &str, cache: &str) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.root.join(dir)) else { return Ok(()) };
        let mut modules: Vec<String> = entries
            .flatten()
            .map(|e| e.path().display().to_string())
            .filter(|p| Path::new(p).extension().is_some_and(|e| e == "so"))
            .collect();
        modules.sort();
        let arguments: Vec<&str> = modules.iter().map(String::as_str).collect();
        let Some(text) = self.command(program, &arguments)? else { return Ok(()) };
        let target = tree::own_file(self.root, Path::new(cache))?;
        fs::write(&target, text.replace(&format!("{}/", self.path("")), "/")).at(&target)
    }

    fn run_static(&self, program: &str, args: &[&str]) -> Result<()> {
        let path = self.root.join(program);
        let command = std::process::Command::new(&path);
        if path.is_file() { self.finish(command, program, args).map(drop) } else { Ok(()) }
    }

    /// Runs `program` if the tree has it; what it printed.
    fn command(&self, program: &str, args: &[&str]) -> Result<Option<String>> {
        if !self.root.join(program).exists() {
            return Ok(None);
        }
        self.finish(Program::in_tree(self.root, program).command(), program, args).map(Some)
    }

    fn finish(&self, mut command: std::process::Command, program: &str, args: &[&str]) -> Result<String> {
        // Nothing of whoever builds may leak into a layer.
        command.args(args).env_clear().stdin(Stdio::null());
        command.env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
        command.env("SOURCE_DATE_EPOCH", TIMESTAMP.to_string());
        command.env("XDG_DATA_DIRS", self.path("usr/share"));
        let output = walls::output(self.root, command, program)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message");
        Err(Error::tool(program, line))
    }
}
