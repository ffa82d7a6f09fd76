// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether all who speak of permissions say the same: the monitor over D-Bus, `coffer permissions --json`,
//! and the panel as a person reads it.
//!
//! In: a desktop. Out: nothing, or the first thing about which they disagree.

use super::panel::labels;
use super::permissions::monitor;
use super::{Run, StepError};
use cofferdam_bus::panel::Element;
use cofferdam_bus::permissions::{AppEntry, FileEntry, PermissionEntry};
use cofferdam_control::desktop::{PromptInfo, Request};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long they may say different things while permissions are changing.
pub(super) const AGREE_S: u64 = 20;
/// The monitor's and the panel's changes are no events of the compositor's.
const LOOK: Duration = Duration::from_millis(100);
/// More questions than anybody lets wait.
const MOST_QUESTIONS: usize = 40;

impl Run<'_> {
    /// After the last step: they agree about every app, in whatever state the scenario left the desktop.
    pub(super) fn agree_in_the_end(&mut self) -> Result<(), StepError> {
        let runs = self.desktop.monitor()?.apps().map_err(monitor)?.iter().any(|app| app.running);
        if !runs && !self.asks_permissions {
            return Ok(());
        }
        self.all_agree(AGREE_S)?;
        if runs && self.desktop.has_panel() {
            self.leave_what_is_above()?;
            self.show_panel(true, AGREE_S)?;
            self.panel_agrees(AGREE_S)?;
        }
        Ok(())
    }

    /// Refuses what is still asked, as a person does who goes home.
    fn leave_what_is_above(&mut self) -> Result<(), StepError> {
        self.request(Request::SetLocked(false))?;
        self.request(Request::Attention(false))?;
        for _ in 0..MOST_QUESTIONS {
            let Some(PromptInfo { id, .. }) = self.desktop.prompt()? else { return Ok(()) };
            self.chord("esc")?;
            self.eventually(AGREE_S, |run| {
                let same = run.desktop.prompt()?.is_some_and(|prompt| prompt.id == id);
                Ok(same.then(|| "Escape should refuse".to_owned()))
            })?;
        }
        Err(StepError::Expectation("questions don't come to an end".into()))
    }

    /// The monitor and `coffer` say the same about everything.
    pub(super) fn all_agree(&mut self, timeout_s: u64) -> Result<(), StepError> {
        self.eventually(timeout_s, |run| {
            // Asked before and after: what changed in between is no disagreement.
            let before = run.overview()?;
            let text = run.desktop.coffer(&["permissions", "--json"])?;
            let after = run.overview()?;
            if before != after {
                return Ok(Some("the permissions don't come to rest".into()));
            }
            let mut said: Value = serde_json::from_str(&text)
                .map_err(|e| StepError::Expectation(format!("coffer permissions --json: {e}")))?;
            // Time goes on.
            if let Some(object) = said.as_object_mut() {
                object.remove("now");
            }
            Ok((said != before).then(|| format!("coffer says {said}, the monitor says {before}")))
        })
    }

    /// What `coffer permissions --json` must say, without the time.
    fn overview(&self) -> Result<Value, StepError> {
        let json = |value: Result<Value, serde_json::Error>| {
            value.map_err(|e| StepError::Expectation(format!("permissions: {e}")))
        };
        let service = self.desktop.monitor()?;
        let mut apps = Vec::new();
        for app in service.apps().map_err(monitor)? {
            let permissions = service.permissions(&app.vm).map_err(monitor)?;
            let mut value = json(serde_json::to_value(&app))?;
            if let Some(object) = value.as_object_mut() {
                object.insert("permissions".into(), json(serde_json::to_value(&permissions))?);
                let files = service.files(&app.vm).map_err(monitor)?;
                object.insert("files".into(), json(serde_json::to_value(&files))?);
            }
            apps.push(value);
        }
        let pending = json(serde_json::to_value(service.pending().map_err(monitor)?))?;
        Ok(serde_json::json!({ "apps": apps, "pending": pending }))
    }

    /// The open panel, gone through from the first app to the last, shows what the monitor says.
    pub(super) fn panel_agrees(&mut self, timeout_s: u64) -> Result<(), StepError> {
        let count = self.desktop.monitor()?.apps().map_err(monitor)?.len();
        (0..count).try_for_each(|n| self.panel_agrees_about(n, timeout_s))
    }

    /// The same for the app at this place in the list, which stays chosen.
    pub(super) fn panel_agrees_about(&mut self, n: usize, timeout_s: u64) -> Result<(), StepError> {
        self.choose_app(n)?;
        self.eventually(timeout_s, |run| {
            let apps = run.desktop.monitor()?.apps().map_err(monitor)?;
            let Some(app) = apps.get(n) else { return Ok(Some("an app is gone".into())) };
            let permissions = run.desktop.monitor()?.permissions(&app.vm).map_err(monitor)?;
            let files = run.desktop.monitor()?.files(&app.vm).map_err(monitor)?;
            let shown = run.elements()?;
            let wrong = about_all(&apps, &shown)
                .or_else(|| about_one(n, app, &apps, &permissions, &shown))
                .or_else(|| about_files(&files, &shown));
            Ok(wrong.map(|why| format!("{}: {why}; the panel shows {}", app.vm, labels(&shown, "panel"))))
        })
    }

    /// Goes to the app at this place in the panel's list, with the keyboard.
    fn choose_app(&mut self, n: usize) -> Result<(), StepError> {
        let all = self.elements()?;
        let list = all.iter().find(|e| is_list(e));
        if !list.is_some_and(|list| list.focused) {
            let row = rows(&all).into_iter().find(|row| row.seen).cloned();
            let row = row.ok_or_else(|| StepError::Expectation("the panel lists no app".into()))?;
            self.click_element(&row)?;
        }
        self.chord("home")?;
        for _ in 0..n {
            self.chord("down")?;
        }
        Ok(())
    }

    /// Looks until nothing is wrong any more. Unlike a step's waiting, it does not mind a VM that has ended.
    pub(super) fn eventually(
        &mut self,
        timeout_s: u64,
        mut wrong: impl FnMut(&mut Self) -> Result<Option<String>, StepError>,
    ) -> Result<(), StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let Some(why) = wrong(self)? else { return Ok(()) };
            if Instant::now() >= deadline {
                return Err(StepError::Expectation(why));
            }
            self.desktop.next_event(deadline.min(Instant::now() + LOOK))?;
        }
    }
}

