// SPDX-License-Identifier: GPL-3.0-or-later
//! Times and amounts in people's words.
//!
//! In: milliseconds since the epoch, a time zone. Out: `42:10 left`, `always, since 3 Nov`, `14:02`.

use cofferdam_bus::permissions::{FileEntry, GrantEntry};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

fn zoned(at: u64, zone: &TimeZone) -> Zoned {
    let millis = i64::try_from(at).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
}

fn formatted(at: u64, zone: &TimeZone, form: &str) -> String {
    zoned(at, zone).strftime(form).to_string().trim_start().to_owned()
}

/// The bar's clock: `Sat 21 Nov 14:07`.
#[must_use]
pub fn clock(now: u64, zone: &TimeZone) -> String {
    formatted(now, zone, "%a %-d %b %H:%M")
}

/// Milliseconds until the minute changes, at least one.
#[must_use]
pub fn until_next_minute(now: u64) -> u64 {
    MINUTE - now % MINUTE
}

/// How long something goes on: `42:10 left`, `3 h 05 left`. Nothing if it is over.
#[must_use]
pub fn left(until: u64, now: u64) -> String {
    let millis = until.saturating_sub(now);
    if millis == 0 {
        return String::new();
    }
    // A second that has begun still counts.
    let seconds = millis.div_ceil(SECOND);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours >= 2 {
        format!("{hours} h {minutes:02} left")
    } else {
        format!("{}:{:02} left", seconds / 60, seconds % 60)
    }
}

/// When something was: the time if today, else the day too.
#[must_use]
pub fn when(at: u64, now: u64, zone: &TimeZone) -> String {
    let (then, today) = (zoned(at, zone), zoned(now, zone));
    if then.date() == today.date() {
        return formatted(at, zone, "%H:%M");
    }
    if then.year() == today.year() {
        return formatted(at, zone, "%-d %b %H:%M");
    }
    formatted(at, zone, "%-d %b %Y")
}

/// The day, or the time if it is today.
fn since(at: u64, now: u64, zone: &TimeZone) -> String {
    let (then, today) = (zoned(at, zone), zoned(now, zone));
    if then.date() == today.date() {
        formatted(at, zone, "%H:%M")
    } else if then.year() == today.year() {
        formatted(at, zone, "%-d %b")
    } else {
        formatted(at, zone, "%-d %b %Y")
    }
}

/// For how long a grant holds and who gave it when: `for one hour — you, 13:12`.
#[must_use]
pub fn scope(grant: &GrantEntry, now: u64, zone: &TimeZone) -> String {
    let at = since(grant.at, now, zone);
    let who = match grant.author.as_str() {
        "admin" => "the administrator",
        "policy" => "the desktop",
        _ => "you",
    };
    let how_long = match (grant.effect.as_str(), grant.lifetime.as_str()) {
        ("deny", "standing") => "never".to_owned(),
        ("deny", _) => "not for now".to_owned(),
        (_, "once") => "this time".to_owned(),
        (_, "run") => "until it closes".to_owned(),
        (_, "until") => length(grant.until.saturating_sub(grant.at), grant.until, zone),
        _ => "always".to_owned(),
    };
    format!("{how_long}, since {at} — {who}")
}

/// What an app may do with a file that it has, and since when: `to read, since 14:02`.
#[must_use]
pub fn handed_over(file: &FileEntry, now: u64, zone: &TimeZone) -> String {
    let what = if file.folder { "folder, " } else { "" };
    let may = if file.write { "to read and change" } else { "to read" };
    format!("{what}{may}, since {}", since(file.at, now, zone))
}

/// How long a grant with an end was given for.
fn length(millis: u64, until: u64, zone: &TimeZone) -> String {
    match millis {
        HOUR => "for one hour".to_owned(),
        _ if formatted(until, zone, "%H:%M") == "00:00" => "today".to_owned(),
        _ => format!("until {}", formatted(until, zone, "%H:%M")),
    }
}

/// What a kind is called.
#[must_use]
pub fn kind(name: &str) -> &str {
    match name {
        "network" => "Network",
        "clipboard" => "Clipboard",
        "drag-and-drop" => "Drag and drop",
        "files" => "Files",
        "open-uri" => "Links to other apps",
        "microphone" => "Microphone",
        "camera" => "Camera",
        "devices" => "Devices",
        "screen-capture" => "Screen pictures",
        "notifications" => "Notifications",
        "idle-inhibit" => "Keep the screen on",
        "background" => "Run without a window",
        other => other,
    }
}

