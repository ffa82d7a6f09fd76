// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. The kernel's file system protocol (FUSE 7.31). In: one request as `/dev/fuse` gives it. Out: what
//! it asks, and replies as the kernel reads them. Only what a plain tree of files and folders needs.

use cofferdam_agent_wire::FileStat;
use rustix::io::Errno;

use crate::init::APP_USER;

/// Most bytes of a file in one request.
pub(super) const MAX_IO: u32 = 32 * 1024;
/// Room for the largest request.
pub const MAX_REQUEST: usize = 64 * 1024;
/// The node that the mount point is.
pub const ROOT: u64 = 1;

const HEADER: usize = 40;
const MINOR: u32 = 31;
/// `O_TRUNC` comes with the open; requests above a page; how many pages; old bytes are dropped when a file changed.
const WANTED: u32 = (1 << 3) | (1 << 5) | (1 << 22) | (1 << 12);
const ATTRIBUTES_SIZE: u32 = 1 << 3;
/// For how many seconds the kernel believes what it was told: also how long bytes that it has already outlast
/// their being taken back.
const VALID: u64 = 1;
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'b> {
    /// Its number; the reply repeats it.
    pub unique: u64,
    /// The node it is about.
    pub node: u64,
    /// What is asked.
    pub ask: Ask<'b>,
}

/// What the kernel asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask<'b> {
    /// Begin.
    Init {
        /// The protocol's minor version.
        minor: u32,
        /// What the kernel can do.
        flags: u32,
    },
    /// A name in a folder.
    Lookup {
        /// Which name.
        name: &'b str,
    },
    /// It has forgotten nodes this many times; no reply.
    Forget(Vec<(u64, u64)>),
    /// Size, times, kind.
    Attributes,
    /// Change them; only the size counts.
    Change {
        /// The new size.
        size: Option<u64>,
    },
    /// Open a file, with the flags of `open`.
    Open {
        /// As `open` takes them.
        flags: u32,
    },
    /// Open a folder, which needs no handle.
    OpenFolder,
    /// Bytes.
    Read {
        /// Which open file.
        handle: u64,
        /// From where.
        offset: u64,
        /// At most so many bytes.
        size: u32,
    },
    /// Bytes.
    Write {
        /// Which open file.
        handle: u64,
        /// From where.
        offset: u64,
        /// What.
        data: &'b [u8],
    },
    /// The last user closed a file.
    Release {
        /// Which open file.
        handle: u64,
    },
    /// Make what was written last.
    Sync {
        /// Which open file.
        handle: u64,
    },
    /// Entries of a folder.
    List {
        /// From where.
        offset: u64,
        /// At most so many bytes.
        size: u32,
    },
    /// A new file, open.
    Create {
        /// Which name.
        name: &'b str,
        /// As `open` takes them.
        flags: u32,
    },
    /// A new folder.
    MakeFolder {
        /// Which name.
        name: &'b str,
    },
    /// Remove a file or folder.
    Remove {
        /// Which name.
        name: &'b str,
        /// It is a folder.
        folder: bool,
    },
    /// Move something.
    Rename {
        /// Which name.
        name: &'b str,
        /// The node of the other folder.
        to: u64,
        /// Its new name.
        new: &'b str,
    },
    /// An earlier request is not waited for any more; no reply.
    Interrupt {
        /// The request's number.
        unique: u64,
    },
    /// About the file system.
    Statistics,
    /// What always works and says nothing.
    Nothing,
    /// The end; no reply.
    Destroy,
    /// What there is not.
    Unknown,
    /// Not even understood.
    Malformed,
}

/// Reads one request. `None` if there is not even a header to answer.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Request<'_>> {
    let opcode = u32_at(bytes, 4)?;
    let (unique, node) = (u64_at(bytes, 8)?, u64_at(bytes, 16)?);
    let body = bytes.get(HEADER..)?;
    Some(Request { unique, node, ask: ask(opcode, node, body).unwrap_or(Ask::Malformed) })
}

