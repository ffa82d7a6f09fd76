// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if the codecs of the control queue break one of their promises.

use cofferdam_xdomain::channel::{Capset, GuestCommand, HostMessage, ImageRequirements, commands};
use cofferdam_xdomain::ring::{Consumer, DATA, Producer, RingLayout, Spans};
use cofferdam_xdomain::virtio::{Request, Response};
use cofferdam_xdomain::{DecodeError, Limits};

/// Small numbers, so that short inputs reach them.
pub const LIMITS: Limits = Limits {
    submit_bytes: 8192,
    request_bytes: 4096,
    blob_entries: 64,
    commands_per_submit: 16,
    transfer_bytes: 2048,
    pipe_write_bytes: 1024,
    ring_min: 64,
    ring_max: 4096,
    ..Limits::DEFAULT
};

/// A `SUBMIT_3D` payload, and the same bytes as a message of the host.
pub fn submit(data: &[u8]) {
    let mut seen = 0;
    let mut failed = false;
    for command in commands(data, &LIMITS) {
        assert!(!failed, "a command came after an error");
        match command {
            Ok(command) => {
                seen += 1;
                guest_round_trip(&command);
            }
            Err(error) => {
                failed = true;
                assert!(error.response().is_error(), "{error}");
            }
        }
    }
    assert!(seen <= LIMITS.commands_per_submit, "{seen} commands");

    if let Ok((message, used)) = HostMessage::decode(data, &LIMITS) {
        assert!(used <= data.len(), "{used} of {} bytes", data.len());
        let mut again = Vec::new();
        message.encode(&mut again).expect("what was decoded can be encoded");
        assert_eq!(again.len(), message.encoded_len());
        assert_eq!(HostMessage::decode(&again, &LIMITS), Ok((message, again.len())));
    }
}

fn guest_round_trip(command: &GuestCommand<'_>) {
    if let GuestCommand::Send(transfer) = command {
        assert!(transfer.data.len() <= LIMITS.transfer_bytes, "{} bytes", transfer.data.len());
    }
    let mut again = Vec::new();
    command.encode(&mut again).expect("what was decoded can be encoded");
    assert_eq!(GuestCommand::decode(&again, &LIMITS), Ok((*command, again.len())));
}

/// A request or response of the control queue.
pub fn virtio(data: &[u8]) {
    match Request::decode(data, &LIMITS) {
        Ok((request, used)) => {
            assert!(used <= data.len(), "{used} of {} bytes", data.len());
            let mut again = Vec::new();
            request.encode(&mut again).expect("what was decoded can be encoded");
            assert_eq!(Request::decode(&again, &LIMITS), Ok((request, again.len())));
        }
        Err(DecodeError::Truncated { need, have, .. }) => assert!(need > have, "{need} {have}"),
        Err(error) => assert!(error.response().is_error(), "{error}"),
    }
    if let Ok((header, response)) = Response::decode(data) {
        assert_eq!(response.code().0, header.kind);
        let mut again = Vec::new();
        response.encode(&header, &mut again);
        let (_, decoded) = Response::decode(&again).expect("what was decoded can be encoded");
        assert_eq!(decoded, response);
    }
    if let Ok(capset) = Capset::decode(data) {
        assert_eq!(Capset::decode(&capset.encode()), Ok(capset));
    }
    if let Ok(reply) = ImageRequirements::decode(data) {
        assert_eq!(ImageRequirements::decode(&reply.encode()), Ok(reply));
    }
}

/// A ring whose other side lies: bytes are taken as steps of host and guest and as false counters.
pub fn ring(data: &[u8]) {
    let Some((shape, steps)) = data.split_first() else { return };
    let capacity = 64_u32 << (shape % 7);
    let layout =
        RingLayout::new(capacity, u64::from(capacity) + DATA as u64, &LIMITS).expect("a power of two");
    let blob = usize::try_from(layout.blob_size()).expect("small");
    let (mut producer, mut consumer) = (Producer::new(layout), Consumer::new(layout));
    let (mut produced, mut consumed) = (0_u32, 0_u32);
    let mut memory = vec![0_u8; blob];
    let mut expected = std::collections::VecDeque::new();
    for step in steps.chunks_exact(5) {
        let [kind, a, b, c, d] = *step else { continue };
        let word = u32::from_le_bytes([a, b, c, d]);
        let len = usize::from(u16::from_le_bytes([a, b]));
        match kind % 4 {
            0 => {
                if let Ok(Some(room)) = producer.reserve(consumed, len) {
                    let record: Vec<u8> = [c, d, a, b, 0, 0, 0, 0]
                        .into_iter()
                        .chain(std::iter::repeat(kind))
                        .take(len)
                        .collect();
                    inside(&room.spans, len, blob);
                    put(&mut memory, &room.spans, &record);
                    produced = producer.commit(room);
                    expected.push_back(record);
                }
            }
            1 => {
                let header = consumer.header(produced).expect("honest counters");
                let Some(span) = header else {
                    assert!(expected.is_empty(), "a record was lost");
                    continue;
                };
                let header = memory[span.offset..][..span.len].try_into().expect("eight bytes");
                let record = consumer.record(produced, header).expect("an honest record");
                let taken = take(&memory, &record.spans);
                assert_eq!(Some(taken), expected.pop_front());
                consumed = consumer.consume(record);
            }
            2 => {
                if let Ok(Some(room)) = producer.reserve(word, len) {
                    inside(&room.spans, len, blob);
                }
            }
            _ => {
                if let Ok(Some(span)) = consumer.header(word) {
                    assert!(span.offset >= DATA && span.offset + span.len <= blob, "{span:?}");
                }
                if let Ok(record) = consumer.record(word, [kind, 0, a, b, c, d, 0, 0]) {
                    inside(&record.spans, len, blob);
                }
            }
        }
    }
}

fn inside(spans: &Spans, len: usize, blob: usize) {
    assert_eq!(spans.len(), len);
    for span in [spans.first, spans.second] {
        assert!(span.offset >= DATA && span.offset + span.len <= blob, "{span:?} in {blob}");
    }
}

fn put(memory: &mut [u8], spans: &Spans, record: &[u8]) {
    let (first, second) = record.split_at(spans.first.len);
    memory[spans.first.offset..][..spans.first.len].copy_from_slice(first);
    memory[spans.second.offset..][..spans.second.len].copy_from_slice(second);
}

fn take(memory: &[u8], spans: &Spans) -> Vec<u8> {
    let pieces = [spans.first, spans.second].map(|span| &memory[span.offset..][..span.len]);
    pieces.concat()
}
