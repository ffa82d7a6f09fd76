// SPDX-License-Identifier: GPL-3.0-or-later
//! The processes beside the machine. In: rows of the table, point sockets, settings. Out: what each of them is told;
//! what they say, as inputs; the machine's ends of their devices.
//!
//! Nothing here knows what a device does: one that is added needs no line.

use super::helpers::{PartEnds, Process, spawn_part};
use super::{Inbox, Input, ShepherdSpec};
use cofferdam_kit::codec::encode;
use cofferdam_kit::packets::Packets;
use cofferdam_kit::part::{FromPart, MAX_PACKET, ToPart};
use cofferdam_lifecycle::{PARTS, Part};
use cofferdam_machine::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// One part that lives.
#[derive(Debug)]
struct Running {
    process: Process,
    control: Arc<Packets>,
    /// Our end of its device, until the machine gets it.
    device: Option<OwnedFd>,
    /// Our end of its channel, until the desktop gets it.
    channel: Option<OwnedFd>,
}

/// All parts that live.
#[derive(Debug)]
pub(crate) struct Parts {
    running: BTreeMap<&'static str, Running>,
    inbox: Inbox,
}

impl Parts {
    pub(crate) const fn new(inbox: Inbox) -> Self {
        Self { running: BTreeMap::new(), inbox }
    }

    /// Starts a part.
    pub(crate) fn start(&mut self, part: &'static Part, spec: &ShepherdSpec) -> io::Result<()> {
        let (process, ends) = spawn_part(part, spec, &self.inbox)?;
        let PartEnds { device, control, channel } = ends;
        let control = Arc::new(Packets::new(control, MAX_PACKET)?);
        tokio::spawn(listen(part, Arc::clone(&control), self.inbox.clone()));
        let running = Running { process, control, device: Some(device), channel };
        self.running.insert(part.name, running);
        Ok(())
    }

    /// Ends one at once.
    pub(crate) fn kill(&mut self, part: &Part) {
        if let Some(running) = self.running.get_mut(part.name) {
            running.process.kill();
        }
    }

    /// One has ended.
    pub(crate) fn gone(&mut self, part: &Part) {
        self.running.remove(part.name);
    }

    /// Whether one lives.
    pub(crate) fn lives(&self, part: &Part) -> bool {
        self.running.contains_key(part.name)
    }

    /// The numbers of their processes.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.running.values().filter_map(|running| running.process.id())
    }

    /// The machine's ends of all devices.
    pub(crate) fn devices(&mut self) -> Vec<Wire> {
        let wire = |part: &'static Part| {
            let socket = self.running.get_mut(part.name)?.device.take()?;
            Some(Wire { name: part.name, device: part.device, socket })
        };
        PARTS.iter().filter_map(wire).collect()
    }

    /// The channel by which the desktop knows the VM.
    pub(crate) fn channel(&mut self) -> Option<OwnedFd> {
        self.running.values_mut().find_map(|running| running.channel.take())
    }

    /// Gives a part its socket to the permission monitor. Without it the part denies everything; the socket of one
    /// that does not live closes, and the monitor knows.
    pub(crate) fn connect(&self, part: &Part, socket: &OwnedFd) {
        self.tell(part, &ToPart::Point, &[socket.as_fd()]);
    }

    /// Tells those who want to hear it how something of this computer is.
    pub(crate) fn set(&self, name: &str, words: &[String]) {
        let setting = ToPart::Setting { name: name.to_owned(), words: words.to_vec() };
        for part in PARTS.iter().filter(|part| part.hears.contains(&name)) {
            self.tell(part, &setting, &[]);
        }
    }

    /// Asks all for their counters; says who was asked.
    pub(crate) fn ask_counters(&self) -> BTreeSet<&'static str> {
        let asked = PARTS.iter().filter(|part| self.tell(part, &ToPart::Counters, &[]));
        asked.map(|part| part.name).collect()
    }

    /// Says something to a part; false if it does not live or does not read.
    fn tell(&self, part: &Part, message: &ToPart, fds: &[BorrowedFd<'_>]) -> bool {
        let Some(running) = self.running.get(part.name) else { return false };
        let told = encode(message, MAX_PACKET)
            .map_err(Into::into)
            .and_then(|bytes| running.control.try_send_packet(&bytes, fds));
        if let Err(error) = &told {
            tracing::warn!(%error, part = part.name, "a part was not told");
        }
        told.is_ok()
    }
}

/// Hears what a part says until it ends.
async fn listen(part: &'static Part, control: Arc<Packets>, inbox: Inbox) {
    loop {
        match control.recv::<FromPart>().await {
            Ok(Some((message, _))) => {
                if inbox.send(Input::Part(part, message)).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, part = part.name, "a part is not understood"),
        }
    }
}
