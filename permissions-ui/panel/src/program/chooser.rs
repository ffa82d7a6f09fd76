// SPDX-License-Identifier: GPL-3.0-or-later
//! The trusted file chooser.
//!
//! In: files that apps wait for, what the person does. Out: one dialog at a time, and one open file, or a
//! cancel. Enter never hands anything over, and nothing can be handed over before the dialog has had the
//! keyboard for a second in which nothing was pressed and nothing else selected: what was typed or clicked
//! for another window is not meant for this one. Nothing is chosen before the person chose it: not the
//! folder in which a dialog begins, not the name that the app would like. What would be replaced takes two
//! presses, and stays.

#![expect(clippy::disallowed_methods, reason = "what is typed to find a file is forgotten after a while")]

use super::patience::Patience;
use super::{House, Inbox, ProgramError, Wish};
use crate::bus::Order;
use crate::files::{FileError, Folder, Replacement, places};
use crate::platform::{self, Canvas, Place, SurfaceId};
use crate::ui::{Chooser, fill_folder};
use crate::view::chooser::{Wanted, fits, is_text, new_name, place, shown, type_ahead};
use cofferdam_bus::permissions::ChooserEntry;
use rustix::io::Errno;
use slint::{ComponentHandle as _, ModelRc, SharedString, Timer, TimerMode, VecModel};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Its size in logical pixels, where there is room.
const SIZE: (i32, i32) = (780, 560);
/// How long the person has to be at it, in peace, before anything can be handed over.
const ARMING: Duration = Duration::from_secs(1);
/// Letters typed within this belong together.
const TYPING: Duration = Duration::from_secs(1);

/// What the person does in the dialog.
#[derive(Debug)]
pub(super) enum ChooserWish {
    Go(usize),
    Up,
    Select(usize),
    Open(usize),
    Typed(String),
    Scrolled(usize),
    ToggleHidden,
    HandOver,
    Cancel,
    NameEdited,
    Armed(u64),
}

/// The dialog that is open.
struct Dialog {
    entry: ChooserEntry,
    wanted: Wanted,
    component: Chooser,
    canvas: Rc<Canvas>,
    surface: SurfaceId,
    home: PathBuf,
    places: Vec<(String, PathBuf)>,
    folder: Option<Folder>,
    selected: Option<usize>,
    /// The file that the next press replaces, if its name is still the one in the field.
    replacing: Option<Replacement>,
    top: usize,
    hidden: bool,
    patience: Patience,
    typed: (String, Option<Instant>),
    alarm: Timer,
}

/// The dialog, and the wishes behind it.
#[derive(Default)]
pub(super) struct ChooserRoom {
    dialog: Option<Dialog>,
    waiting: Vec<ChooserEntry>,
}

impl ChooserRoom {
    pub(super) fn canvas(&self) -> Option<&Canvas> {
        self.dialog.as_ref().map(|dialog| &*dialog.canvas)
    }

    pub(super) fn dress(&self, house: &House) {
        if let Some(dialog) = &self.dialog {
            house.look.dress(&dialog.component);
        }
    }

    /// These are all that apps wait for now.
    pub(super) fn wanted(
        &mut self,
        house: &mut House,
        wanted: Vec<ChooserEntry>,
    ) -> Result<(), ProgramError> {
        let open = self.dialog.as_ref().map(|dialog| dialog.entry.id);
        if open.is_some_and(|id| !wanted.iter().any(|entry| entry.id == id)) {
            self.end(house);
        }
        self.waiting = wanted;
        self.next(house)
    }

    fn next(&mut self, house: &mut House) -> Result<(), ProgramError> {
        if self.dialog.is_none()
            && let Some(entry) = self.waiting.first().cloned()
        {
            self.dialog = Some(Dialog::new(house, entry)?);
        }
        Ok(())
    }

    fn end(&mut self, house: &mut House) {
        if let Some(dialog) = self.dialog.take() {
            house.session.remove(dialog.surface);
            self.waiting.retain(|entry| entry.id != dialog.entry.id);
        }
    }

    /// Its output is gone: the app is told that nobody chose.
    pub(super) fn closed(&mut self, house: &mut House, surface: SurfaceId) {
        if self.dialog.as_ref().is_some_and(|dialog| dialog.surface == surface) {
            house.inbox.push(Wish::Chooser(ChooserWish::Cancel));
        }
    }

