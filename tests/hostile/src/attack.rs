// SPDX-License-Identifier: GPL-3.0-or-later
//! What an attack is. In: nothing. Out: the table of all of them, and one of them carried out.

use crate::client::Client;
use crate::transport::{Context, Socket};
use crate::{device, wayland};
use std::io;

/// How the desktop took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The connection was closed.
    Closed,
    /// The connection lives: the request had no effect, or a lawful one.
    Survived,
    /// The guest's own kernel, or the device, said no.
    Refused,
    /// Nobody takes our bytes any more.
    Blocked,
    /// No answer.
    Silent,
}

impl Seen {
    /// Its name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Survived => "survived",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::Silent => "silent",
        }
    }
}

/// From where it attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As an app, through the bridge's socket.
    App,
    /// As the bridge, through a Wayland channel of its own.
    Raw,
    /// As the bridge, at the device's commands.
    Device,
}

impl Way {
    /// Its name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Raw => "raw",
            Self::Device => "device",
        }
    }
}

/// What it does.
pub(crate) enum Deed {
    /// Something to a Wayland connection, which is then asked whether it lives.
    Wayland(fn(&mut Client) -> io::Result<()>),
    /// Something on the screen, which stays there until the program is ended.
    Picture(fn(&mut Client) -> io::Result<()>),
    /// Something that makes the desktop keep things, until the program is ended.
    Hold(fn(Way) -> io::Result<Client>),
    /// Something to the device.
    Device(fn() -> io::Result<Seen>),
}

/// One attack.
pub(crate) struct Attack {
    /// Its name.
    pub(crate) name: &'static str,
    /// From where.
    pub(crate) way: Way,
    /// How it has to end.
    pub(crate) end: Seen,
    /// Whether it breaks a rule, so that it must be counted as a fault.
    pub(crate) fault: bool,
    /// What it does.
    pub(crate) deed: Deed,
}

/// All attacks.
pub(crate) fn all() -> Vec<Attack> {
    wayland::attacks().into_iter().chain(device::attacks()).collect()
}

impl Attack {
    /// Carries it out.
    pub(crate) fn run(&self) -> io::Result<Seen> {
        match self.deed {
            Deed::Device(deed) => {
                let seen = deed()?;
                // Whatever became of the attacker's context, another one must be served.
                match connect(Way::Raw)?.roundtrip()? {
                    Seen::Survived => Ok(seen),
                    other => Err(io::Error::other(format!("the next context is {other:?}"))),
                }
            }
            Deed::Wayland(deed) => {
                let mut client = connect(self.way)?;
                deed(&mut client)?;
                client.roundtrip()
            }
            Deed::Picture(deed) => {
                let mut client = connect(self.way)?;
                deed(&mut client)?;
                self.stay(client)
            }
            Deed::Hold(deed) => self.stay(deed(self.way)?),
        }
    }

    fn stay(&self, mut client: Client) -> io::Result<Seen> {
        let seen = client.roundtrip()?;
        crate::transport::say(&format!("{} {}: {}", self.way.name(), self.name, seen.name()));
        client.stay()
    }
}

/// A connection that knows the globals.
pub(crate) fn connect(way: Way) -> io::Result<Client> {
    match way {
        Way::App => Client::new(Box::new(Socket::connect()?)),
        Way::Raw | Way::Device => Client::new(Box::new(Context::open()?)),
    }
}
