// SPDX-License-Identifier: GPL-3.0-or-later
//! What a VM writes. In: bytes of the serial console, of the app and of the emulator. Out: clean
//! lines for the state machine, and a log file of bounded size.

use super::{Inbox, Input};
use cofferdam_lifecycle::{Event, LineSplitter};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Most bytes of log kept on disk for one run of a VM: a guest may write for ever.
const MAX_LOG: usize = 8 << 20;

/// Reads `from` to its end and sends every line, after `prefix`, as a console line.
pub(crate) fn follow(mut from: impl AsyncRead + Unpin + Send + 'static, prefix: &'static str, inbox: &Inbox) {
    let inbox = inbox.clone();
    tokio::spawn(async move {
        let mut splitter = LineSplitter::new();
        let mut bytes = vec![0; 4096];
        loop {
            let (lines, end) = match from.read(&mut bytes).await {
                Ok(n) if n > 0 => (splitter.push(bytes.get(..n).unwrap_or_default()), false),
                // An error on our own socket pair is its end.
                Ok(_) | Err(_) => (splitter.flush().into_iter().collect(), true),
            };
            for line in lines {
                if inbox.send(Input::Vm(Event::ConsoleLine(format!("{prefix}{line}")))).await.is_err() {
                    return;
                }
            }
            if end {
                return;
            }
        }
    });
}

/// The log file.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    room: usize,
}

impl Log {
    /// Starts the file at `path` anew.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, room: MAX_LOG })
    }

    /// Adds a line as long as there is room.
    pub(crate) fn line(&mut self, line: &str) {
        if self.room == 0 {
            return;
        }
        self.room = self.room.saturating_sub(line.len().saturating_add(1));
        let last = if self.room == 0 { "\n[the log is full]\n" } else { "\n" };
        if let Err(error) =
            self.file.write_all(line.as_bytes()).and_then(|()| self.file.write_all(last.as_bytes()))
        {
            tracing::warn!(%error, "console log");
            self.room = 0;
        }
    }
}
