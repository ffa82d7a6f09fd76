// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: messages for the host. Out: frames in order, never more than a bounded pile of output.
//!
//! What the host waits for is always queued. Output of the app is dropped when the host is slow (an
//! app that prints for ever must not stop); output of a run is not, its pipes are left unread instead.

use std::collections::VecDeque;

use cofferdam_agent_wire::{FromGuest, Stream, encode};

/// Above this many queued bytes output has to wait or is dropped.
const HIGH_WATER: usize = 256 * 1024;

/// Frames on their way to the host.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Vec<u8>>,
    /// Bytes of the first frame that are written already.
    written: usize,
    bytes: usize,
    dropped: u64,
}

impl Outbox {
    /// Queues a message whatever the load.
    pub(crate) fn push(&mut self, message: &FromGuest) {
        // Only a message above the frame size fails, and every text and chunk of ours is bounded.
        if let Ok(frame) = encode(message) {
            self.bytes = self.bytes.saturating_add(frame.len());
            self.frames.push_back(frame);
        }
    }

    /// Queues output of the app, or counts it as dropped.
    pub(crate) fn push_app_output(&mut self, stream: Stream, data: &[u8]) {
        if self.is_full() {
            self.dropped = self.dropped.saturating_add(data.len().try_into().unwrap_or(u64::MAX));
        } else {
            self.push(&FromGuest::AppOutput { stream, data: data.to_vec() });
        }
    }

    /// Whether output that must not be dropped should stay in its pipe for now.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= HIGH_WATER
    }

    /// Whether everything was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What to write next.
    pub(crate) fn front(&self) -> Option<&[u8]> {
        self.frames.front().and_then(|frame| frame.get(self.written..))
    }

    /// Notes that `count` bytes of [`Self::front`] were written.
    pub(crate) fn consume(&mut self, count: usize) {
        let Some(frame) = self.frames.front() else { return };
        let count = count.min(frame.len().saturating_sub(self.written));
        self.written = self.written.saturating_add(count);
        self.bytes = self.bytes.saturating_sub(count);
        if self.written == frame.len() {
            self.frames.pop_front();
            self.written = 0;
        }
        if self.dropped > 0 && !self.is_full() {
            let text = format!("{} bytes of the app's output were dropped", self.dropped);
            self.dropped = 0;
            self.push(&FromGuest::Notice { text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_agent_wire::Decoder;

    /// Writes everything in steps of `step` bytes and decodes it again.
    fn drain(outbox: &mut Outbox, step: usize) -> Vec<FromGuest> {
        let (mut decoder, mut out) = (Decoder::new(), Vec::new());
        while let Some(front) = outbox.front() {
            let part = front.len().min(step);
            decoder.push(&front[..part]);
            outbox.consume(part);
            while let Some(message) = decoder.next().unwrap() {
                out.push(message);
            }
        }
        out
    }

    #[test]
    fn frames_survive_short_writes() {
        let sent: Vec<_> = (0..9)
            .map(|id| FromGuest::RunOutput { id, stream: Stream::Stdout, data: vec![7; 100] })
            .collect();
        for step in [1, 3, 64, 100_000] {
            let mut outbox = Outbox::default();
            sent.iter().for_each(|m| outbox.push(m));
            assert_eq!(drain(&mut outbox, step), sent);
            assert!(outbox.is_empty());
        }
    }

    #[test]
    fn a_slow_host_loses_app_output_and_hears_of_it() {
        let mut outbox = Outbox::default();
        let chunk = vec![b'x'; 16 * 1024];
        for _ in 0..20 {
            outbox.push_app_output(Stream::Stdout, &chunk);
        }
        outbox.push(&FromGuest::AppStarted { pid: 1 });
        let got = drain(&mut outbox, 4096);
        let kept = got.iter().filter(|m| matches!(m, FromGuest::AppOutput { .. })).count();
        assert_eq!(kept, 16, "256 KiB fit");
        assert!(got.contains(&FromGuest::AppStarted { pid: 1 }));
        let note = format!("{} bytes of the app's output were dropped", 4 * 16 * 1024);
        assert!(got.contains(&FromGuest::Notice { text: note }));
    }
}
