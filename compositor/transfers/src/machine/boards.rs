// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard and primary selection: whose they are, and who may see them for the moment.
//!
//! In: copies, gestures, focus. Out: the [`Offer`] for the client with the keyboard.

use super::Transfers;
use super::transfer::{By, Transfer};
use super::types::{Copied, Effect, Mono, Offer};
use crate::{Board, Gesture, Kinds, Snapshot};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::Content;
use std::sync::Arc;

/// Answers kept for a target that had stopped waiting.
const MAX_KEPT: usize = 16;

/// One copy.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) generation: u64,
    pub(super) from: Option<VmId>,
    pub(super) kinds: Kinds,
    /// What was read of it, and until when that stays.
    read: Vec<(Content, Arc<Snapshot>, Mono)>,
}

impl Copy {
    pub(super) fn next_timeout(&self) -> Option<Mono> {
        self.read.iter().map(|(.., until)| *until).min()
    }

    pub(super) fn snapshot(&self, content: Content) -> Option<Arc<Snapshot>> {
        self.read.iter().find(|(known, ..)| *known == content).map(|(_, snapshot, _)| snapshot.clone())
    }
}

/// What a gesture opened.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) id: u64,
    pub(super) target: VmId,
    /// The copies that were there at the gesture: a later one is not meant.
    pub(super) copies: [Option<u64>; 2],
    pub(super) may_read: bool,
    /// The menu that the gesture called for is open.
    pub(super) menu: bool,
    /// Until when the target may begin to read.
    pub(super) until: Mono,
    /// Somebody reads under it: some programs (GTK 3) drop what they are reading when its offer goes.
    pub(super) held: bool,
    /// Until when the offer stays after the last reader is done, so that it has time to see that it is.
    pub(super) stays: Mono,
}

impl Window {
    /// When its offer goes, unless something happens before.
    pub(super) fn next_timeout(&self) -> Option<Mono> {
        (!self.held).then(|| self.until.max(self.stays))
    }
}

/// A yes whose bytes could not be delivered.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) target: VmId,
    pub(super) generation: u64,
    pub(super) content: Content,
    pub(super) ticket: Ticket,
    pub(super) until: Mono,
}

pub(super) const fn index(board: Board) -> usize {
    match board {
        Board::Clipboard => 0,
        Board::Primary => 1,
    }
}

impl Transfers {
    fn copy(&self, board: Board) -> Option<&Copy> {
        self.copies.get(index(board)).and_then(Option::as_ref)
    }

    /// The copy with this number, if it is still the one on its board.
    pub(super) fn copy_of(&self, board: Board, generation: u64) -> Option<&Copy> {
        self.copy(board).filter(|copy| copy.generation == generation)
    }

    /// Somebody copied something: it has the board now. Gives the number of the copy.
    pub fn copied(&mut self, copied: Copied<'_>) -> u64 {
        let generation = self.next_generation;
        self.next_generation = self.next_generation.saturating_add(1);
        let Copied { board, from, mimes } = copied;
        let copy = Copy { generation, from, kinds: Kinds::of(mimes), read: Vec::new() };
        self.replace(board, Some(copy));
        generation
    }

    pub(super) fn cleared(&mut self, board: Board, generation: u64) {
        if self.copy_of(board, generation).is_some() {
            self.replace(board, None);
        }
    }

    fn replace(&mut self, board: Board, copy: Option<Copy>) {
        let Some(place) = self.copies.get_mut(index(board)) else { return };
        if let Some(old) = std::mem::replace(place, copy) {
            // A yes was about what was seen; it says nothing about what came after.
            self.kept.retain(|kept| kept.generation != old.generation);
        }
        self.do_it(Effect::Offers);
    }

    /// What the client with the keyboard is to be told of a board. `client` is its VM, or none for a
    /// program of the desktop itself.
    #[must_use]
    pub fn offer(&self, board: Board, client: Option<&VmId>) -> Offer {
        let Some(copy) = self.copy(board) else { return Offer::Nothing };
        let generation = copy.generation;
        if copy.from.as_ref() == client {
            return Offer::Own { generation };
        }
        let open = |window: &&Window| {
            client == Some(&window.target) && window.copies.get(index(board)) == Some(&Some(generation))
        };
        let Some(window) = self.window.as_ref().filter(open) else { return Offer::Nothing };
        let mimes = copy.kinds.announced();
        if copy.from.is_none() || mimes.is_empty() {
            return Offer::Nothing;
        }
        Offer::Across { generation, window: window.id, mimes }
    }

    pub(super) fn focused(&mut self, vm: Option<&VmId>) {
        if self.window.as_ref().is_some_and(|window| Some(&window.target) != vm) {
            self.window = None;
        }
        self.do_it(Effect::Offers);
    }