    /// A surface has the keyboard, or has it no more.
    pub(super) fn keyboard(&mut self, house: &House, surface: SurfaceId, on: bool) {
        if let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.surface == surface) {
            let round = dialog.patience.keyboard(on);
            dialog.wait(house, round);
        }
    }

    /// Something was pressed in a surface.
    pub(super) fn pressed(&mut self, house: &House, surface: SurfaceId) {
        if let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.surface == surface) {
            let round = dialog.patience.pressed();
            dialog.wait(house, round);
        }
    }

    /// Names and colours may have come after the wish.
    pub(super) fn apps_changed(&self, house: &House) {
        if let Some(dialog) = &self.dialog {
            dialog.introduce(house);
        }
    }

    pub(super) fn fulfil(&mut self, house: &mut House, wish: ChooserWish) -> Result<(), ProgramError> {
        let Some(dialog) = &mut self.dialog else { return Ok(()) };
        match wish {
            ChooserWish::Cancel => {
                house.order(Order::CancelChooser(dialog.entry.id));
                self.end(house);
                return self.next(house);
            }
            ChooserWish::HandOver => match dialog.chosen() {
                Ok((name, file)) => {
                    let write = dialog.writes();
                    house.order(Order::Choose { id: dialog.entry.id, name, file, write });
                    self.end(house);
                    return self.next(house);
                }
                Err(error) => dialog.refuse(house, &error),
            },
            wish => dialog.fulfil(house, wish),
        }
        Ok(())
    }
}

impl Dialog {
    fn new(house: &mut House, entry: ChooserEntry) -> Result<Self, ProgramError> {
        let (component, canvas) = platform::with_canvas(Chooser::new)?;
        wire(&component, &house.inbox);
        house.look.dress(&component);
        component.show()?;
        let place = Place::Dialog(entry.vm.clone());
        let surface = house.session.place(canvas.clone(), &place, SIZE.0, SIZE.1);
        let wanted = Wanted::from_name(&entry.kind);
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        let places = places(&home);
        let mut dialog = Self {
            entry,
            wanted,
            component,
            canvas,
            surface,
            home,
            places,
            folder: None,
            selected: None,
            replacing: None,
            top: 0,
            hidden: false,
            patience: Patience::default(),
            typed: (String::new(), None),
            alarm: Timer::default(),
        };
        dialog.introduce(house);
        match wanted.begins_in(&dialog.places) {
            Some(folder) => dialog.go(house, &folder),
            None => dialog.component.set_empty("Choose a place first.".into()),
        }
        house.session.show(surface);
        dialog.component.invoke_begin();
        Ok(dialog)
    }

    /// Waits anew, if an alarm has to be set, and shows whether it waits.
    fn wait(&self, house: &House, round: Option<u64>) {
        if let Some(round) = round {
            let inbox = house.inbox.clone();
            let rings = move || inbox.push(Wish::Chooser(ChooserWish::Armed(round)));
            self.alarm.start(TimerMode::SingleShot, ARMING, rings);
        }
        self.fill(house);
    }

    /// Who asks, for what.
    fn introduce(&self, house: &House) {
        let app = house.apps.iter().find(|app| app.vm == self.entry.vm);
        let name = shown(app.map_or(self.entry.vm.as_str(), |app| app.name.as_str()));
        let identity = app.map_or("", |app| app.identity.as_str());
        let pattern = house.look.pattern(identity).unwrap_or_default();
        let component = &self.component;
        component.set_mark(house.look.mark(identity));
        component.set_heading(self.wanted.heading(&name).into());
        let title = shown(&self.entry.title);
        let about = if title.is_empty() { String::new() } else { format!(" — “{title}”") };
        component.set_about(format!("{identity} · {pattern}{about}").into());
        let may_write = self.entry.write && self.wanted != Wanted::NewFile;
        component.set_may_write(may_write);
        let thing = if self.wanted == Wanted::Folder { "what is in it" } else { "it" };
        component.set_write_text(
            if may_write {
                format!("Let {name} change {thing}")
            } else {
                format!("{name} can read {thing}, not change it")
            }
            .into(),
        );
        component.set_new_file(self.wanted == Wanted::NewFile);
        self.name_the_button();
        let names: Vec<SharedString> = self.places.iter().map(|(name, _)| name.as_str().into()).collect();
        component.set_places(ModelRc::new(VecModel::from(names)));
        if self.folder.is_none() && self.wanted == Wanted::NewFile {
            component.set_name(shown(&self.entry.suggested).into());
        }
    }

