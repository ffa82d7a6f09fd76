// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the built-in files and, if wanted, a user's directory. Out: the themes by name.

use crate::{Identities, Problem, Theme, ThemeError};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Largest theme file that is read.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The files that are part of the program.
const BUILT_IN: [(&str, &str); 3] = [
    ("default-dark", include_str!("../data/default-dark.toml")),
    ("default-light", include_str!("../data/default-light.toml")),
    ("high-contrast", include_str!("../data/high-contrast.toml")),
];
const IDENTITIES: &str = include_str!("../data/identities.toml");

/// The identities and all themes, by the stem of their file name.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    /// How the eight identities look.
    pub identities: Identities,
    themes: BTreeMap<String, Theme>,
}

impl Library {
    /// The theme that is used where none is asked for.
    pub const DEFAULT: &'static str = "default-dark";

    /// The built-in themes.
    ///
    /// # Errors
    /// Never in a tested build; a caller that can't show an error can end with it.
    pub fn built_in() -> Result<Self, ThemeError> {
        let identities = Identities::parse("identities.toml", IDENTITIES)?;
        let mut themes = BTreeMap::new();
        for (name, text) in BUILT_IN {
            themes.insert(name.to_owned(), Theme::parse(&format!("{name}.toml"), text, &identities)?);
        }
        Ok(Self { identities, themes })
    }

    /// Adds every `*.toml` in `dir`; a theme with the name of a built-in one takes its place. A file
    /// `identities.toml` there sets the identities, and all themes are checked against them.
    ///
    /// A file that can't be used changes nothing and is reported; the others still count. A
    /// directory that isn't there is empty.
    #[must_use]
    pub fn add_directory(&mut self, dir: &Path) -> Vec<ThemeError> {
        let mut errors = Vec::new();
        let mut files: Vec<_> = match std::fs::read_dir(dir) {
            Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return errors,
            Err(e) => return vec![unreadable(dir, &e)],
        };
        files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
        // Identities first: the themes are judged against them.
        files.sort_by_key(|f| (f.file_stem().is_none_or(|s| s != "identities"), f.clone()));
        for file in files {
            let Some(stem) = file.file_stem().and_then(|s| s.to_str()) else { continue };
            if let Err(e) = self.add_file(&file, stem) {
                errors.push(e);
            }
        }
        errors
    }

    fn add_file(&mut self, path: &Path, stem: &str) -> Result<(), ThemeError> {
        let text = read_bounded(path).map_err(|e| unreadable(path, &e))?;
        let file = path.display().to_string();
        if stem == "identities" {
            let identities = Identities::parse(&file, &text)?;
            for (name, builtin) in BUILT_IN {
                Theme::parse(&format!("{name}.toml"), builtin, &identities).map_err(|e| ThemeError {
                    file: file.clone(),
                    line: 1,
                    problem: e.problem,
                })?;
            }
            self.identities = identities;
        } else {
            self.themes.insert(stem.to_owned(), Theme::parse(&file, &text, &self.identities)?);
        }
        Ok(())
    }

    /// The theme called `name`.
    #[must_use]
    pub fn theme(&self, name: &str) -> Option<&Theme> {
        self.themes.get(name)
    }

    /// The names of all themes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.themes.keys().map(String::as_str)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ThemeError {
    ThemeError { file: path.display().to_string(), line: 1, problem: Problem::Unreadable(error.to_string()) }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
