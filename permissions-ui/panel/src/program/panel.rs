// SPDX-License-Identifier: GPL-3.0-or-later
//! The panel.
//!
//! In: apps, what they may do and did, what the person does. Out: what stands in the panel, orders to the
//! monitor, and the way back of each of them.

use super::{House, Inbox, ProgramError, Wish};
use crate::access;
use crate::bus::{News, Order};
use crate::platform::{self, Canvas, Place, SurfaceId};
use crate::ui::{Panel, fill_apps, fill_lines, fill_permissions};
use crate::view::lines::Act;
use crate::view::permissions::Back;
use crate::view::{lines, permissions, text};
use cofferdam_bus::permissions::{FileEntry, LogEntry, PermissionEntry};
use slint::{ComponentHandle as _, Timer};
use std::rc::Rc;
use std::time::Duration;

/// Its size in logical pixels, where there is room.
const SIZE: (i32, i32) = (1060, 690);
/// Lines at first, and with each "earlier".
const LINES: u32 = 30;
/// How long the way back is offered: enough to get there with Tab alone. The monitor keeps it longer.
const UNDO_SHOWN: Duration = Duration::from_secs(90);

/// What the person does in the panel.
#[derive(Debug)]
pub(super) enum PanelWish {
    Select(usize),
    SetLevel(String, String),
    TakeBack(Back),
    Act(usize),
    Off,
    OffForAll,
    Undo,
    Search(String),
    More,
    Dismiss,
    ForgetUndo,
}

/// The panel and what it shows.
pub(super) struct PanelRoom {
    component: Panel,
    canvas: Rc<Canvas>,
    surface: SurfaceId,
    /// The VM that is chosen.
    chosen: String,
    search: String,
    limit: u32,
    permissions: Vec<PermissionEntry>,
    files: Vec<FileEntry>,
    lines: Vec<LogEntry>,
    more: bool,
    undo: Option<u64>,
    inbox: Inbox,
    alarm: Timer,
}

impl PanelRoom {
    pub(super) fn new(house: &mut House) -> Result<Self, ProgramError> {
        let (component, canvas) = platform::with_canvas(Panel::new)?;
        wire(&component, &house.inbox);
        house.look.dress(&component);
        component.show()?;
        let surface = house.session.place(canvas.clone(), &Place::Panel, SIZE.0, SIZE.1);
        Ok(Self {
            component,
            canvas,
            surface,
            chosen: String::new(),
            search: String::new(),
            limit: LINES,
            permissions: Vec::new(),
            files: Vec::new(),
            lines: Vec::new(),
            more: false,
            undo: None,
            inbox: house.inbox.clone(),
            alarm: Timer::default(),
        })
    }

    pub(super) fn surface(&self) -> SurfaceId {
        self.surface
    }

    pub(super) fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    pub(super) fn is_shown(&self, house: &House) -> bool {
        house.session.is_shown(self.surface)
    }

    pub(super) fn dress(&self, house: &House) {
        house.look.dress(&self.component);
    }

    /// Whether a countdown is on the screen.
    pub(super) fn counts_down(&self, house: &House) -> bool {
        self.is_shown(house) && permissions::counts_down(&self.permissions, house.now())
    }

    pub(super) fn toggle(&mut self, house: &mut House) {
        if self.is_shown(house) {
            self.hide(house);
        } else {
            let active = house.active.clone();
            self.open(house, &active);
        }
    }

    /// Shows the panel, with this app if it is known.
    pub(super) fn open(&mut self, house: &mut House, vm: &str) {
        let known = |vm: &str| house.apps.iter().any(|app| app.vm == vm);
        if known(vm) {
            self.choose(house, vm.to_owned());
        } else if !known(&self.chosen) {
            let first = house.apps.first().map(|app| app.vm.clone()).unwrap_or_default();
            self.choose(house, first);
        }
        if !self.is_shown(house) {
            house.order(Order::Apps);
            self.ask_detail(house);
            house.session.show(self.surface);
            self.component.invoke_begin();
        }
    }

