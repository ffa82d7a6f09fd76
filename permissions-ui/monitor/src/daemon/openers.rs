// SPDX-License-Identifier: GPL-3.0-or-later
//! Which apps open addresses: the launcher knows, since it reads their descriptions. In: a launcher on the bus,
//! or another one. Out: its list; it is asked again each time another one has come.

use super::{Event, Inbox};
use cofferdam_bus::launcher::{LauncherProxy, OpenerEntry};
use cofferdam_ids::Label;
use cofferdam_monitor_core::Opener;
use futures_lite::StreamExt as _;

/// Apps that are listened to.
const MAX_OPENERS: usize = 1024;
/// Schemes of one app.
const MAX_SCHEMES: usize = 64;

/// Asks until the daemon ends. Until there is an answer no address is opened.
pub(super) fn keep(bus: zbus::Connection, inbox: Inbox) {
    tokio::spawn(async move {
        if let Err(error) = ask(&bus, &inbox).await {
            tracing::warn!(%error, "no app will be offered for opening addresses");
        }
    });
}

async fn ask(bus: &zbus::Connection, inbox: &Inbox) -> zbus::Result<()> {
    let launcher = LauncherProxy::new(bus).await?;
    // Listened to first, so that one that comes in between is not missed.
    let mut owners = launcher.inner().receive_owner_changed().await?;
    loop {
        match launcher.openers().await {
            Ok(entries) => {
                let openers = entries.into_iter().take(MAX_OPENERS).filter_map(opener).collect();
                if inbox.send(Event::Openers(openers)).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) => tracing::info!(%error, "no launcher yet"),
        }
        loop {
            match owners.next().await {
                Some(Some(_another)) => break,
                Some(None) => {}
                None => return Ok(()),
            }
        }
    }
}

/// None, if there can be no such app.
fn opener(entry: OpenerEntry) -> Option<Opener> {
    let schemes = entry.schemes.into_iter().take(MAX_SCHEMES).filter(|s| cofferdam_ids::is_scheme(s));
    Some(Opener { app: entry.app.parse().ok()?, name: Label::new(&entry.name), schemes: schemes.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_app_or_scheme_is_left_out() {
        let entry = |app: &str| OpenerEntry {
            app: app.into(),
            name: "Fire\u{202e}fox".into(),
            schemes: vec!["https".into(), "no scheme".into()],
        };
        let opener = opener(entry("firefox")).unwrap();
        assert_eq!((opener.name.as_str(), opener.schemes), ("Firefox", vec!["https".to_owned()]));
        assert!(super::opener(entry("../x")).is_none());
    }
}
