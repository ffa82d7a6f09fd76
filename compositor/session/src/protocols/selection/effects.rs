// SPDX-License-Identifier: GPL-3.0-or-later
//! What the machine of transfers wants done.
//!
//! In: [`Effect`]s in order. Out: pipes to sources, fds of targets fed or closed, questions to the
//! monitor, and an alarm for the next moment at which something has taken too long.

use super::{State, index};
use crate::protocols::Selections;
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_transfers::{Effect, Event, SourceRef, TransferId};

impl State {
    /// Tells the machine what happened, and does what follows.
    pub(super) fn transfer(&mut self, event: Event<'_>) {
        let now = self.clock.fresh();
        self.selections.machine.handle(event, now);
        while let Some(effect) = self.selections.machine.poll_effect() {
            self.do_transfer(effect);
        }
        self.set_transfer_alarm();
    }

    fn do_transfer(&mut self, effect: Effect) {
        match effect {
            Effect::Offers => self.selections.renew_offers(&self.display, &self.seat),
            Effect::Read { id, source, mime } => self.selections.ask_source(id, source, mime),
            Effect::StopReading(id) => self.selections.stop_reading(id),
            Effect::CheckImage { id, image } => self.check_image(id, image),
            Effect::Ask { serial, vm, resource } => {
                self.ask_monitor(serial, FromScreen::Ask { serial, vm, resource });
            }
            Effect::Forget { serial } => self.tell_monitor(FromScreen::Forget { serial }),
            Effect::Used { vm, ticket, resource, usage } => {
                self.tell_monitor(FromScreen::Used { vm, ticket, resource, usage });
            }
            Effect::Refused { vm, resource, why } => {
                tracing::info!(%vm, ?resource, ?why, "a transfer is refused");
                self.tell_monitor(FromScreen::Refused { vm, resource, why });
            }
            Effect::CutDone { ticket } => self.tell_monitor(FromScreen::CutDone { ticket }),
            Effect::Feed { sink, snapshot } => self.selections.feed(sink, snapshot),
            Effect::CloseSink(sink) => {
                let bytes = self.selections.close_sink(sink);
                self.selections.machine.sink_closed(sink, bytes);
            }
            Effect::TooLate { vm } => self.trusted(cofferdam_prompts::Event::TooLate(vm)),
            Effect::Deliver { id, content } => {
                self.selections.deliver_drop(id, content, &self.display, self.clock.now())
            }
            Effect::DropEnded { id, done } => self.selections.drop_ended(id, done),
        }
    }

    /// Sets the alarm for the machine's next deadline.
    fn set_transfer_alarm(&mut self) {
        let (now, due) = (self.clock.now(), self.selections.machine.poll_timeout());
        let ring = |state: &mut Self| state.transfer(Event::Tick);
        self.selections.alarm.set(&self.event_loop, now, due, |state| &mut state.selections.alarm, ring);
    }

    /// Once a turn: deadlines on a clock that is moved by hand, and menus that closed.
    pub(crate) fn transfers_turn(&mut self) {
        let now = self.clock.now();
        if self.selections.machine.poll_timeout().is_some_and(|due| due <= now) {
            self.transfer(Event::Tick);
        }
        self.watch_menus();
    }

    /// A VM is gone, with all that it copied and wanted.
    pub(crate) fn transfers_forget(&mut self, vm: &cofferdam_ids::VmId) {
        if self.selections.drag().is_some_and(|drag| drag.identity().vm() == Some(vm)) {
            self.cancel_drag();
        }
        self.transfer(Event::VmGone(vm.clone()));
    }
}

impl Selections {
    fn ask_source(&mut self, id: TransferId, source: SourceRef, mime: String) {
        let writer = match self.open_read(id) {
            Ok(writer) => writer,
            Err(error) => {
                tracing::warn!(%error, "no pipe for a transfer");
                self.transfer_later(id);
                return;
            }
        };
        match source {
            SourceRef::Board { board, generation } => {
                let held = self.boards.get(index(board)).and_then(Option::as_ref);
                if let Some(held) = held.filter(|held| held.generation == generation) {
                    held.source.send(mime, &writer);
                }
            }
            SourceRef::Drag => self.ask_drop_source(id, mime, &writer),
        }
        // Our copy of the writing end closes here: the source's is the last.
    }
}

impl Selections {
    /// A source that can't even be asked has failed. The machine hears of it as of any other event.
    fn transfer_later(&mut self, id: TransferId) {
        self.event_loop.insert_idle(move |state| state.transfer(Event::SourceFailed(id)));
    }
}
