// SPDX-License-Identifier: GPL-3.0-or-later
//! In: lives of the file system of handed-over files, the committed corpus of its fuzz target, arbitrary bytes.
//! Out: that it keeps its promises whatever the kernel and the host say.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/files.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::{corpus, harness};
    use cofferdam_agent_wire::{FileAnswer, FileStat, MAX_PATH, ToGuest, encode};
    use proptest::prelude::*;

    const KERNEL: u8 = 0;
    const HOST: u8 = 1;
    const ADD: u8 = 2;
    const GONE: u8 = 3;

    /// A piece of a life.
    fn piece(what: u8, bytes: &[u8]) -> Vec<u8> {
        let size = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        [&[what][..], &size, bytes].concat()
    }

    /// A request of the kernel.
    fn kernel(opcode: u32, unique: u64, node: u64, body: &[u8]) -> Vec<u8> {
        let head =
            [&0u32.to_ne_bytes()[..], &opcode.to_ne_bytes(), &unique.to_ne_bytes(), &node.to_ne_bytes()];
        piece(KERNEL, &[&head.concat()[..], &[0; 16], body].concat())
    }

    /// The host's answer to the question that is this many questions old.
    fn host(age: u8, answer: FileAnswer) -> Vec<u8> {
        let frame = encode(&ToGuest::FileReply { serial: 0, answer }).unwrap();
        piece(HOST, &[&[age][..], &frame].concat())
    }

    fn stat(folder: bool) -> FileAnswer {
        FileAnswer::Stat(FileStat { folder, ..FileStat::default() })
    }

    /// A folder that can be written, known to the kernel as node 3.
    fn folder() -> Vec<Vec<u8>> {
        vec![
            piece(ADD, &[&[3 | 4 | 8][..], b"papers"].concat()),
            kernel(1, 1, 1, b"3\0"),
            kernel(1, 2, 2, b"papers\0"),
            host(0, stat(true)),
        ]
    }

    fn open_and_read() -> Vec<u8> {
        let mut life = folder();
        life.push(kernel(1, 3, 3, b"letter\0"));
        life.push(host(0, stat(false)));
        life.push(kernel(14, 4, 4, &[0; 8]));
        life.push(host(0, FileAnswer::Opened { handle: 9, stat: FileStat::default() }));
        life.push(kernel(15, 5, 4, &[&9u64.to_ne_bytes()[..], &[0; 8], &[64, 0, 0, 0], &[0; 20]].concat()));
        life.push(kernel(36, 6, 0, &5u64.to_ne_bytes()));
        life.push(host(0, FileAnswer::Data(b"too late".to_vec())));
        life.push(piece(GONE, &[3]));
        life.push(kernel(18, 7, 4, &[&9u64.to_ne_bytes()[..], &[0; 16]].concat()));
        life.concat()
    }

    /// A rename by which something below gets a path that is too long for the host.
    fn longer_than_a_path() -> Vec<u8> {
        let mut life = folder();
        life.push(kernel(1, 3, 3, b"a\0"));
        life.push(host(0, stat(true)));
        let deep = [vec![b'd'; MAX_PATH - 10], vec![0]].concat();
        life.push(kernel(1, 4, 4, &deep));
        life.push(host(0, stat(false)));
        life.push(kernel(12, 5, 3, &[&3u64.to_ne_bytes()[..], b"a\0", &[b'b'; 100], &[0]].concat()));
        life.push(host(0, FileAnswer::Done));
        life.push(kernel(3, 6, 5, &[0; 16]));
        life.concat()
    }

    fn no_error() -> Vec<u8> {
        let mut life = folder();
        life.push(kernel(3, 3, 3, &[0; 16]));
        life.push(host(0, FileAnswer::Failed(0)));
        life.push(kernel(3, 4, 3, &[0; 16]));
        life.push(host(0, FileAnswer::Failed(u16::MAX)));
        life.concat()
    }

    #[test]
    fn the_corpus() {
        corpus::seed("guest_files", "open-and-read", &open_and_read());
        corpus::seed("guest_files", "longer-than-a-path", &longer_than_a_path());
        corpus::seed("guest_files", "no-error", &no_error());
        assert!(corpus::replay("guest_files", harness::life) >= 3);
    }

    proptest! {
        #[test]
        fn any_life(pieces in prop::collection::vec(
            (0u8..4, prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                (0u8..50, 0u8..6, prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(op, node, body)| {
                    let head = [[0; 4], u32::from(op).to_ne_bytes(), [7; 4], [0; 4]].concat();
                    [&head[..], &u64::from(node).to_ne_bytes(), &[0; 16], &body].concat()
                }),
            ]),
            0..40,
        )) {
            harness::life(&pieces.iter().flat_map(|(what, bytes)| piece(*what, bytes)).collect::<Vec<_>>());
        }
    }
}
