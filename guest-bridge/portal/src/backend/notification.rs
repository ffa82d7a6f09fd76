// SPDX-License-Identifier: GPL-3.0-or-later
//! Notifications. In: title and body, and the app's name for them. Out: the host is told; icons, sounds and
//! buttons stay in the guest. The specification knows no answer to these calls: an app can't tell whether
//! anybody looks, or was asked.

use super::Options;
use super::link::Link;
use crate::local::bounded;
use cofferdam_agent_wire::PortalWish;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use zbus::fdo;

pub(super) struct Notification {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Notification")]
impl Notification {
    /// Shows one, if the host lets it.
    async fn add_notification(&self, app_id: &str, id: &str, notification: Options) -> fdo::Result<()> {
        let text = |key: &str| {
            bounded(notification.get(key).and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default())
        };
        let wish = PortalWish::Notify { tag: tag(app_id, id), title: text("title"), body: text("body") };
        self.say(wish).await;
        Ok(())
    }

    /// It is of no use any more.
    async fn remove_notification(&self, app_id: &str, id: &str) -> fdo::Result<()> {
        self.say(PortalWish::Unnotify { tag: tag(app_id, id) }).await;
        Ok(())
    }

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

impl Notification {
    /// Tells the host, and waits for nothing.
    async fn say(&self, wish: PortalWish) {
        let (_, outcome) = self.link.ask(wish).await;
        drop(outcome);
    }
}

/// The number of an app's name for a notification: the host needs to tell them apart and no more.
fn tag(app_id: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (app_id, id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn a_name_has_one_number() {
        assert_eq!(tag("org.example.Mail", "new"), tag("org.example.Mail", "new"));
        for (app, id) in
            [("org.example.Mail", "old"), ("org.example.Web", "new"), ("org.example.Mailn", "ew")]
        {
            assert_ne!(tag("org.example.Mail", "new"), tag(app, id), "{app} {id}");
        }
    }
}
