// SPDX-License-Identifier: GPL-3.0-or-later
//! The panel as scenarios see it. In: the address of a bus. Out: what is on the desktop's own surfaces, and
//! when that has changed.

use cofferdam_bus::panel::{ChangedStream, Element, PanelProxy};
use futures_lite::StreamExt as _;
use std::cell::RefCell;
use std::time::Duration;

/// How long the panel may take for an answer before it counts as hung.
const ANSWER: Duration = Duration::from_secs(30);

/// A connection to one desktop's panel.
#[derive(Debug)]
pub struct Panel {
    runtime: tokio::runtime::Runtime,
    proxy: PanelProxy<'static>,
    changes: RefCell<ChangedStream>,
}

impl Panel {
    /// Connects to the panel on the bus at `address`.
    ///
    /// # Errors
    /// If there is no such bus.
    pub fn connect(address: &str) -> zbus::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (proxy, changes) = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(address).method_timeout(ANSWER);
            let connection = builder.build().await?;
            let proxy = PanelProxy::new(&connection).await?;
            let changes = proxy.receive_changed().await?;
            Ok::<_, zbus::Error>((proxy, changes))
        })?;
        Ok(Self { runtime, proxy, changes: RefCell::new(changes) })
    }

    /// What is on its surfaces. Changes from before the answer are in it; left unread, they would stand in
    /// its way as soon as they are more than the connection keeps, which a blinking cursor sees to.
    ///
    /// # Errors
    /// If it is gone.
    pub fn elements(&self) -> zbus::Result<Vec<Element>> {
        let mut changes = self.changes.borrow_mut();
        let read_on = async {
            while changes.next().await.is_some() {}
            std::future::pending().await
        };
        self.runtime.block_on(futures_lite::future::or(self.proxy.elements(), read_on))
    }

    /// Waits until something there changes, at most so long.
    pub fn wait_for_change(&self, limit: Duration) {
        let mut changes = self.changes.borrow_mut();
        // Whoever waits looks again, whether it changed or the time is over.
        let _ = self.runtime.block_on(async { tokio::time::timeout(limit, changes.next()).await });
    }
}
