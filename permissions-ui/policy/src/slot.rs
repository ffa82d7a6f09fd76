// SPDX-License-Identifier: GPL-3.0-or-later
//! Keys that are looked up without being built.
//!
//! In: a [`Resource`] or a [`Key`]. Out: a view of the key that borrows from it, and [`Slot`], the owned key
//! of a map that answers to such a view. A decision allocates nothing for its look-ups.

use crate::{Content, FileAccess, Host, Key, Kind, Resource, Zone};
use cofferdam_ids::VmId;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

/// A borrowed [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyView<'a> {
    Site(&'a Host, Zone),
    Paste(&'a VmId, Content),
    Drop(&'a VmId, Content),
    Files(FileAccess),
    Scheme(&'a str),
    Zone(Zone),
    All(Kind),
}

impl Hash for KeyView<'_> {
    /// One word for all that is not text: each write costs as much as eight letters do.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Self::Site(Host::Name(name), zone) => {
                state.write_u32(0x100 | zone as u32);
                state.write(name.as_bytes());
            }
            Self::Site(Host::Addr(address), zone) => {
                state.write_u32(0x200 | zone as u32);
                address.hash(state);
            }
            Self::Paste(from, content) => {
                state.write_u32(0x300 | content as u32);
                state.write(from.as_str().as_bytes());
            }
            Self::Drop(from, content) => {
                state.write_u32(0x400 | content as u32);
                state.write(from.as_str().as_bytes());
            }
            Self::Files(access) => state.write_u32(0x500 | access as u32),
            Self::Scheme(scheme) => {
                state.write_u32(0x600);
                state.write(scheme.as_bytes());
            }
            Self::All(kind) => state.write_u32(0x700 | kind as u32),
            Self::Zone(zone) => state.write_u32(0x800 | zone as u32),
        }
    }
}

/// Whatever stands for a key.
pub(crate) trait AsKey {
    fn view(&self) -> KeyView<'_>;
}

impl AsKey for KeyView<'_> {
    fn view(&self) -> KeyView<'_> {
        *self
    }
}

impl AsKey for Resource {
    fn view(&self) -> KeyView<'_> {
        match self {
            Self::Network(contact) => KeyView::Site(&contact.host, contact.zone),
            Self::Clipboard { from, content } => KeyView::Paste(from, *content),
            Self::DragAndDrop { from, content } => KeyView::Drop(from, *content),
            Self::Files { access, .. } => KeyView::Files(*access),
            Self::OpenUri { scheme } => KeyView::Scheme(scheme),
            Self::Plain(kind) => KeyView::All(*kind),
        }
    }
}

impl AsKey for Key {
    fn view(&self) -> KeyView<'_> {
        match self {
            Self::Site { host, zone } => KeyView::Site(host, *zone),
            Self::Paste { from, content } => KeyView::Paste(from, *content),
            Self::Drop { from, content } => KeyView::Drop(from, *content),
            Self::Files { access } => KeyView::Files(*access),
            Self::Scheme(scheme) => KeyView::Scheme(scheme),
            Self::Zone(zone) => KeyView::Zone(*zone),
            Self::All(kind) => KeyView::All(*kind),
        }
    }
}

/// A key as a map holds it; equal and hashed as its view is.
#[derive(Debug, Clone)]
pub(crate) struct Slot(pub(crate) Key);

impl AsKey for Slot {
    fn view(&self) -> KeyView<'_> {
        self.0.view()
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Slot {}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}

impl<'a> Borrow<dyn AsKey + 'a> for Slot {
    fn borrow(&self) -> &(dyn AsKey + 'a) {
        self
    }
}

impl PartialEq for dyn AsKey + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for dyn AsKey + '_ {}

impl Hash for dyn AsKey + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contact, Transport};
    use std::collections::HashMap;

    #[test]
    fn a_resource_finds_the_slot_of_its_key() {
        let vm: VmId = "mail".parse().unwrap();
        let site = |name: &str, zone, port| {
            Resource::Network(Contact {
                host: Host::parse(name).unwrap(),
                zone,
                transport: Transport::Tcp,
                port,
            })
        };
        let all = [
            site("imap.example.org", Zone::Internet, 993),
            site("imap.example.org", Zone::Local, 993),
            site("192.0.2.1", Zone::Internet, 1),
            Resource::Clipboard { from: vm.clone(), content: Content::Text },
            Resource::DragAndDrop { from: vm, content: Content::Text },
            Resource::Files { kind: crate::FileKind::File, access: FileAccess::Read },
            Resource::OpenUri { scheme: "https".into() },
            Resource::Plain(Kind::Camera),
            Resource::Plain(Kind::Microphone),
        ];
        let map: HashMap<Slot, usize> = all.iter().enumerate().map(|(n, r)| (Slot(r.key()), n)).collect();
        assert_eq!(map.len(), all.len());
        for (n, resource) in all.iter().enumerate() {
            assert_eq!(map.get(resource as &dyn AsKey), Some(&n), "{resource:?}");
        }
        assert!(map.contains_key(&site("imap.example.org", Zone::Internet, 80) as &dyn AsKey));
        assert!(!map.contains_key(&site("smtp.example.org", Zone::Internet, 993) as &dyn AsKey));
    }
}
