// SPDX-License-Identifier: GPL-3.0-or-later
//! The VMs that the compositor knows.
//!
//! In: a VM's adoption by the launcher, and Wayland sockets on its channel. Out: clients that carry
//! that VM's identity, and faults that are counted and told to whoever subscribed. Nothing that a VM
//! says decides who it is: the channel's fd does.

mod channel;
mod faults;
mod icon;

use crate::client::ClientIdentity;
use crate::state::State;
use calloop::{LoopHandle, RegistrationToken};
use cofferdam_admission::Share;
use cofferdam_chrome::Icon;
use cofferdam_control::desktop::Event;
use cofferdam_ids::{Identity, Label, VmId};
use faults::FaultLog;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use wayland_server::backend::{ClientId, DisconnectReason};

/// VMs that a desktop may have at a time.
const MAX_VMS: usize = 256;
/// Wayland clients that one VM may have at a time; a gpu device allows 32 contexts.
const MAX_CLIENTS: usize = 64;

/// One VM.
#[derive(Debug)]
pub(crate) struct Vm {
    pub(crate) identity: Identity,
    pub(crate) name: Label,
    pub(crate) icon: Option<Icon>,
    channel: Option<RegistrationToken>,
    clients: Vec<ClientId>,
    /// What all its clients hold together.
    pub(crate) share: Arc<Share>,
    faults: FaultLog,
}

/// All VMs.
#[derive(Debug)]
pub(crate) struct Vms {
    event_loop: LoopHandle<'static, State>,
    known: BTreeMap<VmId, Vm>,
}

impl Vms {
    pub(crate) fn new(event_loop: LoopHandle<'static, State>) -> Self {
        Self { event_loop, known: BTreeMap::new() }
    }

    pub(crate) fn get(&self, vm: &VmId) -> Option<&Vm> {
        self.known.get(vm)
    }

    pub(crate) fn client_left(&mut self, client: &ClientId) {
        for vm in self.known.values_mut() {
            vm.clients.retain(|c| c != client);
        }
    }
}

/// What a VM is adopted with.
#[derive(Debug)]
pub(crate) struct Adoption {
    pub(crate) vm: VmId,
    pub(crate) identity: Identity,
    pub(crate) name: Label,
    pub(crate) channel: OwnedFd,
    pub(crate) icon: Option<(u32, OwnedFd)>,
}

impl State {
    /// Makes a VM known. A VM that is known already gets its new channel and marks, so that a
    /// restarted launcher can simply say everything again.
    pub(crate) fn adopt_vm(&mut self, adoption: Adoption) -> Result<(), String> {
        let Adoption { vm: id, identity, name, channel, icon } = adoption;
        if self.vms.known.len() >= MAX_VMS && !self.vms.known.contains_key(&id) {
            return Err(format!("there are {MAX_VMS} VMs already"));
        }
        let icon = icon.map(|(size, fd)| icon::read(size, &fd)).transpose()?;
        let channel = self.vms.watch_channel(&id, channel)?;
        let asked = self.trusted.prompt_words(&self.vms);
        let (clients, share, same) = match self.vms.known.remove(&id) {
            Some(old) => {
                self.vms.forget_channel(old.channel);
                let same = old.identity == identity && old.name == name && old.icon == icon;
                (old.clients, old.share, same)
            }
            None => (Vec::new(), Arc::default(), true),
        };
        let (channel, faults) = (Some(channel), FaultLog::default());
        self.vms.known.insert(id, Vm { identity, name, icon, channel, clients, share, faults });
        // A question whose card looks as before stays as it is: whoever is about to answer it still may.
        if same && self.trusted.prompt_words(&self.vms) == asked {
            self.screens.redraw_everything();
        } else {
            self.chrome_changed();
        }
        Ok(())
    }

    /// Forgets a VM: its clients end, its windows go.
    pub(crate) fn retire_vm(&mut self, id: &VmId) -> Result<(), String> {
        let vm = self.vms.known.remove(id).ok_or_else(|| format!("{id} is no VM of this desktop"))?;
        self.vms.forget_channel(vm.channel);
        for client in vm.clients {
            self.display.backend_handle().kill_client(client, DisconnectReason::ConnectionClosed);
        }
        self.transfers_forget(id);
        self.forget_owner(id);
        self.trusted(cofferdam_prompts::Event::VmGone(id.clone()));
        Ok(())
    }

    /// Counts a mistake of a client, and tells those who listen. The client is ended by whoever found it.
    pub(crate) fn client_fault(&mut self, identity: &ClientIdentity, kind: &str, detail: &str) {
        let detail = Label::new(detail);
        match identity {
            ClientIdentity::Trusted => tracing::warn!(kind, %detail, "trusted client ended"),
            ClientIdentity::Vm(vm) => {
                self.counters.vm_faults = self.counters.vm_faults.saturating_add(1);
                // A VM that is retired has ended clients yet, but makes no more of them.
                let known = self.vms.known.get_mut(vm);
                if known.is_none_or(|known| known.faults.takes(self.clock.now())) {
                    tracing::info!(%vm, kind, %detail, "fault");
                }
                let event = Event::VmFault { vm: vm.clone(), kind: kind.to_owned(), detail };
                self.control.announce(event);
            }
        }
    }
}

impl Vms {
    fn forget_channel(&mut self, token: Option<RegistrationToken>) {
        if let Some(token) = token {
            self.event_loop.remove(token);
        }
    }
}
