// SPDX-License-Identifier: GPL-3.0-or-later
//! `xdg-open` of the guest. In: an address. Out: the host is asked which app is to open it; the exit code
//! says what came of it, as xdg-open's manual has it.

#![expect(clippy::disallowed_methods, reason = "xdg-open's words for people")]

use crate::local::{self, FromAgent, Outcome, SOCKET, ToAgent};
use cofferdam_agent_wire::{Decoder, PortalWish, encode};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

const SYNTAX: u8 = 1;
const NO_TOOL: u8 = 3;
const FAILED: u8 = 4;

/// Why an address was not opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("give one address to open")]
    Usage,
    #[error("only addresses open in other apps; files are handed over by their own dialog")]
    File,
    #[error("the agent can't be asked: {0}")]
    Agent(#[from] std::io::Error),
    #[error("the agent's answer is not understood")]
    Answer,
    #[error("no app was chosen to open it")]
    Denied,
}

/// Has `arguments`, one address, opened outside.
#[must_use]
pub fn run(arguments: &[&str]) -> ExitCode {
    match open(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(std::io::stderr(), "xdg-open: {error}");
            ExitCode::from(match error {
                OpenError::Usage => SYNTAX,
                OpenError::File | OpenError::Agent(_) => NO_TOOL,
                OpenError::Answer | OpenError::Denied => FAILED,
            })
        }
    }
}

fn open(arguments: &[&str]) -> Result<(), OpenError> {
    let [address] = arguments else { return Err(OpenError::Usage) };
    if address.starts_with('-') {
        return Err(OpenError::Usage);
    }
    if address.starts_with('/') || address.starts_with("file:") || !address.contains(':') {
        return Err(OpenError::File);
    }
    let wish = PortalWish::OpenUri { uri: local::bounded(&local::address(address)) };
    let mut agent = UnixStream::connect(SOCKET)?;
    let wish = encode(&ToAgent::Wish { serial: 0, wish }).map_err(|_e| OpenError::Answer)?;
    agent.write_all(&wish)?;
    let mut decoder = Decoder::new();
    let mut bytes = [0; 4096];
    loop {
        let count = agent.read(&mut bytes)?;
        if count == 0 {
            return Err(OpenError::Denied);
        }
        decoder.push(bytes.get(..count).unwrap_or_default());
        while let Some(message) = decoder.next::<FromAgent>().map_err(|_e| OpenError::Answer)? {
            match message {
                FromAgent::Answer { outcome: Outcome::Denied, .. } => return Err(OpenError::Denied),
                FromAgent::Answer { .. } => return Ok(()),
                FromAgent::Appearance(_) => {}
            }
        }
    }
}
