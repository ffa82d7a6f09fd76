// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the text of an app's TOML file, or of `base.toml`. Out: what it asks for, or one sentence with
//! file, line and what was meant. Pure.

use crate::error::{Error, Result};
use cofferdam_ids::{AppId, is_scheme};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// An app, as a packager writes it down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSpec {
    /// Name for people.
    pub name: String,
    /// Debian packages.
    pub packages: Vec<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Name of an icon, or a path in the guest; the app's own name if it is left out.
    pub icon: Option<String>,
    /// Extra environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Memory of the VM.
    #[serde(default = "default_memory")]
    pub memory_mib: u32,
    /// Greatest size of the data volume.
    #[serde(default = "default_data")]
    pub data_mib: u32,
    /// Schemes of addresses that the app opens for others, such as `https`.
    #[serde(default)]
    pub opens: Vec<String>,
}

/// The layer that all apps share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseSpec {
    /// Debian packages.
    pub packages: Vec<String>,
    /// Packages that others depend on, but only for what a guest never does.
    pub omit: Vec<String>,
    /// Paths that are left out of every layer.
    pub strip: Vec<String>,
    /// Paths that are kept although `strip` covers them.
    pub keep: Vec<String>,
    /// Empty directories.
    pub directories: Vec<String>,
    /// Symbolic links: path to target.
    pub links: BTreeMap<String, String>,
    /// Environment of every app.
    pub environment: BTreeMap<String, String>,
}

/// Memory that a VM may have.
pub(crate) const MEMORY_MIB: RangeInclusive<u32> = 128..=65_536;

/// Sizes that a data volume may have.
pub(crate) const DATA_MIB: RangeInclusive<u32> = 16..=1_048_576;

fn default_memory() -> u32 {
    512
}

fn default_data() -> u32 {
    1024
}

const APP_KEYS: &[&str] =
    &["name", "packages", "command", "icon", "environment", "memory_mib", "data_mib", "opens"];
const BASE_KEYS: &[&str] = &["packages", "omit", "strip", "keep", "directories", "links", "environment"];

impl AppSpec {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// It asks for something that can't be; file, line and what was meant.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let spec: Self = parse(file, text, APP_KEYS)?;
        let at = |key: &str, why: String| {
            let line = text.lines().position(|l| l.trim_start().starts_with(key)).map_or(1, |n| n + 1);
            Err(Error::malformed(format!("{file}:{line}"), why))
        };
        if spec.name.trim().is_empty() {
            return at("name", "the name is empty: write what people call the app".into());
        }
        if spec.command.first().is_none_or(String::is_empty) {
            return at("command", r#"the command is empty: write the program, as in ["foot"]"#.into());
        }
        if let Some(bad) = spec.packages.iter().find(|p| p.parse::<AppId>().is_err()) {
            return at("packages", format!("{bad:?} is not the name of a Debian package"));
        }
        if !MEMORY_MIB.contains(&spec.memory_mib) {
            return at("memory_mib", format!("{} MiB of memory: write 128 to 65536", spec.memory_mib));
        }
        if !DATA_MIB.contains(&spec.data_mib) {
            return at("data_mib", format!("{} MiB of data: write 16 to 1048576", spec.data_mib));
        }
        if let Some(bad) = spec.opens.iter().find(|s| !is_scheme(s)) {
            return at("opens", format!(r#"{bad:?} is not the scheme of an address, as in ["https"]"#));
        }
        Ok(spec)
    }
}

impl BaseSpec {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// It asks for something that can't be; file, line and what was meant.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        parse(file, text, BASE_KEYS)
    }

    /// Whether a file of a package goes into a layer.
    #[must_use]
    pub fn wants(&self, path: &str) -> bool {
        let covers = |prefix: &String| {
            let prefix = prefix.trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !self.strip.iter().any(covers) || self.keep.iter().any(covers)
    }
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str, keys: &[&str]) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|s| text.get(..s.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let mut message = error.message().lines().collect::<Vec<_>>().join(" ");
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        if let Some(unknown) = unknown {
            message = format!("there is no key {unknown:?}: {}", meant(unknown, keys));
        }
        Error::malformed(format!("{file}:{line}"), message)
    })
}

/// What somebody who wrote `word` may have meant.
fn meant(word: &str, keys: &[&str]) -> String {
    let near = keys.iter().map(|k| (distance(word, k), k)).min();
    match near {
        Some((d, key)) if d <= key.len() / 2 => format!("did you mean {key:?}?"),
        _ => format!("there are {}", keys.join(", ")),
    }
}

/// Edits that turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, pair) in b.chars().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(ca != cb)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"Terminal\"\npackages = [\"foot\"]\ncommand = [\"foot\"]\n";

    #[test]
    fn defaults() {
        let spec = AppSpec::parse("foot.toml", GOOD).unwrap();
        assert_eq!((spec.memory_mib, spec.data_mib, spec.icon), (512, 1024, None));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            (
                format!("{GOOD}comand = []\n"),
                "x.toml:4: there is no key \"comand\": did you mean \"command\"?",
            ),
            (
                format!("{GOOD}memory = 5\n"),
                "x.toml:4: there is no key \"memory\": did you mean \"memory_mib\"?",
            ),
            (format!("{GOOD}qqqqqqqqqqqq = 5\n"), "there are name, packages, command"),
            (format!("{GOOD}memory_mib = \"much\"\n"), "x.toml:4: invalid type"),
            (format!("{GOOD}memory_mib = 1\n"), "x.toml:4: 1 MiB of memory"),
            (
                GOOD.replace("[\"foot\"]\ncommand = [\"foot\"]", "[\"-o\"]\ncommand = [\"foot\"]"),
                "x.toml:2: \"-o\" is not",
            ),
            (GOOD.replace("command = [\"foot\"]", "command = []"), "x.toml:3: the command is empty"),
            (format!("{GOOD}opens = [\"HTTP:\"]\n"), "x.toml:4: \"HTTP:\" is not the scheme"),
            ("name = \"x\"\n".into(), "missing field `packages`"),
            ("name = ".into(), "x.toml:1: "),
        ] {
            let error = AppSpec::parse("x.toml", &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} should contain {expected:?}");
            assert!(!error.contains('\n'), "one line: {error:?}");
        }
    }

    #[test]
    fn strip_and_keep() {
        let text = "packages = []\nomit = []\nstrip = [\"usr/share/locale\", \"usr/share/doc\"]\n\
                    keep = [\"usr/share/locale/en\"]\ndirectories = []\n[links]\n[environment]\n";
        let base = BaseSpec::parse("base.toml", text).unwrap();
        for (path, wanted) in [
            ("usr/share/locale", false),
            ("usr/share/locale/de/x.mo", false),
            ("usr/share/locale/en", true),
            ("usr/share/locale/en/x.mo", true),
            ("usr/share/docbook", true),
            ("usr/bin/foot", true),
        ] {
            assert_eq!(base.wants(path), wanted, "{path}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, d) in
            [("", "abc", 3), ("abc", "abc", 0), ("comand", "command", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), d);
        }
    }
}
