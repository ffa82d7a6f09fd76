// SPDX-License-Identifier: GPL-3.0-or-later
//! Inhibit. In: an app's wish that the screen stay on. Out: the host is asked; the wish lasts until the app
//! closes its request. Logging out, switching users and suspending are the host's alone.

use super::link::Link;
use super::{OTHER, Options, request};
use crate::local::bounded;
use cofferdam_agent_wire::PortalWish;
use zbus::{Connection, fdo};
use zbus::{ObjectPath, OwnedObjectPath};

/// The flag for "stay awake"; the others ask for what a guest has no say in.
const IDLE: u32 = 8;

pub(super) struct Inhibit {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Inhibit")]
impl Inhibit {
    /// Begins; the end is the closing of `handle`.
    fn inhibit(
        &self,
        handle: OwnedObjectPath,
        _app_id: &str,
        _window: &str,
        flags: u32,
        options: Options,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<()> {
        if flags & IDLE == 0 {
            return Err(fdo::Error::NotSupported("only idle can be inhibited".to_owned()));
        }
        let reason = options.get("reason").and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default();
        let wish = PortalWish::InhibitIdle { reason: bounded(reason) };
        let (link, connection) = (self.link.clone(), connection.clone());
        tokio::spawn(async move {
            request::hold(connection.object_server(), &handle, &link, wish).await;
        });
        Ok(())
    }

    /// The state of the session is not told to guests.
    fn create_monitor(
        &self,
        _handle: ObjectPath<'_>,
        _session_handle: ObjectPath<'_>,
        _app_id: &str,
        _window: &str,
    ) -> u32 {
        OTHER
    }

    /// Nobody was asked.
    fn query_end_response(&self, _session_handle: ObjectPath<'_>) {}
}
