// SPDX-License-Identifier: GPL-3.0-or-later
//! Apps in the bar and in the panel's list.
//!
//! In: the monitor's apps. Out: which of them are in the bar, and what the bar says about all of them.

use cofferdam_bus::permissions::AppEntry;

/// Logical pixels that the bar needs beside its apps, and for each letter of its note.
const BESIDE: usize = 470;
const LETTER: usize = 8;
/// What an app needs with its mark only, and what is comfortable with its name.
const NARROW: usize = 34;
const WIDE: usize = 96;
/// What the active app may need for its name.
const ACTIVE: usize = 150;

/// How the bar shows its apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Those that have room.
    pub apps: Vec<&'a AppEntry>,
    /// How many have none.
    pub more: usize,
    /// Marks only: there is no room for names.
    pub narrow: bool,
}

/// The running apps that fit a bar of this width, in the order in which they were started.
#[must_use]
pub fn row(apps: &[AppEntry], width: usize) -> Row<'_> {
    let mut running: Vec<&AppEntry> = apps.iter().filter(|app| app.running).collect();
    running.sort_by(|a, b| (a.since, &a.vm).cmp(&(b.since, &b.vm)));
    let note = note(apps).chars().count().saturating_mul(LETTER);
    let room = width.saturating_sub(BESIDE).saturating_sub(note);
    let narrow = running.len().saturating_mul(WIDE) > room;
    let most = (room.saturating_sub(ACTIVE) / NARROW).max(1);
    let more = if running.len() > most { running.len() - most + 1 } else { 0 };
    running.truncate(running.len() - more);
    Row { apps: running, more, narrow }
}

/// What the bar says about the network, and whether anybody is online.
#[must_use]
pub fn network(apps: &[AppEntry]) -> (String, bool) {
    match apps.iter().filter(|app| app.running && app.online).count() {
        0 => ("offline".to_owned(), false),
        1 => ("1 app online".to_owned(), true),
        n => (format!("{n} apps online"), true),
    }
}

/// What somebody should know now: a question that waits, an app that is not heard.
#[must_use]
pub fn note(apps: &[AppEntry]) -> String {
    let waiting: u32 = apps.iter().filter(|app| app.running).map(|app| app.waiting).sum();
    let silenced: Vec<&str> =
        apps.iter().filter(|app| app.running && app.silenced).map(|app| app.name.as_str()).collect();
    match (silenced.as_slice(), waiting) {
        ([], 0) => String::new(),
        ([], 1) => "1 question waits".to_owned(),
        ([], n) => format!("{n} questions wait"),
        ([one], _) => format!("{one} asked too often and is not heard"),
        (several, _) => format!("{} apps asked too often and are not heard", several.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(vm: &str, since: u64) -> AppEntry {
        AppEntry {
            vm: vm.into(),
            app: vm.into(),
            name: vm.to_uppercase(),
            identity: "green".into(),
            running: true,
            since,
            online: false,
            waiting: 0,
            silenced: false,
            summary: "nothing".into(),
        }
    }

    #[test]
    fn who_is_in_the_bar() {
        let mut apps = vec![app("b", 2), app("a", 2), app("c", 1), app("gone", 0)];
        apps[3].running = false;
        let shown = row(&apps, 1280);
        assert_eq!(shown.apps.iter().map(|a| a.vm.as_str()).collect::<Vec<_>>(), ["c", "a", "b"]);
        assert_eq!((shown.more, shown.narrow), (0, false));
        let many: Vec<AppEntry> = (0..40).map(|n| app(&format!("a{n:02}"), n)).collect();
        let shown = row(&many, 1280);
        assert_eq!(shown.apps.len() + shown.more, 40);
        assert!(shown.narrow && shown.apps.len() * NARROW <= 1280 - BESIDE, "{}", shown.apps.len());
        assert!(row(&many, 0).more > 0, "no width is too small");
        assert!(row(&[], 1280).apps.is_empty());
    }

    #[test]
    fn what_the_bar_says() {
        let mut apps = vec![app("a", 1), app("b", 2)];
        assert_eq!((network(&apps).0, note(&apps)), ("offline".to_owned(), String::new()));
        apps[0].online = true;
        assert_eq!(network(&apps), ("1 app online".to_owned(), true));
        apps[1].online = true;
        assert_eq!(network(&apps).0, "2 apps online");
        apps[0].waiting = 2;
        assert_eq!(note(&apps), "2 questions wait");
        apps[1].silenced = true;
        assert_eq!(note(&apps), "B asked too often and is not heard");
        apps[1].running = false;
        assert_eq!(
            (network(&apps).0, note(&apps)),
            ("1 app online".to_owned(), "2 questions wait".to_owned())
        );
    }
}