fn is_list(e: &Element) -> bool {
    e.surface == "panel" && e.role == "list" && e.label == "Apps"
}

/// The rows of the panel's list of apps, from top to bottom.
fn rows(shown: &[Element]) -> Vec<&Element> {
    let Some(list) = shown.iter().find(|e| is_list(e)) else { return Vec::new() };
    let inside = |e: &&Element| e.x >= list.x && e.x + e.w <= list.x + list.w + 1.0;
    let mut rows: Vec<&Element> = of_panel(shown).filter(|e| e.role == "list-item").filter(inside).collect();
    rows.sort_by(|a, b| a.y.total_cmp(&b.y));
    rows
}

fn of_panel(shown: &[Element]) -> impl Iterator<Item = &Element> {
    shown.iter().filter(|e| e.surface == "panel")
}

/// What is wrong with the bar and the panel's list.
fn about_all(apps: &[AppEntry], shown: &[Element]) -> Option<String> {
    let rows = rows(shown);
    if rows.len() != apps.len() {
        return Some(format!("there are {} apps, {} are listed", apps.len(), rows.len()));
    }
    let differs = |(app, row): &(&AppEntry, &&Element)| {
        row.label != app.name || !row.value.starts_with(&app.identity) || !row.value.ends_with(&app.summary)
    };
    if let Some((app, row)) = apps.iter().zip(&rows).find(differs) {
        return Some(format!("{:?}, {:?} should be listed as {app:?}", row.label, row.value));
    }
    let online = match apps.iter().filter(|app| app.running && app.online).count() {
        0 => "offline".to_owned(),
        1 => "1 app online".to_owned(),
        n => format!("{n} apps online"),
    };
    let on_bar = |label: &str| shown.iter().any(|e| e.surface == "bar" && e.label == label);
    (!on_bar(&online)).then(|| format!("the bar should say {online:?}"))
}

