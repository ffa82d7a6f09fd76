// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a message's decoded arguments. Out: whether each of them fits the objects that exist. Nothing is changed.

use super::{Object, ObjectTable};
use crate::args::{Arg, Args};
use crate::fault::FaultKind;
use crate::id::ObjectId;
use crate::interface::{ArgKind, Interface, Message, Target};
use crate::parsed::{Direction, NewObject};

impl ObjectTable {
    /// Checks references and enums.
    pub(super) fn check_values(
        &self,
        direction: Direction,
        sender: Object,
        message: &'static Message,
        args: &Args<'_>,
    ) -> Result<(), FaultKind> {
        // A server may send a value that is newer than the object; a client must not.
        let version = match direction {
            Direction::Request => sender.version,
            Direction::Event => sender.interface.max_version,
        };
        for (spec, arg) in message.args.iter().zip(args.iter()) {
            let name = spec.name;
            match (&spec.kind, *arg) {
                (ArgKind::Uint(Some(values)), Arg::Uint(value)) if !values.allows(value, version) => {
                    return Err(FaultKind::Value { name, value });
                }
                (ArgKind::Int(Some(values)), Arg::Int(value))
                    if !values.allows(value.cast_unsigned(), version) =>
                {
                    return Err(FaultKind::Value { name, value: value.cast_unsigned() });
                }
                (ArgKind::Object { target, .. }, Arg::Object(Some(id)))
                    if !self.may_name(direction, *target, id) =>
                {
                    return Err(FaultKind::Object { name, id: id.get() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn may_name(&self, direction: Direction, target: Target, id: ObjectId) -> bool {
        let object = match direction {
            Direction::Request => self.live(id),
            // The client may have destroyed it while the event was on its way.
            Direction::Event => self.get(id),
        };
        match target {
            Target::Interface(interface) => object.is_some_and(|object| object.interface.is(interface)),
            // Only `wl_display.error`, which may blame an object that is gone.
            Target::Any => direction == Direction::Event || object.is_some(),
            Target::Unlisted(_) => false,
        }
    }

    /// Checks the new object, if the message makes one.
    pub(super) fn check_new(
        &self,
        direction: Direction,
        sender: Object,
        message: &'static Message,
        args: &Args<'_>,
    ) -> Result<Option<NewObject>, FaultKind> {
        for (spec, arg) in message.args.iter().zip(args.iter()) {
            let new = match (&spec.kind, *arg) {
                (ArgKind::NewId(Target::Interface(interface)), Arg::NewId(id)) => {
                    NewObject { id, interface, version: sender.version.min(interface.max_version) }
                }
                (ArgKind::NewId(Target::Any), Arg::NewIdAny { interface, version, id }) => {
                    let name = args.uint(0).unwrap_or_default();
                    let interface = self.check_bind(name, interface, version)?;
                    NewObject { id, interface, version }
                }
                (ArgKind::NewId(_), Arg::NewId(id) | Arg::NewIdAny { id, .. }) => {
                    return Err(FaultKind::NewId(id.get()));
                }
                _ => continue,
            };
            if new.id.is_server() != (direction == Direction::Event) {
                return Err(FaultKind::NewId(new.id.get()));
            }
            self.range(new.id).admit(new.id)?;
            return Ok(Some(new));
        }
        Ok(None)
    }

    fn check_bind(&self, name: u32, interface: &str, version: u32) -> Result<&'static Interface, FaultKind> {
        let global = self.globals.get(name).ok_or(FaultKind::Bind(name))?;
        let fits = global.interface.name == interface && (1..=global.version).contains(&version);
        if fits { Ok(global.interface) } else { Err(FaultKind::Bind(name)) }
    }
}
