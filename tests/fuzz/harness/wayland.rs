// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if stream decoder, object table or rewriting break a promise.

use std::sync::LazyLock;

use cofferdam_wayland_wire::{
    Arg, Direction, Disposition, EncodeError, Fault, Limits, ObjectId, ObjectTable, Parsed, RawMessage, Role,
    StreamDecoder, encode, protocol,
};

/// Small numbers, so that short inputs reach them.
pub const LIMITS: Limits = Limits { objects: 48, globals: 24, stream_bytes: 16 * 1024, stream_fds: 8 };

/// A client's byte stream. The first byte says how it is cut; a server that does nothing but free ids answers.
pub fn request_stream(data: &[u8]) {
    let Some((cut, data)) = data.split_first() else { return };
    let mut table = WITH_GLOBALS.clone();
    let mut stream = StreamDecoder::new(&LIMITS);
    for (index, chunk) in data.chunks(usize::from(*cut).saturating_mul(16).max(1)).enumerate() {
        let fds = index % 3;
        if stream.push(chunk, std::iter::repeat_n((), fds)).is_err() {
            return;
        }
        while let Ok(Some((raw, fds))) = stream.next() {
            let Ok(parsed) = step(&mut table, Direction::Request, &raw, fds.len()) else { return };
            fds.drain(..parsed.fds());
            if let Some(id) = parsed.destroyed
                && !id.is_server()
            {
                delete_id(&mut table, id);
            }
        }
        assert!(stream.waiting() <= LIMITS.stream_bytes, "{} bytes wait", stream.waiting());
    }
}

/// Both directions of a connection: before each message, a byte whose lowest bit is set for an event and whose
/// next two bits are the number of descriptors.
pub fn event_stream(data: &[u8]) {
    let mut table = WITH_GLOBALS.clone();
    let mut rest = data;
    while let Some((tag, bytes)) = rest.split_first() {
        let Ok(Some(raw)) = RawMessage::decode(bytes) else { return };
        let direction = if tag & 1 == 0 { Direction::Request } else { Direction::Event };
        // A fault ends a connection, but here the rest of the input may still be of interest.
        let _faults_are_fine = step(&mut table, direction, &raw, usize::from(tag >> 1 & 3));
        rest = &bytes[raw.bytes().len()..];
    }
}

/// Made once: most of a short input's time would go into it.
static WITH_GLOBALS: LazyLock<ObjectTable> = LazyLock::new(table_with_globals);

/// A table in which each listed global is announced, named 1, 2, 3, … and where the registry is object 2.
fn table_with_globals() -> ObjectTable {
    let mut table = ObjectTable::new(&LIMITS);
    let mut bytes = Vec::new();
    let registry = ObjectId::new(2).expect("not null");
    let get =
        &protocol::wl_display::INTERFACE.requests[usize::from(protocol::wl_display::request::GET_REGISTRY)];
    encode(&mut bytes, ObjectId::DISPLAY, get, &[Arg::NewId(registry)]).expect("fits");
    apply(&mut table, Direction::Request, &bytes);
    let event = &protocol::wl_registry::INTERFACE.events[usize::from(protocol::wl_registry::event::GLOBAL)];
    for (name, global) in (1..).zip(protocol::GLOBALS) {
        bytes.clear();
        // One version too many: it must be cut down.
        let args = [Arg::Uint(name), Arg::Str(Some(global.interface.name)), Arg::Uint(global.version + 1)];
        encode(&mut bytes, registry, event, &args).expect("fits");
        apply(&mut table, Direction::Event, &bytes);
        assert_eq!(table.global(name).map(|known| known.version), Some(global.version));
    }
    table
}

fn delete_id(table: &mut ObjectTable, id: ObjectId) {
    let event = &protocol::wl_display::INTERFACE.events[usize::from(protocol::wl_display::event::DELETE_ID)];
    let mut bytes = Vec::new();
    encode(&mut bytes, ObjectId::DISPLAY, event, &[Arg::Uint(id.get())]).expect("fits");
    apply(table, Direction::Event, &bytes);
    assert_eq!(table.get(id), None, "a deleted id is free");
}

fn apply(table: &mut ObjectTable, direction: Direction, bytes: &[u8]) {
    let raw = RawMessage::decode(bytes).expect("well-formed").expect("whole");
    step(table, direction, &raw, 0).expect("valid");
}

/// Gives one message to the table and checks what must hold afterwards.
fn step<'a>(
    table: &mut ObjectTable,
    direction: Direction,
    raw: &RawMessage<'a>,
    fds: usize,
) -> Result<Parsed<'a>, Fault> {
    let before = table.len();
    let result = match direction {
        Direction::Request => table.request(raw, fds),
        Direction::Event => table.event(raw, fds),
    };
    assert!(table.len() <= 2 * LIMITS.objects, "{} objects", table.len());
    let parsed = match result {
        Ok(parsed) => parsed,
        Err(fault) => {
            assert_eq!(table.len(), before, "a fault changes nothing: {fault}");
            return Err(fault);
        }
    };
    assert!(parsed.fds() <= fds && parsed.args.len() == parsed.message.args.len());
    assert!(parsed.message.since <= parsed.version && parsed.version <= parsed.interface.max_version);
    if let Some(new) = parsed.created {
        let object = table.get(new.id).expect("a made object exists");
        assert!(object.interface.is(new.interface) && object.version == new.version);
        assert_eq!(new.id.is_server(), direction == Direction::Event);
        assert_eq!(Some(new.id), parsed.args.new_id());
    }
    if let Some(id) = parsed.destroyed {
        assert_eq!(table.live(id), None);
    }
    assert_rewrites(&parsed);
    Ok(parsed)
}

/// Rewriting with the same ids gives the same message, and with others differs only in them.
fn assert_rewrites(parsed: &Parsed<'_>) {
    if parsed.disposition == Disposition::Drop {
        return;
    }
    let mut same = Vec::new();
    parsed.translate(&mut same, |_, id| Ok::<_, EncodeError>(id)).expect("it was valid");
    assert_eq!(same.len(), parsed.bytes().len());
    let mut other = Vec::new();
    let far = ObjectId::new(0x1234_5678).expect("not null");
    let mut roles = Vec::new();
    let map = |role, _| {
        roles.push(role);
        Ok::<_, EncodeError>(far)
    };
    parsed.translate(&mut other, map).expect("it was valid");
    assert_eq!(other.len(), same.len());
    assert_eq!(roles.first(), Some(&Role::Sender));
    let is_id = |arg: &&Arg<'_>| matches!(arg, Arg::Object(Some(_)) | Arg::NewId(_) | Arg::NewIdAny { .. });
    let ids = parsed.args.iter().filter(is_id).count() + usize::from(parsed.released.is_some());
    assert_eq!(roles.len(), 1 + ids, "{roles:?}");
    let differing = same.chunks(4).zip(other.chunks(4)).filter(|(a, b)| a != b).count();
    assert!(differing <= roles.len(), "{differing} words differ for {} ids", roles.len());
}
