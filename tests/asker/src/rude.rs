// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent's socket as no app should use it. In: nothing. Out: a line when the agent has borne it.

use crate::Outcome;
use cofferdam_agent_wire::{Decoder, FileKind, PortalWish, encode};
use cofferdam_portal::local::{FromAgent, Outcome as Answer, SOCKET, ToAgent};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// Wishes of one flood.
const FLOOD: u32 = 1000;
/// Answers that are left unread meanwhile: whoever reads none at all is cut off, which is another matter.
const UNREAD: u32 = 64;

fn wish(title: &str) -> PortalWish {
    let (title, suggested) = (title.to_owned(), String::new());
    PortalWish::ChooseFile { title, kind: FileKind::File, write: false, suggested }
}

/// Asks a thousand times at once, and counts the answers; what is not answered waits for the person.
pub(crate) fn flood() -> Outcome<String> {
    let mut agent = UnixStream::connect(SOCKET)?;
    let mut decoder = Decoder::new();
    let mut bytes = [0; 4096];
    let mut denied = 0_u32;
    for serial in 0..FLOOD {
        agent.write_all(&encode(&ToAgent::Wish { serial, wish: wish("flood") })?)?;
        while serial.saturating_sub(denied) > UNREAD {
            denied = denied.saturating_add(answers(&mut agent, &mut decoder, &mut bytes)?);
        }
    }
    // The last of them is denied for certain: all that may wait do so already.
    while denied < FLOOD.saturating_sub(20) {
        denied = denied.saturating_add(answers(&mut agent, &mut decoder, &mut bytes)?);
    }
    Ok(format!("{denied} denied"))
}

/// Reads once; how many noes came.
fn answers(agent: &mut UnixStream, decoder: &mut Decoder, bytes: &mut [u8]) -> Outcome<u32> {
    match agent.read(bytes) {
        Ok(0) => return Err("the agent closed the socket".into()),
        Ok(count) => decoder.push(bytes.get(..count).unwrap_or_default()),
        Err(e) => return Err(e.into()),
    }
    let mut denied = 0_u32;
    while let Some(message) = decoder.next::<FromAgent>()? {
        if matches!(message, FromAgent::Answer { outcome: Answer::Denied, .. }) {
            denied = denied.saturating_add(1);
        }
    }
    Ok(denied)
}

/// Goes away after every byte of an exchange.
pub(crate) fn cut_off() -> Outcome<String> {
    let script = [
        encode(&ToAgent::Wish { serial: 1, wish: wish("gone") })?,
        encode(&ToAgent::Forget { serial: 1 })?,
        encode(&ToAgent::Wish { serial: 2, wish: PortalWish::Screenshot })?,
    ]
    .concat();
    for end in 0..=script.len() {
        let mut agent = UnixStream::connect(SOCKET)?;
        agent.write_all(script.get(..end).unwrap_or_default())?;
    }
    Ok(format!("{} times gone", script.len().saturating_add(1)))
}

/// Speaks what is no message, and a message of a megabyte; the agent closes each such connection.
pub(crate) fn nonsense() -> Outcome<String> {
    for bytes in [vec![0xff; 64], vec![0; 8], (1_u32 << 20).to_le_bytes().to_vec(), vec![1, 0, 0, 0, 99]] {
        let mut agent = UnixStream::connect(SOCKET)?;
        agent.write_all(&bytes)?;
        let mut rest = Vec::new();
        // Closed with bytes unread is a reset, which is an end as well.
        if let Err(e) = agent.read_to_end(&mut rest)
            && e.kind() != std::io::ErrorKind::ConnectionReset
        {
            return Err(e.into());
        }
    }
    Ok("closed each time".to_owned())
}
