// SPDX-License-Identifier: GPL-3.0-or-later
//! Fixed data. In: a number of apps. Out: entries as the monitor would send them, some of them with the
//! longest German words and with text that runs from right to left.

use cofferdam_bus::permissions::{AppEntry, FileEntry, GrantEntry, LogEntry, PermissionEntry};

/// 2026-11-21 14:07:30 UTC.
pub(crate) const NOW: u64 = 1_795_270_050_000;
const MINUTE: u64 = 60_000;

const NAMES: [(&str, &str); 9] = [
    ("Firefox", "sky"),
    ("Mail", "green"),
    ("Terminal", "orange"),
    ("Video call", "grey"),
    ("Calculator", "yellow"),
    ("Donaudampfschifffahrtsgesellschaftskapitänskajütenverwaltung", "purple"),
    ("محرر النصوص", "blue"),
    ("Notes", "vermilion"),
    ("עורך טקסט", "sky"),
];

const SUMMARIES: [&str; 5] = ["online", "online · 42 min", "nothing", "pastes · files", "nothing"];

pub(crate) fn apps(count: usize) -> Vec<AppEntry> {
    (0..count)
        .map(|n| {
            let (name, identity) = NAMES[n % NAMES.len()];
            AppEntry {
                vm: format!("vm-{n}"),
                app: name.to_lowercase(),
                name: name.to_owned(),
                identity: identity.to_owned(),
                running: n % 5 != 4,
                since: NOW - 235 * MINUTE + n as u64,
                online: n % 5 < 2,
                waiting: u32::from(n == 3),
                silenced: false,
                summary: SUMMARIES[n % SUMMARIES.len()].to_owned(),
            }
        })
        .collect()
}

fn grant(id: u64, kind: &str, target: &str, effect: &str, lifetime: &str, at: u64, until: u64) -> GrantEntry {
    GrantEntry {
        id,
        vm: "vm-1".into(),
        kind: kind.into(),
        target: target.into(),
        effect: effect.into(),
        lifetime: lifetime.into(),
        until,
        author: "prompt".into(),
        at,
        last_used: at,
    }
}

fn entry(kind: &str, level: &str, levels: &[&str], uses: u64, grants: Vec<GrantEntry>) -> PermissionEntry {
    PermissionEntry {
        kind: kind.into(),
        level: level.into(),
        levels: levels.iter().map(|l| (*l).to_owned()).collect(),
        author: "default".into(),
        grants,
        uses,
    }
}

pub(crate) fn permissions() -> Vec<PermissionEntry> {
    let hour = NOW - 17 * MINUTE - 50_000;
    let sites = vec![
        grant(1, "network", "imap.example.org", "allow", "until", hour, hour + 60 * MINUTE),
        grant(2, "network", "smtp.example.org", "allow", "standing", NOW - 18 * 24 * 60 * MINUTE, 0),
        grant(3, "network", "tracker.example.net", "deny", "standing", NOW - 27 * MINUTE, 0),
    ];
    let pastes = vec![grant(4, "clipboard", "text from vm-0", "allow", "run", NOW - 9 * MINUTE, 0)];
    vec![
        entry("network", "ask", &["off", "ask", "listed", "internet", "all"], 37, sites),
        entry("clipboard", "ask", &["off", "ask", "listed"], 1, pastes),
        entry("drag-and-drop", "off", &["off", "ask", "listed"], 0, Vec::new()),
        entry("files", "ask", &["off", "ask"], 2, Vec::new()),
        entry("open-uri", "ask", &["off", "ask"], 0, Vec::new()),
        entry("notifications", "ask", &["off", "ask", "all"], 0, Vec::new()),
        entry("idle-inhibit", "ask", &["off", "ask", "all"], 0, Vec::new()),
        entry("microphone", "off", &["off"], 0, Vec::new()),
        entry("camera", "off", &["off"], 0, Vec::new()),
        entry("devices", "off", &["off"], 0, Vec::new()),
    ]
}

/// What was handed over.
pub(crate) fn files() -> Vec<FileEntry> {
    let file = |id, name: &str, folder, write, ago| FileEntry {
        id,
        vm: "vm-1".into(),
        name: name.into(),
        folder,
        write,
        at: NOW - ago * MINUTE,
    };
    vec![
        file(11, "letter.txt", false, false, 5),
        file(12, "Holiday pictures 2026, the best ones", true, true, 63),
    ]
}

fn line(ago: u64, what: &str, kind: &str, target: &str, detail: &str, grant: u64) -> LogEntry {
    LogEntry {
        seq: (NOW - ago) / 1000,
        at: NOW - ago,
        vm: "vm-1".into(),
        kind: kind.into(),
        what: what.into(),
        target: target.into(),
        detail: detail.into(),
        bytes_in: 0,
        bytes_out: 0,
        grant,
    }
}

pub(crate) fn log() -> Vec<LogEntry> {
    vec![
        line(5 * MINUTE, "used", "network", "imap.example.org:993", "1.2 MB in", 1),
        line(9 * MINUTE, "used", "clipboard", "text from vm-0", "214 B in", 4),
        line(27 * MINUTE, "refused", "network", "ads.example.net:443", "refused by you", 0),
        line(235 * MINUTE, "started", "", "", "", 0),
        line(26 * 60 * MINUTE, "used", "network", "imap.example.org:993", "11 kB in", 0),
    ]
}

pub(crate) fn long_log() -> Vec<LogEntry> {
    (0..40)
        .map(|n| line(n * MINUTE, "used", "network", &format!("host-{n}.example.org:443"), "3.4 kB in", 0))
        .collect()
}
