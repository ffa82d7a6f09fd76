// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what kernel modules say about themselves (`.modinfo`) and the names of those a guest wants.
//! Out: the order in which to load them, everything needed first. Pure.
//!
//! PID 1 of a guest has no modprobe: it loads the files of one list from top to bottom.

use object::{Object, ObjectSection};
use std::collections::{BTreeMap, BTreeSet};

/// What a module says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ModuleInfo {
    /// Modules it can't be loaded without.
    pub(crate) depends: Vec<String>,
    /// Modules or aliases that should be there before.
    pub(crate) pre: Vec<String>,
    /// Other names it goes by.
    pub(crate) aliases: Vec<String>,
}

/// Why there is no load order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OrderError {
    /// A module is neither a file nor built in.
    #[error("module {0} does not exist in this kernel")]
    Missing(String),
}

/// All modules of one kernel.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    info: BTreeMap<String, ModuleInfo>,
    built_in: BTreeSet<String>,
    aliases: BTreeMap<String, Vec<String>>,
}

/// The kernel takes `-` and `_` for the same.
pub(crate) fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// Reads the `.modinfo` section of a module file.
pub(crate) fn parse(elf: &[u8]) -> Option<ModuleInfo> {
    let file = object::File::parse(elf).ok()?;
    Some(parse_modinfo(file.section_by_name(".modinfo")?.data().ok()?))
}

fn parse_modinfo(section: &[u8]) -> ModuleInfo {
    let mut info = ModuleInfo::default();
    for entry in section.split(|&b| b == 0).filter_map(|e| std::str::from_utf8(e).ok()) {
        let Some((key, value)) = entry.split_once('=') else { continue };
        match key {
            "depends" => info.depends.extend(value.split(',').filter(|v| !v.is_empty()).map(normal)),
            "alias" => info.aliases.push(normal(value)),
            "softdep" => {
                // `pre: a b post: c`; only what must come before matters here.
                let words = value.split_whitespace().skip_while(|w| *w != "pre:").skip(1);
                info.pre.extend(words.take_while(|w| !w.ends_with(':')).map(normal));
            }
            _ => {}
        }
    }
    info
}

impl Modules {
    /// `built_in` is the text of `modules.builtin`: one path a line.
    pub(crate) fn new(info: impl IntoIterator<Item = (String, ModuleInfo)>, built_in: &str) -> Self {
        let file_name = |line: &str| normal(line.rsplit('/').next().unwrap_or(line).trim_end_matches(".ko"));
        let mut modules = Self { built_in: built_in.lines().map(file_name).collect(), ..Self::default() };
        for (name, info) in info {
            let name = normal(&name);
            for alias in &info.aliases {
                modules.aliases.entry(alias.clone()).or_default().push(name.clone());
            }
            modules.info.insert(name, info);
        }
        modules
    }

    /// The load order for `wanted`, which are module names or exact aliases. A name that starts with
    /// `?` may be missing.
    pub(crate) fn order(&self, wanted: &[&str]) -> Result<Vec<String>, OrderError> {
        let mut order = Vec::new();
        for name in wanted {
            match name.strip_prefix('?') {
                Some(optional) => self.visit_soft(optional, &mut order)?,
                None => self.visit(&normal(name), &mut order)?,
            }
        }
        Ok(order)
    }

    fn visit(&self, name: &str, order: &mut Vec<String>) -> Result<(), OrderError> {
        let mut seen = BTreeSet::new();
        self.visit_inner(name, order, &mut seen)
    }

    fn visit_soft(&self, name: &str, order: &mut Vec<String>) -> Result<(), OrderError> {
        for module in self.named(&normal(name)) {
            self.visit(&module, order)?;
        }
        Ok(())
    }

    /// The modules behind a name or alias, plain implementations (`…_generic`) first.
    fn named(&self, name: &str) -> Vec<String> {
        if self.info.contains_key(name) {
            return vec![name.to_owned()];
        }
        let mut found = self.aliases.get(name).cloned().unwrap_or_default();
        found.sort_by_key(|n| (!n.ends_with("_generic"), n.clone()));
        found
    }

    fn visit_inner(
        &self,
        name: &str,
        order: &mut Vec<String>,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), OrderError> {
        if self.built_in.contains(name) || order.iter().any(|n| n == name) || !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let info = self.info.get(name).ok_or_else(|| OrderError::Missing(name.to_owned()))?;
        for pre in info.pre.iter().flat_map(|p| self.named(p)) {
            self.visit_inner(&pre, order, seen)?;
        }
        for depends in &info.depends {
            self.visit_inner(depends, order, seen)?;
        }
        order.push(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules() -> Modules {
        let info = |depends: &str, softdep: &str, alias: &str| {
            let text = format!("license=GPL\0depends={depends}\0softdep={softdep}\0alias={alias}\0junk\0\0");
            parse_modinfo(text.as_bytes())
        };
        Modules::new(
            [
                ("erofs".into(), info("libcrc32c", "", "fs-erofs")),
                ("libcrc32c".into(), info("", "pre: crc32c", "")),
                ("crc32c-intel".into(), info("", "", "crc32c")),
                ("crc32c_generic".into(), info("", "", "crc32c")),
                ("dm-verity".into(), info("dm-mod,virtio", "post: other", "")),
                ("dm-mod".into(), info("", "pre: nothing-there", "")),
                ("a".into(), info("", "pre: b", "")),
                ("b".into(), info("", "pre: a", "")),
                ("broken".into(), info("absent", "", "")),
            ],
            "kernel/drivers/virtio/virtio.ko\n",
        )
    }

    #[test]
    fn orders() {
        let missing = |name: &str| Err(OrderError::Missing(name.into()));
        for (wanted, expected) in [
            (&["erofs"][..], Ok(vec!["crc32c_generic", "crc32c_intel", "libcrc32c", "erofs"])),
            (&["dm-verity", "dm_mod"], Ok(vec!["dm_mod", "dm_verity"])),
            (&["virtio"], Ok(vec![])),
            (&["?crc32c"], Ok(vec!["crc32c_generic", "crc32c_intel"])),
            (&["?no-such"], Ok(vec![])),
            (&["no-such"], missing("no_such")),
            (&["broken"], missing("absent")),
            (&["a"], Ok(vec!["b", "a"])),
        ] {
            let found = modules().order(wanted);
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(found, expected, "{wanted:?}");
        }
    }

    #[test]
    fn not_an_elf_file() {
        assert_eq!(parse(b"junk"), None);
    }
}
