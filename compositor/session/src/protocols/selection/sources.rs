// SPDX-License-Identifier: GPL-3.0-or-later
//! Sources of clients: what they offer, and how they are asked.
//!
//! In: `wl_data_source` and primary selection sources. Out: the two boards' present sources. A source
//! that is replaced is told so; one that goes away takes its copy with it.

use crate::clock::Mono;
use crate::input::SeatRoom;
use crate::protocols::Selections;
use super::{State, index};
use crate::client::{self, ClientIdentity};
use cofferdam_transfers::{Board, Copied, Event, MAX_KINDS};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_source_v1::ZwpPrimarySelectionSourceV1;
use smithay::reexports::wayland_server::protocol::wl_data_source::WlDataSource;
use smithay::utils::{SERIAL_COUNTER, Serial};
use std::collections::HashMap;
use std::os::fd::AsFd;
use wayland_server::backend::ObjectId;
use wayland_server::{Client, DisplayHandle, Resource};

/// Longest name of a type that is kept; the longest of real programs, which put sizes and places into
/// them, have half of that.
const MAX_MIME: usize = 512;
/// Bytes of names that are kept for all sources of one VM together.
const MAX_NAMES: usize = 128 << 10;

/// What one source has offered so far.
#[derive(Debug)]
struct Types {
    of: ClientIdentity,
    bytes: usize,
    names: Vec<String>,
}

/// The types that each source has offered so far. There is no other copy: smithay is not told of them.
#[derive(Debug, Default)]
pub(super) struct SourceTypes(HashMap<ObjectId, Types>);

impl SourceTypes {
    /// Notes one more, unless it is too long or there are too many.
    pub(super) fn note(&mut self, source: ObjectId, of: &ClientIdentity, mime: &str) {
        let theirs: usize = self.0.values().filter(|types| types.of == *of).map(|types| types.bytes).sum();
        let types =
            self.0.entry(source).or_insert_with(|| Types { of: of.clone(), bytes: 0, names: Vec::new() });
        let fits = mime.len() <= MAX_MIME && theirs.saturating_add(mime.len()) <= MAX_NAMES;
        if fits && types.names.len() < MAX_KINDS {
            types.bytes = types.bytes.saturating_add(mime.len());
            types.names.push(mime.to_owned());
        }
    }

    pub(super) fn of(&self, source: &ObjectId) -> Vec<String> {
        self.0.get(source).map(|types| types.names.clone()).unwrap_or_default()
    }

    pub(super) fn forget(&mut self, source: &ObjectId) {
        self.0.remove(source);
    }

    /// Forgets what belonged to clients that are gone.
    pub(super) fn sweep(&mut self, display: &DisplayHandle) {
        self.0.retain(|source, _| display.object_info(source.clone()).is_ok());
    }
}

/// A source of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Data(WlDataSource),
    Primary(ZwpPrimarySelectionSourceV1),
}

impl Source {
    pub(super) fn id(&self) -> ObjectId {
        match self {
            Self::Data(source) => source.id(),
            Self::Primary(source) => source.id(),
        }
    }

    pub(super) fn send(&self, mime: String, fd: impl AsFd) {
        match self {
            Self::Data(source) => source.send(mime, fd.as_fd()),
            Self::Primary(source) => source.send(mime, fd.as_fd()),
        }
    }

    fn cancel(&self) {
        match self {
            Self::Data(source) => source.cancelled(),
            Self::Primary(source) => source.cancelled(),
        }
    }
}

/// A board's present source.
#[derive(Debug, Clone)]
pub(super) struct BoardSource {
    pub(super) source: Source,
    pub(super) generation: u64,
    pub(super) mimes: Vec<String>,
}

impl State {
    /// A client copied or selected something, or nothing any more.
    pub(super) fn take_selection(
        &mut self,
        board: Board,
        client: &Client,
        source: Option<Source>,
        serial: Serial,
    ) {
        let Some(meant) =
            self.selections.is_meant(board, client, serial, source.is_some(), &self.seat, self.clock.now())
        else {
            tracing::debug!(?board, "a selection of a client without the keyboard");
            return;
        };
        if let Some(since) = self.selections.since.get_mut(index(board)) {
            *since = Some(meant);
        }
        let Some(place) = self.selections.boards.get_mut(index(board)) else { return };
        let old = place.take();
        if let Some(old) = &old
            && source.as_ref() != Some(&old.source)
        {
            old.source.cancel();
        }
        let Some(source) = source else {
            if let Some(old) = old {
                self.transfer(Event::Cleared { board, generation: old.generation });
            }
            return;
        };
        let mimes = self.selections.types.of(&source.id());
        let from = client::data(client).and_then(|data| data.identity.vm().cloned());
        let generation = self.selections.machine.copied(Copied { board, from, mimes: &mimes });
        if let Some(place) = self.selections.boards.get_mut(index(board)) {
            *place = Some(BoardSource { source, generation, mimes });
        }
        self.transfer(Event::Tick);
    }

    /// A source is gone, with its client or without.
    pub(super) fn source_gone(&mut self, source: &ObjectId) {
        self.selections.types.forget(source);
        for board in Board::ALL {
            let Some(place) = self.selections.boards.get_mut(index(board)) else { continue };
            if let Some(old) = place.take_if(|held| held.source.id() == *source) {
                self.transfer(Event::Cleared { board, generation: old.generation });
            }
        }
        self.drag_source_gone(source);
    }
}

impl Selections {
    /// When this copy was meant, if it is to be taken: the client has the keyboard, or it was slow, and the
    /// keyboard went elsewhere after the key or click that the copy is about. Whoever copied after that
    /// came later, so a client in the background can't take a board back.
    fn is_meant(
        &self,
        board: Board,
        client: &Client,
        serial: Serial,
        something: bool,
        seat: &SeatRoom,
        now: Mono,
    ) -> Option<Serial> {
        if self.holds_keyboard(client) {
            return Some(SERIAL_COUNTER.next_serial());
        }
        let since = self.since.get(index(board)).copied().flatten();
        let newest = since.is_none_or(|since| serial.is_no_older_than(&since));
        (something && newest && seat.may_still_copy(client, serial, now)).then_some(serial)
    }

    /// Forgets what belonged to clients that are gone.
    pub(crate) fn sweep(&mut self, display: &DisplayHandle) {
        self.types.sweep(display);
    }
}
