// SPDX-License-Identifier: GPL-3.0-or-later
//! In: messages, the committed corpus of the fuzz target and arbitrary bytes. Out: that each message comes back
//! as it went, in whatever pieces, and that nothing else is taken for one.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/agent.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use cofferdam_agent_wire::{
        Appearance, BridgeCounters, DecodeError, Decoder, Exit, FileAnswer, FileKind, FileOp, FileStat,
        FromGuest, MAX_DATA, MAX_ENTRIES, MAX_FRAME, PortalOutcome, PortalWish, Stream, ToGuest, VERSION,
        encode,
    };
    use proptest::prelude::*;

    use super::{corpus, harness};

    fn wishes() -> Vec<PortalWish> {
        let title = "Open".to_owned();
        vec![
            PortalWish::ChooseFile {
                title: title.clone(),
                kind: FileKind::NewFile,
                write: true,
                suggested: "a.txt".to_owned(),
            },
            PortalWish::OpenUri { uri: "https://example.org/".to_owned() },
            PortalWish::Notify { tag: 5, title, body: String::new() },
            PortalWish::InhibitIdle { reason: "a film".to_owned() },
            PortalWish::Screenshot,
            PortalWish::Unnotify { tag: 5 },
        ]
    }

    fn file_ops() -> Vec<FileOp> {
        let path = "a/b".to_owned();
        vec![
            FileOp::Stat { path: String::new() },
            FileOp::List { path: path.clone(), skip: 100 },
            FileOp::Open { path: path.clone(), write: true, create: false, truncate: true },
            FileOp::Read { handle: 1, offset: u64::MAX, len: 4096 },
            FileOp::Write { handle: 1, offset: 0, data: vec![1, 2, 3] },
            FileOp::SetLength { path: path.clone(), len: 0 },
            FileOp::Sync { handle: 1 },
            FileOp::Close { handle: 1 },
            FileOp::MakeFolder { path: path.clone() },
            FileOp::Remove { path: path.clone(), folder: true },
            FileOp::Rename { from: path, to: "c".to_owned() },
        ]
    }

    fn file_answers() -> Vec<FileAnswer> {
        vec![
            FileAnswer::Done,
            FileAnswer::Stat(FileStat { folder: false, size: 7, modified: -1, nanos: 999 }),
            FileAnswer::Entries { entries: vec![("a".to_owned(), true)], more: false },
            FileAnswer::Opened { handle: 3, stat: FileStat::default() },
            FileAnswer::Data(b"bytes".to_vec()),
            FileAnswer::Failed(5),
        ]
    }

    fn from_guest() -> Vec<FromGuest> {
        let data = b"hello\n".to_vec();
        let mut all = vec![
            FromGuest::Hello { version: VERSION },
            FromGuest::AppStarted { pid: 100 },
            FromGuest::AppOutput { stream: Stream::Stderr, data: data.clone() },
            FromGuest::AppExited(Exit::Signal(9)),
            FromGuest::AppFailed { reason: "no such file".to_owned() },
            FromGuest::RunOutput { id: 1, stream: Stream::Stdout, data },
            FromGuest::RunExited { id: 1, exit: Exit::Code(-1) },
            FromGuest::RunFailed { id: u32::MAX, reason: String::new() },
            FromGuest::Counters(BridgeCounters { commits: u64::MAX, ..BridgeCounters::default() }),
            FromGuest::Notice { text: "the bridge was restarted".to_owned() },
            FromGuest::PortalForget { serial: 7 },
            FromGuest::Opened { serial: 1, ok: true },
        ];
        all.extend(wishes().into_iter().map(|wish| FromGuest::Portal { serial: 7, wish }));
        all.extend(file_ops().into_iter().map(|op| FromGuest::File { serial: 8, file: 1, op }));
        all
    }

    fn to_guest() -> Vec<ToGuest> {
        let env = vec![("LANG".to_owned(), "C.UTF-8".to_owned())];
        let mut all = vec![
            ToGuest::StartApp { args: vec!["--help".to_owned()], env },
            ToGuest::Run { id: 1, argv: vec!["cat".to_owned(), "/tmp/x".to_owned()] },
            ToGuest::RunInput { id: 1, data: vec![0; 300] },
            ToGuest::KillRun { id: 1 },
            ToGuest::Counters,
            ToGuest::Shutdown,
            ToGuest::FileGone { file: 1 },
            ToGuest::Open { serial: 1, uri: "https://example.org/".to_owned() },
            ToGuest::Appearance(Appearance { dark: true, contrast: false }),
        ];
        let file = PortalOutcome::File { file: 1, name: "a".to_owned(), folder: false, writable: true };
        for outcome in [PortalOutcome::Done, PortalOutcome::Denied, file] {
            all.push(ToGuest::PortalReply { serial: 7, outcome });
        }
        all.extend(file_answers().into_iter().map(|answer| ToGuest::FileReply { serial: 8, answer }));
        all
    }

    fn stream<M: serde::Serialize>(messages: &[M]) -> Vec<u8> {
        messages.iter().flat_map(|message| encode(message).unwrap()).collect()
    }

    #[test]
    fn every_message_comes_back_in_any_pieces() {
        let bytes = stream(&from_guest());
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::new();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                while let Some(message) = decoder.next::<FromGuest>().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, from_guest(), "{size}");
        }
        let mut decoder = Decoder::new();
        decoder.push(&stream(&to_guest()));
        for message in to_guest() {
            assert_eq!(decoder.next(), Ok(Some(message)));
        }
        assert_eq!(decoder.next::<ToGuest>(), Ok(None));
    }

    #[test]
    fn the_corpus() {
        corpus::seed("agent_decode", "from-guest", &[&[255][..], &stream(&from_guest())].concat());
        corpus::seed("agent_decode", "to-guest", &[&[0][..], &stream(&to_guest())].concat());
        corpus::seed("agent_decode", "long-frame", &[1, 0, 0, 1, 0, 9, 0xff, 0xff, 3]);
        assert!(corpus::replay("agent_decode", harness::decode) >= 3);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let check = |bytes: &[u8], expected: Result<Option<FromGuest>, DecodeError>| {
            let mut decoder = Decoder::new();
            decoder.push(bytes);
            assert_eq!(decoder.next(), expected, "{bytes:?}");
        };
        check(&[], Ok(None));
        check(&[1, 0, 0], Ok(None));
        check(&[0, 0, 0, 0], Err(DecodeError::Length(0)));
        check(&[1, 0, 1, 0], Err(DecodeError::Length(65537)));
        check(&[0xff; 4], Err(DecodeError::Length(u32::MAX)));
        check(&[2, 0, 0, 0, 0], Ok(None));
        check(&[2, 0, 0, 0, 0, 1], Ok(Some(FromGuest::Hello { version: 1 })));
        check(&[1, 0, 0, 0, 0], Err(DecodeError::Malformed));
        check(&[1, 0, 0, 0, 99], Err(DecodeError::Malformed));
        check(&[3, 0, 0, 0, 0, 1, 1], Err(DecodeError::Trailing(1)));
        // A text that claims to be longer than the frame, and one that is no text.
        check(&[3, 0, 0, 0, 9, 0x7f, b'a'], Err(DecodeError::Malformed));
        check(&[3, 0, 0, 0, 9, 1, 0xff], Err(DecodeError::Malformed));
    }

    #[test]
    fn a_message_larger_than_a_frame_is_not_encoded() {
        let output = |len| FromGuest::AppOutput { stream: Stream::Stdout, data: vec![7; len] };
        // Variant, stream and a length of three bytes stand before the data.
        let largest = MAX_FRAME - 5;
        assert_eq!(encode(&output(largest)).unwrap().len(), 4 + MAX_FRAME);
        let over = u32::try_from(MAX_FRAME + 1).unwrap();
        assert_eq!(encode(&output(largest + 1)), Err(DecodeError::Length(over)));
    }

    #[test]
    fn the_largest_pieces_of_files_fit() {
        let data = vec![0xff; MAX_DATA];
        let write = FileOp::Write { handle: u32::MAX, offset: u64::MAX, data: data.clone() };
        assert!(encode(&FromGuest::File { serial: u32::MAX, file: u32::MAX, op: write }).is_ok());
        // 255 bytes are the longest name that a file can have.
        let entries = vec![("\u{ff}".repeat(127), true); MAX_ENTRIES];
        for answer in [FileAnswer::Data(data), FileAnswer::Entries { entries, more: true }] {
            assert!(encode(&ToGuest::FileReply { serial: u32::MAX, answer }).is_ok());
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            harness::decode(&bytes);
        }

        #[test]
        fn any_frame(body in prop::collection::vec(0_u8..12, 1..60)) {
            let mut bytes = vec![255];
            bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            bytes.extend(body);
            harness::decode(&bytes);
        }

        #[test]
        fn any_output(id: u32, data in prop::collection::vec(any::<u8>(), 0..40_000), reason in ".{0,200}") {
            for message in [FromGuest::RunOutput { id, stream: Stream::Stdout, data }, FromGuest::RunFailed { id, reason }] {
                let mut decoder = Decoder::new();
                decoder.push(&encode(&message).unwrap());
                prop_assert_eq!(decoder.next(), Ok(Some(message)));
            }
        }
    }
}
