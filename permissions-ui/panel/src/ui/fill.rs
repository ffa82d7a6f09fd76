// SPDX-License-Identifier: GPL-3.0-or-later
//! From rows to components.
//!
//! In: rows of the views, pictures of the look. Out: properties of components. A model that has not
//! changed is not set again, so that nothing is drawn and no focus is lost for nothing.

use super::{
    AppItem, Bar, Chip, Choice, Chooser, FileItem, GrantItem, LineItem, Look, Panel, PermissionItem,
};
use crate::files::Folder;
use crate::view::chooser::{self, Wanted};
use crate::view::{apps, lines, permissions, text};
use cofferdam_bus::permissions::AppEntry;
use jiff::tz::TimeZone;
use slint::{Model as _, ModelRc, SharedString, VecModel};

/// Rows of a folder that are made at a time: what fits, and a little around it.
const WINDOW: usize = 24;

/// Brings a model to these rows, touching only what differs; a new one if the old can't be changed.
fn sync<T: Clone + PartialEq + 'static>(old: ModelRc<T>, rows: Vec<T>) -> ModelRc<T> {
    let Some(model) = old.as_any().downcast_ref::<VecModel<T>>() else {
        return ModelRc::new(VecModel::from(rows));
    };
    while model.row_count() > rows.len() {
        model.remove(model.row_count().saturating_sub(1));
    }
    for (n, row) in rows.into_iter().enumerate() {
        if n >= model.row_count() {
            model.push(row);
        } else if model.row_data(n).as_ref() != Some(&row) {
            model.set_row_data(n, row);
        }
    }
    old
}

fn number(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// `green · dots`.
fn identity_words(look: &Look, identity: &str) -> String {
    look.pattern(identity).map_or_else(|| identity.to_owned(), |pattern| format!("{identity} · {pattern}"))
}

/// Fills a bar of this width.
pub fn fill_bar(bar: &Bar, look: &Look, all: &[AppEntry], active: &str, width: usize) {
    let row = apps::row(all, width);
    let chip = |app: &&AppEntry| Chip {
        vm: SharedString::from(&app.vm),
        name: chooser::shown(&app.name).into(),
        identity: identity_words(look, &app.identity).into(),
        mark: look.mark(&app.identity),
        active: app.vm == active,
        waiting: app.waiting > 0 || app.silenced,
        narrow: row.narrow && app.vm != active,
    };
    bar.set_apps(sync(bar.get_apps(), row.apps.iter().map(chip).collect()));
    bar.set_more(number(row.more));
    let (network, online) = apps::network(all);
    bar.set_network(network.into());
    bar.set_online(online);
    bar.set_note(apps::note(all).into());
}

/// Fills the panel's list of apps, and the head of the one that is chosen.
pub fn fill_apps(
    panel: &Panel,
    look: &Look,
    all: &[AppEntry],
    selected: Option<usize>,
    now: u64,
    zone: &TimeZone,
) {
    let item = |app: &AppEntry| AppItem {
        vm: SharedString::from(&app.vm),
        name: chooser::shown(&app.name).into(),
        identity: identity_words(look, &app.identity).into(),
        mark: look.mark(&app.identity),
        summary: SharedString::from(&app.summary),
        running: app.running,
    };
    panel.set_apps(sync(panel.get_apps(), all.iter().map(item).collect()));
    panel.set_selected(selected.map_or(-1, number));
    let Some(app) = selected.and_then(|n| all.get(n)) else { return };
    let since = text::when(app.since, now, zone);
    let running = if app.running { format!("running since {since}") } else { "not running".to_owned() };
    let silenced = if app.silenced { " — asked too often and is not heard" } else { "" };
    panel.set_mark(look.mark(&app.identity));
    panel.set_name(chooser::shown(&app.name).into());
    panel.set_about(format!("{} — {running}{silenced}", identity_words(look, &app.identity)).into());
}

/// Fills what the chosen app may do.
pub fn fill_permissions(panel: &Panel, rows: &[permissions::Row], closed: &str) {
    let grant = |grant: &permissions::Grant| GrantItem {
        id: grant.id.name().into(),
        target: chooser::shown(&grant.target).into(),
        scope: SharedString::from(&grant.scope),
        left: SharedString::from(&grant.left),
        action: grant.action.into(),
        label: chooser::shown(&grant.label).into(),
    };
    let choice = |(name, label): &(String, String)| Choice { name: name.into(), label: label.into() };
    let old = panel.get_permissions();
    let item = |(n, row): (usize, &permissions::Row)| {
        let kept = old.row_data(n).filter(|o| o.kind == row.kind.as_str());
        let (choices, grants) = kept.map_or_else(Default::default, |o| (o.choices, o.grants));
        PermissionItem {
            kind: SharedString::from(&row.kind),
            label: SharedString::from(&row.label),
            choices: sync(choices, row.levels.iter().map(choice).collect()),
            chosen: number(row.chosen),
            locked: row.locked,
            note: SharedString::from(&row.note),
            grants: sync(grants, row.grants.iter().map(grant).collect()),
        }
    };
    let items: Vec<PermissionItem> = rows.iter().enumerate().map(item).collect();
    panel.set_permissions(sync(old.clone(), items));
    panel.set_closed_kinds(closed.into());
}

/// Fills what the chosen app did.
pub fn fill_lines(panel: &Panel, rows: &[lines::Row], more: bool, searching: bool) {
    let item = |(n, row): (usize, &lines::Row)| {
        let (action, label) = match &row.act {
            lines::Act::None => (String::new(), String::new()),
            lines::Act::Stop(_) => ("stop".to_owned(), format!("Stop from now: {}", row.what)),
            lines::Act::Never { target, .. } => ("never".to_owned(), format!("Never: {target}")),
        };
        LineItem {
            time: SharedString::from(&row.time),
            what: chooser::shown(&row.what).into(),
            detail: SharedString::from(&row.detail),
            action: action.into(),
            label: chooser::shown(&label).into(),
            index: number(n),
        }
    };
    panel.set_lines(sync(panel.get_lines(), rows.iter().enumerate().map(item).collect()));
    panel.set_more_lines(more);
    panel.set_searching(searching);
}

/// Fills the rows of a folder around the one that stands at the top.
pub fn fill_folder(
    component: &Chooser,
    folder: &Folder,
    wanted: Wanted,
    top: usize,
    now: u64,
    zone: &TimeZone,
) {
    let first = top.saturating_sub(2).min(folder.entries.len());
    let item = |entry: &chooser::Entry| FileItem {
        name: chooser::shown(&entry.name).into(),
        detail: chooser::detail(entry).into(),
        time: text::when(entry.modified, now, zone).into(),
        folder: entry.folder,
        faint: !entry.folder && !chooser::fits(entry, wanted),
    };
    let rows = folder.entries.iter().skip(first).take(WINDOW).map(item).collect();
    component.set_rows(sync(component.get_rows(), rows));
    component.set_first(number(first));
    component.set_count(number(folder.entries.len()));
}
