// SPDX-License-Identifier: GPL-3.0-or-later
//! Nothing is left behind. In: the kernel's promise that orphans of our children become ours. Out: after
//! [`reap_all`], no process of the desktop is alive.

use crate::error::{Error, system};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};
use std::time::Duration;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Becomes the parent of every orphan below us. Gives back the wake-up for [`reap_all`].
pub(crate) fn adopt_all() -> Result<Signals, Error> {
    set_child_subreaper(Some(getpid())).map_err(|e| system("becoming a subreaper")(e.into()))?;
    signal(SignalKind::child()).map_err(system("signals"))
}

/// Waits at most `limit` for the children that are left, then kills them, and reaps all.
///
/// Call it last: it also takes the status of children that others might wait for.
pub(crate) async fn reap_all(ended: &mut Signals, limit: Duration) {
    if tokio::time::timeout(limit, reap_until_none(ended)).await.is_ok() {
        return;
    }
    for pid in children() {
        tracing::warn!(pid = pid.as_raw_nonzero(), "a process of this desktop did not end and was killed");
        // It fails only if the process has just ended.
        let _ = kill_process(pid, Signal::KILL);
    }
    if tokio::time::timeout(limit, reap_until_none(ended)).await.is_err() {
        tracing::error!("processes are left behind: {:?}", children());
    }
}

async fn reap_until_none(ended: &mut Signals) {
    loop {
        match wait(WaitOptions::NOHANG) {
            // One more may have ended meanwhile.
            Ok(Some(_)) => {}
            // All that are left are alive; the signal says when one ends.
            Ok(None) => {
                ended.recv().await;
            }
            Err(_none_left) => return,
        }
    }
}

/// Our children, as the kernel lists them.
fn children() -> Vec<Pid> {
    let list = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
    let list = list.unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}
