// SPDX-License-Identifier: GPL-3.0-or-later
//! A call that lasts. In: a wish and the object path that the frontend chose for it. Out: its outcome, or
//! nothing if the app closed the request first.

use super::link::Link;
use crate::local::Outcome;
use cofferdam_agent_wire::PortalWish;
use std::sync::Arc;
use tokio::sync::Notify;
use zbus::ObjectPath;
use zbus::ObjectServer;

struct Request {
    closed: Arc<Notify>,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Request")]
impl Request {
    /// The app gives up.
    #[zbus(name = "Close")]
    fn close(&self) {
        self.closed.notify_one();
    }
}

/// Asks, and offers `handle` for closing as long as the answer takes.
pub(super) async fn ask(
    server: &ObjectServer,
    handle: &ObjectPath<'_>,
    link: &Link,
    wish: PortalWish,
) -> zbus::fdo::Result<Option<Outcome>> {
    let closed = Arc::new(Notify::new());
    server.at(handle, Request { closed: Arc::clone(&closed) }).await?;
    let (serial, outcome) = link.ask(wish).await;
    let outcome = tokio::select! {
        outcome = outcome => Some(outcome),
        () = closed.notified() => {
            link.forget(serial).await;
            None
        }
    };
    server.remove::<Request, _>(handle).await?;
    Ok(outcome)
}

/// Asks for something that lasts until the app closes `handle`; the same for no longer than it is denied.
pub(super) async fn hold(server: &ObjectServer, handle: &ObjectPath<'_>, link: &Link, wish: PortalWish) {
    let closed = Arc::new(Notify::new());
    if server.at(handle, Request { closed: Arc::clone(&closed) }).await.is_err() {
        return;
    }
    let (serial, outcome) = link.ask(wish).await;
    tokio::pin!(outcome);
    let denied = tokio::select! {
        outcome = &mut outcome => outcome == Outcome::Denied,
        () = closed.notified() => {
            link.forget(serial).await;
            true
        }
    };
    if !denied {
        closed.notified().await;
        link.forget(serial).await;
    }
    // It fails only if the bus is gone.
    let _ = server.remove::<Request, _>(handle).await;
}
