// SPDX-License-Identifier: GPL-3.0-or-later
//! What is looked at inside of a TCP flow: its first bytes, and name questions.
//!
//! In: bytes that the guest sent. Out: whether they may go on; answers to the questions.

use super::tcp::Over;
use cofferdam_net_core::Fault;
use cofferdam_net_core::dns;
use cofferdam_net_core::hello::{self, Hello};
use cofferdam_net_core::names::Names;
use smoltcp::socket::tcp::{Socket, State};

/// Longest name question over TCP, with its length.
const QUESTION: usize = 4096;

/// What the guest's first bytes come to.
pub(super) enum Greeting {
    /// More of them are needed.
    Wait,
    /// They may pass.
    Go,
    /// They may not.
    Stop(Over),
}

/// Looks at the guest's first bytes before any of them is passed on.
pub(super) fn greet(socket: &mut Socket<'_>, name: &str) -> Greeting {
    let finished = !matches!(socket.state(), State::Listen | State::SynReceived | State::Established);
    let bytes = socket.peek(hello::LIMIT).unwrap_or(&[]);
    match hello::read(bytes) {
        Hello::NotTls | Hello::Nameless => Greeting::Go,
        Hello::For(server) if server == name => Greeting::Go,
        Hello::For(_) => Greeting::Stop(Over::Mismatch),
        Hello::Broken => Greeting::Stop(Over::Fault(Fault::Hello)),
        Hello::More if finished && bytes.is_empty() => Greeting::Go,
        // Half a hello and no more to come.
        Hello::More if finished => Greeting::Stop(Over::Fault(Fault::Hello)),
        Hello::More => Greeting::Wait,
    }
}

/// Answers name questions, each with its length before it; false if they are none.
pub(super) fn serve(socket: &mut Socket<'_>, question: &mut Vec<u8>, names: &mut Names) -> bool {
    while socket.can_recv() && question.len() < QUESTION {
        let room = QUESTION.saturating_sub(question.len());
        let taken = socket.recv(|bytes| {
            let part = bytes.get(..bytes.len().min(room)).unwrap_or(&[]);
            question.extend_from_slice(part);
            (part.len(), ())
        });
        if taken.is_err() {
            break;
        }
    }
    while let Some((length, rest)) = question.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(bytes) = rest.get(..length) else {
            return length.saturating_add(2) <= QUESTION;
        };
        let Ok(reply) = dns::answer(bytes, names) else { return false };
        let size = u16::try_from(reply.bytes.len()).unwrap_or(0).to_be_bytes();
        let full = socket.send_capacity().saturating_sub(socket.send_queue()) < reply.bytes.len() + 2;
        if full || socket.send_slice(&size).is_err() || socket.send_slice(&reply.bytes).is_err() {
            return false;
        }
        question.drain(..length.saturating_add(2));
    }
    if !socket.may_recv() && !matches!(socket.state(), State::Listen | State::SynReceived) {
        socket.close();
    }
    true
}