    fn name_the_button(&self) {
        let verb = match (self.wanted, &self.replacing) {
            (Wanted::NewFile, Some(_)) => "Replace",
            (Wanted::NewFile, None) => "Save here",
            _ => "Hand over",
        };
        self.component.set_hand_over_text(verb.into());
    }

    /// It can't be handed over; but what has the name of a new file already can be replaced, by another
    /// press after a pause.
    fn refuse(&mut self, house: &House, error: &FileError) {
        let taken = matches!(error, FileError::System(Errno::EXIST)) && self.wanted == Wanted::NewFile;
        let name = self.component.get_name();
        let old = self.folder.as_ref().filter(|_| taken).and_then(|folder| folder.replaceable(&name).ok());
        let said = match &old {
            Some(old) => format!(
                "There is a “{}” already. Replaced, it stays as “{}”.",
                short(&old.name),
                short(&old.kept)
            ),
            None => error.to_string(),
        };
        self.replacing = old;
        self.component.set_error(said.into());
        self.name_the_button();
        // A key that is held or repeated on the button must not be the second press.
        self.component.invoke_begin();
        let round = self.patience.restart();
        self.wait(house, round);
    }

    /// Something else is meant by now.
    fn forget_error(&mut self) {
        self.component.set_error("".into());
        self.replacing = None;
        self.name_the_button();
    }

    fn writes(&self) -> bool {
        self.wanted == Wanted::NewFile || (self.entry.write && self.component.get_write())
    }

    fn go(&mut self, house: &House, path: &Path) {
        self.forget_error();
        match Folder::open(path, self.wanted, self.hidden) {
            Ok(folder) => {
                self.folder = Some(folder);
                self.selected = None;
                self.top = 0;
                self.component.set_path(shown(&place(path, &self.home)).into());
                let empty = if self.wanted == Wanted::Folder { "No folders here." } else { "Nothing here." };
                self.component.set_empty(empty.into());
                let round = self.patience.restart();
                self.wait(house, round);
            }
            Err(error) => self.component.set_error(error.to_string().into()),
        }
    }

