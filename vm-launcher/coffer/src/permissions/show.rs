// SPDX-License-Identifier: GPL-3.0-or-later
//! Permissions for people. In: what the monitor says. Out: tables. Nothing in a cell moves a cursor,
//! whoever chose its words.

use super::{AppPermissions, Overview};
use crate::error::Error;
use crate::ui::{self, table};
use cofferdam_bus::permissions::{FileEntry, GrantEntry, LogEntry, PermissionEntry};

/// A text from elsewhere, on one line and without control or direction characters.
fn clean(text: &str) -> String {
    cofferdam_ids::Label::new(text).as_str().to_owned()
}

/// The same, with its middle left out where it is long: the end of a name says whose it is.
fn middle(text: &str) -> String {
    const ENDS: usize = 38;
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 2 * ENDS {
        return clean(text);
    }
    let start: String = chars.iter().take(ENDS).collect();
    let end: String = chars.iter().skip(chars.len().saturating_sub(ENDS)).collect();
    clean(&format!("{start}…{end}"))
}

/// One line of words.
pub(super) fn line(words: &[&str]) -> Result<(), Error> {
    ui::answer(&words.join("  "))
}

/// All apps, a line each.
pub(super) fn all(overview: &Overview) -> String {
    let state = |a: &AppPermissions| match (a.app.running, a.app.silenced, a.app.waiting) {
        (_, true, _) => "silenced".to_owned(),
        (_, _, n) if n > 0 => format!("{n} waiting"),
        (true, ..) => "running".to_owned(),
        (false, ..) => "off".to_owned(),
    };
    let row = |a: &AppPermissions| {
        [clean(&a.app.vm), clean(&a.app.name), clean(&a.app.identity), state(a), clean(&a.app.summary)]
    };
    let rows: Vec<_> = overview.apps.iter().map(row).collect();
    let mut text = table(["VM", "NAME", "COLOUR", "STATE", "MAY"], &rows);
    text.push_str(&pending(overview));
    text
}

fn pending(overview: &Overview) -> String {
    if overview.pending.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = overview
        .pending
        .iter()
        .map(|p| [clean(&p.vm), clean(&p.kind), clean(&p.target), ago(overview.now, p.at)])
        .collect();
    format!("\n\n{}", table(["WAITS", "KIND", "ABOUT", "SINCE"], &rows))
}

/// Some apps, in full.
pub(super) fn each(overview: &Overview) -> String {
    let mut parts = Vec::new();
    for app in &overview.apps {
        let mut part =
            format!("{}  {}  {}\n\n", clean(&app.app.vm), clean(&app.app.name), clean(&app.app.identity));
        let rows: Vec<_> = app
            .permissions
            .iter()
            .map(|p| {
                [clean(&p.kind), clean(&p.level), clean(&p.author), p.uses.to_string(), p.levels.join(" ")]
            })
            .collect();
        part.push_str(&table(["KIND", "LEVEL", "SET BY", "USES", "CAN BE"], &rows));
        let grants: Vec<_> =
            app.permissions.iter().flat_map(|p| &p.grants).map(|g| grant(overview.now, g)).collect();
        if !grants.is_empty() {
            part.push_str("\n\n");
            part.push_str(&table(["GRANT", "KIND", "ABOUT", "SAYS", "UNTIL", "BY", "LAST USED"], &grants));
        }
        if !app.files.is_empty() {
            let files: Vec<_> = app.files.iter().map(|f| file(overview.now, f)).collect();
            part.push_str("\n\n");
            part.push_str(&table(["FILE", "NAME", "WHAT", "MAY", "SINCE"], &files));
        }
        parts.push(part);
    }
    parts.join("\n\n") + &pending(overview)
}

fn grant(now: u64, g: &GrantEntry) -> [String; 7] {
    let until = match g.lifetime.as_str() {
        "once" => "one use".to_owned(),
        "run" => "it ends".to_owned(),
        "until" => format!("{} left", duration(g.until.saturating_sub(now))),
        _ => "revoked".to_owned(),
    };
    [
        g.id.to_string(),
        clean(&g.kind),
        clean(&g.target),
        clean(&g.effect),
        until,
        clean(&g.author),
        ago(now, g.last_used),
    ]
}

fn file(now: u64, f: &FileEntry) -> [String; 5] {
    let (what, may) = (if f.folder { "folder" } else { "file" }, if f.write { "write" } else { "read" });
    [f.id.to_string(), clean(&f.name), what.to_owned(), may.to_owned(), ago(now, f.at)]
}

/// The numbers of the files of this name, of the one with this number if none is called so, or of all.
pub(super) fn files_of(files: &[FileEntry], target: Option<&str>) -> Vec<u64> {
    let those =
        |wanted: &dyn Fn(&FileEntry) -> bool| files.iter().filter(|f| wanted(f)).map(|f| f.id).collect();
    let Some(target) = target else { return those(&|_| true) };
    let named: Vec<u64> = those(&|f| f.name == target);
    if named.is_empty() { those(&|f| f.id.to_string() == target) } else { named }
}

/// The numbers of what was allowed of a kind, or of whatever was said about exactly `target`: a "never" goes
/// only if it is meant.
pub(super) fn numbers(permissions: &[PermissionEntry], kind: &str, target: Option<&str>) -> Vec<u64> {
    let of_kind = permissions.iter().filter(|p| p.kind == kind).flat_map(|p| &p.grants);
    of_kind.filter(|g| target.map_or(g.effect == "allow", |t| g.target == t)).map(|g| g.id).collect()
}

