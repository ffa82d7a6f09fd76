// SPDX-License-Identifier: GPL-3.0-or-later
//! Ctrl-C. In: SIGINT and SIGTERM. Out: a future that resolves once for each.

use crate::error::{Error, system};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals that ask us to end.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on these signals do not kill us.
    pub(crate) fn catch() -> Result<Self, Error> {
        let catch = |kind| signal(kind).map_err(system("signals"));
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
