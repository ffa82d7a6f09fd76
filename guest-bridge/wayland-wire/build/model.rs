// SPDX-License-Identifier: GPL-3.0-or-later
//! In: protocol descriptions as XML. Out: plain structs, in the order of the descriptions.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use roxmltree::Node;

/// All interfaces by name.
pub(crate) type Protocols = BTreeMap<String, Interface>;
/// A failed build says why in words.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) requests: Vec<Message>,
    pub(crate) events: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) since: u32,
    pub(crate) destructor: bool,
    pub(crate) args: Vec<Arg>,
}

#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) interface: Option<String>,
    /// `name` or `interface.name`.
    pub(crate) values: Option<String>,
    pub(crate) nullable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) bitfield: bool,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: u32,
    pub(crate) since: u32,
}

pub(crate) fn read_folder(folder: &Path) -> Result<Protocols> {
    let mut protocols = Protocols::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ext| ext != "xml") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let document = roxmltree::Document::parse(&text)?;
        for node in children(document.root_element(), "interface") {
            let interface = interface(node)?;
            if let Some(twice) = protocols.insert(interface.name.clone(), interface) {
                return Err(format!("{} is described twice", twice.name).into());
            }
        }
    }
    Ok(protocols)
}

fn interface(node: Node<'_, '_>) -> Result<Interface> {
    Ok(Interface {
        name: required(node, "name")?,
        version: number(&required(node, "version")?)?,
        requests: children(node, "request").map(message).collect::<Result<_>>()?,
        events: children(node, "event").map(message).collect::<Result<_>>()?,
        enums: children(node, "enum").map(enumeration).collect::<Result<_>>()?,
    })
}

fn message(node: Node<'_, '_>) -> Result<Message> {
    Ok(Message {
        name: required(node, "name")?,
        since: since(node)?,
        destructor: node.attribute("type") == Some("destructor"),
        args: children(node, "arg").map(arg).collect::<Result<_>>()?,
    })
}

fn arg(node: Node<'_, '_>) -> Result<Arg> {
    Ok(Arg {
        name: required(node, "name")?,
        kind: required(node, "type")?,
        interface: node.attribute("interface").map(str::to_owned),
        values: node.attribute("enum").map(str::to_owned),
        nullable: node.attribute("allow-null") == Some("true"),
    })
}

fn enumeration(node: Node<'_, '_>) -> Result<Enum> {
    let entries = children(node, "entry").map(|entry| {
        Ok(Entry {
            name: required(entry, "name")?,
            value: number(&required(entry, "value")?)?,
            since: since(entry)?,
        })
    });
    Ok(Enum {
        name: required(node, "name")?,
        bitfield: node.attribute("bitfield") == Some("true"),
        entries: entries.collect::<Result<_>>()?,
    })
}

fn children<'a, 'i>(node: Node<'a, 'i>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(tag))
}

fn required(node: Node<'_, '_>, attribute: &str) -> Result<String> {
    let value = node.attribute(attribute);
    let missing = || format!("<{}> without {attribute}", node.tag_name().name()).into();
    value.map(str::to_owned).ok_or_else(missing)
}

fn since(node: Node<'_, '_>) -> Result<u32> {
    node.attribute("since").map_or(Ok(1), number)
}

fn number(text: &str) -> Result<u32> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("{text:?} is no number: {error}").into())
}
