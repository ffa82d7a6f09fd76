// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if the guest's file system breaks a promise.

use cofferdam_agent_wire::{Decoder, MAX_FRAME, MAX_PATH, ToGuest};
use cofferdam_guest::agent::files::{Ask, MAX_REQUEST, MAX_WAITING, Step, Tree, decode};
use std::collections::BTreeMap;

/// A life of the file system: the first byte of each piece says what happens, two more how long it is. The
/// kernel asks whatever the piece says, the host answers what was asked or what was not, files come and go.
pub fn life(mut data: &[u8]) {
    let mut life = Life { tree: Tree::default(), expected: BTreeMap::new(), asked: Vec::new() };
    while let Some(([what, low, high], rest)) = data.split_first_chunk() {
        let size = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (piece, rest) = rest.split_at(size);
        data = rest;
        match what % 4 {
            0 => life.kernel(piece),
            1 => life.host(piece),
            2 => life.add(piece),
            _ => life.gone(piece),
        }
    }
}

/// The file system, and what is still to come from it.
struct Life {
    tree: Tree,
    /// Requests that have a right to a reply, and how often the kernel made each.
    expected: BTreeMap<u64, usize>,
    /// Serials that the host was asked with.
    asked: Vec<u32>,
}

impl Life {
    fn kernel(&mut self, piece: &[u8]) {
        // As the agent does: while much waits, nothing is read.
        if self.tree.is_busy() || piece.len() > MAX_REQUEST {
            return;
        }
        let Some(request) = decode(piece) else { return };
        if !matches!(request.ask, Ask::Forget(_) | Ask::Interrupt { .. } | Ask::Destroy) {
            *self.expected.entry(request.unique).or_default() += 1;
        }
        self.tree.request(request);
        self.settle();
    }

    /// The first byte picks one of the serials, or one that was not asked with; what is answered is a message
    /// as the agent's port would bring it.
    fn host(&mut self, piece: &[u8]) {
        let Some((pick, frame)) = piece.split_first() else { return };
        let mut decoder = Decoder::new();
        decoder.push(frame.get(..frame.len().min(MAX_FRAME)).unwrap_or_default());
        if let Ok(Some(ToGuest::FileReply { serial, answer })) = decoder.next() {
            let known = self.asked.get(usize::from(*pick)).copied();
            self.tree.answer(known.unwrap_or(serial), answer);
            self.settle();
        }
    }

    fn add(&mut self, piece: &[u8]) {
        let Some((file, name)) = piece.split_first() else { return };
        let name = String::from_utf8_lossy(name);
        let path = self.tree.add(u32::from(file % 4), &name, file & 4 != 0, file & 8 != 0);
        let parts: Vec<&str> = path.split('/').collect();
        assert_eq!(parts.len(), 2, "one folder, one name: {path:?}");
        assert!(parts.iter().all(|part| !matches!(*part, "" | "." | "..")), "a name: {path:?}");
    }

    fn gone(&mut self, piece: &[u8]) {
        let file = u32::from(piece.first().unwrap_or(&0) % 4);
        self.tree.gone(file);
        self.settle();
    }

    fn settle(&mut self) {
        let mut steps = 0;
        while let Some(step) = self.tree.poll() {
            steps += 1;
            assert!(steps <= 2 * MAX_WAITING + 2, "one thing leads to no more than all that waits");
            match step {
                Step::Reply(bytes) => self.reply(&bytes),
                Step::Ask { serial, op, .. } => {
                    assert!(op.path_len() <= MAX_PATH, "{} bytes of path", op.path_len());
                    self.asked.truncate(255);
                    self.asked.insert(0, serial);
                }
            }
        }
    }

    /// A reply is as long as it says, and somebody waits for it.
    fn reply(&mut self, bytes: &[u8]) {
        let head: &[u8; 16] = bytes.first_chunk().expect("a reply has a head");
        let [len, error] = [0, 4].map(|at| u32::from_ne_bytes(*head[at..].first_chunk().expect("four")));
        assert_eq!(usize::try_from(len), Ok(bytes.len()));
        let error = error.cast_signed();
        assert!(error <= 0 && (error == 0 || bytes.len() == 16), "an error has nothing behind it");
        let unique = u64::from_ne_bytes(*head[8..].first_chunk().expect("eight"));
        let left = self.expected.get_mut(&unique).expect("somebody asked");
        *left -= 1;
        if *left == 0 {
            self.expected.remove(&unique);
        }
    }
}
