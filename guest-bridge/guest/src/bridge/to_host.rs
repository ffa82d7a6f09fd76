// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: requests for the host, and what stands for their descriptors. Out: cross-domain commands in
//! submissions of a size that the device takes.

use cofferdam_wayland_wire::MAX_MESSAGE;
use cofferdam_xdomain::channel::{GuestCommand, IdList, Identifier, MAX_IDS, Transfer};
use cofferdam_xdomain::{EncodeError, Limits};

/// Wayland bytes in one SEND.
const SEGMENT: usize = 16 * 1024;
/// Bytes of one submission; some room is left for a POLL.
const SUBMISSION: usize = Limits::DEFAULT.submit_bytes - 64;

/// Requests on their way to the host.
#[derive(Debug, Default)]
pub(crate) struct ToHost {
    data: Vec<u8>,
    ids: IdList,
    /// Encoded commands, the last of them not full yet.
    submissions: Vec<Vec<u8>>,
}

impl ToHost {
    /// Queues the request that `write` appends, with what stands for its descriptors.
    pub(crate) fn request<E: From<EncodeError>>(
        &mut self,
        ids: &[Identifier],
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Identifiers may lead their request but never follow it, so both go into one segment.
        let full = self.data.len().saturating_add(MAX_MESSAGE) > SEGMENT;
        if full || self.ids.len().saturating_add(ids.len()) > MAX_IDS {
            self.close_segment()?;
        }
        write(&mut self.data)?;
        for id in ids {
            self.ids.push(*id)?;
        }
        Ok(())
    }

    fn close_segment(&mut self) -> Result<(), EncodeError> {
        if self.data.is_empty() {
            return Ok(());
        }
        let mut command = Vec::with_capacity(self.data.len().saturating_add(512));
        let transfer = Transfer { ids: std::mem::take(&mut self.ids), data: &self.data };
        GuestCommand::Send(transfer).encode(&mut command)?;
        self.data.clear();
        match self.submissions.last_mut() {
            Some(last) if last.len().saturating_add(command.len()) <= SUBMISSION => {
                last.extend_from_slice(&command);
            }
            _ => self.submissions.push(command),
        }
        Ok(())
    }

    /// Takes everything that was queued, in order.
    pub(crate) fn take(&mut self) -> Result<Vec<Vec<u8>>, EncodeError> {
        self.close_segment()?;
        Ok(std::mem::take(&mut self.submissions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_xdomain::channel::{IdKind, commands};

    #[test]
    fn the_stream_survives_the_cutting() {
        let mut to_host = ToHost::default();
        let mut sent = Vec::new();
        for number in 0..200u32 {
            let id = Identifier { id: number, kind: IdKind::Blob, size: 0 };
            let bytes = vec![u8::try_from(number).unwrap(); 8 + usize::try_from(number * 37).unwrap() % 4000];
            sent.extend_from_slice(&bytes);
            let ids = if number % 3 == 0 { vec![id] } else { vec![] };
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(&bytes);
                Ok::<(), EncodeError>(())
            };
            to_host.request(&ids, write).unwrap();
        }
        let (mut got, mut ids) = (Vec::new(), Vec::new());
        let submissions = to_host.take().unwrap();
        assert!(submissions.len() > 1);
        for submission in &submissions {
            assert!(submission.len() <= Limits::DEFAULT.submit_bytes);
            for command in commands(submission, &Limits::DEFAULT) {
                let GuestCommand::Send(transfer) = command.unwrap() else { panic!("not a SEND") };
                got.extend_from_slice(transfer.data);
                ids.extend(transfer.ids.iter().map(|id| id.id));
            }
        }
        assert_eq!(got, sent);
        assert_eq!(ids, (0..200).filter(|n| n % 3 == 0).collect::<Vec<_>>());
        assert!(to_host.take().unwrap().is_empty());
    }
}
