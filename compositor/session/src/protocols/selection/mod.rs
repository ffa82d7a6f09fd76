// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard, primary selection, drag and drop.
//!
//! In: sources of clients, the person's gestures, the monitor's verdicts. Out: offers. Inside a VM a
//! source is offered as it is, and its bytes go straight to whoever reads. Towards another VM nothing
//! is offered before the person's gesture there, and the bytes go through [`cofferdam_transfers`].
//!
//! smithay never holds a client's selection: all that it is given are selections of the compositor's
//! own, one for each offer, so that nothing is offered by accident when the keyboard changes hands.

mod devices;
mod drag;
mod drag_offers;
mod drops;
mod effects;
mod feeds;
mod gestures;
mod image;
mod monitor;
mod redraw;
mod requests;
mod sources;

pub(crate) use drag::{Drag, Over};

use crate::alarm::Alarm;
use crate::client::{self, ClientIdentity};
use crate::input::SeatRoom;
use crate::state::State;
use calloop::{LoopHandle, RegistrationToken};
use cofferdam_ids::VmId;
use cofferdam_scene::PopupId;
use cofferdam_transfers::{Board, Limits, Mono, Offer, SinkId, TransferId, Transfers};
use smithay::input::Seat;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use smithay::wayland::selection::data_device::{
    ClientDndGrabHandler, DataDeviceHandler, DataDeviceState, ServerDndGrabHandler,
    clear_data_device_selection, set_data_device_focus, set_data_device_selection,
};
use smithay::wayland::selection::primary_selection::{
    PrimarySelectionHandler, PrimarySelectionState, clear_primary_selection, set_primary_focus,
    set_primary_selection,
};
use smithay::wayland::selection::{SelectionHandler, SelectionTarget};
use sources::{BoardSource, SourceTypes};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::time::Duration;
use wayland_server::DisplayHandle;
use wayland_server::backend::ClientId;
use wayland_server::{Client, Resource};

/// Whose selection it is, what crosses, and the drag that is under way.
#[derive(Debug)]
pub(crate) struct Selections {
    event_loop: LoopHandle<'static, State>,
    machine: Transfers,
    /// The source of each board: clipboard, primary selection.
    boards: [Option<BoardSource>; 2],
    /// What the person did before each board changed hands last.
    since: [Option<Serial>; 2],
    /// The types of every source that clients have made.
    types: SourceTypes,
    /// Devices that are gone, until smithay lets go of them.
    gone: Vec<devices::Gone>,
    /// The client with the keyboard.
    focused: Option<Client>,
    /// What it was told last of each board.
    told: [Option<(ClientId, Offer)>; 2],
    reads: BTreeMap<TransferId, RegistrationToken>,
    sinks: HashMap<SinkId, feeds::Sink>,
    next_sink: u64,
    checker: Option<image::Checker>,
    alarm: Alarm,
    drag: Option<Drag>,
    drops: BTreeMap<TransferId, drops::Drop>,
    /// VMs into which nothing can be pasted, or dropped.
    shut: monitor::Shut,
    /// The menu of the VM with the keyboard that was open when it was looked at last.
    menu: Option<(VmId, PopupId)>,
    /// Since when a button is held, and whether it went down inside a menu.
    pressed: Option<(Mono, bool)>,
}

impl Selections {
    pub(crate) fn new(wipe: Duration, event_loop: LoopHandle<'static, State>) -> Self {
        Self {
            event_loop,
            machine: Transfers::new(Limits { wipe, ..Limits::default() }),
            boards: [None, None],
            since: [None, None],
            types: SourceTypes::default(),
            gone: Vec::new(),
            focused: None,
            told: [None, None],
            reads: BTreeMap::new(),
            sinks: HashMap::new(),
            next_sink: 1,
            checker: None,
            alarm: Alarm::default(),
            drag: None,
            drops: BTreeMap::new(),
            shut: monitor::Shut::default(),
            menu: None,
            pressed: None,
        }
    }

    /// The drag that is under way.
    pub(crate) fn drag(&self) -> Option<&Drag> {
        self.drag.as_ref()
    }
}

/// What an offer to a client stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferKey {
    generation: u64,
    /// The gesture, for an offer from another VM.
    window: Option<u64>,
}

const fn board_of(target: SelectionTarget) -> Board {
    match target {
        SelectionTarget::Clipboard => Board::Clipboard,
        SelectionTarget::Primary => Board::Primary,
    }
}

