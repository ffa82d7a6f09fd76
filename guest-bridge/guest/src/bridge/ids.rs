// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: ids of objects that pass. Out: what the same object is called on the other side.
//!
//! Ids of clients must be dense towards each server. Some objects exist on one side only (the app's shared
//! memory here, our copies there), so the app's ids cannot simply be passed on. Ids of the server are the same on both sides:
//! whatever the host makes, the app sees.

use cofferdam_wayland_wire::ObjectId;

/// Both directions of the translation, for client ids.
#[derive(Debug)]
pub(crate) struct IdMap {
    to_host: Vec<Option<ObjectId>>,
    to_app: Vec<Option<ObjectId>>,
}

impl IdMap {
    /// Only `wl_display` is known.
    pub(crate) fn new() -> Self {
        let mut map = Self { to_host: Vec::new(), to_app: Vec::new() };
        map.insert(ObjectId::DISPLAY, ObjectId::DISPLAY);
        map
    }

    /// Joins two client ids. The object tables bound how large they are.
    pub(crate) fn insert(&mut self, app: ObjectId, host: ObjectId) {
        put(&mut self.to_host, app, Some(host));
        put(&mut self.to_app, host, Some(app));
    }

    /// Forgets what the host calls `host`; returns what the app called it.
    pub(crate) fn remove_host(&mut self, host: ObjectId) -> Option<ObjectId> {
        let app = self.to_app(host)?;
        put(&mut self.to_app, host, None);
        put(&mut self.to_host, app, None);
        Some(app)
    }

    /// What the host calls the app's object; `None` if it knows no such thing.
    pub(crate) fn to_host(&self, app: ObjectId) -> Option<ObjectId> {
        if app.is_server() { Some(app) } else { get(&self.to_host, app) }
    }

    /// What the app calls the host's object; `None` if it is ours.
    pub(crate) fn to_app(&self, host: ObjectId) -> Option<ObjectId> {
        if host.is_server() { Some(host) } else { get(&self.to_app, host) }
    }
}

fn get(list: &[Option<ObjectId>], id: ObjectId) -> Option<ObjectId> {
    usize::try_from(id.get()).ok().and_then(|index| list.get(index)).copied().flatten()
}

fn put(list: &mut Vec<Option<ObjectId>>, id: ObjectId, value: Option<ObjectId>) {
    let Ok(index) = usize::try_from(id.get()) else { return };
    if index >= list.len() && value.is_some() {
        list.resize(index.saturating_add(1), None);
    }
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ObjectId {
        ObjectId::new(number).unwrap()
    }

    #[test]
    fn translation_goes_both_ways() {
        let mut map = IdMap::new();
        assert_eq!(map.to_host(id(1)), Some(id(1)));
        map.insert(id(7), id(3));
        assert_eq!((map.to_host(id(7)), map.to_app(id(3))), (Some(id(7 - 4)), Some(id(7))));
        assert_eq!((map.to_host(id(3)), map.to_app(id(7))), (None, None));
        assert_eq!(map.remove_host(id(3)), Some(id(7)));
        assert_eq!((map.to_host(id(7)), map.to_app(id(3))), (None, None));
        assert_eq!(map.remove_host(id(3)), None);
    }

    #[test]
    fn ids_of_the_server_are_the_same() {
        let map = IdMap::new();
        assert_eq!(map.to_host(id(0xff00_0000)), Some(id(0xff00_0000)));
        assert_eq!(map.to_app(id(0xffff_ffff)), Some(id(0xffff_ffff)));
    }
}
