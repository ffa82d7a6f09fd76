// SPDX-License-Identifier: GPL-3.0-or-later
//! Bytes of one flow, across. In: a flow, and what its two sides are ready for. Out: bytes moved, ends passed on.

use super::{Flow, Over, Peer, Turn};
use crate::shell::greeting::serve;
use cofferdam_net_core::Fault;
use cofferdam_net_core::names::Names;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use smoltcp::socket::tcp::{Socket, State};

/// Moves bytes both ways, as far as both sides go.
pub(super) fn carry(flow: &mut Flow, names: &mut Names, turn: &mut Turn) {
    let Some((sockets, handle)) = &mut flow.stack else { return };
    let socket = sockets.get_mut::<Socket<'_>>(*handle);
    let fd = match &mut flow.peer {
        Peer::Live(fd) => fd,
        Peer::Dns(question) => {
            if !serve(socket, question, names) {
                turn.over = Some(Over::Fault(Fault::Dns));
            }
            return;
        }
        Peer::Nobody | Peer::Connecting(..) => return,
    };
    while flow.writable && !flow.greeting && socket.can_recv() {
        let sent = socket.recv(|bytes| match rustix::net::send(&*fd, bytes, SendFlags::NOSIGNAL) {
            Ok(n) => (n, Ok(n)),
            Err(error) => (0, Err(error)),
        });
        match sent {
            Ok(Ok(n)) => turn.bytes_out = turn.bytes_out.saturating_add(u64::try_from(n).unwrap_or(0)),
            Ok(Err(Errno::AGAIN)) => flow.writable = false,
            Ok(Err(Errno::INTR)) => {}
            Ok(Err(_)) | Err(_) => {
                socket.abort();
                return;
            }
        }
    }
    let opened = !matches!(socket.state(), State::Listen | State::SynReceived);
    if opened && !socket.may_recv() && !flow.told && !flow.greeting {
        flow.told = true;
        // A far end that is gone will be noticed by reading.
        let _ = rustix::net::shutdown(&*fd, Shutdown::Write);
    }
    while flow.readable && !flow.heard && socket.can_send() {
        let got = socket.send(|room| match rustix::net::recv(&*fd, &mut *room, RecvFlags::empty()) {
            Ok((n, _)) => (n, Ok((n, n < room.len()))),
            Err(error) => (0, Err(error)),
        });
        match got {
            Ok(Ok((0, _))) => {
                flow.heard = true;
                socket.close();
            }
            Ok(Ok((n, short))) => {
                turn.bytes_in = turn.bytes_in.saturating_add(u64::try_from(n).unwrap_or(0));
                // That was all; what comes later is told.
                flow.readable = !short || flow.special;
            }
            Ok(Err(Errno::AGAIN)) => flow.readable = false,
            Ok(Err(Errno::INTR)) => {}
            Ok(Err(_)) | Err(_) => {
                socket.abort();
                return;
            }
        }
    }
}
