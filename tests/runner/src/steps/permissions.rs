// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about what apps may do. In: what is expected, or an order. Out: orders go through `coffer`, as a
//! person at a terminal gives them; what holds is asked of the monitor, and `coffer` must say the same.

use super::{Run, StepError};
use crate::desktop::DesktopError;
use crate::format::{ExpectLog, ExpectPermissions, Grant, GrantWanted, Revoke};
use cofferdam_bus::permissions::{GrantEntry, LogEntry, PermissionEntry};

/// Lines of the log that are looked at.
const LINES: u32 = 1000;

pub(super) fn monitor(error: zbus::Error) -> StepError {
    StepError::Desktop(DesktopError::Monitor(error))
}

impl Run<'_> {
    pub(super) fn advance_clock(&mut self, millis: u64) -> Result<(), StepError> {
        let before = self.desktop.monitor()?.now().map_err(monitor)?;
        let after = self.desktop.monitor()?.advance_clock(millis).map_err(monitor)?;
        if after < before.saturating_add(millis) {
            return Err(StepError::Expectation(format!("the clock went from {before} to {after} only")));
        }
        self.desktop.call(cofferdam_control::desktop::Request::Sync)?;
        Ok(())
    }

    pub(super) fn grant(&mut self, grant: &Grant) -> Result<(), StepError> {
        let vm = self.vm(&grant.r#as)?;
        let mut words = vec!["grant", vm.as_str(), &grant.kind];
        words.extend(grant.target.as_deref());
        words.extend(grant.r#for.iter().flat_map(|time| ["--for", time]));
        words.extend(grant.level.iter().flat_map(|level| ["--level", level]));
        Ok(self.desktop.coffer(&words).map(|_| ())?)
    }

    pub(super) fn revoke(&mut self, revoke: &Revoke) -> Result<(), StepError> {
        let vm = revoke.r#as.as_deref().map(|name| self.vm(name)).transpose()?;
        let mut words = vec!["revoke"];
        words.push(vm.as_ref().map_or("--everything", |vm| vm.as_str()));
        words.extend(revoke.kind.as_deref());
        words.extend(revoke.target.as_deref());
        Ok(self.desktop.coffer(&words).map(|_| ())?)
    }

    pub(super) fn expect_permissions(&mut self, wanted: &ExpectPermissions) -> Result<(), StepError> {
        let vm = self.vm(&wanted.r#as)?;
        self.until(wanted.timeout_s, |run| {
            let all = run.desktop.monitor()?.permissions(vm.as_str()).map_err(monitor)?;
            Ok(judge(&all, wanted))
        })?;
        self.all_agree(wanted.timeout_s)?;
        if wanted.panel {
            self.panel_agrees(wanted.timeout_s)?;
            let apps = self.desktop.monitor()?.apps().map_err(monitor)?;
            let place = apps.iter().position(|app| app.vm == vm.as_str());
            return self.panel_agrees_about(place.unwrap_or_default(), wanted.timeout_s);
        }
        Ok(())
    }

    pub(super) fn expect_log(&mut self, wanted: &ExpectLog) -> Result<(), StepError> {
        let vm = self.vm(&wanted.r#as)?;
        self.until(wanted.timeout_s, |run| {
            let lines = run.desktop.monitor()?.log(vm.as_str(), 0, LINES, "").map_err(monitor)?;
            Ok(if lines.iter().any(|line| is_wanted(line, wanted)) {
                None
            } else {
                Some(format!("the log should say `{}`, it says {}", wanted.what, said(&lines)))
            })
        })
    }

    /// Looks until nothing is wrong any more, or a VM of the scenario has ended.
    pub(super) fn until(
        &mut self,
        timeout_s: u64,
        mut wrong: impl FnMut(&mut Self) -> Result<Option<String>, StepError>,
    ) -> Result<(), StepError> {
        self.eventually(timeout_s, |run| {
            let why = wrong(run)?;
            if why.is_some() {
                run.desktop.check_vms(run.apps.values())?;
            }
            Ok(why)
        })
    }
}

/// What is wrong with the permissions of an app, if anything is.
fn judge(all: &[PermissionEntry], wanted: &ExpectPermissions) -> Option<String> {
    let Some(entry) = all.iter().find(|p| p.kind == wanted.kind) else {
        return Some(format!("the monitor says nothing about {}", wanted.kind));
    };
    if let Some(level) = wanted.level.as_ref().filter(|l| **l != entry.level) {
        return Some(format!("the level of {} should be {level}, it is {}", wanted.kind, entry.level));
    }
    let grants = wanted.grants.as_ref()?;
    let missing = grants.iter().find(|w| !entry.grants.iter().any(|g| fits(g, w)));
    let surplus = entry.grants.iter().find(|g| !grants.iter().any(|w| fits(g, w)));
    let is: Vec<String> =
        entry.grants.iter().map(|g| format!("{} {} ({})", g.effect, g.target, g.lifetime)).collect();
    match (missing, surplus) {
        (Some(w), _) => {
            Some(format!("there should be a grant for {}, there is [{}]", w.target, is.join(", ")))
        }
        (None, Some(g)) => Some(format!("there should be no grant for {}", g.target)),
        (None, None) if grants.len() != entry.grants.len() => {
            Some(format!("there should be {} grants, there is [{}]", grants.len(), is.join(", ")))
        }
        _ => None,
    }
}

fn fits(grant: &GrantEntry, wanted: &GrantWanted) -> bool {
    let same = |want: &Option<String>, is: &str| want.as_ref().is_none_or(|w| w == is);
    grant.target == wanted.target
        && same(&wanted.effect, &grant.effect)
        && same(&wanted.lifetime, &grant.lifetime)
}

fn is_wanted(line: &LogEntry, wanted: &ExpectLog) -> bool {
    line.what == wanted.what
        && wanted.kind.as_ref().is_none_or(|k| *k == line.kind)
        && wanted.target.as_ref().is_none_or(|t| line.target.contains(t))
}

/// The newest lines in a few words.
fn said(lines: &[LogEntry]) -> String {
    let newest = lines.iter().take(8).map(|l| format!("{} {} {}", l.what, l.kind, l.target));
    newest.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(targets: &[&str]) -> PermissionEntry {
        let grant = |(id, target): (u64, &&str)| GrantEntry {
            id,
            vm: "mail".into(),
            kind: "network".into(),
            target: (*target).into(),
            effect: "allow".into(),
            lifetime: "until".into(),
            until: 9,
            author: "prompt".into(),
            at: 1,
            last_used: 0,
        };
        PermissionEntry {
            kind: "network".into(),
            level: "ask".into(),
            levels: vec!["ask".into()],
            author: "default".into(),
            grants: (1..).zip(targets).map(grant).collect(),
            uses: 0,
        }
    }

    fn wanted(level: Option<&str>, grants: Option<&[(&str, &str)]>) -> ExpectPermissions {
        let grant = |(target, effect): &(&str, &str)| GrantWanted {
            target: (*target).into(),
            effect: Some((*effect).into()),
            lifetime: None,
        };
        ExpectPermissions {
            r#as: "mail".into(),
            kind: "network".into(),
            level: level.map(str::to_owned),
            grants: grants.map(|all| all.iter().map(grant).collect()),
            panel: false,
            timeout_s: 0,
        }
    }

    #[test]
    fn permissions_are_judged() {
        let all = [entry(&["a.org", "b.org"])];
        for (level, grants, wrong) in [
            (Some("ask"), None, None),
            (Some("off"), None, Some("should be off, it is ask")),
            (None, Some(&[("b.org", "allow"), ("a.org", "allow")][..]), None),
            (None, Some(&[("a.org", "allow")][..]), Some("no grant for b.org")),
            (None, Some(&[("a.org", "allow"), ("b.org", "deny")][..]), Some("a grant for b.org, there is")),
            (None, Some(&[][..]), Some("no grant for a.org")),
        ] {
            let said = judge(&all, &wanted(level, grants));
            match wrong {
                None => assert_eq!(said, None),
                Some(part) => assert!(said.as_ref().is_some_and(|s| s.contains(part)), "{said:?}"),
            }
        }
        assert!(judge(&[], &wanted(None, None)).is_some());
        let twice = [entry(&["a.org", "a.org"])];
        assert!(judge(&twice, &wanted(None, Some(&[("a.org", "allow")]))).is_some());
    }

    #[test]
    fn lines_are_found() {
        let line = LogEntry {
            seq: 1,
            at: 1,
            vm: "mail".into(),
            kind: "network".into(),
            what: "used".into(),
            target: "imap.example.org:993".into(),
            detail: "1.2 MB in".into(),
            bytes_in: 1,
            bytes_out: 0,
            grant: 3,
        };
        let wanted = |what: &str, target: Option<&str>| ExpectLog {
            r#as: "mail".into(),
            what: what.into(),
            kind: Some("network".into()),
            target: target.map(str::to_owned),
            timeout_s: 0,
        };
        assert!(is_wanted(&line, &wanted("used", Some("imap.example.org"))));
        assert!(!is_wanted(&line, &wanted("used", Some("a.org"))));
        assert!(!is_wanted(&line, &wanted("refused", None)));
    }
}