    fn fill(&self, house: &House) {
        let Some(folder) = &self.folder else { return };
        fill_folder(&self.component, folder, self.wanted, self.top, house.now(), &house.zone);
        let index = |n: Option<usize>| n.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1);
        self.component.set_selected(index(self.selected));
        let place = self.places.iter().position(|(_, path)| path == folder.path());
        self.component.set_place(index(place));
        self.component.set_ready(self.patience.is_armed() && self.is_chosen());
    }

    fn is_chosen(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        match self.wanted {
            Wanted::NewFile => new_name(&self.component.get_name()).is_ok(),
            // Without a choice inside it, the folder itself is meant: the person went there.
            Wanted::Folder if self.selected.is_none() => true,
            wanted => self.selected.and_then(|n| folder.entries.get(n)).is_some_and(|e| fits(e, wanted)),
        }
    }

    /// The open file and its name.
    fn chosen(&self) -> Result<(String, std::os::fd::OwnedFd), FileError> {
        let folder = self.folder.as_ref().filter(|_| self.patience.is_armed()).ok_or(FileError::Changed)?;
        match (self.wanted, self.selected) {
            (Wanted::NewFile, _) => {
                let name = self.component.get_name().to_string();
                let old = self.replacing.as_ref().filter(|old| old.name == name);
                let file = old.map_or_else(|| folder.create(&name), |old| folder.replace(old))?;
                Ok((name, file))
            }
            (Wanted::Folder, None) => {
                let name = folder.path().file_name().map(|name| name.to_string_lossy().into_owned());
                Ok((name.unwrap_or_else(|| "folder".to_owned()), folder.hand_over_itself()?))
            }
            (_, selected) => {
                let index = selected.ok_or(FileError::Changed)?;
                let entry = folder.entries.get(index).ok_or(FileError::Changed)?;
                if !fits(entry, self.wanted) {
                    return Err(FileError::Changed);
                }
                Ok((entry.name.clone(), folder.hand_over(index, self.writes())?))
            }
        }
    }

    fn fulfil(&mut self, house: &House, wish: ChooserWish) {
        match wish {
            ChooserWish::Go(n) => {
                if let Some(path) = self.places.get(n).map(|(_, path)| path.clone()) {
                    self.go(house, &path);
                }
            }
            ChooserWish::Up => {
                let up = self.folder.as_ref().and_then(|f| f.path().parent()).map(Path::to_owned);
                if let Some(up) = up {
                    self.go(house, &up);
                }
            }
            ChooserWish::Select(n) => self.select(house, n),
            ChooserWish::Open(n) => self.open(house, n),
            ChooserWish::Typed(text) => self.type_text(house, &text),
            ChooserWish::Scrolled(top) => {
                self.top = top;
                self.fill(house);
            }
            ChooserWish::ToggleHidden => {
                self.hidden = !self.hidden;
                let here = self.folder.as_ref().map(|folder| folder.path().to_owned());
                if let Some(here) = here {
                    self.go(house, &here);
                }
            }
            ChooserWish::Armed(round) => {
                self.patience.rang(round);
                self.fill(house);
            }
            ChooserWish::NameEdited => {
                self.forget_error();
                self.fill(house);
            }
            ChooserWish::HandOver | ChooserWish::Cancel => {}
        }
    }

    fn select(&mut self, house: &House, n: usize) {
        let there = self.folder.as_ref().is_some_and(|folder| n < folder.entries.len());
        let selected = there.then_some(n);
        self.forget_error();
        let entry = self.folder.as_ref().and_then(|folder| folder.entries.get(n));
        // Whoever points at a file while saving means its name.
        if let Some(entry) =
            entry.filter(|e| self.wanted == Wanted::NewFile && !e.folder && !e.link && is_itself(&e.name))
        {
            self.component.set_name(entry.name.as_str().into());
        }
        let round = if selected == self.selected { None } else { self.patience.restart() };
        self.selected = selected;
        self.wait(house, round);
    }

    /// Goes into a folder; a file is only chosen.
    fn open(&mut self, house: &House, n: usize) {
        let Some(folder) = &self.folder else { return };
        if folder.entries.get(n).is_some_and(|entry| entry.folder)
            && let Some(path) = folder.path_of(n)
        {
            self.go(house, &path);
        } else {
            self.select(house, n);
        }
    }

    fn type_text(&mut self, house: &House, text: &str) {
        let now = Instant::now();
        let goes_on = self.typed.1.is_some_and(|last| now.duration_since(last) < TYPING);
        if !goes_on {
            self.typed.0.clear();
        }
        self.typed = (format!("{}{text}", self.typed.0), Some(now));
        let Some(folder) = &self.folder else { return };
        // One more letter narrows from where we are; a first one goes on to the next.
        let from = self.selected.map_or(0, |n| if goes_on { n } else { n.saturating_add(1) });
        if let Some(found) = type_ahead(&folder.entries, from, &self.typed.0) {
            self.select(house, found);
        }
    }
}

fn wire(component: &Chooser, inbox: &Inbox) {
    let send = |inbox: &Inbox| {
        let inbox = inbox.clone();
        move |wish: ChooserWish| inbox.push(Wish::Chooser(wish))
    };
    let with = |inbox: &Inbox, make: fn(usize) -> ChooserWish| {
        let to = send(inbox);
        move |n: i32| {
            if let Ok(n) = usize::try_from(n) {
                to(make(n));
            }
        }
    };
    component.on_go(with(inbox, ChooserWish::Go));
    component.on_select(with(inbox, ChooserWish::Select));
    component.on_open(with(inbox, ChooserWish::Open));
    component.on_scrolled(with(inbox, ChooserWish::Scrolled));
    let to = send(inbox);
    component.on_up(move || to(ChooserWish::Up));
    let to = send(inbox);
    component.on_toggle_hidden(move || to(ChooserWish::ToggleHidden));
    let to = send(inbox);
    component.on_hand_over(move || to(ChooserWish::HandOver));
    let to = send(inbox);
    component.on_cancel(move || to(ChooserWish::Cancel));
    let to = send(inbox);
    component.on_name_edited(move |_| to(ChooserWish::NameEdited));
    let to = send(inbox);
    component.on_typed(move |text| {
        let is_text = is_text(&text);
        if is_text {
            to(ChooserWish::Typed(text.into()));
        }
        is_text
    });
}

/// Whether what is shown of a name is all of it: only then it can be told from others, and written again.
fn is_itself(name: &str) -> bool {
    shown(name) == name && !name.contains(char::REPLACEMENT_CHARACTER)
}

/// A name in the middle of a sentence, its end kept.
fn short(name: &str) -> String {
    const MOST: usize = 40;
    let name = shown(name);
    let cut = name.chars().count().saturating_sub(MOST);
    if cut == 0 {
        name
    } else {
        format!("…{}", name.chars().skip(cut.saturating_add(1)).collect::<String>())
    }
}