/// What happened, oldest first, as one reads.
pub(super) fn log(entries: &[LogEntry]) -> String {
    let row = |e: &LogEntry| {
        [
            e.seq.to_string(),
            stamp(e.at),
            clean(&e.vm),
            clean(&e.what),
            clean(&e.kind),
            middle(&e.target),
            clean(&e.detail),
        ]
    };
    let rows: Vec<_> = entries.iter().rev().map(row).collect();
    table(["LINE", "TIME (UTC)", "VM", "WHAT", "KIND", "ABOUT", ""], &rows)
}

fn ago(now: u64, at: u64) -> String {
    if at == 0 { String::new() } else { format!("{} ago", duration(now.saturating_sub(at))) }
}

fn duration(millis: u64) -> String {
    match millis / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// `2026-11-21 04:15:03`.
fn stamp(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, in_day) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is their last; eras have 400 of them.
    let shifted = days.saturating_add(719_468);
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3600, in_day % 3600 / 60, in_day % 60);
    format!("{year}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_bus::permissions::{AppEntry, PendingEntry};

    fn entry(id: u64, target: &str, lifetime: &str) -> GrantEntry {
        GrantEntry {
            id,
            vm: "mail".into(),
            kind: "network".into(),
            target: target.into(),
            effect: "allow".into(),
            lifetime: lifetime.into(),
            until: if lifetime == "until" { 2_530_000 } else { 0 },
            author: "prompt".into(),
            at: 5000,
            last_used: 9000,
        }
    }

    fn overview() -> Overview {
        let app = AppEntry {
            vm: "mail".into(),
            app: "thunderbird".into(),
            name: "Mail\u{202e}\u{1b}[2J".into(),
            identity: "sky".into(),
            running: true,
            since: 1000,
            online: true,
            waiting: 1,
            silenced: false,
            summary: "online · 42 min".into(),
        };
        let network = PermissionEntry {
            kind: "network".into(),
            level: "ask".into(),
            levels: vec!["off".into(), "ask".into()],
            author: "default".into(),
            grants: vec![entry(3, "imap.example.org", "until"), entry(4, "a.org", "standing")],
            uses: 12,
        };
        let pending = PendingEntry {
            id: 1,
            vm: "mail".into(),
            kind: "network".into(),
            target: "b.org:993".into(),
            at: 7000,
            answers: vec!["this-time".into()],
        };
        Overview {
            now: 10_000,
            apps: vec![AppPermissions { app, permissions: vec![network], files: Vec::new() }],
            pending: vec![pending],
        }
    }

    #[test]
    fn tables() {
        let text = all(&overview());
        assert!(text.contains("1 waiting") && text.contains("b.org:993"), "{text}");
        let text = each(&overview());
        for part in ["42 min left", "imap.example.org", "1 s ago", "off ask", "3 s ago"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn files_are_found() {
        let file = |id, name: &str| FileEntry {
            id,
            vm: "mail".into(),
            name: name.into(),
            folder: id == 9,
            write: id == 9,
            at: 4000,
        };
        let files = [file(7, "9"), file(8, "a.txt"), file(9, "pictures"), file(10, "a.txt")];
        assert_eq!(files_of(&files, None), [7, 8, 9, 10]);
        assert_eq!(files_of(&files, Some("a.txt")), [8, 10], "all that are called so");
        assert_eq!(files_of(&files, Some("9")), [7], "a name before a number");
        assert_eq!(files_of(&files, Some("8")), [8]);
        assert!(files_of(&files, Some("b.txt")).is_empty());
        let mut overview = overview();
        overview.apps[0].files = files.to_vec();
        let text = each(&overview);
        for part in ["9     pictures  folder  write  6 s ago", "8     a.txt     file    read   6 s ago"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn grants_are_found() {
        let all = overview().apps.remove(0).permissions;
        assert_eq!(numbers(&all, "network", None), [3, 4]);
        assert_eq!(numbers(&all, "network", Some("a.org")), [4]);
        assert!(numbers(&all, "clipboard", None).is_empty());
        let mut never = all;
        never[0].grants[1].effect = "deny".into();
        assert_eq!(numbers(&never, "network", None), [3], "what the person forbade stays forbidden");
        assert_eq!(numbers(&never, "network", Some("a.org")), [4], "unless it is named");
    }

    #[test]
    fn json_has_an_app_and_its_permissions_in_one_object() {
        let value = serde_json::to_value(overview()).unwrap();
        assert_eq!(value["apps"][0]["vm"], "mail");
        assert_eq!(value["apps"][0]["permissions"][0]["grants"][0]["target"], "imap.example.org");
        assert_eq!(value["now"], 10_000);
        assert_eq!(value["pending"][0]["id"], 1);
    }

    #[test]
    fn what_a_guest_wrote_stays_on_its_line() {
        let entry = LogEntry {
            seq: 7,
            at: 0,
            vm: "mail".into(),
            kind: "network".into(),
            what: "refused".into(),
            target: "a\n8  2026-11-21 04:15:03  mail  granted".into(),
            detail: "\u{1b}[1A".into(),
            bytes_in: 0,
            bytes_out: 0,
            grant: 0,
        };
        let text = log(&[entry]);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let long = format!("{}evil.org:443", "bank.example.".repeat(15));
        let short = middle(&long);
        assert!(short.chars().count() <= 80 && short.starts_with("bank.") && short.ends_with("evil.org:443"));
        assert_eq!(middle("a.org:443"), "a.org:443");
    }

    #[test]
    fn times() {
        for (millis, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_795_234_503_999, "2026-11-21 04:15:03"),
            (4_107_542_399_000, "2100-02-28 23:59:59"),
        ] {
            assert_eq!(stamp(millis), text);
        }
        for (millis, text) in
            [(59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 days")]
        {
            assert_eq!(duration(millis), text);
        }
    }
}