    pub(super) fn gesture(&mut self, target: VmId, gesture: Gesture, now: Mono) {
        let mut copies = [None, None];
        for board in gesture.boards() {
            let foreign = self.copy(*board).filter(|copy| copy.from.as_ref() != Some(&target));
            if let Some(place) = copies.get_mut(index(*board)) {
                *place = foreign.map(|copy| copy.generation);
            }
        }
        let until = now.plus(self.limits.gesture);
        let same = |window: &&mut Window| {
            let menu = window.menu || gesture != Gesture::Chosen;
            menu && !window.may_read && window.target == target && window.copies == copies
        };
        match self.window.as_mut().filter(same) {
            // What is chosen in a menu is meant for the offer that the menu was made for.
            Some(window) => {
                window.may_read = gesture.may_read();
                window.menu = false;
                window.until = until;
            }
            // And without such an offer a choice in a menu is some other choice.
            None if gesture == Gesture::Chosen => {}
            None => {
                let id = self.next_window;
                self.next_window = self.next_window.saturating_add(1);
                let (may_read, stays) = (gesture.may_read(), until);
                self.window =
                    Some(Window { id, target, copies, may_read, menu: false, until, held: false, stays });
                self.do_it(Effect::Offers);
            }
        }
    }

    pub(super) fn menu_opened(&mut self, vm: &VmId, now: Mono) {
        let until = now.plus(self.limits.menu);
        if let Some(window) = self.window.as_mut().filter(|w| w.target == *vm && !w.may_read && w.until > now)
        {
            window.menu = true;
            window.until = until;
        }
    }

    pub(super) fn menus_closed(&mut self, vm: &VmId) {
        // A menu that was there before the gesture makes room for the one that is meant.
        if self.window.as_ref().is_some_and(|window| window.target == *vm && window.menu && !window.may_read)
        {
            self.window = None;
            self.do_it(Effect::Offers);
        }
    }

    pub(super) fn remember(
        &mut self,
        board: Board,
        generation: u64,
        content: Content,
        snapshot: Arc<Snapshot>,
        until: Mono,
    ) {
        let place = self.copies.get_mut(index(board)).and_then(Option::as_mut);
        if let Some(copy) = place.filter(|copy| copy.generation == generation) {
            copy.read.retain(|(known, ..)| *known != content);
            copy.read.push((content, snapshot, until));
        }
    }

    /// Keeps a yes that was of no use yet.
    pub(super) fn keep(&mut self, transfer: &Transfer, now: Mono) {
        let (By::Paste { board, generation, .. }, Some(ticket)) = (transfer.by, transfer.ticket()) else {
            return;
        };
        if transfer.used || self.copy_of(board, generation).is_none() {
            return;
        }
        let (target, content) = (transfer.target.clone(), transfer.content);
        let until = now.plus(self.limits.kept);
        if self.kept.len() < MAX_KEPT {
            self.kept.push(Kept { target, generation, content, ticket, until });
        }
    }

    pub(super) fn take_kept(&mut self, target: &VmId, generation: u64, content: Content) -> Option<Ticket> {
        let same =
            |kept: &Kept| kept.target == *target && kept.generation == generation && kept.content == content;
        let at = self.kept.iter().position(same)?;
        Some(self.kept.swap_remove(at).ticket)
    }

    pub(super) fn expire_boards(&mut self, now: Mono) {
        self.kept.retain(|kept| kept.until > now);
        for copy in self.copies.iter_mut().flatten() {
            copy.read.retain(|(.., until)| *until > now);
        }
        let Some(window) = &mut self.window else { return };
        let under = |t: &Transfer| matches!(t.by, By::Paste { window: id, .. } if id == window.id);
        let held = self.live.values().any(|t| under(t) && !t.sinks.is_empty());
        if std::mem::replace(&mut window.held, held) && !held {
            window.stays = now.plus(self.limits.gesture);
        }
        if window.next_timeout().is_some_and(|due| due <= now) {
            self.window = None;
            self.do_it(Effect::Offers);
        }
    }

    pub(super) fn boards_forget(&mut self, vm: &VmId) {
        self.kept.retain(|kept| kept.target != *vm);
        if self.window.as_ref().is_some_and(|window| window.target == *vm) {
            self.window = None;
            self.do_it(Effect::Offers);
        }
        for board in Board::ALL {
            let theirs = self.copy(board).filter(|copy| copy.from.as_ref() == Some(vm));
            if let Some(generation) = theirs.map(|copy| copy.generation) {
                self.cleared(board, generation);
            }
        }
    }
}