    pub(super) fn hide(&mut self, house: &mut House) {
        house.session.hide(self.surface);
        self.forget_undo();
    }

    fn choose(&mut self, house: &House, vm: String) {
        if self.chosen != vm {
            self.chosen = vm;
            self.search.clear();
            self.limit = LINES;
            self.permissions.clear();
            self.files.clear();
            self.lines.clear();
            self.more = false;
            self.component.invoke_clear_search();
            self.fill(house);
        }
        self.ask_detail(house);
        self.apps_changed(house);
    }

    fn ask_detail(&self, house: &House) {
        if !self.chosen.is_empty() {
            let (vm, search) = (self.chosen.clone(), self.search.clone());
            house.order(Order::Detail { vm, search, limit: self.limit });
        }
    }

    pub(super) fn apps_changed(&mut self, house: &House) {
        let chosen = house.apps.iter().position(|app| app.vm == self.chosen);
        if chosen.is_none() && self.is_shown(house) && !house.apps.is_empty() {
            let first = house.apps.first().map(|app| app.vm.clone()).unwrap_or_default();
            return self.choose(house, first);
        }
        if chosen.is_none() {
            self.permissions.clear();
            self.files.clear();
            self.lines.clear();
            self.fill(house);
        }
        fill_apps(&self.component, &house.look, &house.apps, chosen, house.now(), &house.zone);
    }

    /// Something about a VM, or all, has changed.
    pub(super) fn changed(&self, house: &House, vm: &str) {
        if self.is_shown(house) && (vm.is_empty() || vm == self.chosen) {
            self.ask_detail(house);
        }
    }

    pub(super) fn hear(&mut self, house: &House, news: News) {
        match news {
            News::Detail { vm, search, permissions, files, lines, more }
                if vm == self.chosen && search == self.search =>
            {
                self.permissions = permissions;
                self.files = files;
                self.lines = lines;
                self.more = more;
                self.fill(house);
            }
            News::Done { words, token } => {
                self.component.set_error("".into());
                // What is done without a word leaves alone what can still be undone.
                if !words.is_empty() {
                    self.undo = token;
                    self.component.set_undo_text(if token.is_some() { words.into() } else { "".into() });
                    self.start_alarm();
                }
                house.order(Order::Apps);
                self.ask_detail(house);
            }
            News::Failed(why) => {
                tracing::warn!(why, "the monitor said no");
                self.component.set_error(sentence(&why).into());
                self.start_alarm();
                self.ask_detail(house);
            }
            _ => {}
        }
    }

    fn start_alarm(&self) {
        let inbox = self.inbox.clone();
        let forget = move || inbox.push(Wish::Panel(PanelWish::ForgetUndo));
        self.alarm.start(slint::TimerMode::SingleShot, UNDO_SHOWN, forget);
    }

    fn forget_undo(&mut self) {
        self.undo = None;
        self.alarm.stop();
        self.component.set_undo_text("".into());
        self.component.set_error("".into());
    }

    fn rows(&self, house: &House) -> Vec<lines::Row> {
        lines::rows(&self.lines, &self.permissions, &house.around())
    }

    fn fill(&self, house: &House) {
        self.fill_permissions(house);
        fill_lines(&self.component, &self.rows(house), self.more, !self.search.is_empty());
    }

    fn fill_permissions(&self, house: &House) {
        let rows = permissions::rows(&self.permissions, &self.files, &house.around());
        fill_permissions(&self.component, &rows, &permissions::closed(&self.permissions));
    }

    /// A second has passed, perhaps.
    pub(super) fn tick(&self, house: &House) {
        if self.counts_down(house) {
            self.fill_permissions(house);
        }
        if self.is_shown(house) && !access::has_focus(&self.canvas) {
            self.component.invoke_regain();
        }
    }

