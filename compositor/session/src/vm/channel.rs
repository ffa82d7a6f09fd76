// SPDX-License-Identifier: GPL-3.0-or-later
//! One VM's channel: how its gpu device opens Wayland clients.
//!
//! In: packets with exactly one fd. Out: Wayland clients of this VM. The first packet that is not one
//! of those ends the channel: a device that can't speak it has been taken over or is broken.

use super::MAX_CLIENTS;
use crate::client::ClientIdentity;
use crate::state::State;
use crate::vm::Vms;
use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction, RegistrationToken};
use cofferdam_control::desktop::Event;
use cofferdam_control::vm_channel::{FromDevice, MAX_PACKET};
use cofferdam_ids::VmId;
use cofferdam_kit::transport::{self, TransportError};
use rustix::net::SocketType;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

impl State {
    fn read_channel(&mut self, vm: &VmId, channel: impl AsFd + Copy) -> PostAction {
        // One packet a wake-up: the loop is level-triggered, and no VM gets more than its turn.
        match transport::recv::<FromDevice>(channel, MAX_PACKET, 1) {
            Ok(Some((FromDevice::NewClient { ctx_id }, fds))) => {
                match self.open_client(vm, fds) {
                    Ok(()) => tracing::debug!(%vm, ctx_id, "client"),
                    Err(why) => self.client_fault(&ClientIdentity::Vm(vm.clone()), "new_client", &why),
                }
                PostAction::Continue
            }
            Ok(None) => self.channel_closed(vm),
            Err(e) if e.would_block() => PostAction::Continue,
            Err(TransportError::Io(_)) => self.channel_closed(vm),
            Err(e) => {
                self.client_fault(&ClientIdentity::Vm(vm.clone()), "vm_channel", &e.to_string());
                self.channel_closed(vm)
            }
        }
    }

    fn open_client(&mut self, vm: &VmId, fds: Vec<OwnedFd>) -> Result<(), String> {
        let fd = fds.into_iter().next().ok_or("no socket beside the packet")?;
        let kind = rustix::net::sockopt::socket_type(&fd).map_err(|e| format!("not a socket: {e}"))?;
        if kind != SocketType::STREAM {
            return Err("not a stream socket".into());
        }
        let room = self.vms.get(vm).is_some_and(|vm| vm.clients.len() < MAX_CLIENTS);
        if !room {
            return Err(format!("more than {MAX_CLIENTS} Wayland clients"));
        }
        let client = self
            .add_client(UnixStream::from(fd), ClientIdentity::Vm(vm.clone()))
            .map_err(|e| e.to_string())?;
        if let Some(vm) = self.vms.known.get_mut(vm) {
            vm.clients.push(client.id());
        }
        Ok(())
    }

    fn channel_closed(&mut self, vm: &VmId) -> PostAction {
        if let Some(known) = self.vms.known.get_mut(vm) {
            known.channel = None;
        }
        self.control.announce(Event::VmDisconnected { vm: vm.clone() });
        PostAction::Remove
    }
}

impl Vms {
    pub(super) fn watch_channel(&mut self, vm: &VmId, channel: OwnedFd) -> Result<RegistrationToken, String> {
        set_nonblocking(&channel).map_err(|e| format!("the VM's channel: {e}"))?;
        let vm = vm.clone();
        self.event_loop
            .insert_source(Generic::new(channel, Interest::READ, Mode::Level), move |_, channel, state| {
                Ok(state.read_channel(&vm, channel.as_fd()))
            })
            .map_err(|e| format!("the VM's channel can't be watched: {e}"))
    }
}

fn set_nonblocking(fd: &OwnedFd) -> Result<(), rustix::io::Errno> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)
}
