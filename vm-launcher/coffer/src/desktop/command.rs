// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer desktop`. In: its arguments. Out: a desktop until somebody ends it, or a picture of it.

use super::{Desktop, apps};
use crate::Interrupts;
use crate::args::DesktopArgs;
use crate::control::Control;
use crate::error::{Error, system};
use crate::launcher;
use crate::ui::{self, Step};
use cofferdam_kit::paths::Paths;
use futures_lite::StreamExt as _;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::collections::BTreeMap;

/// Runs a desktop from start to end.
pub(crate) async fn desktop(name: &str, args: DesktopArgs, verbose: u8) -> Result<(), Error> {
    let mut interrupts = Interrupts::catch()?;
    if let Some(parent) = args.parent {
        end_with(parent)?;
    }
    let paths = Paths::of(name)?;
    launcher::ensure_images(&paths.program("cofferdam-image"), &args.apps).await?;
    let step = Step::begin("starting the desktop");
    let mut desktop = tokio::select! {
        started = Desktop::start(paths, &args, verbose) => started?,
        () = interrupts.next() => return Err(Error::Interrupted),
    };
    step.done("ready");
    let (paths, bus) = (desktop.paths.clone(), desktop.bus.clone());
    let ended = tokio::select! {
        worked = work(&paths, &bus, &args) => worked,
        supervised = desktop.supervise() => supervised,
        () = interrupts.next() => if args.screenshot.is_some() { Err(Error::Interrupted) } else { Ok(()) },
    };
    let step = Step::begin("ending the desktop");
    desktop.finish(&mut interrupts).await;
    step.done("done");
    ended
}

/// From now on the end of our parent, of whatever kind, is an order to end.
fn end_with(parent: i32) -> Result<(), Error> {
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|e| system("parent")(e.into()))?;
    // It may have ended before.
    let same = getppid().is_some_and(|pid| pid.as_raw_nonzero().get() == parent);
    if same { Ok(()) } else { Err(Error::Interrupted) }
}

/// What happens on the desktop. Without `--screenshot` it never ends by itself.
async fn work(paths: &Paths, bus: &str, args: &DesktopArgs) -> Result<(), Error> {
    let mut control = Control::connect(paths)?;
    let launcher = launcher::connect(bus).await?;
    if args.ready_json {
        let ready = serde_json::json!({ "control": paths.compositor(), "bus": bus });
        ui::answer(&ready.to_string())?;
    }
    let mut changes = launcher.receive_vm_state_changed().await?;
    if let Some(file) = &args.screenshot {
        let vms = apps::start_all(&launcher, &args.apps).await?;
        apps::wait_for_windows(&launcher, &mut control, &vms).await?.write(file)?;
        ui::note(&format!("wrote {}", file.display()));
        return Ok(());
    }
    for app in &args.apps {
        // The others may well start, and the desktop is of use without any.
        if let Err(error) = launcher::start(&launcher, app, &[], BTreeMap::new()).await {
            ui::note(&format!("{app} was not started: {error}"));
        }
    }
    while let Some(change) = changes.next().await {
        if let Ok(args) = change.args()
            && args.state == "failed"
        {
            ui::note(&format!("{} failed: {}; `coffer console {0}` shows more", args.vm, args.detail));
        }
    }
    // The stream ends with the bus, and then so does everything; the supervisor says how.
    std::future::pending().await
}
