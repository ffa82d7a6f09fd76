// SPDX-License-Identifier: GPL-3.0-or-later
//! All by which an app can ask for what is outside. In: what wakes the session bus, the portal programs and
//! the file system of handed-over files; the host's answers. Out: messages for the host, answers for them.

use std::io;

use cofferdam_agent_wire::{PortalOutcome, ToGuest};
use cofferdam_portal::local::Outcome;
use rustix::io::Errno;

use super::bus::Bus;
use super::files::Files;
use super::outbox::Outbox;
use super::portal::{Desk, Heard};
use super::token::Token;
use crate::console;
use crate::reactor::{Interest, Reactor};

/// The session bus, the portal programs, the files.
#[derive(Debug)]
pub(super) struct Asking {
    bus: Bus,
    desk: Desk,
    files: Files,
    /// The kernel waits with more file requests until the host has answered some.
    files_paused: bool,
}

impl Asking {
    /// Makes the sockets; nothing runs until somebody comes.
    pub(super) fn prepare(reactor: &Reactor) -> io::Result<Self> {
        let (bus, desk, files) = (Bus::prepare()?, Desk::prepare()?, Files::prepare()?);
        reactor.add(bus.listener(), Token::BusCall.pack(), Interest::READ)?;
        reactor.add(desk.listener(), Token::PortalCall.pack(), Interest::READ)?;
        Ok(Self { bus, desk, files, files_paused: false })
    }

    /// Something woke the agent.
    pub(super) fn happen(
        &mut self,
        token: Token,
        reactor: &Reactor,
        outbox: &mut Outbox,
    ) -> Result<(), Errno> {
        match token {
            Token::BusCall => self.start_bus(reactor)?,
            Token::BusEnd => {
                if let Some(fd) = self.bus.exit_fd() {
                    reactor.remove(fd)?;
                }
                if self.bus.ended() {
                    console::line("agent", format_args!("the session bus ended"));
                    reactor.add(self.bus.listener(), Token::BusCall.pack(), Interest::READ)?;
                }
            }
            Token::PortalCall => {
                if let Some(client) = self.desk.accept()
                    && let Some(stream) = self.desk.stream(client)
                {
                    reactor.add(stream, Token::Portal(client).pack(), Interest::READ)?;
                }
            }
            Token::Portal(client) => {
                let Heard { mut messages, over } = self.desk.hear(client);
                if over {
                    if let Some(stream) = self.desk.stream(client) {
                        reactor.remove(stream)?;
                    }
                    messages.extend(self.desk.remove(client));
                }
                messages.iter().for_each(|message| outbox.push(message));
            }
            Token::Files => {
                let orders = self.files.hear().unwrap_or_default();
                orders.iter().for_each(|order| outbox.push(order));
                self.pause_files(reactor)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The host says something.
    pub(super) fn obey(
        &mut self,
        order: ToGuest,
        reactor: &Reactor,
        outbox: &mut Outbox,
    ) -> Result<(), Errno> {
        let orders = match order {
            ToGuest::PortalReply { serial, outcome } => {
                let outcome = self.show(outcome, reactor)?;
                self.desk.answer(serial, outcome);
                Vec::new()
            }
            ToGuest::FileReply { serial, answer } => self.files.answer(serial, answer),
            ToGuest::FileGone { file } => self.files.gone(file),
            ToGuest::Appearance(appearance) => {
                self.desk.look(appearance);
                Vec::new()
            }
            _ => Vec::new(),
        };
        orders.iter().for_each(|order| outbox.push(order));
        self.pause_files(reactor)
    }

    fn show(&mut self, outcome: PortalOutcome, reactor: &Reactor) -> Result<Outcome, Errno> {
        let PortalOutcome::File { file, name, folder, writable } = outcome else {
            return Ok(if outcome == PortalOutcome::Done { Outcome::Done } else { Outcome::Denied });
        };
        match self.files.add(file, &name, folder, writable) {
            Ok((path, new)) => {
                if new && let Some(device) = self.files.device() {
                    reactor.add(device, Token::Files.pack(), Interest::READ)?;
                }
                Ok(Outcome::File { path: path.to_string_lossy().into_owned(), folder, writable })
            }
            Err(e) => {
                console::line("agent", format_args!("files can't be shown: {e}"));
                Ok(Outcome::Denied)
            }
        }
    }

    /// Watches the file system only while the host keeps up.
    fn pause_files(&mut self, reactor: &Reactor) -> Result<(), Errno> {
        let busy = self.files.is_busy();
        if busy != self.files_paused
            && let Some(device) = self.files.device()
        {
            reactor.set(device, Token::Files.pack(), Interest { read: !busy, write: false })?;
            self.files_paused = busy;
        }
        Ok(())
    }

    fn start_bus(&mut self, reactor: &Reactor) -> Result<(), Errno> {
        // From now on connections are the daemon's, until it ends. If it can't be started, nobody is heard.
        reactor.remove(self.bus.listener())?;
        match self.bus.start() {
            Ok(()) => {
                if let Some(fd) = self.bus.exit_fd() {
                    reactor.add(fd, Token::BusEnd.pack(), Interest::READ)?;
                }
            }
            Err(e) => console::line("agent", format_args!("the session bus does not start: {e}")),
        }
        Ok(())
    }
}
