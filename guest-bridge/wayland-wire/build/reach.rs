// SPDX-License-Identifier: GPL-3.0-or-later
//! In: all descriptions and the allow-list. Out: the interfaces that a client can get an object of, each with
//! the highest version that an object can have and without the messages and values that are newer.

use std::collections::BTreeMap;

use crate::model::{Interface, Message, Protocols, Result};

/// Interfaces by name; `version` is now the highest that can be reached.
pub(crate) type Reached = BTreeMap<String, Interface>;

pub(crate) fn reach(protocols: &Protocols, globals: &[(&str, u32)]) -> Result<Reached> {
    let mut versions: BTreeMap<String, u32> = BTreeMap::new();
    let mut todo: Vec<(String, u32)> = vec![("wl_display".to_owned(), 1)];
    for (name, version) in globals {
        let known = protocols.get(*name).ok_or_else(|| format!("{name} has no description"))?;
        if known.version < *version {
            return Err(format!("{name} is described up to {} only", known.version).into());
        }
        todo.push(((*name).to_owned(), *version));
    }
    while let Some((name, version)) = todo.pop() {
        let interface = protocols.get(&name).ok_or_else(|| format!("{name} has no description"))?;
        let version = version.min(interface.version);
        if versions.get(&name).is_some_and(|known| *known >= version) {
            continue;
        }
        for message in interface.requests.iter().chain(&interface.events) {
            if message.since <= version {
                let made = message.args.iter().filter(|arg| arg.kind == "new_id");
                todo.extend(made.filter_map(|arg| arg.interface.clone()).map(|child| (child, version)));
            }
        }
        versions.insert(name, version);
    }
    versions.iter().map(|(name, version)| Ok((name.clone(), cut(protocols, name, *version)?))).collect()
}

/// The interface as of `version`.
fn cut(protocols: &Protocols, name: &str, version: u32) -> Result<Interface> {
    let known = protocols.get(name).ok_or_else(|| format!("{name} has no description"))?;
    let mut interface = Interface { version, ..known.clone() };
    for messages in [&mut interface.requests, &mut interface.events] {
        cut_messages(name, messages, version)?;
    }
    for values in &mut interface.enums {
        values.entries.retain(|entry| entry.since <= version);
    }
    Ok(interface)
}

fn cut_messages(name: &str, messages: &mut Vec<Message>, version: u32) -> Result<()> {
    let kept = messages.iter().take_while(|message| message.since <= version).count();
    // Opcodes are positions: a newer message in the middle could not be left out.
    if messages.iter().skip(kept).any(|message| message.since <= version) {
        return Err(format!("{name}: an older message follows a newer one").into());
    }
    messages.truncate(kept);
    for message in messages {
        // The object table counts on this to change nothing unless the whole message is valid.
        if message.args.iter().filter(|arg| arg.kind == "new_id").count() > 1 {
            return Err(format!("{name}.{} makes two objects", message.name).into());
        }
    }
    Ok(())
}