fn ask(opcode: u32, node: u64, body: &[u8]) -> Option<Ask<'_>> {
    Some(match opcode {
        1 => Ask::Lookup { name: name(body)? },
        2 => Ask::Forget(vec![(node, u64_at(body, 0)?)]),
        3 => Ask::Attributes,
        4 => {
            let size = (u32_at(body, 0)? & ATTRIBUTES_SIZE != 0).then(|| u64_at(body, 16));
            Ask::Change { size: size.map_or(Some(None), |size| size.map(Some))? }
        }
        9 => Ask::MakeFolder { name: name(body.get(8..)?)? },
        10 => Ask::Remove { name: name(body)?, folder: false },
        11 => Ask::Remove { name: name(body)?, folder: true },
        12 => rename(body, 8)?,
        // Exchanging two things, or not replacing one, is not offered.
        45 if u32_at(body, 8)? == 0 => rename(body, 16)?,
        14 => Ask::Open { flags: u32_at(body, 0)? },
        15 => Ask::Read { handle: u64_at(body, 0)?, offset: u64_at(body, 8)?, size: u32_at(body, 16)? },
        16 => {
            let size = usize::try_from(u32_at(body, 16)?).ok()?;
            let data = body.get(40..)?.get(..size)?;
            Ask::Write { handle: u64_at(body, 0)?, offset: u64_at(body, 8)?, data }
        }
        17 => Ask::Statistics,
        18 => Ask::Release { handle: u64_at(body, 0)? },
        20 => Ask::Sync { handle: u64_at(body, 0)? },
        26 => Ask::Init { minor: u32_at(body, 4)?, flags: u32_at(body, 12)? },
        28 => Ask::List { offset: u64_at(body, 8)?, size: u32_at(body, 16)? },
        35 => Ask::Create { flags: u32_at(body, 0)?, name: name(body.get(16..)?)? },
        36 => Ask::Interrupt { unique: u64_at(body, 0)? },
        38 => Ask::Destroy,
        42 => {
            let count = usize::try_from(u32_at(body, 0)?).ok()?;
            let pairs = body.get(8..)?.chunks_exact(16).take(count);
            Ask::Forget(pairs.filter_map(|pair| Some((u64_at(pair, 0)?, u64_at(pair, 8)?))).collect())
        }
        27 => Ask::OpenFolder,
        // Flush, close of a folder, sync of a folder.
        25 | 29 | 30 => Ask::Nothing,
        _ => Ask::Unknown,
    })
}

fn rename(body: &[u8], names: usize) -> Option<Ask<'_>> {
    let names = body.get(names..)?;
    let old = name(names)?;
    let new = name(names.get(old.len().checked_add(1)?..)?)?;
    Some(Ask::Rename { name: old, to: u64_at(body, 0)?, new })
}

fn name(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|b| *b == 0)?;
    std::str::from_utf8(bytes.get(..end)?).ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A reply in the making.
#[derive(Debug, Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u32(mut self, values: &[u32]) -> Self {
        self.0.extend(values.iter().flat_map(|v| v.to_ne_bytes()));
        self
    }

    fn u64(mut self, values: &[u64]) -> Self {
        self.0.extend(values.iter().flat_map(|v| v.to_ne_bytes()));
        self
    }
}

fn reply(unique: u64, error: i32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len().saturating_add(16)).unwrap_or(u32::MAX);
    let mut out = Writer::default().u32(&[len, error.cast_unsigned()]).u64(&[unique]).0;
    out.extend_from_slice(body);
    out
}

/// "It failed."
pub(super) fn failed(unique: u64, errno: Errno) -> Vec<u8> {
    reply(unique, errno.raw_os_error().saturating_neg(), &[])
}

/// "Done", with what is to be said about it.
pub(super) fn done(unique: u64, body: &[u8]) -> Vec<u8> {
    reply(unique, 0, body)
}

/// The answer to [`Ask::Init`].
pub(super) fn init(unique: u64, minor: u32, flags: u32) -> Vec<u8> {
    let pages_and_alignment = MAX_IO / 4096;
    let body = Writer::default()
        .u32(&[7, minor.min(MINOR), MAX_IO, flags & WANTED])
        // Twelve requests in the background; congested from nine on.
        .u32(&[12 | (9 << 16), MAX_IO, 1, pages_and_alignment])
        .u32(&[0; 8]);
    done(unique, &body.0)
}

/// What a node is, as the kernel wants to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Its number.
    pub(super) id: u64,
    /// What the host says about it.
    pub(super) stat: FileStat,
    /// Whether it may be changed.
    pub(super) writable: bool,
}

fn attributes(out: Writer, node: &Node) -> Writer {
    let stat = &node.stat;
    let kind = if stat.folder { S_IFDIR | 0o555 } else { S_IFREG | 0o444 };
    let mode = if node.writable { kind | 0o200 } else { kind };
    let time = stat.modified.cast_unsigned();
    out.u64(&[node.id, stat.size, stat.size.div_ceil(512), time, time, time])
        .u32(&[stat.nanos, stat.nanos, stat.nanos, mode, 1, APP_USER, APP_USER, 0, 4096, 0])
}

/// The answer to [`Ask::Attributes`] and [`Ask::Change`].
pub(super) fn attributes_of(unique: u64, node: &Node) -> Vec<u8> {
    done(unique, &attributes(Writer::default().u64(&[VALID, 0]), node).0)
}

fn entry_body(node: &Node) -> Writer {
    attributes(Writer::default().u64(&[node.id, 0, VALID, VALID, 0]), node)
}

/// The answer to [`Ask::Lookup`] and [`Ask::MakeFolder`].
pub(super) fn entry(unique: u64, node: &Node) -> Vec<u8> {
    done(unique, &entry_body(node).0)
}

