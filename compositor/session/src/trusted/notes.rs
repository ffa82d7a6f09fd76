// SPDX-License-Identifier: GPL-3.0-or-later
//! The note at the edge of the screen.
//!
//! In: what the room says of it. Out: its card in the frame of the first output, drawn once for each change,
//! and who has the pointer while it is there.

use super::scenery::{Canvas, EDGE, Item};
use crate::render::Painter;
use crate::render::cast;
use crate::state::State;
use crate::trusted::Around;
use crate::trusted::Trusted;
use cofferdam_chrome::{Card, NoticeSpec, PixelRect, QuoteSpec};
use cofferdam_ids::{Identity, Label};
use cofferdam_prompts::{Event, Note, NotePart, NoteStamp, Place};
use cofferdam_scene::{Op, OutputId};
use smithay::utils::{Logical, Physical, Point};

/// Logical distance from the upper edge: below the bar, and below the buttons of a maximised window.
const TOP: f64 = 84.0;

/// Everything that a note's picture depends on, besides the icon, with which the look changes.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    look: u64,
    output: (u32, u32),
    scale: f32,
    identity: Identity,
    words: (Label, String, String),
    said: bool,
    waiting: usize,
    hovered: Option<NotePart>,
}

/// A note as it was drawn.
#[derive(Debug)]
pub(super) struct Drawn {
    key: Key,
    card: Card,
    on: OutputId,
    stamp: NoteStamp,
}

impl State {
    /// After a frame of an output was drawn.
    pub(super) fn notice_was_drawn(&mut self, output: OutputId) {
        let drawn = self.trusted.note.as_ref().filter(|drawn| drawn.on == output).map(|drawn| drawn.stamp);
        if let (Some(stamp), Some(shown)) = (drawn, self.trusted.room.notice())
            && shown.stamp != Some(&stamp)
        {
            self.trusted(Event::NotePlaced(stamp));
        }
    }

    /// The pointer came onto the note, or left it: meanwhile it is no client's.
    pub(super) fn pointer_on_note(&mut self, on: bool) {
        if on {
            self.seat.release_constraint();
            // A finger may be moving a window.
            if !self.desk.scene.pointer_is_held() {
                self.apply_or_ignore(Op::PointerLeave);
            }
            // A client that is about to hear of the last button's release keeps the pointer until it has.
            if self.seat.pointer.is_grabbed() {
                self.desk.pointer_stale = true;
            } else {
                self.pointer_leaves_clients();
            }
        } else if let Some(at) = self.seat.at {
            if !self.desk.scene.pointer_is_held() {
                self.apply_or_ignore(Op::PointerMotion(crate::input::pixel(at)));
            }
            self.desk.pointer_stale = true;
        }
        self.screens.redraw_cursor();
    }
}

impl Trusted {
    /// Puts the note into the frame of the first output.
    pub(super) fn prepare_notice(&mut self, canvas: Canvas, around: Around<'_>, painter: &mut Painter) {
        let Some(key) = self.notice_key(canvas, around) else {
            if self.room.notice().is_none() {
                self.note = None;
            }
            return;
        };
        let Some(revision) = self.room.notice().map(|shown| shown.revision) else { return };
        let kept = self.note.take().filter(|drawn| drawn.key == key).map(|drawn| drawn.card);
        let Some(card) = kept.or_else(|| self.draw_notice(&key, around, painter)) else { return };
        let (w, h) = card.overlay.size;
        let x = canvas.pixels.w.saturating_sub(cast::coord(w)).saturating_sub(canvas.px(EDGE));
        let place: Point<i32, Physical> = (x, canvas.px(TOP)).into();
        let close = card.places.first().copied().unwrap_or(PixelRect::new(0, 0, 0, 0));
        let stamp = NoteStamp {
            output: canvas.id.0,
            look: key.look,
            revision,
            card: canvas.global(place, PixelRect::new(0, 0, w, h)),
            close: canvas.global(place, close),
        };
        self.scenery.items.push(Item::Parts(card.overlay.parts.clone(), place));
        self.note = Some(Drawn { key, card, on: canvas.id, stamp });
    }

    fn notice_key(&self, canvas: Canvas, around: Around<'_>) -> Option<Key> {
        let shown = self.room.notice()?;
        if around.desk.scene.outputs().first().map(cofferdam_scene::Output::id) != Some(canvas.id) {
            return None;
        }
        let (heading, title, text) = self.notice_words(around.vms)?;
        Some(Key {
            look: self.look,
            output: canvas.output(),
            scale: canvas.scale(),
            identity: around.vms.get(shown.vm)?.identity,
            words: (heading, title.to_owned(), text.to_owned()),
            said: matches!(shown.note, Note::Said(_)),
            waiting: shown.waiting,
            hovered: shown.hovered,
        })
    }

    fn draw_notice(&self, key: &Key, around: Around<'_>, painter: &mut Painter) -> Option<Card> {
        let vm = around.vms.get(self.room.notice()?.vm)?;
        let (heading, title, text) = &key.words;
        Some(painter.chrome.notice(&NoticeSpec {
            identity: Some(key.identity),
            icon: vm.icon.as_ref(),
            heading,
            text: if key.said { "" } else { text },
            quote: key.said.then_some(QuoteSpec { title, body: text }),
            waiting: key.waiting,
            hovered: key.hovered.is_some(),
            close_hovered: key.hovered == Some(NotePart::Close),
            scale: key.scale,
            output: key.output,
        }))
    }

    /// Whether a note hides what is at a place.
    pub(crate) fn note_covers(&self, at: Point<f64, Logical>) -> bool {
        let shown = self.room.notice();
        shown
            .and_then(|shown| shown.stamp)
            .is_some_and(|stamp| stamp.card.contains(Place { x: at.x, y: at.y }))
    }
}
