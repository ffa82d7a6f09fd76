// SPDX-License-Identifier: GPL-3.0-or-later
//! What is shown, in words and in which order.
//!
//! In: entries of the monitor, the time, a time zone. Out: plain rows. No I/O, no clock, no toolkit:
//! everything here can be tested with a table.

pub mod apps;
pub mod chooser;
pub mod lines;
pub mod permissions;
pub mod text;

use cofferdam_bus::permissions::AppEntry;
use jiff::tz::TimeZone;

/// What words depend on, besides the entries that they are about.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// All apps that are known.
    pub apps: &'a [AppEntry],
    /// The monitor's time.
    pub now: u64,
    /// The person's time zone.
    pub zone: &'a TimeZone,
}

impl Around<'_> {
    /// What a grant or a line is about, in people's words: an app by its name and not by its VM's.
    #[must_use]
    pub fn target(&self, target: &str) -> String {
        let named = target.split_once(" from ").and_then(|(what, vm)| {
            let app = self.apps.iter().find(|app| app.vm == vm)?;
            Some(format!("{what} from {}", app.name))
        });
        named.unwrap_or_else(|| target.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_called_by_their_names() {
        let app = AppEntry {
            vm: "firefox-2".into(),
            app: "firefox".into(),
            name: "Firefox".into(),
            identity: "sky".into(),
            running: true,
            since: 0,
            online: false,
            waiting: 0,
            silenced: false,
            summary: "nothing".into(),
        };
        let around = Around { apps: &[app], now: 0, zone: &TimeZone::UTC };
        for (target, words) in [
            ("text from firefox-2", "text from Firefox"),
            ("image from firefox", "image from firefox"),
            ("imap.example.org:993", "imap.example.org:993"),
            ("", ""),
        ] {
            assert_eq!(around.target(target), words);
        }
    }
}
