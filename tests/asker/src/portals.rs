// SPDX-License-Identifier: GPL-3.0-or-later
//! The portals as an app uses them. In: a wish. Out: the frontend's answer in a line.

use crate::Outcome;
use futures_lite::StreamExt as _;
use std::collections::HashMap;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, Variant};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";

/// A connection to the guest's portals.
pub(crate) struct Portals {
    bus: Connection,
}

impl Portals {
    pub(crate) async fn connect() -> Outcome<Self> {
        Ok(Self { bus: Connection::session().await? })
    }

    /// One file, a folder or a place for a new file: `CODE ADDRESS`.
    pub(crate) async fn choose(&self, what: &str, title: &str) -> Outcome<String> {
        let mut options = HashMap::from([("handle_token", Variant::from("asker"))]);
        let method = match what {
            "save" => {
                options.insert("current_name", Variant::from("new.txt"));
                "SaveFile"
            }
            _ => {
                options.insert("directory", Variant::from(what == "folder"));
                "OpenFile"
            }
        };
        self.request("FileChooser", method, &("", title, options)).await
    }

    /// Another app for an address: `CODE`.
    pub(crate) async fn open(&self, address: &str) -> Outcome<String> {
        let options = HashMap::from([("handle_token", Variant::from("asker"))]);
        self.request("OpenURI", "OpenURI", &("", address, options)).await
    }

    /// A picture of the screen: `CODE`.
    pub(crate) async fn screenshot(&self) -> Outcome<String> {
        let options = HashMap::from([("handle_token", Variant::from("asker"))]);
        self.request("Screenshot", "Screenshot", &("", options)).await
    }

    /// Keeps the screen on until somebody ends this program.
    pub(crate) async fn inhibit(&self) -> Outcome<String> {
        let options = HashMap::from([("reason", Variant::from("a film"))]);
        self.call("Inhibit", "Inhibit", &("", 8_u32, options)).await?;
        std::future::pending().await
    }

    /// A notification; there is no answer to one.
    pub(crate) async fn notify(&self, title: &str, body: &str) -> Outcome<String> {
        let notification = HashMap::from([("title", Variant::from(title)), ("body", Variant::from(body))]);
        self.call("Notification", "AddNotification", &("asker", notification)).await?;
        Ok("sent".to_owned())
    }

    /// Light or dark, as the frontend says it.
    pub(crate) async fn scheme(&self) -> Outcome<String> {
        let answer =
            self.call("Settings", "ReadOne", &("org.freedesktop.appearance", "color-scheme")).await?;
        let value: OwnedVariant = answer.body().deserialize()?;
        Ok(u32::try_from(value)?.to_string())
    }

    /// Whether the frontend believes that there is a network.
    pub(crate) async fn online(&self) -> Outcome<String> {
        let answer = self.call("NetworkMonitor", "GetAvailable", &()).await?;
        let available: bool = answer.body().deserialize()?;
        Ok(available.to_string())
    }

    async fn call<B>(&self, interface: &str, method: &str, body: &B) -> Outcome<Message>
    where
        B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType,
    {
        let interface = format!("org.freedesktop.portal.{interface}");
        Ok(self.bus.call_method(Some(NAME), PATH, Some(interface.as_str()), method, body).await?)
    }

    /// A call whose answer is a signal. It is listened for before the call, because it may come first.
    async fn request<B>(&self, interface: &str, method: &str, body: &B) -> Outcome<String>
    where
        B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType,
    {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface("org.freedesktop.portal.Request")
            .member("Response")
            .build()?;
        let mut answers = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        self.call(interface, method, body).await?;
        let answer = answers.next().await.ok_or("the bus is gone")??;
        let (code, results): (u32, HashMap<String, OwnedVariant>) = answer.body().deserialize()?;
        let uris = results.get("uris").and_then(|uris| uris.try_clone().ok());
        let uris: Vec<String> = uris.map(Vec::<String>::try_from).transpose()?.unwrap_or_default();
        let writable = results.get("writable").and_then(|w| bool::try_from(w).ok()).unwrap_or(false);
        Ok([vec![code.to_string()], uris, writable.then(|| "writable".to_owned()).into_iter().collect()]
            .concat()
            .join(" "))
    }
}
