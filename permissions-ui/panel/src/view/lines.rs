// SPDX-License-Identifier: GPL-3.0-or-later
//! What one app did.
//!
//! In: lines of the monitor's log, newest first. Out: rows, each with what can be done about it.

use super::{Around, text};
use cofferdam_bus::permissions::{LogEntry, PermissionEntry};

/// What can be done about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    None,
    /// Take back the grant under which it happened.
    Stop(u64),
    /// Never be asked about this again, and never allow it.
    Never {
        /// Of which kind.
        kind: String,
        /// About what.
        target: String,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub time: String,
    /// What happened.
    pub what: String,
    /// How much, or how it ended.
    pub detail: String,
    /// What can be done about it.
    pub act: Act,
}

fn sentence(entry: &LogEntry, around: &Around<'_>) -> String {
    let about = |verb: &str| {
        let nothing = entry.target.is_empty();
        let target = if nothing { text::kind(&entry.kind).to_owned() } else { around.target(&entry.target) };
        if verb.is_empty() { target } else { format!("{verb} {target}") }
    };
    match (entry.what.as_str(), entry.kind.as_str()) {
        ("started", _) => "started".to_owned(),
        ("ended", _) => "ended".to_owned(),
        ("asked", _) => about("asked for"),
        ("answered", _) => about("you answered about"),
        ("granted", _) if entry.detail.starts_with("never") => about("forbidden:"),
        ("granted", _) => about("allowed:"),
        ("revoked", _) => about("taken back:"),
        ("level", _) => format!("{} was set", text::kind(&entry.kind)),
        ("used", "clipboard") => about("pasted"),
        ("used", "drag-and-drop") => about("was given"),
        ("used", "files") => about("opened"),
        ("used", _) => about(""),
        ("refused", _) => about("wanted"),
        ("silenced", _) => "is not heard any more".to_owned(),
        (other, _) => about(other),
    }
}

fn act(entry: &LogEntry, permissions: &[PermissionEntry]) -> Act {
    let grants = || permissions.iter().flat_map(|p| &p.grants);
    let holds = entry.grant != 0 && grants().any(|g| g.id == entry.grant && g.effect == "allow");
    match entry.what.as_str() {
        "used" | "granted" if holds => Act::Stop(entry.grant),
        "refused" if matches!(entry.kind.as_str(), "network") && !entry.target.is_empty() => {
            let host = host_of(&entry.target);
            let never = grants().any(|g| g.kind == entry.kind && g.target == host && g.effect == "deny");
            if never { Act::None } else { Act::Never { kind: entry.kind.clone(), target: host.to_owned() } }
        }
        _ => Act::None,
    }
}

/// A site without its port: grants don't name ports.
fn host_of(target: &str) -> &str {
    match target.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') =>
        {
            host
        }
        _ => target,
    }
}

/// The rows, newest first.
#[must_use]
pub fn rows(entries: &[LogEntry], permissions: &[PermissionEntry], around: &Around<'_>) -> Vec<Row> {
    let row = |entry: &LogEntry| Row {
        time: text::when(entry.at, around.now, around.zone),
        what: sentence(entry, around),
        detail: entry.detail.clone(),
        act: act(entry, permissions),
    };
    entries.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_bus::permissions::GrantEntry;

    fn line(what: &str, kind: &str, target: &str, grant: u64) -> LogEntry {
        LogEntry {
            seq: 1,
            at: 0,
            vm: "mail".into(),
            kind: kind.into(),
            what: what.into(),
            target: target.into(),
            detail: String::new(),
            bytes_in: 0,
            bytes_out: 0,
            grant,
        }
    }

    fn permissions(effect: &str, target: &str) -> Vec<PermissionEntry> {
        let grant = GrantEntry {
            id: 7,
            vm: "mail".into(),
            kind: "network".into(),
            target: target.into(),
            effect: effect.into(),
            lifetime: "standing".into(),
            until: 0,
            author: "prompt".into(),
            at: 0,
            last_used: 0,
        };
        vec![PermissionEntry {
            kind: "network".into(),
            level: "ask".into(),
            levels: Vec::new(),
            author: "default".into(),
            grants: vec![grant],
            uses: 0,
        }]
    }

    #[test]
    fn what_can_be_done() {
        let allowed = permissions("allow", "imap.example.org");
        let denied = permissions("deny", "tracker.example.net");
        let never = Act::Never { kind: "network".into(), target: "tracker.example.net".into() };
        for (line, permissions, expected) in [
            (line("used", "network", "imap.example.org:993", 7), &allowed, Act::Stop(7)),
            (line("used", "network", "imap.example.org:993", 8), &allowed, Act::None),
            (line("used", "network", "imap.example.org:993", 7), &denied, Act::None),
            (line("refused", "network", "tracker.example.net:443", 0), &allowed, never),
            (line("refused", "network", "tracker.example.net:443", 0), &denied, Act::None),
            (line("refused", "clipboard", "text from firefox", 0), &allowed, Act::None),
            (line("started", "", "", 0), &allowed, Act::None),
        ] {
            assert_eq!(act(&line, permissions), expected, "{line:?}");
        }
    }

    #[test]
    fn sentences() {
        for (line, words) in [
            (line("used", "network", "imap.example.org:993", 0), "imap.example.org:993"),
            (line("used", "clipboard", "text from firefox", 0), "pasted text from firefox"),
            (line("refused", "network", "tracker.example.net", 0), "wanted tracker.example.net"),
            (line("level", "network", "", 0), "Network was set"),
            (line("asked", "files", "", 0), "asked for Files"),
        ] {
            let around = Around { apps: &[], now: 0, zone: &jiff::tz::TimeZone::UTC };
            assert_eq!(sentence(&line, &around), words);
        }
    }

    #[test]
    fn hosts() {
        for (target, host) in [
            ("a.example:443", "a.example"),
            ("a.example", "a.example"),
            ("local:printer.home", "local:printer.home"),
            ("local:printer.home:631", "local:printer.home"),
            ("[fd00::1]:443", "[fd00::1]"),
        ] {
            assert_eq!(host_of(target), host);
        }
    }
}
