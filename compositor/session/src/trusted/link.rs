// SPDX-License-Identifier: GPL-3.0-or-later
//! The socket to the permission monitor.
//!
//! In: packets. Out: events for the room and for transfers, and packets back. Whatever is not
//! understood ends the link, and with it every question: that is a no.

use crate::state::State;
use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction, RegistrationToken};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::screen::{Abilities, FromScreen, Standing, ToScreen};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_prompts::{Event, Said};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// VMs whose standing is remembered.
const MAX_STANDINGS: usize = 512;
/// Packets heard at one go, so that the monitor can't keep the desktop from its other work.
const AT_ONCE: usize = 64;

/// What we do for apps beside asking: there is no idle screen yet that could be left on.
const ABILITIES: Abilities = Abilities { notes: true, idle: false };

/// The monitor that is heard.
#[derive(Debug)]
pub(super) struct Link {
    socket: Rc<OwnedFd>,
    token: RegistrationToken,
}

impl State {
    /// From now on this is the monitor; the questions of an earlier one are void.
    pub(crate) fn serve_permissions(&mut self, socket: OwnedFd) -> Result<(), String> {
        rustix::io::ioctl_fionbio(&socket, true).map_err(|e| format!("the monitor's socket: {e}"))?;
        self.drop_link("another one took its place");
        let socket = Rc::new(socket);
        let source = Generic::new(socket.clone(), Interest::READ, Mode::Level);
        let token = self
            .event_loop
            .insert_source(source, |_, socket, state| {
                state.hear_monitor(&socket.clone());
                Ok(PostAction::Continue)
            })
            .map_err(|e| e.error.to_string())?;
        self.trusted.link = Some(Link { socket, token });
        self.send_to_monitor(&FromScreen::Can(ABILITIES));
        if self.trusted.room.is_locked() {
            self.send_to_monitor(&FromScreen::Locked(true));
        }
        Ok(())
    }

    /// Sends to the monitor; `false` if there is none, or none any more.
    pub(crate) fn send_to_monitor(&mut self, message: &FromScreen) -> bool {
        let Some(socket) = self.trusted.link.as_ref().map(|link| link.socket.clone()) else { return false };
        let sent = match encode(message) {
            Ok(bytes) => transport::send_packet(socket.as_fd(), &bytes, &[]).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        match sent {
            Ok(()) => true,
            // One that does not read is as good as none; a full socket is no reason to wait.
            Err(why) => {
                self.drop_link(&why);
                false
            }
        }
    }

    /// The monitor is not heard any more. Everything that it asked or allowed ends.
    pub(super) fn drop_link(&mut self, why: &str) {
        let Some(link) = self.trusted.link.take() else { return };
        tracing::warn!("the link to the permission monitor ends: {why}");
        self.event_loop.remove(link.token);
        self.trusted.standings.clear();
        self.trusted(Event::LinkLost);
        self.transfers_without_monitor();
    }

    fn hear_monitor(&mut self, socket: &Rc<OwnedFd>) {
        for _ in 0..AT_ONCE {
            // A message may have ended the link, or put another one in its place.
            if !self.trusted.link.as_ref().is_some_and(|link| Rc::ptr_eq(&link.socket, socket)) {
                return;
            }
            match transport::recv_packet(socket.as_fd(), MAX_PACKET, 0) {
                Ok(Some((bytes, _))) => match decode::<ToScreen>(&bytes) {
                    Ok(message) => self.monitor_says(message),
                    Err(e) => return self.drop_link(&e.to_string()),
                },
                Ok(None) => return self.drop_link("it was closed"),
                Err(e) if e.would_block() => return,
                Err(e) => return self.drop_link(&e.to_string()),
            }
        }
    }

    fn monitor_says(&mut self, message: ToScreen) {
        match message {
            ToScreen::Ask(prompt) => {
                let known = self.vms.get(&prompt.vm).is_some();
                self.trusted(if known { Event::Ask(prompt) } else { Event::AskForNobody(prompt) });
            }
            ToScreen::Withdraw(id) => self.trusted(Event::Withdraw(id)),
            ToScreen::Decided { serial, verdict } => self.transfer_decided(serial, verdict),
            ToScreen::Cut { ticket } => self.transfer_cut(ticket),
            ToScreen::Standing(standing) => self.stands(standing),
            // There is no idle screen that could be left on, as `ABILITIES` has it.
            ToScreen::IdleInhibited(_) => {}
            ToScreen::Crossings { vm, paste, drop } => self.crossings_are(vm, paste, drop),
            ToScreen::Note { vm, tag, title, body } => {
                if self.vms.get(&vm).is_some() {
                    self.trusted(Event::Says(vm, Said { tag, title, body }));
                }
            }
            ToScreen::NotesGone { vm, tag } => self.trusted(Event::Unsays(vm, tag)),
        }
    }

    fn stands(&mut self, standing: Standing) {
        let known = self.trusted.standings.contains_key(&standing.vm);
        if !known && self.trusted.standings.len() >= MAX_STANDINGS {
            return;
        }
        let (vm, silenced) = (standing.vm.clone(), standing.silenced);
        let old = self.trusted.standings.insert(vm.clone(), standing);
        let news = silenced && !old.is_some_and(|old| old.silenced);
        if news && self.vms.get(&vm).is_some() {
            self.trusted(Event::Silenced(vm));
        }
        if self.trusted.is_up() {
            self.screens.redraw_everything();
        }
    }
}
