// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher, as commands use it. In: an address of a bus. Out: VMs started and ended, with the reason
//! if they fail.

#![expect(clippy::disallowed_types, reason = "runs the image builder")]

use crate::error::Error;
use crate::ui::Step;
use cofferdam_bus::launcher::{LauncherProxy, VmEntry, VmStateChangedStream};
use futures_lite::StreamExt as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

/// Lines of the console that go into an error.
const LAST_WORDS: u32 = 12;

/// Connects to the launcher on the bus at `address`.
pub(crate) async fn connect(address: &str) -> Result<LauncherProxy<'static>, Error> {
    let connection = zbus::connection::Builder::address(address).build().await?;
    Ok(LauncherProxy::new(&connection).await?)
}

/// Makes sure that everything an app is made of is in the cache. Shows progress if that takes long.
pub(crate) async fn ensure_images(builder: &Path, apps: &[String]) -> Result<(), Error> {
    if apps.is_empty() {
        return Ok(());
    }
    let mut command = tokio::process::Command::new(builder);
    command.arg("ensure").args(apps).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let status =
        command.status().await.map_err(|source| Error::Program { path: builder.to_owned(), source })?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Plain("the apps' images are not there; see above".to_owned()))
    }
}

/// Starts an app; gives back its VM.
pub(crate) async fn start(
    launcher: &LauncherProxy<'_>,
    app: &str,
    args: &[String],
    options: BTreeMap<String, String>,
) -> Result<String, Error> {
    Ok(launcher.run(app, args, options).await?)
}

/// The state of one VM.
pub(crate) async fn state(launcher: &LauncherProxy<'_>, vm: &str) -> Result<VmEntry, Error> {
    let found = launcher.list().await?.into_iter().find(|entry| entry.vm == vm);
    found.ok_or_else(|| Error::Plain(format!("there is no VM {vm}; `coffer ps` lists them")))
}

/// Follows a VM until `done` is satisfied with its state, showing states in `step` on the way.
pub(crate) async fn follow(
    launcher: &LauncherProxy<'_>,
    changes: &mut VmStateChangedStream,
    vm: &str,
    step: &mut Step,
    done: impl Fn(&VmEntry) -> bool,
) -> Result<VmEntry, Error> {
    loop {
        let entry = state(launcher, vm).await?;
        if done(&entry) {
            return Ok(entry);
        }
        step.now(&entry.state);
        loop {
            let change = changes.next().await;
            let change = change.ok_or_else(|| Error::Plain("the launcher went away".to_owned()))?;
            if change.args().is_ok_and(|args| args.vm == vm) {
                break;
            }
        }
    }
}

/// Why a VM failed, with the last lines of its console.
pub(crate) async fn failure(launcher: &LauncherProxy<'_>, entry: &VmEntry) -> Error {
    let mut text = format!("{} failed: {}", entry.vm, entry.detail);
    // Without a console the reason alone has to do.
    let lines = launcher.console(&entry.vm, LAST_WORDS).await.unwrap_or_default();
    if !lines.is_empty() {
        text.push_str("\nlast lines of its console:");
        for line in lines.iter().skip(lines.len().saturating_sub(12)) {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    Error::Plain(text)
}
