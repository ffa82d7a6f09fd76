// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps may do. In: the arguments of `coffer permissions`, `grant`, `revoke` and `log`. Out: what the
//! permission monitor says, as a table or as JSON.

pub(crate) mod args;
mod repair;
mod show;

use crate::commands::to_json;
use crate::desktop::bus;
use crate::error::Error;
use crate::ui;
use args::{GrantArgs, LogArgs, PermissionsArgs, RevokeArgs};
use cofferdam_bus::permissions::{AppEntry, FileEntry, PendingEntry, PermissionEntry, PermissionsProxy};
use cofferdam_kit::paths::Paths;
use serde::Serialize;
use serde_json::json;

async fn connect(desktop: &str) -> Result<PermissionsProxy<'static>, Error> {
    let address = bus::address(&Paths::of(desktop)?)?;
    let connection = zbus::connection::Builder::address(address.as_str()).build().await?;
    Ok(PermissionsProxy::new(&connection).await?)
}

/// An app with everything it may do.
#[derive(Debug, Serialize)]
struct AppPermissions {
    #[serde(flatten)]
    app: AppEntry,
    permissions: Vec<PermissionEntry>,
    /// Files and folders that it has now.
    files: Vec<FileEntry>,
}

/// What `coffer permissions --json` prints.
#[derive(Debug, Serialize)]
struct Overview {
    /// The monitor's clock.
    now: u64,
    apps: Vec<AppPermissions>,
    pending: Vec<PendingEntry>,
}

/// `coffer permissions`.
pub(crate) async fn permissions(desktop: &str, args: PermissionsArgs) -> Result<(), Error> {
    if args.repair {
        return repair::repair(desktop);
    }
    let monitor = connect(desktop).await?;
    if args.reload {
        monitor.reload_rules().await?;
        ui::note("the rule files were read");
        return Ok(());
    }
    if let (Some(vm), Some(kind)) = (&args.app, &args.kind) {
        let target = args.target.as_deref().unwrap_or("all");
        let (verdict, why) = monitor.explain(vm, kind, target).await?;
        let answer = json!({ "vm": vm, "kind": kind, "target": target, "verdict": verdict, "why": why });
        return if args.json { ui::answer(&to_json(&answer)?) } else { show::line(&[&verdict, &why]) };
    }
    let wanted = |vm: &str, app: &str| args.app.as_ref().is_none_or(|a| a == vm || a == app);
    let mut apps = Vec::new();
    for app in monitor.apps().await? {
        if wanted(&app.vm, &app.app) {
            let permissions = monitor.permissions(&app.vm).await?;
            let files = monitor.files(&app.vm).await?;
            apps.push(AppPermissions { app, permissions, files });
        }
    }
    if let (Some(name), true) = (&args.app, apps.is_empty()) {
        return Err(Error::Plain(format!(
            "no app or VM {name} has asked for anything; `coffer permissions` lists those that have"
        )));
    }
    let mut pending = monitor.pending().await?;
    pending.retain(|p| apps.iter().any(|a| a.app.vm == p.vm));
    let overview = Overview { now: monitor.now().await?, apps, pending };
    if args.json {
        return ui::answer(&to_json(&overview)?);
    }
    ui::answer(&if args.app.is_some() { show::each(&overview) } else { show::all(&overview) })
}

/// `coffer grant`.
pub(crate) async fn grant(desktop: &str, args: GrantArgs) -> Result<(), Error> {
    let monitor = connect(desktop).await?;
    let GrantArgs { vm, kind, target, lifetime, level, json } = args;
    if let Some(level) = level {
        let undo = monitor.set_level(&vm, &kind, &level).await?;
        if json {
            return ui::answer(&to_json(&json!({ "vm": vm, "kind": kind, "level": level, "undo": undo }))?);
        }
        return show::line(&[&vm, &kind, &level, &undo_hint(&[undo])]);
    }
    let number = monitor.grant(&vm, &kind, &target, &lifetime).await?;
    if json {
        let answer =
            json!({ "grant": number, "vm": vm, "kind": kind, "target": target, "lifetime": lifetime });
        return ui::answer(&to_json(&answer)?);
    }
    ui::answer(&number.to_string())
}

fn undo_hint(tokens: &[u64]) -> String {
    let lines: Vec<String> =
        tokens.iter().map(|token| format!("undo: coffer revoke --undo {token}")).collect();
    lines.join("\n")
}

/// `coffer revoke`.
pub(crate) async fn revoke(desktop: &str, args: RevokeArgs) -> Result<(), Error> {
    let monitor = connect(desktop).await?;
    if let Some(token) = args.undo {
        monitor.undo(token).await?;
        return if args.json { ui::answer(&to_json(&json!({ "undone": token }))?) } else { Ok(()) };
    }
    let (mut grants, mut files) = (Vec::new(), Vec::new());
    let mut undo = Vec::new();
    match (&args.what, &args.kind) {
        (None, _) => undo.push(monitor.revoke_everything().await?),
        (Some(what), None) => match what.parse::<u64>() {
            Ok(number) => {
                undo.push(monitor.revoke(number).await?);
                grants.push(number);
            }
            Err(_a_name) => undo.push(monitor.revoke_all(what).await?),
        },
        (Some(vm), Some(kind)) => {
            grants = show::numbers(&monitor.permissions(vm).await?, kind, args.target.as_deref());
            if kind == "files" {
                files = show::files_of(&monitor.files(vm).await?, args.target.as_deref());
            }
            if grants.is_empty() && files.is_empty() {
                return Err(Error::Plain(format!(
                    "{vm} has nothing of that kind to take back; `coffer permissions {vm}` lists them"
                )));
            }
            for number in &grants {
                undo.push(monitor.revoke(*number).await?);
            }
            for number in &files {
                monitor.take_back(*number).await?;
            }
        }
    }
    if args.json {
        return ui::answer(&to_json(&json!({ "revoked": grants, "files": files, "undo": undo }))?);
    }
    if !undo.is_empty() {
        ui::note(&undo_hint(&undo));
    }
    Ok(())
}

/// `coffer log`.
pub(crate) async fn log(desktop: &str, args: LogArgs) -> Result<(), Error> {
    let monitor = connect(desktop).await?;
    let vm = args.vm.unwrap_or_default();
    let entries = monitor.log(&vm, args.before, args.lines, &args.search).await?;
    if args.json {
        return ui::answer(&to_json(&entries)?);
    }
    ui::answer(&show::log(&entries))
}