/// The answer to [`Ask::Create`].
pub(super) fn created(unique: u64, node: &Node, handle: u64) -> Vec<u8> {
    done(unique, &entry_body(node).u64(&[handle, 0]).0)
}

/// The answer to [`Ask::Open`].
pub(super) fn opened(unique: u64, handle: u64) -> Vec<u8> {
    done(unique, &Writer::default().u64(&[handle, 0]).0)
}

/// The answer to [`Ask::Write`].
pub(super) fn written(unique: u64, count: u32) -> Vec<u8> {
    done(unique, &Writer::default().u32(&[count, 0]).0)
}

/// The answer to [`Ask::Statistics`]: how much room there is, is the host's to know.
pub(super) fn statistics(unique: u64) -> Vec<u8> {
    done(unique, &Writer::default().u64(&[0; 5]).u32(&[4096, 255, 4096, 0]).u32(&[0; 6]).0)
}

/// Adds an entry to a listing of at most `size` bytes; whether it fitted. `next` is where to go on after it.
pub(super) fn push_entry(out: &mut Vec<u8>, size: u32, next: u64, name: &str, folder: bool) -> bool {
    let padded = name.len().next_multiple_of(8);
    if out.len().saturating_add(24).saturating_add(padded) > usize::try_from(size).unwrap_or(usize::MAX) {
        return false;
    }
    let kind = if folder { S_IFDIR } else { S_IFREG } >> 12;
    let len = u32::try_from(name.len()).unwrap_or(u32::MAX);
    // Its number is told when it is looked up; any but 0 does here.
    out.extend(Writer::default().u64(&[u64::MAX, next]).u32(&[len, kind]).0);
    out.extend_from_slice(name.as_bytes());
    out.resize(out.len().next_multiple_of(8), 0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(opcode: u32, node: u64, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = Writer::default().u32(&[len, opcode]).u64(&[7, node]).u32(&[1000, 1000, 1, 0]).0;
        bytes.extend_from_slice(body);
        bytes
    }

    fn check(opcode: u32, body: &[u8], expected: Ask<'_>) {
        let bytes = request(opcode, 5, body);
        assert_eq!(decode(&bytes), Some(Request { unique: 7, node: 5, ask: expected }), "{opcode}");
    }

    #[test]
    fn requests() {
        check(1, b"a\0", Ask::Lookup { name: "a" });
        check(1, b"a", Ask::Malformed);
        check(1, b"\xff\0", Ask::Malformed);
        check(2, &3u64.to_ne_bytes(), Ask::Forget(vec![(5, 3)]));
        check(14, &Writer::default().u32(&[0o1000, 0]).0, Ask::Open { flags: 0o1000 });
        check(14, &[], Ask::Malformed);
        let read = Writer::default().u64(&[9, 4096]).u32(&[100, 0]).u64(&[0]).u32(&[0, 0]).0;
        check(15, &read, Ask::Read { handle: 9, offset: 4096, size: 100 });
        let mut write = Writer::default().u64(&[9, 1]).u32(&[3, 0]).u64(&[0]).u32(&[0, 0]).0;
        write.extend_from_slice(b"abc");
        check(16, &write, Ask::Write { handle: 9, offset: 1, data: b"abc" });
        write.pop();
        check(16, &write, Ask::Malformed);
        let mut two = 8u64.to_ne_bytes().to_vec();
        two.extend_from_slice(b"old\0new\0");
        check(12, &two, Ask::Rename { name: "old", to: 8, new: "new" });
        let forget = Writer::default().u32(&[2, 0]).u64(&[1, 2, 3, 4]).0;
        check(42, &forget, Ask::Forget(vec![(1, 2), (3, 4)]));
        check(27, &[], Ask::OpenFolder);
        check(25, &[], Ask::Nothing);
        check(99, &[], Ask::Unknown);
        assert_eq!(decode(&[0; 20]), None);
    }

    #[test]
    fn replies_have_the_sizes_that_the_kernel_expects() {
        let node = Node { id: 5, stat: FileStat::default(), writable: true };
        for (reply, size) in [
            (init(1, 41, u32::MAX), 64),
            (attributes_of(1, &node), 104),
            (entry(1, &node), 128),
            (created(1, &node, 2), 144),
            (opened(1, 2), 16),
            (written(1, 2), 8),
            (statistics(1), 80),
            (failed(1, Errno::IO), 0),
        ] {
            assert_eq!(reply.len(), 16 + size);
            assert_eq!(u32_at(&reply, 0), Some(u32::try_from(reply.len()).unwrap()));
        }
    }

    #[test]
    fn listings_stay_in_their_size() {
        let mut out = Vec::new();
        let fitted = (1..100).take_while(|n| push_entry(&mut out, 100, *n, "name", false)).count();
        assert_eq!((fitted, out.len()), (3, 96));
    }

    proptest! {
        #[test]
        fn any_bytes(opcode in 0_u32..50, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = request(opcode, 1, &body);
            prop_assert!(decode(&bytes).is_some());
        }
    }
}
