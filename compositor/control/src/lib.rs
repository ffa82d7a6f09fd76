// SPDX-License-Identifier: GPL-3.0-or-later
//! The trusted-domain wires: desktop control, per-VM channel.
//!
//! In: packets of a `SOCK_SEQPACKET` socket, one JSON document each, with file descriptors beside
//! them. Out: the typed messages below. Both wires are spoken only between our own processes,
//! and are parsed as if they were not: bounded size, unknown fields refused, surplus fds closed.
//!
//! | wire | between | module |
//! |---|---|---|
//! | desktop control | launcher, `coffer`, scenario runner → compositor | [`desktop`] |
//! | VM channel | gpu device → compositor, one per VM | [`vm_channel`] |
//!
//! `cofferdam_kit` turns packets into messages and carries them and their fds; [`client`] is what callers of
//! the desktop control use.

#![forbid(unsafe_code)]

pub mod client;
pub mod desktop;
pub mod vm_channel;

#[cfg(test)]
mod tests {
    use crate::desktop::{Call, MAX_PACKET, Request};
    use cofferdam_kit::codec::{CodecError, decode, encode};

    #[test]
    fn calls_survive_the_wire() {
        let call = Call { serial: 7, request: Request::Screenshot { output: Some("HEADLESS-1".into()) } };
        let bytes = encode(&call, MAX_PACKET).unwrap();
        assert_eq!(decode::<Call>(&bytes).unwrap(), call);
    }

    #[test]
    fn refuses() {
        for bad in [
            &b""[..],
            b"{}",
            b"{\"serial\":1}",
            b"{\"serial\":1,\"request\":\"sync\",\"extra\":1}",
            b"{\"serial\":1,\"request\":\"fly\"}",
            b"{\"serial\":1,\"request\":\"sync\"} {}",
        ] {
            assert!(matches!(decode::<Call>(bad), Err(CodecError::Malformed(_))), "{bad:?}");
        }
    }
}
