// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the reached interfaces. Out: Rust source.

#![expect(clippy::disallowed_methods, reason = "what cargo is told")]

use std::fmt::Write as _;
use std::io::Write as _;

use crate::model::{Arg, Enum, Interface, Message, Result};
use crate::reach::Reached;

/// Tells cargo something.
pub(crate) fn directive(key: &str, value: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "cargo::{key}={value}")
}

pub(crate) fn emit(reached: &Reached, globals: &[(&str, u32)]) -> Result<String> {
    let mut out = String::from("use crate::interface::{GlobalSpec, Interface};\n\n");
    writeln!(out, "pub static GLOBALS: &[GlobalSpec] = &[")?;
    for (name, version) in globals {
        writeln!(out, "    GlobalSpec {{ interface: &{name}::INTERFACE, version: {version} }},")?;
    }
    writeln!(out, "];\n\npub static INTERFACES: &[&Interface] = &[")?;
    for name in reached.keys() {
        writeln!(out, "    &{name}::INTERFACE,")?;
    }
    writeln!(out, "];")?;
    for interface in reached.values() {
        emit_interface(&mut out, reached, interface)?;
    }
    Ok(out)
}

fn emit_interface(out: &mut String, reached: &Reached, interface: &Interface) -> Result<()> {
    let Interface { name, version, .. } = interface;
    writeln!(out, "\npub mod {name} {{")?;
    writeln!(out, "    #[allow(unused_imports)]")?;
    writeln!(
        out,
        "    use crate::interface::{{ArgKind, ArgSpec, Enum, EnumEntry, Interface, Message, Target}};"
    )?;
    writeln!(out, "    pub static INTERFACE: Interface = Interface {{")?;
    writeln!(out, "        name: {name:?}, max_version: {version},")?;
    for (field, messages) in [("requests", &interface.requests), ("events", &interface.events)] {
        writeln!(out, "        {field}: &[")?;
        for (opcode, message) in messages.iter().enumerate() {
            emit_message(out, reached, interface, opcode, message)?;
        }
        writeln!(out, "        ],")?;
    }
    writeln!(out, "    }};")?;
    for (module, messages) in [("request", &interface.requests), ("event", &interface.events)] {
        let names = messages.iter().enumerate().map(|(opcode, m)| (m.name.as_str(), opcode.to_string()));
        emit_consts(out, module, "u16", names)?;
    }
    for values in &interface.enums {
        emit_enum(out, values)?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

fn emit_message(
    out: &mut String,
    reached: &Reached,
    interface: &Interface,
    opcode: usize,
    message: &Message,
) -> Result<()> {
    let Message { name, since, destructor, args } = message;
    let fd_args = args.iter().filter(|arg| arg.kind == "fd").count();
    write!(out, "            Message {{ name: {name:?}, opcode: {opcode}, since: {since}, ")?;
    writeln!(out, "destructor: {destructor}, fd_args: {fd_args}, args: &[")?;
    for arg in args {
        let kind = kind(reached, interface, arg)?;
        writeln!(out, "                ArgSpec {{ name: {:?}, kind: ArgKind::{kind} }},", arg.name)?;
    }
    writeln!(out, "            ] }},")?;
    Ok(())
}

fn kind(reached: &Reached, interface: &Interface, arg: &Arg) -> Result<String> {
    let nullable = arg.nullable;
    Ok(match arg.kind.as_str() {
        "int" => format!("Int({})", values(reached, interface, arg)?),
        "uint" => format!("Uint({})", values(reached, interface, arg)?),
        "fixed" => "Fixed".to_owned(),
        "string" => format!("Str {{ nullable: {nullable} }}"),
        "object" => format!("Object {{ nullable: {nullable}, target: {} }}", target(reached, arg)),
        "new_id" => format!("NewId({})", target(reached, arg)),
        "array" => "Array".to_owned(),
        "fd" => "Fd".to_owned(),
        other => return Err(format!("{}: unknown type {other}", arg.name).into()),
    })
}

fn target(reached: &Reached, arg: &Arg) -> String {
    match &arg.interface {
        None => "Target::Any".to_owned(),
        Some(name) if reached.contains_key(name) => {
            format!("Target::Interface(&super::{name}::INTERFACE)")
        }
        Some(name) => format!("Target::Unlisted({name:?})"),
    }
}

fn values(reached: &Reached, interface: &Interface, arg: &Arg) -> Result<String> {
    let Some(path) = &arg.values else { return Ok("None".to_owned()) };
    let (owner, name) = path.split_once('.').unwrap_or((&interface.name, path));
    let known = reached.get(owner).is_some_and(|owner| owner.enums.iter().any(|values| values.name == name));
    if !known {
        return Err(format!("{}: enum {path} is not reachable", arg.name).into());
    }
    Ok(format!("Some(&super::{owner}::{})", static_name(name)))
}

fn emit_enum(out: &mut String, values: &Enum) -> Result<()> {
    let Enum { name, bitfield, entries } = values;
    if matches!(name.as_str(), "request" | "event") {
        return Err(format!("enum {name} clashes with a module").into());
    }
    write!(out, "    pub static {}: Enum = Enum {{ name: {name:?}, ", static_name(name))?;
    writeln!(out, "bitfield: {bitfield}, entries: &[")?;
    for entry in entries {
        writeln!(out, "        EnumEntry {{ value: {}, since: {} }},", entry.value, entry.since)?;
    }
    writeln!(out, "    ] }};")?;
    emit_consts(out, name, "u32", entries.iter().map(|e| (e.name.as_str(), e.value.to_string())))
}

fn emit_consts<'a>(
    out: &mut String,
    module: &str,
    ty: &str,
    names: impl Iterator<Item = (&'a str, String)>,
) -> Result<()> {
    writeln!(out, "    pub mod {module} {{")?;
    for (name, value) in names {
        let upper = name.to_uppercase();
        // `wl_output.transform` has values whose names are numbers.
        let prefix = if upper.starts_with(|first: char| first.is_ascii_digit()) { "N" } else { "" };
        writeln!(out, "        pub const {prefix}{upper}: {ty} = {value};")?;
    }
    writeln!(out, "    }}")?;
    Ok(())
}

fn static_name(name: &str) -> String {
    format!("ENUM_{}", name.to_uppercase())
}
