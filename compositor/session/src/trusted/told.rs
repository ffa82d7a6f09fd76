// SPDX-License-Identifier: GPL-3.0-or-later
//! The question or note on the screen, for listeners, painters and readers.
//!
//! In: the room and the names of VMs. Out: its words, and what the desktop control wire says of it.

use crate::clock::Mono;
use crate::trusted::Trusted;
use crate::vm::Vms;
use cofferdam_control::desktop::{ChoiceInfo, NoticeInfo, PromptInfo, Rect};
use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_prompts::{self as prompts, Names, Note, NoteStamp, Words, answer_name, plain, words};

/// The names that the desktop gave to its VMs.
pub(super) struct Book<'a>(pub(super) &'a Vms);

impl Names for Book<'_> {
    fn of(&self, vm: &VmId) -> Option<(String, Identity)> {
        self.0.get(vm).map(|vm| (vm.name.as_str().to_owned(), vm.identity))
    }
}

impl Trusted {
    /// The words of the question on the screen.
    pub(crate) fn prompt_words(&self, vms: &Vms) -> Option<Words> {
        self.room.prompt().map(|prompt| words(prompt, &Book(vms)))
    }

    /// The words of the note on the screen: the desktop's own above, then a title of the app's and the rest.
    pub(super) fn notice_words(&self, vms: &Vms) -> Option<(Label, &str, &str)> {
        let shown = self.room.notice()?;
        let name = &vms.get(shown.vm)?.name;
        Some(match shown.note {
            Note::Silenced => (
                Label::new(&format!("{name} asks too often")),
                "",
                "It is not heard for now. The panel shows what it wanted.",
            ),
            Note::PasteAgain => {
                (Label::new(&format!("Paste again in {name}")), "", "It had stopped waiting for your answer.")
            }
            Note::Said(said) => (name.clone(), said.title.as_str(), said.body.as_str()),
        })
    }

    /// The note on the screen, for listeners.
    pub(crate) fn notice_info(&self, vms: &Vms, now: Mono) -> Option<NoticeInfo> {
        let shown = self.room.notice()?;
        let (heading, title, text) = self.notice_words(vms)?;
        let place =
            |rect: fn(&NoteStamp) -> prompts::Rect| shown.stamp.map(rect).map(to_rect).unwrap_or_default();
        Some(NoticeInfo {
            vm: shown.vm.clone(),
            heading: heading.to_string(),
            title: title.to_owned(),
            text: text.to_owned(),
            waiting: u32::try_from(shown.waiting).unwrap_or(u32::MAX),
            armed: self.room.note_is_armed(now),
            card: place(|stamp| stamp.card),
            close: place(|stamp| stamp.close),
        })
    }

    /// The question on the screen, once a frame has shown it.
    pub(crate) fn prompt_info(&self, vms: &Vms, now: Mono) -> Option<PromptInfo> {
        let room = &self.room;
        let (prompt, words, stamp) = (room.prompt()?, self.prompt_words(vms)?, room.stamp()?);
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
            armed: room.is_armed(now),
            card: to_rect(stamp.card),
            choices,
            waiting: u32::try_from(room.waiting()).unwrap_or(u32::MAX),
        })
    }
}

fn to_rect(r: prompts::Rect) -> Rect {
    Rect { x: r.x, y: r.y, w: r.w, h: r.h }
}
