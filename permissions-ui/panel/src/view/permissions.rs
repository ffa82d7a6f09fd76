// SPDX-License-Identifier: GPL-3.0-or-later
//! What one app may do.
//!
//! In: the monitor's entries of one VM. Out: a row per kind that can be chosen, with its grants, and one
//! sentence about those that can't.

use super::{Around, text};
use cofferdam_bus::permissions::{FileEntry, GrantEntry, PermissionEntry};

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// By name.
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// The levels: name and words.
    pub levels: Vec<(String, String)>,
    /// Which one holds.
    pub chosen: usize,
    /// An administrator set it.
    pub locked: bool,
    /// A word about its use.
    pub note: String,
    /// What was given or refused one by one; of files also what the app has now.
    pub grants: Vec<Grant>,
}

/// What can be taken back on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// The grant of this number.
    Grant(u64),
    /// The file or folder of this number.
    File(u64),
}

impl Back {
    /// As a row carries it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Grant(id) => id.to_string(),
            Self::File(id) => format!("file {id}"),
        }
    }

    /// What a row carries.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("file ") {
            Some(id) => id.parse().ok().map(Self::File),
            None => name.parse().ok().map(Self::Grant),
        }
    }
}

/// One grant, or one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub id: Back,
    /// What it covers.
    pub target: String,
    /// For how long, since when, by whom.
    pub scope: String,
    /// How long it goes on, if it ends by itself.
    pub left: String,
    /// What its button says.
    pub action: &'static str,
    /// What the button says to those who hear it.
    pub label: String,
}

fn grant(entry: &GrantEntry, around: &Around<'_>) -> Grant {
    let left = if entry.until == 0 { String::new() } else { text::left(entry.until, around.now) };
    let target = around.target(&entry.target);
    Grant {
        id: Back::Grant(entry.id),
        scope: text::scope(entry, around.now, around.zone),
        left,
        action: "revoke",
        label: format!("Revoke {target}"),
        target,
    }
}

fn file(entry: &FileEntry, around: &Around<'_>) -> Grant {
    Grant {
        id: Back::File(entry.id),
        target: entry.name.clone(),
        scope: text::handed_over(entry, around.now, around.zone),
        left: String::new(),
        action: "take back",
        label: format!("Take back {}", entry.name),
    }
}

fn note(entry: &PermissionEntry) -> String {
    if entry.author == "admin" {
        return "set by your administrator".to_owned();
    }
    let thing = match (entry.kind.as_str(), entry.uses) {
        (_, 0) => return "never used".to_owned(),
        ("clipboard", 1) => "paste",
        ("clipboard", _) => "pastes",
        ("files", 1) => "file",
        ("files", _) => "files",
        ("network", 1) => "connection",
        ("network", _) => "connections",
        (_, 1) => return "used once".to_owned(),
        (_, n) => return format!("used {n} times"),
    };
    format!("{} {thing}", entry.uses)
}

/// The rows, in the monitor's order.
#[must_use]
pub fn rows(entries: &[PermissionEntry], files: &[FileEntry], around: &Around<'_>) -> Vec<Row> {
    let here = |entry: &PermissionEntry| if entry.kind == "files" { files } else { &[] };
    let open = entries.iter().filter(|entry| can_be_chosen(entry));
    let row = |entry: &PermissionEntry| Row {
        kind: entry.kind.clone(),
        label: text::kind(&entry.kind).to_owned(),
        levels: entry.levels.iter().map(|l| (l.clone(), text::level(&entry.kind, l).to_owned())).collect(),
        chosen: entry.levels.iter().position(|level| *level == entry.level).unwrap_or(0),
        locked: entry.author == "admin",
        note: note(entry),
        grants: (entry.grants.iter().map(|g| grant(g, around)))
            .chain(here(entry).iter().map(|f| file(f, around)))
            .collect(),
    };
    open.map(row).collect()
}

/// Kinds that nothing serves yet stand in one sentence; one with a grant is always shown.
fn can_be_chosen(entry: &PermissionEntry) -> bool {
    entry.levels.len() > 1 || !entry.grants.is_empty()
}

/// What is always off: `Microphone, camera and devices are always off`.
#[must_use]
pub fn closed(entries: &[PermissionEntry]) -> String {
    let names: Vec<String> = entries
        .iter()
        .filter(|entry| !can_be_chosen(entry))
        .enumerate()
        .map(|(n, entry)| {
            let name = text::kind(&entry.kind);
            if n == 0 { name.to_owned() } else { name.to_lowercase() }
        })
        .collect();
    match names.split_last() {
        None => String::new(),
        Some((one, [])) => format!("{one}: always off"),
        Some((last, rest)) => format!("{} and {last}: always off", rest.join(", ")),
    }
}

/// Whether something runs out, so that its countdown has to be drawn.
#[must_use]
pub fn counts_down(entries: &[PermissionEntry], now: u64) -> bool {
    entries.iter().flat_map(|entry| &entry.grants).any(|grant| grant.until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, level: &str, levels: &[&str]) -> PermissionEntry {
        PermissionEntry {
            kind: kind.into(),
            level: level.into(),
            levels: levels.iter().map(|l| (*l).to_owned()).collect(),
            author: "default".into(),
            grants: Vec::new(),
            uses: 0,
        }
    }

    #[test]
    fn what_can_be_chosen_and_what_not() {
        let entries = [
            entry("network", "ask", &["off", "ask", "all"]),
            entry("microphone", "off", &["off"]),
            entry("camera", "off", &["off"]),
            entry("devices", "off", &["off"]),
        ];
        let around = Around { apps: &[], now: 0, zone: &jiff::tz::TimeZone::UTC };
        let rows = rows(&entries, &[], &around);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].chosen, rows[0].levels[1].1.as_str()), (1, "ask per site"));
        assert_eq!(closed(&entries), "Microphone, camera and devices: always off");
        assert_eq!(
            (closed(&entries[..1]), closed(&entries[..2])),
            (String::new(), "Microphone: always off".into())
        );
    }

    #[test]
    fn notes() {
        for (kind, author, uses, words) in [
            ("network", "default", 0, "never used"),
            ("network", "person", 3, "3 connections"),
            ("clipboard", "person", 1, "1 paste"),
            ("notifications", "person", 1, "used once"),
            ("notifications", "person", 7, "used 7 times"),
            ("network", "admin", 3, "set by your administrator"),
        ] {
            let mut entry = entry(kind, "off", &["off", "ask"]);
            entry.author = author.into();
            entry.uses = uses;
            assert_eq!(note(&entry), words);
        }
    }
}