/// What is wrong with the app that is chosen.
fn about_one(
    n: usize,
    app: &AppEntry,
    apps: &[AppEntry],
    permissions: &[PermissionEntry],
    shown: &[Element],
) -> Option<String> {
    let state = if app.running { " — running since " } else { " — not running" };
    let about =
        |e: &Element| e.role == "text" && e.label.starts_with(&app.identity) && e.label.contains(state);
    if !of_panel(shown).any(about) {
        return Some(format!("app {n} should be chosen, and said to be{state}"));
    }
    let has_place = |entry: &&PermissionEntry| entry.levels.len() > 1 || !entry.grants.is_empty();
    let kinds: Vec<&PermissionEntry> = permissions.iter().filter(has_place).collect();
    let mut groups: Vec<&Element> = of_panel(shown).filter(|e| e.role == "radio-group").collect();
    groups.sort_by(|a, b| a.y.total_cmp(&b.y));
    if groups.len() != kinds.len() {
        return Some(format!("{} kinds should be shown, not {}", kinds.len(), groups.len()));
    }
    let wrong = kinds.iter().zip(groups).find_map(|(kind, group)| level(kind, group, shown));
    wrong.or_else(|| grants(&kinds, apps, shown))
}

/// What is wrong with the level of a kind: it is the one that is chosen of as many as there are.
fn level(kind: &PermissionEntry, group: &Element, shown: &[Element]) -> Option<String> {
    let prefix = format!("{}: ", group.label);
    let mut choices: Vec<&Element> =
        of_panel(shown).filter(|e| e.role == "radio-button" && e.label.starts_with(&prefix)).collect();
    choices.sort_by(|a, b| a.x.total_cmp(&b.x));
    let chosen: Vec<usize> = (0..).zip(&choices).filter(|(_, c)| c.value == "true").map(|(n, _)| n).collect();
    let right = kind.levels.iter().position(|level| *level == kind.level);
    (choices.len() != kind.levels.len() || chosen.as_slice() != right.as_slice())
        .then(|| format!("{} should be {}", kind.kind, kind.level))
}

/// What is wrong with the grants: each has a line with the same end, effect and name, and there are no others.
fn grants(kinds: &[&PermissionEntry], apps: &[AppEntry], shown: &[Element]) -> Option<String> {
    let all: Vec<_> = kinds.iter().flat_map(|kind| &kind.grants).collect();
    let buttons = of_panel(shown).filter(|e| e.role == "button" && e.label.starts_with("Revoke ")).count();
    if buttons != all.len() {
        return Some(format!("there are {} grants, {buttons} can be revoked", all.len()));
    }
    all.into_iter().find_map(|grant| {
        let target = named(&grant.target, apps);
        let line = of_panel(shown).find(|e| {
            let words = e.label.strip_prefix(&target).and_then(|rest| rest.strip_prefix(", "));
            e.role == "list-item"
                && words.is_some_and(|words| {
                    let denies = words.starts_with("never") || words.starts_with("not for now");
                    denies == (grant.effect == "deny") && words.ends_with(" left") == (grant.until != 0)
                })
        });
        line.is_none().then(|| format!("{} {target} ({}) should be shown", grant.effect, grant.lifetime))
    })
}

/// What is wrong with the files that were handed over: each has a line and a button, and there are no others.
fn about_files(files: &[FileEntry], shown: &[Element]) -> Option<String> {
    let buttons: Vec<&Element> =
        of_panel(shown).filter(|e| e.role == "button" && e.label.starts_with("Take back ")).collect();
    if buttons.len() != files.len() {
        return Some(format!("there are {} files, {} can be taken back", files.len(), buttons.len()));
    }
    files.iter().find_map(|file| {
        let line = of_panel(shown).any(|e| {
            let words = e.label.strip_prefix(&file.name).and_then(|rest| rest.strip_prefix(", "));
            e.role == "list-item"
                && words.is_some_and(|words| {
                    let (folder, change) =
                        (words.starts_with("folder, "), words.contains("to read and change,"));
                    (folder, change) == (file.folder, file.write) && words.contains("to read")
                })
        });
        let button = buttons.iter().any(|b| b.label.strip_prefix("Take back ") == Some(&file.name));
        (!line || !button).then(|| format!("{file:?} should be shown"))
    })
}

