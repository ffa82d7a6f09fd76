// SPDX-License-Identifier: GPL-3.0-or-later
//! Drops on another VM's window.
//!
//! In: what was dragged, and where it was let go. Out: a transfer; when that is allowed and read, the
//! target is shown a drag that enters and is dropped at that place, with an offer of the compositor's.

use super::State;
use super::drag::{Drag, Over, cancel, data_devices};
use super::drag_offers::{Giver, Shared, make_offer};
use crate::client;
use crate::clock::Mono;
use crate::protocols::Selections;
use cofferdam_policy::Content;
use cofferdam_transfers::{Dropped, Kinds, TransferId, announced};
use smithay::reexports::wayland_server::protocol::wl_data_device::WlDataDevice;
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::DndAction;
use smithay::reexports::wayland_server::protocol::wl_data_source::WlDataSource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, SERIAL_COUNTER};
use std::os::fd::{AsFd, OwnedFd};
use wayland_server::DisplayHandle;
use wayland_server::Resource;
use wayland_server::backend::ObjectId;

/// A drop that waits for its answer, or for its target.
#[derive(Debug)]
pub(super) struct Drop {
    source: Option<WlDataSource>,
    surface: WlSurface,
    place: Point<f64, Logical>,
    devices: Vec<WlDataDevice>,
    offer: Option<Shared>,
}

impl State {
    pub(super) fn drop_across(&mut self, drag: Drag, over: Over) {
        let under = self.desk.surface_under(drag.at(), &self.trusted).filter(|(surface, _)| {
            client::identity_of(surface).is_some_and(|identity| identity.vm() == Some(&over.target))
        });
        let (Some(from), Some((surface, origin))) = (drag.identity.vm().cloned(), under) else {
            return cancel(&drag);
        };
        let place = drag.at() - origin;
        let takes_copies = drag
            .source
            .as_ref()
            .is_some_and(|source| source.version() < 3 || drag.actions.contains(DndAction::Copy));
        let now = self.clock.fresh();
        let kinds = Kinds::of(&drag.mimes);
        let mime = kinds.dragged().and_then(|content| kinds.mime_for(content)).map(str::to_owned);
        let dropped = Dropped { from, target: over.target.clone(), mimes: &drag.mimes };
        let shut = self.selections.shut.to_drops(&over.target);
        let id = (takes_copies && !shut).then(|| self.selections.machine.dropped(dropped, now)).flatten();
        match id {
            Some(id) => {
                let drop = Drop { source: drag.source, surface, place, devices: Vec::new(), offer: None };
                // The source's drag is over, as it would be inside its own VM; whether anybody reads is
                // decided now.
                if let Some(source) = &drop.source {
                    source.target(mime);
                    if source.version() >= 3 {
                        source.action(DndAction::Copy);
                        source.dnd_drop_performed();
                    }
                }
                self.selections.drops.insert(id, drop);
            }
            None => cancel(&drag),
        }
        self.transfer(cofferdam_transfers::Event::Tick);
    }
}

impl Selections {
    /// The drop is allowed and its bytes are here: now the target may know.
    pub(super) fn deliver_drop(
        &mut self,
        id: TransferId,
        content: Content,
        display: &DisplayHandle,
        now: Mono,
    ) {
        let Some(drop) = self.drops.get(&id) else { return };
        let (surface, place) = (drop.surface.clone(), drop.place);
        let devices = data_devices(display, &surface);
        let mimes = announced(content).iter().map(|mime| (*mime).to_owned()).collect();
        let shared = Shared::new(Giver::Transfer(id), mimes, DndAction::Copy);
        let serial = SERIAL_COUNTER.next_serial();
        let time = now.wayland_millis();
        for device in &devices {
            if let Some(offer) = make_offer(display, device, &shared) {
                device.enter(serial.into(), &surface, place.x, place.y, Some(&offer));
                device.motion(time, place.x, place.y);
            }
        }
        if let Some(drop) = self.drops.get_mut(&id) {
            drop.devices = devices;
            drop.offer = Some(shared);
        }
    }
}

impl Selections {
    /// Asks the source of a drop for its bytes.
    pub(super) fn ask_drop_source(&self, id: TransferId, mime: String, writer: &OwnedFd) {
        let Some(source) = self.drops.get(&id).and_then(|drop| drop.source.as_ref()) else {
            return;
        };
        source.send(mime, writer.as_fd());
    }

    /// The target said something about a delivered drop: once it wants it, it gets it.
    pub(super) fn drop_answered(&mut self, id: TransferId) {
        let Some(drop) = self.drops.get(&id) else { return };
        let Some(offer) = drop.offer.as_ref().filter(|offer| offer.is_wanted() && !offer.is_dropped()) else {
            return;
        };
        offer.dropped();
        drop.devices.iter().for_each(WlDataDevice::drop);
        drop.devices.iter().for_each(WlDataDevice::leave);
    }

    /// A drop came to its end.
    pub(super) fn drop_ended(&mut self, id: TransferId, done: bool) {
        let Some(drop) = self.drops.remove(&id) else { return };
        if let Some(offer) = &drop.offer {
            if !offer.is_dropped() {
                drop.devices.iter().for_each(WlDataDevice::leave);
            }
            offer.deactivate();
        }
        match drop.source {
            Some(source) if done && source.version() >= 3 => source.dnd_finished(),
            Some(source) if !done => source.cancelled(),
            _ => {}
        }
    }

    pub(super) fn drop_source_gone(&mut self, source: &ObjectId) {
        for drop in self.drops.values_mut() {
            drop.source.take_if(|s| s.id() == *source);
        }
    }
}
