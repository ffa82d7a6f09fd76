// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent's desk for portal programs. In: their connections and wishes, the host's answers. Out: wishes
//! for the host under numbers of ours, each answer to whoever asked.
//!
//! Only the app's user is served, and only so much at a time: the host would refuse more anyway.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};

use cofferdam_agent_wire::{Appearance, Decoder, FromGuest, PortalWish, encode};
use cofferdam_portal::local::{FromAgent, Outcome, SOCKET, ToAgent};
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::mount::mount_bind;

use crate::init::APP_USER;

/// The folder of the socket, and of the guest's own binary for services that the bus starts.
const FOLDER: &str = "/run/cofferdam";
const BINARY: &str = "/run/cofferdam/guest";
/// Programs that are connected at one time.
const MAX_CLIENTS: usize = 32;
/// Wishes that are open at one time, of all programs.
const MAX_OPEN: usize = 16;

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    decoder: Decoder,
}

/// A wish that the host has.
#[derive(Debug, Clone, Copy)]
struct Wish {
    client: u32,
    /// The program's number for it.
    serial: u32,
    /// It goes on after a yes, until the program forgets it.
    lasts: bool,
}

/// What a read brought.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// For the host.
    pub(crate) messages: Vec<FromGuest>,
    /// The program is gone, or spoke nonsense.
    pub(crate) over: bool,
}

/// All portal programs.
#[derive(Debug)]
pub(crate) struct Desk {
    listener: UnixListener,
    clients: BTreeMap<u32, Client>,
    next_client: u32,
    /// By our number.
    open: BTreeMap<u32, Wish>,
    next_serial: u32,
    appearance: Appearance,
}

impl Desk {
    /// Makes the socket, and the guest's binary reachable.
    pub(crate) fn prepare() -> io::Result<Self> {
        std::fs::create_dir_all(FOLDER)?;
        chmod(FOLDER, Mode::from_raw_mode(0o755))?;
        std::fs::write(BINARY, "")?;
        mount_bind("/proc/self/exe", BINARY)?;
        let listener = UnixListener::bind(SOCKET)?;
        listener.set_nonblocking(true)?;
        chmod(SOCKET, Mode::RUSR | Mode::WUSR)?;
        chown(SOCKET, Some(Uid::from_raw(APP_USER)), Some(Gid::from_raw(APP_USER)))?;
        Ok(Self {
            listener,
            clients: BTreeMap::new(),
            next_client: 0,
            open: BTreeMap::new(),
            next_serial: 0,
            appearance: Appearance::default(),
        })
    }

    /// Readable when a program connects.
    pub(crate) fn listener(&self) -> impl AsFd {
        &self.listener
    }

    /// The connection of a program, while it is open.
    pub(crate) fn stream(&self, client: u32) -> Option<impl AsFd> {
        self.clients.get(&client).map(|c| &c.stream)
    }

    /// Takes one connection; the number of the program.
    pub(crate) fn accept(&mut self) -> Option<u32> {
        let (stream, _) = self.listener.accept().ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        let known = peer.uid.as_raw() == APP_USER && self.clients.len() < MAX_CLIENTS;
        if !known || stream.set_nonblocking(true).is_err() {
            return None;
        }
        let client = self.next_client;
        self.next_client = client.wrapping_add(1);
        self.clients.insert(client, Client { stream, decoder: Decoder::new() });
        self.tell(client, &FromAgent::Appearance(self.appearance));
        self.clients.contains_key(&client).then_some(client)
    }

    /// Reads what a program wants.
    pub(crate) fn hear(&mut self, client: u32) -> Heard {
        let mut heard = Heard::default();
        let mut wants = Vec::new();
        let Some(Client { stream, decoder }) = self.clients.get_mut(&client) else { return heard };
        let mut buf = [0; 16 * 1024];
        match stream.read(&mut buf) {
            Ok(0) => heard.over = true,
            Ok(count) => {
                decoder.push(buf.get(..count).unwrap_or_default());
                loop {
                    match decoder.next::<ToAgent>() {
                        Ok(Some(want)) => wants.push(want),
                        Ok(None) => break,
                        Err(_) => {
                            heard.over = true;
                            break;
                        }
                    }
                }
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => heard.over = true,
        }
        for want in wants {
            match want {
                ToAgent::Wish { serial, .. } if self.open.len() >= MAX_OPEN => {
                    self.tell(client, &FromAgent::Answer { serial, outcome: Outcome::Denied });
                }
                ToAgent::Wish { serial, wish } => {
                    let ours = self.next_serial;
                    self.next_serial = ours.wrapping_add(1);
                    let lasts = matches!(wish, PortalWish::InhibitIdle { .. });
                    self.open.insert(ours, Wish { client, serial, lasts });
                    heard.messages.push(FromGuest::Portal { serial: ours, wish });
                }
                ToAgent::Forget { serial } => {
                    let found =
                        self.open.iter().find(|(_, wish)| (wish.client, wish.serial) == (client, serial));
                    if let Some(ours) = found.map(|(ours, _)| *ours) {
                        self.open.remove(&ours);
                        heard.messages.push(FromGuest::PortalForget { serial: ours });
                    }
                }
            }
        }
        heard
    }

    /// A program is gone: what it wished for does not matter any more.
    pub(crate) fn remove(&mut self, client: u32) -> Vec<FromGuest> {
        self.clients.remove(&client);
        let lost: Vec<u32> =
            self.open.iter().filter(|(_, wish)| wish.client == client).map(|(s, _)| *s).collect();
        lost.into_iter()
            .map(|serial| {
                self.open.remove(&serial);
                FromGuest::PortalForget { serial }
            })
            .collect()
    }

    /// Hands an answer on. One that lasts stays open until it is forgotten.
    pub(crate) fn answer(&mut self, serial: u32, outcome: Outcome) {
        let Some(wish) = self.open.get(&serial).copied() else { return };
        if !wish.lasts || outcome == Outcome::Denied {
            self.open.remove(&serial);
        }
        self.tell(wish.client, &FromAgent::Answer { serial: wish.serial, outcome });
    }

    /// The desktop looks different.
    pub(crate) fn look(&mut self, appearance: Appearance) {
        self.appearance = appearance;
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.tell(client, &FromAgent::Appearance(appearance));
        }
    }

    fn tell(&mut self, client: u32, message: &FromAgent) {
        let Some(Client { stream, .. }) = self.clients.get_mut(&client) else { return };
        // Answers are short: who leaves so many unread that the socket is full reads none. Its end is heard.
        let sent = encode(message).is_ok_and(|frame| stream.write_all(&frame).is_ok());
        if !sent {
            drop(stream.shutdown(std::net::Shutdown::Both));
        }
    }
}