/// What a level of a kind is called.
#[must_use]
pub fn level<'a>(kind: &str, level: &'a str) -> &'a str {
    match (kind, level) {
        ("network", "ask") => "ask per site",
        ("clipboard" | "drag-and-drop", "listed") => "from chosen apps",
        ("files", "ask") => "only what I hand over",
        ("notifications" | "idle-inhibit", "all") => "always",
        (_, level) => level,
    }
}

/// Bytes as people count them.
#[must_use]
pub fn bytes(n: u64) -> String {
    const STEPS: [(u64, &str); 4] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"), (1, "B")];
    let (unit, name) = STEPS.into_iter().find(|(unit, _)| n >= *unit).unwrap_or((1, "B"));
    let tenths = n / (unit / 10).max(1) % 10;
    if unit == 1 || n / unit >= 100 {
        format!("{} {name}", n / unit)
    } else {
        format!("{}.{tenths} {name}", n / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 14:07:30 UTC.
    const NOW: u64 = 1_795_270_050_000;

    fn grant(effect: &str, lifetime: &str, at: u64, until: u64) -> GrantEntry {
        GrantEntry {
            id: 1,
            vm: "mail".into(),
            kind: "network".into(),
            target: "imap.example.org".into(),
            effect: effect.into(),
            lifetime: lifetime.into(),
            until,
            author: "prompt".into(),
            at,
            last_used: 0,
        }
    }

    #[test]
    fn clocks() {
        assert_eq!(clock(NOW, &TimeZone::UTC), "Sat 21 Nov 14:07");
        assert_eq!((until_next_minute(NOW), until_next_minute(120_000)), (30_000, 60_000));
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(clock(NOW, &berlin), "Sat 21 Nov 15:07");
        assert!(!clock(u64::MAX, &TimeZone::UTC).is_empty(), "the end of time has a name too");
    }

    #[test]
    fn countdowns() {
        for (millis, words) in [
            (0, ""),
            (1, "0:01 left"),
            (1_000, "0:01 left"),
            (59_001, "1:00 left"),
            (42 * MINUTE + 10_000, "42:10 left"),
            (HOUR, "60:00 left"),
            (2 * HOUR, "2 h 00 left"),
            (9 * HOUR + 5 * MINUTE, "9 h 05 left"),
        ] {
            assert_eq!(left(NOW + millis, NOW), words, "{millis}");
        }
        assert_eq!(left(NOW - 1, NOW), "");
    }

    #[test]
    fn days() {
        for (ago, words) in [
            (0, "14:07"),
            (14 * HOUR, "00:07"),
            (15 * HOUR, "20 Nov 23:07"),
            (18 * 24 * HOUR, "3 Nov 14:07"),
            (365 * 24 * HOUR, "21 Nov 2025"),
        ] {
            assert_eq!(when(NOW - ago, NOW, &TimeZone::UTC), words, "{ago}");
        }
    }

    #[test]
    fn scopes() {
        let midnight = NOW - NOW % (24 * HOUR) + 24 * HOUR;
        for (grant, words) in [
            (grant("allow", "until", NOW - MINUTE, NOW - MINUTE + HOUR), "for one hour, since 14:06 — you"),
            (grant("allow", "until", NOW, midnight), "today, since 14:07 — you"),
            (grant("allow", "until", NOW, NOW + 5 * MINUTE), "until 14:12, since 14:07 — you"),
            (grant("allow", "standing", NOW - 18 * 24 * HOUR, 0), "always, since 3 Nov — you"),
            (grant("deny", "standing", NOW, 0), "never, since 14:07 — you"),
            (grant("allow", "once", NOW, 0), "this time, since 14:07 — you"),
            (grant("allow", "run", NOW, 0), "until it closes, since 14:07 — you"),
        ] {
            assert_eq!(scope(&grant, NOW, &TimeZone::UTC), words);
        }
    }

    #[test]
    fn amounts() {
        for (n, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_234_567, "1.2 MB"),
            (99_900_000, "99.9 MB"),
            (100_000_000, "100 MB"),
            (u64::MAX, "18446744073 GB"),
        ] {
            assert_eq!(bytes(n), words);
        }
    }
}
