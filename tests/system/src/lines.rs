// SPDX-License-Identifier: GPL-3.0-or-later
//! How much of our own code each program is made of. In: cargo's view of the workspace, and its sources. Out:
//! crates with their lines, and programs with the crates behind them.
//!
//! A line is a line of a `.rs` file under `src/`, comments and empty ones included: whoever reviews a program
//! reads them all. What stands under `#[cfg(test)]` is not in the program and does not count.

use crate::source::{code, without_tests};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crate {
    /// Its folder, relative to the top of the repository.
    pub folder: PathBuf,
    /// Programs that are built from it.
    pub programs: Vec<String>,
    /// Crates of the workspace that it depends on, tests and build scripts left out.
    pub needs: Vec<String>,
    /// Lines of its own.
    pub lines: usize,
}

impl Crate {
    /// It is a test, or for tests.
    #[must_use]
    pub fn is_for_tests(&self) -> bool {
        self.folder.starts_with("tests")
    }
}

/// All crates of the workspace by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crates(BTreeMap<String, Crate>);

impl Crates {
    /// Asks cargo, and counts.
    ///
    /// # Errors
    /// If cargo does not answer, or a file can't be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let out = Command::new(cargo)
            .current_dir(&root)
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .output()?;
        if !out.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&out.stderr).into_owned()));
        }
        let all: Value = serde_json::from_slice(&out.stdout)?;
        let mut crates = BTreeMap::new();
        for package in list(&all["packages"]) {
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            let folder = manifest.parent().unwrap_or(&manifest);
            let lines = count(&folder.join("src"))?;
            let folder = folder.strip_prefix(&root).unwrap_or(folder).to_owned();
            let is_program = |target: &&Value| list(&target["kind"]).iter().any(|kind| kind == "bin");
            let programs = list(&package["targets"]).iter().filter(is_program);
            // A dependency of the program itself has no kind, one of ours has a path.
            let needed = |d: &&Value| d["kind"].is_null() && d["path"].is_string();
            let needs = list(&package["dependencies"]).iter().filter(needed);
            let one = Crate {
                folder,
                programs: programs.map(|target| text(&target["name"])).collect(),
                needs: needs.map(|dependency| text(&dependency["name"])).collect(),
                lines,
            };
            crates.insert(text(&package["name"]), one);
        }
        Ok(Self(crates))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Crate)> {
        self.0.iter().map(|(name, one)| (name.as_str(), one))
    }

    /// A crate by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Crate> {
        self.0.get(name)
    }

    /// What people run, with the crates that each program is made of: its own and all behind it.
    #[must_use]
    pub fn programs(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let shipped = self.iter().filter(|(_, one)| !one.is_for_tests());
        shipped
            .flat_map(|(name, one)| one.programs.iter().map(move |program| (program.as_str(), name)))
            .map(|(program, name)| (program, self.behind(name)))
            .collect()
    }

    /// A crate with all that it depends on.
    fn behind<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        let (mut all, mut todo) = (BTreeSet::new(), vec![name]);
        while let Some(next) = todo.pop() {
            if let Some(one) = self.0.get(next)
                && all.insert(next)
            {
                todo.extend(one.needs.iter().map(String::as_str));
            }
        }
        all
    }

    /// Lines of some crates together.
    #[must_use]
    pub fn lines(&self, names: &BTreeSet<&str>) -> usize {
        names.iter().filter_map(|name| self.0.get(*name)).map(|one| one.lines).sum()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Lines of all Rust files below a folder, without tests.
fn count(folder: &Path) -> io::Result<usize> {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                lines += count(&path)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            lines += own(&std::fs::read_to_string(path)?);
        }
    }
    Ok(lines)
}

/// Lines of a file that are in the program.
#[must_use]
pub fn own(text: &str) -> usize {
    without_tests(&code(text)).trim_end().lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_test_does_not_count() {
        for (text, lines) in [
            ("", 0),
            ("//! What.\n\nfn a() {}\n", 3),
            ("fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n", 1),
            ("#[cfg(test)]\nmod tests;\nfn a() {}\n", 2),
        ] {
            assert_eq!(own(text), lines, "{text}");
        }
    }
}
