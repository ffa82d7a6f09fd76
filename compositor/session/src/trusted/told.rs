// SPDX-License-Identifier: GPL-3.0-or-later
//! The question or note on the screen, for listeners, painters and readers.
//!
//! In: the room and the names of VMs. Out: its words, and what the desktop control wire says of it.

use crate::state::State;
use crate::vm::Vms;
use cofferdam_control::desktop::{ChoiceInfo, NoticeInfo, PromptInfo, Rect};
use cofferdam_ids::{Identity, VmId};
use cofferdam_prompts::{self as prompts, Names, Note, Words, answer_name, plain, words};

/// The names that the desktop gave to its VMs.
pub(super) struct Book<'a>(pub(super) &'a Vms);

impl Names for Book<'_> {
    fn of(&self, vm: &VmId) -> Option<(String, Identity)> {
        self.0.get(vm).map(|vm| (vm.name.as_str().to_owned(), vm.identity))
    }
}

impl State {
    /// The words of the question on the screen.
    pub(crate) fn prompt_words(&self) -> Option<Words> {
        self.trusted.room.prompt().map(|prompt| words(prompt, &Book(&self.vms)))
    }

    /// The note on the screen.
    pub(crate) fn notice_info(&self) -> Option<NoticeInfo> {
        let (id, note) = self.trusted.room.notice()?;
        let name = &self.vms.get(id)?.name;
        let (heading, text) = match note {
            Note::Silenced => {
                (format!("{name} asks too often"), "It is not heard for now. The panel shows what it wanted.")
            }
            Note::PasteAgain => (format!("Paste again in {name}"), "It had stopped waiting for your answer."),
        };
        Some(NoticeInfo { vm: id.clone(), heading, text: text.to_owned() })
    }

    /// The question on the screen, once a frame has shown it.
    pub(crate) fn prompt_info(&self) -> Option<PromptInfo> {
        let room = &self.trusted.room;
        let (prompt, words, stamp) = (room.prompt()?, self.prompt_words()?, room.stamp()?);
        let place = |target| stamp.places.iter().find(|(t, _)| *t == target).map(|(_, rect)| to_rect(*rect));
        let choices = words
            .choices
            .iter()
            .chain([&words.never])
            .map(|choice| ChoiceInfo {
                answer: answer_name(choice.answer),
                text: plain(&choice.text),
                place: place(choice.target).unwrap_or_default(),
                focused: room.focused() == Some(choice.target),
            })
            .collect();
        Some(PromptInfo {
            id: prompt.id.0,
            vm: prompt.vm.clone(),
            title: plain(&words.title),
            detail: plain(&words.detail),
            armed: room.is_armed(self.clock.now()),
            card: to_rect(stamp.card),
            choices,
            waiting: u32::try_from(room.waiting()).unwrap_or(u32::MAX),
        })
    }
}

fn to_rect(r: prompts::Rect) -> Rect {
    Rect { x: r.x, y: r.y, w: r.w, h: r.h }
}
