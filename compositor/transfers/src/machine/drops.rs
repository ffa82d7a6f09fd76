// SPDX-License-Identifier: GPL-3.0-or-later
//! Drops: something dragged out of one VM's window is let go over another's.
//!
//! In: the drop. Out: a question, after a yes the source's bytes, and when they are there the drop is
//! shown to the target, which may then read. Before that the target knows of nothing.

use super::transfer::{By, Sink, Source, Transfer};
use super::types::{Dropped, Effect, Mono, SinkId, TransferId};
use super::{MAX_SINKS, Transfers};
use crate::{Kinds, content_of};
use cofferdam_policy::{Refusal, Resource};
use std::collections::BTreeMap;

impl Transfers {
    /// Something was dropped on another VM's window. None if nothing can come of it.
    pub fn dropped(&mut self, dropped: Dropped<'_>, now: Mono) -> Option<TransferId> {
        let Dropped { from, target, mimes } = dropped;
        let kinds = Kinds::of(mimes);
        let content = kinds.dragged()?;
        let Some(mime) = kinds.mime_for(content) else {
            // Files: their names alone would be of no use, and would say how the other VM's disk looks.
            let resource = Resource::DragAndDrop { from, content };
            self.do_it(Effect::Refused { vm: target, resource, why: Refusal::Off });
            return None;
        };
        if !self.has_room_for(&target) {
            return None;
        }
        let by = By::Drop { delivered: false, over: false, until: now.plus(self.limits.question) };
        let (source, verdict) = (Source::Unasked(mime.to_owned()), self.ask(now));
        let sinks = BTreeMap::new();
        let transfer = Transfer { by, from, target, content, source, verdict, sinks, used: false };
        Some(self.start(transfer))
    }

    pub(super) fn receive_drop(&mut self, id: TransferId, mime: &str, sink: SinkId, now: Mono) {
        let wanted = content_of(mime);
        let fits = |t: &&mut Transfer| {
            let delivered = matches!(t.by, By::Drop { delivered: true, .. });
            delivered && !t.is_lost() && Some(t.content) == wanted && t.sinks.len() < MAX_SINKS
        };
        match self.live.get_mut(&id).filter(fits) {
            Some(transfer) => {
                transfer.sinks.insert(sink, Sink::Waiting);
                self.advance(id, Some(now));
            }
            None => self.do_it(Effect::CloseSink(sink)),
        }
    }

    /// The target is done with a drop, or did not want it. Who is being fed still gets the rest.
    pub(super) fn drop_over(&mut self, id: TransferId) {
        if let Some(transfer) = self.live.get_mut(&id)
            && let By::Drop { over, .. } = &mut transfer.by
        {
            *over = true;
        }
    }
}
