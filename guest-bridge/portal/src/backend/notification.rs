// SPDX-License-Identifier: GPL-3.0-or-later
//! Notifications. In: title and body. Out: the host is told; icons, sounds and buttons stay in the guest.

use super::Options;
use super::link::Link;
use crate::local::bounded;
use cofferdam_agent_wire::PortalWish;
use zbus::fdo;

pub(super) struct Notification {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Notification")]
impl Notification {
    /// Shows one, if the host lets it.
    async fn add_notification(&self, _app_id: &str, _id: &str, notification: Options) -> fdo::Result<()> {
        let text = |key: &str| {
            bounded(notification.get(key).and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default())
        };
        // The specification knows no answer to this call: an app can't tell whether anybody looks.
        let (_, outcome) =
            self.link.ask(PortalWish::Notify { title: text("title"), body: text("body") }).await;
        drop(outcome);
        Ok(())
    }

    /// The host's own notifications go away by themselves.
    fn remove_notification(&self, _app_id: &str, _id: &str) {}

    /// What may stand in a notification.
    #[zbus(property)]
    fn supported_options(&self) -> Options {
        Options::new()
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}
