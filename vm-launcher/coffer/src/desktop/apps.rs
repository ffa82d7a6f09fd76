// SPDX-License-Identifier: GPL-3.0-or-later
//! Apps on a desktop that has just started. In: names of apps. Out: their windows on the screen, with
//! content that has come to rest; or why not.

#![expect(clippy::disallowed_methods, reason = "looks at windows until a deadline")]

use crate::control::{Control, Picture};
use crate::error::Error;
use crate::launcher;
use crate::ui::Step;
use cofferdam_bus::launcher::{LauncherProxy, VmEntry};
use cofferdam_bus::permissions::PermissionsProxy;
use cofferdam_control::desktop::{Request, WindowInfo};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// From the start of an app until its first window. A VM's own deadlines are behind this one.
const WINDOW_LIMIT: Duration = Duration::from_secs(240);
/// How often windows are looked at while they are waited for.
const LOOK: Duration = Duration::from_millis(250);
/// How often the picture is looked at while it is to come to rest.
const LOOK_CLOSER: Duration = Duration::from_millis(500);
/// Content rests when so many looks in a row saw the same picture …
const RESTING_LOOKS: u32 = 5;
/// … but for this share of it, because cursors blink; or when so much time has passed.
const RESTLESS: f64 = 0.001;
const REST_LIMIT: Duration = Duration::from_secs(30);

/// Starts `apps`, all at once; gives back their VMs.
pub(super) async fn start_all(launcher: &LauncherProxy<'_>, apps: &[String]) -> Result<Vec<String>, Error> {
    let mut vms = Vec::new();
    for app in apps {
        vms.push(launcher::start(launcher, app, &[], BTreeMap::new()).await?);
    }
    Ok(vms)
}

/// Waits until each of `vms` shows a window and all content has come to rest; gives back the picture.
pub(super) async fn wait_for_windows(
    launcher: &LauncherProxy<'_>,
    control: &mut Control,
    vms: &[String],
) -> Result<Picture, Error> {
    let mut step = Step::begin("starting apps");
    let deadline = Instant::now() + WINDOW_LIMIT;
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut states = BTreeMap::new();
    loop {
        tick.tick().await;
        let windows = control.windows().await?;
        let missing: Vec<&String> = vms.iter().filter(|vm| !windows.iter().any(|w| shows(w, vm))).collect();
        let entries = launcher.list().await?;
        for vm in vms {
            let Some(entry) = entries.iter().find(|e| e.vm == *vm) else { continue };
            check_alive(launcher, entry).await?;
            if states.insert(vm.clone(), entry.state.clone()).as_ref() != Some(&entry.state) {
                step.now(&format!("{vm} is {}", entry.state));
            }
        }
        if missing.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            let names = missing.iter().map(|vm| vm.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::Plain(format!(
                "no window of {names} within {} s; `coffer console VM` shows what the VM wrote",
                WINDOW_LIMIT.as_secs()
            )));
        }
    }
    take_offline(launcher, vms).await?;
    step.now("waiting for the windows to come to rest");
    let picture = rest(control).await?;
    step.done(&format!("{} on the screen", vms.join(", ")));
    Ok(picture)
}

/// Nobody is there to answer questions while a picture is made: apps are told that they are offline instead.
async fn take_offline(launcher: &LauncherProxy<'_>, vms: &[String]) -> Result<(), Error> {
    let permissions = PermissionsProxy::new(launcher.inner().connection()).await?;
    for vm in vms {
        permissions.set_level(vm, "network", "off").await?;
    }
    Ok(())
}

fn shows(window: &WindowInfo, vm: &str) -> bool {
    window.visible && window.commits > 0 && window.vm.as_ref().is_some_and(|owner| owner.as_str() == vm)
}

async fn check_alive(launcher: &LauncherProxy<'_>, entry: &VmEntry) -> Result<(), Error> {
    match entry.state.as_str() {
        "failed" => Err(launcher::failure(launcher, entry).await),
        "stopped" => {
            Err(Error::Plain(format!("{} ended before it showed a window ({})", entry.vm, entry.detail)))
        }
        _ => Ok(()),
    }
}

/// Waits until the picture hardly changes any more, with everything drawn that was committed.
async fn rest(control: &mut Control) -> Result<Picture, Error> {
    let deadline = Instant::now() + REST_LIMIT;
    let mut tick = tokio::time::interval(LOOK_CLOSER);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut resting) = (Picture::default(), 0);
    while resting < RESTING_LOOKS && Instant::now() < deadline {
        tick.tick().await;
        control.call(Request::Sync).await?;
        let picture = control.picture(None).await?;
        resting = if picture.difference(&last) <= RESTLESS { resting + 1 } else { 0 };
        last = picture;
    }
    Ok(last)
}