    fn name(&self, house: &House) -> String {
        let app = house.apps.iter().find(|app| app.vm == self.chosen);
        app.map_or_else(String::new, |app| app.name.clone())
    }

    pub(super) fn fulfil(&mut self, house: &mut House, wish: PanelWish) {
        match wish {
            PanelWish::Select(n) => {
                if let Some(vm) = house.apps.get(n).map(|app| app.vm.clone()) {
                    self.choose(house, vm);
                }
            }
            PanelWish::SetLevel(kind, level) => {
                let words = format!("{}: {}.", text::kind(&kind), text::level(&kind, &level));
                house.order(Order::SetLevel { vm: self.chosen.clone(), kind, level, words });
            }
            PanelWish::TakeBack(Back::Grant(id)) => self.revoke(house, id),
            PanelWish::TakeBack(Back::File(id)) => house.order(Order::TakeBack(id)),
            PanelWish::Act(n) => match self.rows(house).into_iter().nth(n).map(|row| row.act) {
                Some(Act::Stop(grant)) => self.revoke(house, grant),
                Some(Act::Never { kind, target }) => {
                    house.order(Order::Never { vm: self.chosen.clone(), kind, target });
                }
                Some(Act::None) | None => {}
            },
            PanelWish::Off => {
                let words = format!("Everything is off for {}.", self.name(house));
                house.order(Order::Off(self.chosen.clone(), words));
            }
            PanelWish::OffForAll => house.order(Order::OffForAll),
            PanelWish::Undo => {
                if let Some(token) = self.undo.take() {
                    house.order(Order::Undo(token));
                }
            }
            PanelWish::Search(search) => {
                self.search = search;
                self.limit = LINES;
                self.ask_detail(house);
            }
            PanelWish::More => {
                self.limit = self.limit.saturating_add(LINES).min(990);
                self.ask_detail(house);
            }
            PanelWish::Dismiss => self.hide(house),
            PanelWish::ForgetUndo => self.forget_undo(),
        }
    }

    fn revoke(&self, house: &House, id: u64) {
        let all = self.permissions.iter().flat_map(|entry| &entry.grants);
        let target =
            all.into_iter().find(|grant| grant.id == id).map(|grant| house.around().target(&grant.target));
        house.order(Order::Revoke(id, format!("Revoked: {}", target.unwrap_or_default())));
    }
}

/// Starts with a capital, ends with a full stop.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let rest = chars.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}

fn wire(component: &Panel, inbox: &Inbox) {
    let send = |inbox: &Inbox| {
        let inbox = inbox.clone();
        move |wish: PanelWish| inbox.push(Wish::Panel(wish))
    };
    let to = send(inbox);
    component.on_select(move |n| {
        if let Ok(n) = usize::try_from(n) {
            to(PanelWish::Select(n));
        }
    });
    let to = send(inbox);
    component.on_set_level(move |kind, level| to(PanelWish::SetLevel(kind.into(), level.into())));
    let to = send(inbox);
    component.on_revoke(move |id| {
        if let Some(what) = Back::from_name(&id) {
            to(PanelWish::TakeBack(what));
        }
    });
    let to = send(inbox);
    component.on_act(move |n| {
        if let Ok(n) = usize::try_from(n) {
            to(PanelWish::Act(n));
        }
    });
    let to = send(inbox);
    component.on_everything_off(move || to(PanelWish::Off));
    let to = send(inbox);
    component.on_everything_off_for_all(move || to(PanelWish::OffForAll));
    let to = send(inbox);
    component.on_undo(move || to(PanelWish::Undo));
    let to = send(inbox);
    component.on_search(move |text| to(PanelWish::Search(text.into())));
    let to = send(inbox);
    component.on_more(move || to(PanelWish::More));
    let to = send(inbox);
    component.on_dismiss(move || to(PanelWish::Dismiss));
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn sentences() {
        for (words, expected) in [("no such app", "No such app."), ("Gone.", "Gone."), ("", ".")] {
            assert_eq!(sentence(words), expected);
        }
    }
}
