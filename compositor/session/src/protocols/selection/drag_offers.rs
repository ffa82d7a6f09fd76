// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_data_offer` of drags.
//!
//! In: what the client under a drag answers to it. Out: its choice, told to the source; bytes, straight
//! from a source of its own VM or through a transfer from another's. Offers of selections are smithay's.

use super::State;
use cofferdam_transfers::{Event, TransferId};
use smithay::reexports::wayland_server::protocol::wl_data_device::WlDataDevice;
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::DndAction;
use smithay::reexports::wayland_server::protocol::wl_data_offer::{self, WlDataOffer};
use smithay::reexports::wayland_server::protocol::wl_data_source::WlDataSource;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wayland_server::backend::protocol::Message;
use wayland_server::backend::{ClientId, Handle, ObjectData, ObjectId};
use wayland_server::{DisplayHandle, Resource};

/// Who gives what is dragged.
#[derive(Debug, Clone)]
pub(super) enum Giver {
    /// A client of the same VM.
    Client(WlDataSource),
    /// Another VM, by way of a transfer.
    Transfer(TransferId),
}

/// What the offers of one entry have in common.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<DragOffer>);

#[derive(Debug)]
struct DragOffer {
    giver: Giver,
    mimes: Vec<String>,
    actions: DndAction,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    active: bool,
    accepted: bool,
    dropped: bool,
    finished: bool,
    action: DndAction,
    /// Devices of before actions were invented: accepting is all they can do.
    old: bool,
}

impl Shared {
    pub(super) fn new(giver: Giver, mimes: Vec<String>, actions: DndAction) -> Self {
        let progress = Progress {
            active: true,
            // Until it says something else: old clients say nothing.
            accepted: true,
            dropped: false,
            finished: false,
            action: DndAction::empty(),
            old: false,
        };
        Self(Arc::new(DragOffer { giver, mimes, actions, progress: Mutex::new(progress) }))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client would take it.
    pub(super) fn is_wanted(&self) -> bool {
        let progress = self.progress();
        progress.accepted && (progress.old || !progress.action.is_empty())
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.progress().dropped
    }

    pub(super) fn deactivate(&self) {
        self.progress().active = false;
    }

    pub(super) fn dropped(&self) {
        self.progress().dropped = true;
    }
}

/// Makes an offer for a device and describes it there.
pub(super) fn make_offer(
    display: &DisplayHandle,
    device: &WlDataDevice,
    shared: &Shared,
) -> Option<WlDataOffer> {
    let client = device.client()?;
    let handle = display.backend_handle();
    let data: Arc<dyn ObjectData<State>> = Arc::new(shared.clone());
    let made = handle.create_object(client.id(), WlDataOffer::interface(), device.version(), data);
    let offer = made.ok().and_then(|id| WlDataOffer::from_id(display, id).ok())?;
    device.data_offer(&offer);
    for mime in &shared.0.mimes {
        offer.offer(mime.clone());
    }
    if device.version() >= 3 {
        offer.source_actions(shared.0.actions);
    } else {
        shared.progress().old = true;
    }
    Some(offer)
}

impl ObjectData<State> for Shared {
    fn request(
        self: Arc<Self>,
        handle: &Handle,
        state: &mut State,
        _: ClientId,
        message: Message<ObjectId, OwnedFd>,
    ) -> Option<Arc<dyn ObjectData<State>>> {
        let display = DisplayHandle::from(handle.clone());
        if let Ok((offer, request)) = WlDataOffer::parse_request(&display, message) {
            self.answer(state, &offer, request);
        }
        None
    }

