// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the apps that a scenario launches, by name or as TOML files beside it. Out: their images in the
//! cache, and the directories in which the scenario's desktop finds the descriptions.

#![expect(clippy::disallowed_types, reason = "runs the image builder")]

use crate::format::{Action, Scenario};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The apps of one scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Apps {
    /// Names, and absolute paths of descriptions.
    asked: BTreeSet<String>,
    /// Where those descriptions lie.
    dirs: BTreeSet<PathBuf>,
}

impl Apps {
    /// All apps that `scenario` launches, or that may be started by others.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut apps = Self::default();
        let launched = scenario.steps.iter().filter_map(|step| match &step.action {
            Action::Launch { app, .. } => Some(app),
            _ => None,
        });
        for app in launched.chain(&scenario.apps) {
            if let Some(path) = description(&scenario.path, app) {
                apps.dirs.extend(path.parent().map(Path::to_path_buf));
                apps.asked.insert(path.display().to_string());
            } else {
                apps.asked.insert(app.clone());
            }
        }
        apps
    }

    /// Builds what is missing, so that no step waits for a download.
    pub(crate) fn ensure(&self, coffer: &Path) -> Result<(), String> {
        if self.asked.is_empty() {
            return Ok(());
        }
        let mut command = Command::new(coffer.with_file_name("cofferdam-image"));
        command.args(["--quiet", "ensure"]).args(&self.asked).stdin(Stdio::null());
        let output = command.output().map_err(|e| format!("cofferdam-image: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(text.lines().last().unwrap_or("cofferdam-image failed without a word").to_owned())
    }

    /// The value of `COFFERDAM_APP_DIRS` for this scenario's desktop, if it needs one.
    pub(crate) fn search_path(&self) -> Option<OsString> {
        (!self.dirs.is_empty()).then(|| std::env::join_paths(&self.dirs).unwrap_or_default())
    }
}

/// The absolute path of a description that stands beside the scenario; `None` for a plain name.
fn description(scenario: &Path, app: &str) -> Option<PathBuf> {
    let dir = app.ends_with(".toml").then(|| scenario.parent().unwrap_or(Path::new("")))?;
    std::path::absolute(dir.join(app)).ok()
}

/// The name under which the launcher knows `app`: a description is called like its file.
pub(crate) fn launcher_name(app: &str) -> &str {
    let file = app.rsplit('/').next().unwrap_or(app);
    file.strip_suffix(".toml").unwrap_or(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files() {
        let text = "name = \"x\"\n[[step]]\nlaunch = { app = \"foot\" }\n[[step]]\nlaunch = { app = \"apps/notes.toml\", as = \"n\" }\n";
        let scenario = crate::format::parse(Path::new("/s/a.toml"), text).unwrap();
        let apps = Apps::of(&scenario);
        assert_eq!(apps.asked.iter().collect::<Vec<_>>(), ["/s/apps/notes.toml", "foot"]);
        assert_eq!(apps.search_path(), Some("/s/apps".into()));
        let text = "name = \"x\"\napps = [\"apps/reader.toml\"]\n[[step]]\nkey = \"a\"\n";
        let scenario = crate::format::parse(Path::new("/s/a.toml"), text).unwrap();
        assert_eq!(Apps::of(&scenario).asked.iter().collect::<Vec<_>>(), ["/s/apps/reader.toml"]);
        assert_eq!(Apps::default().search_path(), None);
        for (app, name) in [("foot", "foot"), ("apps/notes.toml", "notes"), ("notes.toml", "notes")] {
            assert_eq!(launcher_name(app), name);
        }
    }
}