const fn index(board: Board) -> usize {
    match board {
        Board::Clipboard => 0,
        Board::Primary => 1,
    }
}

impl State {
    /// The keyboard went to `focused`.
    pub(crate) fn selections_follow(&mut self, focused: Option<&WlSurface>) {
        self.selections.focused = focused.and_then(Resource::client);
        let vm = self.selections.focused_vm();
        self.transfer(cofferdam_transfers::Event::Focused(vm));
    }
}

impl Selections {
    /// The VM of the client with the keyboard.
    fn focused_vm(&self) -> Option<VmId> {
        let data = self.focused.as_ref().and_then(client::data);
        data.and_then(|data| data.identity.vm().cloned())
    }

    /// Tells the client with the keyboard what has changed for it.
    fn renew_offers(&mut self, display: &DisplayHandle, seat: &SeatRoom) {
        for board in Board::ALL {
            let client = self.focused.clone();
            let identity = client.as_ref().and_then(client::data).map(|data| data.identity.clone());
            let told = client
                .as_ref()
                .zip(identity)
                .map(|(client, identity)| (client.id(), self.machine.offer(board, identity.vm())));
            let Some(place) = self.told.get_mut(index(board)) else { continue };
            if *place == told {
                continue;
            }
            place.clone_from(&told);
            self.tell(board, client, told.map(|(_, offer)| offer), display, seat);
        }
    }

    fn tell(
        &self,
        board: Board,
        client: Option<Client>,
        offer: Option<Offer>,
        display: &DisplayHandle,
        seat: &SeatRoom,
    ) {
        let (display, seat) = (display, &seat.seat);
        let offered = match offer {
            Some(Offer::Own { generation }) => {
                let held = self.boards.get(index(board)).and_then(Option::as_ref);
                held.map(|held| (held.mimes.clone(), OfferKey { generation, window: None }))
            }
            Some(Offer::Across { generation, window, mimes }) => {
                let mimes = mimes.into_iter().map(str::to_owned).collect();
                Some((mimes, OfferKey { generation, window: Some(window) }))
            }
            Some(Offer::Nothing) | None => None,
        };
        // Nobody is looking while the selection changes hands: each client sees one event, its own.
        match board {
            Board::Clipboard => {
                set_data_device_focus(display, seat, None);
                match offered {
                    Some((mimes, key)) => set_data_device_selection(display, seat, mimes, key),
                    None => clear_data_device_selection(display, seat),
                }
                set_data_device_focus(display, seat, client);
            }
            Board::Primary => {
                set_primary_focus(display, seat, None);
                match offered {
                    Some((mimes, key)) => set_primary_selection(display, seat, mimes, key),
                    None => clear_primary_selection(display, seat),
                }
                set_primary_focus(display, seat, client);
            }
        }
    }

    /// Whether this client has the keyboard.
    fn holds_keyboard(&self, client: &Client) -> bool {
        self.focused.as_ref() == Some(client)
    }
}

impl SelectionHandler for State {
    type SelectionUserData = OfferKey;

    /// A client reads what it was offered.
    fn send_selection(
        &mut self,
        target: SelectionTarget,
        mime: String,
        fd: OwnedFd,
        _: Seat<Self>,
        key: &OfferKey,
    ) {
        let board = board_of(target);
        let Some(window) = key.window else {
            let held = self.selections.boards.get(index(board)).and_then(Option::as_ref);
            if let Some(held) = held.filter(|held| held.generation == key.generation) {
                held.source.send(mime, &fd);
            }
            return;
        };
        let Some(sink) = self.selections.add_sink(fd) else { return };
        let generation = key.generation;
        self.transfer(cofferdam_transfers::Event::Receive { board, generation, window, mime: &mime, sink });
    }
}

impl DataDeviceHandler for State {
    fn data_device_state(&self) -> &DataDeviceState {
        &self.globals.data_device
    }
}

// smithay's own grabs are never begun: see `drag`.
impl ClientDndGrabHandler for State {}
impl ServerDndGrabHandler for State {}

impl PrimarySelectionHandler for State {
    fn primary_selection_state(&self) -> &PrimarySelectionState {
        &self.globals.primary_selection
    }
}

/// Whether two clients belong to the same VM.
fn same_identity(one: &ClientIdentity, other: Option<&ClientIdentity>) -> bool {
    other == Some(one)
}