    fn destroyed(self: Arc<Self>, _: &Handle, state: &mut State, _: ClientId, _: ObjectId) {
        if let Giver::Transfer(id) = self.0.giver {
            state.transfer(Event::DropOver(id));
        }
    }
}

impl Shared {
    fn answer(&self, state: &mut State, offer: &WlDataOffer, request: wl_data_offer::Request) {
        match request {
            wl_data_offer::Request::Accept { mime_type, .. } => {
                let known = mime_type.filter(|mime| self.0.mimes.contains(mime));
                let mut progress = self.progress();
                if progress.finished || !progress.active {
                    return;
                }
                progress.accepted = known.is_some();
                drop(progress);
                match &self.0.giver {
                    Giver::Client(source) => source.target(known),
                    Giver::Transfer(id) => state.selections.drop_answered(*id),
                }
            }
            wl_data_offer::Request::SetActions { dnd_actions, preferred_action } => {
                let wanted = dnd_actions.into_result().unwrap_or(DndAction::None);
                let preferred = preferred_action.into_result().unwrap_or(DndAction::None);
                self.set_actions(state, offer, wanted, preferred);
            }
            wl_data_offer::Request::Receive { mime_type, fd } => self.receive(state, mime_type, fd),
            wl_data_offer::Request::Finish => self.finish(state, offer),
            wl_data_offer::Request::Destroy => {
                let progress = self.progress();
                let given_up = progress.dropped && !progress.finished;
                drop(progress);
                if let Giver::Client(source) = &self.0.giver
                    && given_up
                    && source.version() >= 3
                {
                    source.cancelled();
                }
            }
            _ => {}
        }
    }

    fn set_actions(&self, state: &mut State, offer: &WlDataOffer, wanted: DndAction, preferred: DndAction) {
        let single = [DndAction::None, DndAction::Move, DndAction::Copy, DndAction::Ask].contains(&preferred);
        if !single {
            offer.post_error(wl_data_offer::Error::InvalidAction, "only one action can be preferred");
            return;
        }
        let action = choose(wanted & self.0.actions, preferred);
        let mut progress = self.progress();
        if !progress.active || progress.finished {
            return;
        }
        let changed = std::mem::replace(&mut progress.action, action) != action;
        drop(progress);
        if changed {
            offer.action(action);
        }
        match &self.0.giver {
            Giver::Client(source) if changed && source.version() >= 3 => source.action(action),
            Giver::Client(_) => {}
            Giver::Transfer(id) => state.selections.drop_answered(*id),
        }
    }

    fn receive(&self, state: &mut State, mime: String, fd: OwnedFd) {
        let active = self.progress().active;
        if !active || !self.0.mimes.contains(&mime) {
            return;
        }
        match &self.0.giver {
            Giver::Client(source) => source.send(mime, fd.as_fd()),
            Giver::Transfer(id) => {
                if let Some(sink) = state.selections.add_sink(fd) {
                    state.transfer(Event::ReceiveDrop { id: *id, mime: &mime, sink });
                }
            }
        }
    }

    fn finish(&self, state: &mut State, offer: &WlDataOffer) {
        let mut progress = self.progress();
        let wrong = if !progress.active {
            Some("the offer is over")
        } else if !progress.accepted {
            Some("the offer was not accepted")
        } else if !progress.dropped {
            Some("nothing was dropped")
        } else if progress.action.is_empty() {
            Some("there is no action")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            drop(progress);
            offer.post_error(wl_data_offer::Error::InvalidFinish, wrong);
            return;
        }
        progress.finished = true;
        progress.active = false;
        drop(progress);
        match &self.0.giver {
            Giver::Client(source) if source.version() >= 3 => source.dnd_finished(),
            Giver::Client(_) => {}
            Giver::Transfer(id) => state.transfer(Event::DropOver(*id)),
        }
    }
}

/// The action that both sides can do.
fn choose(available: DndAction, preferred: DndAction) -> DndAction {
    let order = [preferred, DndAction::Ask, DndAction::Copy, DndAction::Move];
    let fits = |action: &DndAction| !action.is_empty() && available.contains(*action);
    order.into_iter().find(fits).unwrap_or(DndAction::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions() {
        let (copy, mv, ask) = (DndAction::Copy, DndAction::Move, DndAction::Ask);
        for (available, preferred, expected) in [
            (copy | mv, mv, mv),
            (copy, mv, copy),
            (copy | ask, DndAction::None, ask),
            (mv, DndAction::None, mv),
            (DndAction::None, copy, DndAction::empty()),
        ] {
            assert_eq!(choose(available, preferred), expected);
        }
    }
}