/// A target as people read it: VMs by the names of their apps.
fn named(target: &str, apps: &[AppEntry]) -> String {
    let app = target.split_once(" from ").and_then(|(what, vm)| {
        apps.iter().find(|app| app.vm == vm).map(|app| format!("{what} from {}", app.name))
    });
    app.unwrap_or_else(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_bus::permissions::GrantEntry;

    fn app() -> AppEntry {
        AppEntry {
            vm: "mail".into(),
            app: "mail".into(),
            name: "Mail".into(),
            identity: "green".into(),
            running: true,
            since: 1,
            online: true,
            waiting: 0,
            silenced: false,
            summary: "online".into(),
        }
    }

    fn permissions() -> Vec<PermissionEntry> {
        let grant = GrantEntry {
            id: 1,
            vm: "mail".into(),
            kind: "clipboard".into(),
            target: "text from mail".into(),
            effect: "allow".into(),
            lifetime: "until".into(),
            until: 9,
            author: "prompt".into(),
            at: 1,
            last_used: 0,
        };
        let entry = |kind: &str, levels: &[&str], grants| PermissionEntry {
            kind: kind.into(),
            level: "off".into(),
            levels: levels.iter().map(|l| (*l).to_owned()).collect(),
            author: "default".into(),
            grants,
            uses: 0,
        };
        vec![entry("clipboard", &["off", "ask"], vec![grant]), entry("camera", &["off"], Vec::new())]
    }

    fn element(role: &str, label: &str, value: &str, [x, y]: [f64; 2]) -> Element {
        let (role, label, value) = (role.into(), label.into(), value.into());
        let (w, h) = if role == "list" { (250.0, 400.0) } else { (100.0, 30.0) };
        let surface = "panel".into();
        Element { surface, role, label, value, x, y, w, h, seen: true, enabled: true, focused: false }
    }

    fn shown() -> Vec<Element> {
        let mut bar = element("button", "1 app online", "", [0.0, 0.0]);
        bar.surface = "bar".into();
        vec![
            bar,
            element("list", "Apps", "", [10.0, 40.0]),
            element("list-item", "Mail", "green · dots, online", [10.0, 40.0]),
            element("text", "green · dots — running since 10:12", "", [300.0, 40.0]),
            element("radio-group", "Clipboard", "", [300.0, 90.0]),
            element("radio-button", "Clipboard: off", "true", [300.0, 90.0]),
            element("radio-button", "Clipboard: ask", "false", [340.0, 90.0]),
            element(
                "list-item",
                "text from Mail, for one hour, since 10:12 — you, 42:10 left",
                "",
                [300.0, 130.0],
            ),
            element("button", "Revoke text from Mail", "", [700.0, 130.0]),
        ]
    }

    #[test]
    fn files_are_compared() {
        let file = |folder, write| FileEntry {
            id: 3,
            vm: "mail".into(),
            name: "letter.txt".into(),
            folder,
            write,
            at: 1,
        };
        let shown = [
            element("list-item", "letter.txt, to read, since 10:12", "", [300.0, 130.0]),
            element("button", "Take back letter.txt", "", [700.0, 130.0]),
        ];
        assert_eq!(about_files(&[file(false, false)], &shown), None);
        assert_eq!(about_files(&[], &[]), None);
        for (files, shown) in [
            (vec![file(false, true)], &shown[..]),
            (vec![file(true, false)], &shown[..]),
            (vec![file(false, false)], &shown[..1]),
            (vec![file(false, false)], &shown[1..]),
            (vec![], &shown[..]),
        ] {
            assert!(about_files(&files, shown).is_some(), "{files:?} {shown:?}");
        }
    }

    fn wrong(shown: &[Element]) -> Option<String> {
        let apps = [app()];
        about_all(&apps, shown).or_else(|| about_one(0, &apps[0], &apps, &permissions(), shown))
    }

    #[test]
    fn a_panel_that_says_the_same_is_right_and_any_other_is_not() {
        assert_eq!(wrong(&shown()), None);
        type Lie = fn(&mut Vec<Element>);
        let lies: [Lie; 9] = [
            |all| all[0].label = "offline".into(),
            |all| all[2].value = "green · dots, nothing".into(),
            |all| all[2].label = "Evil".into(),
            |all| all[3].label = "green · dots — not running".into(),
            |all| all[5].value = "false".into(),
            |all| all[6].value = "true".into(),
            |all| all[7].label = "text from Mail, always, since 10:12 — you".into(),
            |all| all[7].label = "text from Mail, never, since 10:12 — you, 1:00 left".into(),
            |all| drop(all.pop()),
        ];
        for (n, lie) in lies.into_iter().enumerate() {
            let mut all = shown();
            lie(&mut all);
            assert!(wrong(&all).is_some(), "lie {n} is believed");
        }
    }
}
