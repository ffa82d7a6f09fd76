// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `/usr/share/cofferdam/app.json` of the app layer. Out: the app's command and environment.

#![expect(clippy::disallowed_types, reason = "the app's command")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use std::os::unix::process::CommandExt;

use crate::init::{APP_USER, HOME, RUNTIME_DIR};
use crate::sys;

/// Where the image builder writes the description.
pub(crate) const DESCRIPTION: &str = "/usr/share/cofferdam/app.json";

/// What every program of the app's user finds, before the image's own additions.
const BASE_ENV: &[(&str, &str)] = &[
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games"),
    ("HOME", HOME),
    ("USER", "user"),
    ("LOGNAME", "user"),
    ("SHELL", "/bin/sh"),
    ("LANG", "C.UTF-8"),
    ("XDG_RUNTIME_DIR", RUNTIME_DIR),
    ("XDG_SESSION_TYPE", "wayland"),
    ("WAYLAND_DISPLAY", super::bridge::SOCKET_NAME),
    ("DBUS_SESSION_BUS_ADDRESS", super::bus::ADDRESS),
];

/// The app of this VM.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct App {
    /// Program and arguments.
    #[serde(default)]
    pub(crate) command: Vec<String>,
    /// Environment beyond the base.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
}

/// Why there is no app.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The app layer has no description.
    #[error("cannot read {DESCRIPTION}: {0}")]
    Read(#[from] std::io::Error),
    /// It is not what the image builder writes.
    #[error("{DESCRIPTION} is malformed: {0}")]
    Parse(#[from] serde_json::Error),
}

impl App {
    /// Reads the description of this VM's app.
    pub(crate) fn load() -> Result<Self, AppError> {
        Self::load_from(Path::new(DESCRIPTION))
    }

    fn load_from(path: &Path) -> Result<Self, AppError> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// A command that runs `argv` as the app's user in a session of its own.
    ///
    /// `None` if `argv` names no program.
    pub(crate) fn command(&self, argv: &[String], env: &[(String, String)]) -> Option<Command> {
        let (program, args) = argv.split_first()?;
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(BASE_ENV.iter().copied())
            .envs(&self.environment)
            .envs(env.iter().map(|(k, v)| (k, v)))
            .current_dir(HOME)
            .uid(APP_USER)
            .gid(APP_USER);
        sys::own_session(&mut command);
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<App, AppError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        App::load_from(file.path())
    }

    #[test]
    fn the_builders_description_is_read() {
        let app = load(r#"{"id":"foot","name":"Terminal","command":["foot","-v"],"environment":{"K":"V"}}"#)
            .unwrap();
        assert_eq!(app.command, ["foot", "-v"]);
        assert_eq!(app.environment["K"], "V");
        assert!(matches!(load("{"), Err(AppError::Parse(_))));
        assert!(matches!(load(r#"{"command":"foot"}"#), Err(AppError::Parse(_))));
    }

    #[test]
    fn later_environment_wins() {
        let app = load(r#"{"command":["x"],"environment":{"SHELL":"/bin/a","LANG":"b"}}"#).unwrap();
        let command = app.command(&["x".to_owned()], &[("LANG".to_owned(), "c".to_owned())]).unwrap();
        let get = |key: &str| command.get_envs().find(|(k, _)| *k == key).and_then(|(_, v)| v);
        assert_eq!(get("SHELL"), Some("/bin/a".as_ref()));
        assert_eq!(get("LANG"), Some("c".as_ref()));
        assert_eq!(get("HOME"), Some("/home/user".as_ref()));
        assert!(app.command(&[], &[]).is_none());
    }
}
