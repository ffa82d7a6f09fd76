// SPDX-License-Identifier: GPL-3.0-or-later
//! Images are drawn anew before they cross.
//!
//! In: what a source says is a PNG. Out: what [`redraw`] makes of it. The work is done on a thread of its
//! own, which holds these bytes and nothing more; the desktop goes on meanwhile.

#![expect(clippy::disallowed_methods, reason = "pictures are checked beside the loop")]

use super::State;
use super::redraw::redraw;
use calloop::channel::{self, Sender};
use cofferdam_transfers::{Event, Snapshot, TransferId};
use std::sync::mpsc::{self, SyncSender};

/// Images that wait.
const MAX_WAITING: usize = 4;

/// The thread that draws images anew; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checker {
    work: SyncSender<(TransferId, Snapshot)>,
}

impl Checker {
    fn start(done: Sender<(TransferId, Option<Snapshot>)>) -> std::io::Result<Self> {
        let (work, inbox) = mpsc::sync_channel::<(TransferId, Snapshot)>(MAX_WAITING);
        std::thread::Builder::new().name("images".into()).spawn(move || {
            for (id, image) in inbox {
                let drawn = redraw(image.bytes());
                if done.send((id, drawn)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { work })
    }
}

impl State {
    pub(super) fn check_image(&mut self, id: TransferId, image: Snapshot) {
        let taken = self.image_checker().is_some_and(|checker| checker.work.try_send((id, image)).is_ok());
        if !taken {
            self.event_loop.insert_idle(move |state| state.transfer(Event::Checked { id, image: None }));
        }
    }

    fn image_checker(&mut self) -> Option<&Checker> {
        if self.selections.checker.is_none() {
            let (tell, hear) = channel::channel();
            let watched = self.event_loop.insert_source(hear, |event, (), state| {
                if let channel::Event::Msg((id, image)) = event {
                    state.transfer(Event::Checked { id, image });
                }
            });
            let started = watched
                .map_err(|e| e.to_string())
                .and_then(|_| Checker::start(tell).map_err(|e| e.to_string()));
            match started {
                Ok(checker) => self.selections.checker = Some(checker),
                Err(why) => tracing::error!("images can't be looked at: {why}"),
            }
        }
        self.selections.checker.as_ref()
    }
}
