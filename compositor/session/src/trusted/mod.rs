// SPDX-License-Identifier: GPL-3.0-or-later
//! The trusted path: questions of the monitor, the attention view, the lock.
//!
//! In: the monitor's messages, presses before any client sees them, control calls, frames that were
//! drawn. Out: a layer above everything that no client can reach, cover or imitate, and answers. What
//! is shown and when an answer counts is decided by the pure crate `cofferdam-prompts`; what it looks
//! like by `cofferdam-chrome`.

mod access;
mod effects;
mod input;
mod key;
mod link;
mod notes;
mod scenery;
mod told;

pub use key::{AttentionKey, ParseKeyError};
pub(crate) use scenery::{Around, Canvas, Item, Scenery};

use crate::alarm::Alarm;
use crate::config::{BackendKind, Config};
use crate::state::State;
use cofferdam_chrome::AttentionShape;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::Standing;
use cofferdam_prompts::{Event, Room, Settings};
use cofferdam_scene::{LayerRole, LayerView, OutputId};
use std::collections::BTreeMap;

/// Longest phrase, in characters.
const MAX_PHRASE: usize = 64;

/// Look, size of the output, and scale (its bits).
type ShapedFor = (u64, (i32, i32), u64);

/// Everything about the trusted path.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) room: Room,
    link: Option<link::Link>,
    /// How VMs stand, as the monitor says.
    standings: BTreeMap<VmId, Standing>,
    phrase: String,
    /// Wakes the loop when the room has something to do.
    alarm: Alarm,
    /// Counts whatever changes how things look: theme, outputs, names.
    look: u64,
    /// Counts changes of what is shown.
    generation: u64,
    /// The output that has the card.
    home: Option<OutputId>,
    cards: BTreeMap<OutputId, scenery::Drawn>,
    pub(crate) scenery: Scenery,
    /// How the open attention view's card is divided, and for what.
    shape: Option<(ShapedFor, AttentionShape)>,
    /// The note as it was drawn.
    note: Option<notes::Drawn>,
    access: access::Access,
}

impl Trusted {
    pub(crate) fn new(config: &Config) -> Self {
        let opens_freely = match config.backend {
            BackendKind::Headless => false,
            BackendKind::Nested => true,
        };
        let phrase: String = config.phrase.chars().filter(|c| !c.is_control()).take(MAX_PHRASE).collect();
        Self {
            room: Room::new(Settings { opens_freely }),
            link: None,
            standings: BTreeMap::new(),
            phrase,
            alarm: Alarm::default(),
            look: 0,
            generation: 0,
            home: None,
            cards: BTreeMap::new(),
            scenery: Scenery::default(),
            shape: None,
            note: None,
            access: access::Access::new(config.session_bus),
        }
    }

    /// Whether something of ours is shown: clients have neither keyboard nor pointer.
    pub(crate) fn is_up(&self) -> bool {
        self.room.is_up()
    }

    /// Whether the pointer is ours: something of ours is shown, or it is on a note.
    pub(crate) fn has_pointer(&self) -> bool {
        self.room.is_up() || self.room.note_has_pointer()
    }
}

impl State {
    /// Something happened that the trusted path has to know.
    pub(crate) fn trusted(&mut self, event: Event) {
        let now = self.clock.fresh();
        if let Event::VmGone(vm) = &event {
            self.trusted.standings.remove(vm);
        }
        self.trusted.room.handle(event, now);
        self.settle_trusted();
    }

    /// A turn of the loop: what was due is done, whoever woke it.
    pub(crate) fn trusted_turn(&mut self) {
        let now = self.clock.now();
        if self.trusted.room.poll_timeout().is_some_and(|due| due <= now) {
            self.trusted.room.tick(now);
            self.settle_trusted();
        }
        let in_the_way = |layer: LayerView| matches!(layer.role, LayerRole::Panel | LayerRole::Dialog);
        let aside = self.desk.scene.layer_views().any(in_the_way);
        if aside != self.trusted.room.is_aside() {
            self.trusted(Event::Aside(aside));
        }
    }
}

impl Trusted {
    /// Themes, names or outputs changed: what was aimed at may look different now.
    pub(crate) fn looks_different(&mut self) {
        self.look = self.look.wrapping_add(1);
        self.generation = self.generation.wrapping_add(1);
    }
}
