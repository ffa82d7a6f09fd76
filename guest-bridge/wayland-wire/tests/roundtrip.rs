// SPDX-License-Identifier: GPL-3.0-or-later
//! In: every message of every listed interface, with arguments of all kinds. Out: that it passes the table and
//! comes out as it went in, alive and with other ids.

#[cfg(test)]
mod common;

#[cfg(test)]
mod tests {
    use cofferdam_wayland_wire::protocol::{INTERFACES, wl_registry};
    use cofferdam_wayland_wire::{
        Arg, ArgKind, Args, Direction, Disposition, EncodeError, Enum, Fixed, Interface, Limits, Message,
        ObjectId, ObjectTable, RawMessage, Target, encode, protocol,
    };
    use proptest::prelude::*;

    use super::common::{Wire, id};

    /// All messages with the interface and the direction that they belong to.
    fn all() -> Vec<(&'static Interface, Direction, &'static Message)> {
        let of = |interface: &'static Interface| {
            let requests = interface.requests.iter().map(|message| (Direction::Request, message));
            let events = interface.events.iter().map(|message| (Direction::Event, message));
            requests.chain(events).map(move |(direction, message)| (interface, direction, message))
        };
        INTERFACES.iter().flat_map(|interface| of(interface)).collect()
    }

    /// What the arguments are made of.
    #[derive(Debug, Clone)]
    struct Raw {
        number: u32,
        text: String,
        bytes: Vec<u8>,
        null: bool,
    }

    fn raw() -> impl Strategy<Value = Raw> {
        let parts = (any::<u32>(), "[^\0]{0,40}", prop::collection::vec(any::<u8>(), 0..60), any::<bool>());
        parts.prop_map(|(number, text, bytes, null)| Raw { number, text, bytes, null })
    }

    fn value(values: Option<&'static Enum>, number: u32) -> u32 {
        let Some(values) = values else { return number };
        let count = u32::try_from(values.entries.len()).unwrap();
        values.entries[usize::try_from(number % count).unwrap()].value
    }

    /// Arguments that fit; the objects that they name are put into the table.
    fn arguments<'a>(
        table: &mut ObjectTable,
        direction: Direction,
        message: &'static Message,
        raw: &'a [Raw],
    ) -> Vec<Arg<'a>> {
        let mut one = |spec: &'static cofferdam_wayland_wire::ArgSpec, raw: &'a Raw| match spec.kind {
            ArgKind::Int(values) => Arg::Int(value(values, raw.number).cast_signed()),
            ArgKind::Uint(values) => Arg::Uint(value(values, raw.number)),
            ArgKind::Fixed => Arg::Fixed(Fixed(raw.number.cast_signed())),
            ArgKind::Str { nullable } => Arg::Str((!(nullable && raw.null)).then_some(&raw.text)),
            ArgKind::Object { nullable: true, .. } if raw.null => Arg::Object(None),
            ArgKind::Object { target, .. } => {
                let new = table.next_client_id().unwrap();
                if let Target::Interface(interface) = target {
                    table.insert(new, interface, interface.max_version).unwrap();
                }
                Arg::Object(Some(new))
            }
            // Filled in when all others are.
            ArgKind::NewId(_) => Arg::NewId(ObjectId::DISPLAY),
            ArgKind::Array => Arg::Array(&raw.bytes),
            ArgKind::Fd => Arg::Fd,
        };
        let mut args: Vec<_> = message.args.iter().zip(raw).map(|(spec, raw)| one(spec, raw)).collect();
        let new = match direction {
            Direction::Request => table.next_client_id().unwrap(),
            Direction::Event => table.next_server_id().unwrap(),
        };
        for arg in &mut args {
            if matches!(arg, Arg::NewId(_)) {
                *arg = Arg::NewId(new);
            }
        }
        args
    }

    /// These change or look at more than their arguments and have tests of their own.
    fn special(interface: &Interface, message: &Message) -> bool {
        interface.is(&wl_registry::INTERFACE)
            || interface.is(&protocol::wl_display::INTERFACE) && message.name == "delete_id"
    }

    fn reachable(message: &Message) -> bool {
        let needs = |kind: &ArgKind| matches!(kind, ArgKind::Object { target: Target::Unlisted(_), .. });
        !message.args.iter().any(|arg| needs(&arg.kind))
    }

    /// What the typed accessors say about one argument: it has one type only.
    fn by_type<'a>(args: &Args<'a>, index: usize) -> Vec<Arg<'a>> {
        let mut seen = Vec::new();
        seen.extend(args.uint(index).map(Arg::Uint));
        seen.extend(args.int(index).map(Arg::Int));
        seen.extend(args.fixed(index).map(Arg::Fixed));
        seen.extend(args.str(index).map(|text| Arg::Str(Some(text))));
        seen.extend(args.object(index).map(|id| Arg::Object(Some(id))));
        seen.extend(args.array(index).map(Arg::Array));
        // Those without an accessor, and null, which the accessors do not tell from another type.
        let others = [Arg::Fd, Arg::Str(None), Arg::Object(None)];
        seen.extend(args.get(index).filter(|arg| others.contains(arg) || matches!(arg, Arg::NewId(_))));
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn each_message_passes_as_it_is(which: prop::sample::Index, raw in prop::collection::vec(raw(), 12)) {
            let all = all();
            let (interface, direction, message) = all[which.index(all.len())];
            prop_assume!(!special(interface, message) && reachable(message));
            let mut wire = Wire::new(&Limits::DEFAULT);
            let sender = if interface.is(&protocol::wl_display::INTERFACE) { id(1) } else { id(2) };
            if sender != id(1) {
                wire.table.insert(sender, interface, interface.max_version).unwrap();
            }
            let args = arguments(&mut wire.table, direction, message, &raw);
            let mut bytes = Vec::new();
            encode(&mut bytes, sender, message, &args).unwrap();
            let raw = RawMessage::decode(&bytes).unwrap().unwrap();
            let parsed = match direction {
                Direction::Request => wire.table.request(&raw, 1),
                Direction::Event => wire.table.event(&raw, 1),
            };
            let parsed = parsed.unwrap();
            prop_assert_eq!(&parsed.args[..], &args[..]);
            for (index, arg) in args.iter().enumerate() {
                prop_assert_eq!(by_type(&parsed.args, index), vec![*arg]);
            }
            prop_assert!(by_type(&parsed.args, args.len()).is_empty());
            prop_assert_eq!(parsed.bytes(), &bytes[..]);
            prop_assert_eq!(parsed.disposition, Disposition::Forward);
            prop_assert_eq!(parsed.destroyed.is_some(), message.destructor);
            let makes = message.args.iter().any(|arg| matches!(arg.kind, ArgKind::NewId(_)));
            prop_assert_eq!(parsed.created.is_some(), makes);
            let mut again = Vec::new();
            parsed.translate(&mut again, |_, id| Ok::<_, EncodeError>(id)).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn what_an_event_ends_takes_no_requests() {
        // A client could still send one before it hears of the end, and would be blamed for it.
        for interface in INTERFACES {
            let ended = interface.events.iter().any(|event| event.destructor);
            assert!(!ended || interface.requests.is_empty(), "{}", interface.name);
        }
    }
}
