// SPDX-License-Identifier: GPL-3.0-or-later
//! What a screen reader is told.
//!
//! In: what the trusted path shows. Out: a tree of a dialog with its words and choices, or of a note that is
//! read when there is time for it, for AT-SPI.
//! Readers only hear: an answer is a press of the person's own, so requests to press something for
//! them are not taken. Nothing of this runs without a session bus; with one, the adapter brings a thread of
//! its own, which sees this tree and nothing else.

use super::scenery::label;
use crate::clock::Mono;
use crate::render::Painter;
use crate::trusted::Around;
use crate::trusted::Trusted;
use accesskit::{
    ActionHandler, ActionRequest, ActivationHandler, DeactivationHandler, Live, Node, NodeId, Role, TreeId,
    TreeInfo, TreeUpdate,
};
use cofferdam_prompts::{Note, Showing, Target, plain};
use std::sync::{Arc, Mutex, PoisonError};

const ROOT: NodeId = NodeId(0);
const DIALOG: NodeId = NodeId(1);
const TEXT: NodeId = NodeId(2);
const NOTE: NodeId = NodeId(3);
const FIRST_CHOICE: u64 = 16;

/// What is on the screen, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    card: Option<Spoken>,
    note: Option<String>,
}

/// A card in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spoken {
    title: String,
    text: String,
    choices: Vec<SpokenChoice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SpokenChoice {
    label: String,
    key: String,
    focused: bool,
    dead: bool,
}

/// The tree of a card, of a note, or of an empty desktop.
fn tree(shown: &Shown) -> TreeUpdate {
    let mut root = Node::new(Role::Window);
    root.set_label("Cofferdam");
    let mut update =
        TreeUpdate { nodes: Vec::new(), tree: Some(TreeInfo::new(ROOT)), tree_id: TreeId::ROOT, focus: ROOT };
    if let Some(words) = &shown.note {
        let mut note = Node::new(Role::Status);
        note.set_label(words.as_str());
        note.set_live(Live::Polite);
        root.set_children(vec![NOTE]);
        update.nodes.push((NOTE, note));
    }
    if let Some(card) = &shown.card {
        root.set_children(vec![DIALOG]);
        let mut dialog = Node::new(Role::AlertDialog);
        dialog.set_label(card.title.as_str());
        dialog.set_description(card.text.as_str());
        dialog.set_modal();
        dialog.set_live(Live::Assertive);
        let mut children = vec![TEXT];
        let mut text = Node::new(Role::Label);
        text.set_value(card.text.as_str());
        update.focus = DIALOG;
        update.nodes.push((TEXT, text));
        for (choice, n) in card.choices.iter().zip(FIRST_CHOICE..) {
            let mut node = Node::new(Role::Button);
            node.set_label(choice.label.as_str());
            if !choice.key.is_empty() {
                node.set_keyboard_shortcut(choice.key.as_str());
            }
            if choice.dead {
                node.set_disabled();
            }
            if choice.focused {
                update.focus = NodeId(n);
            }
            children.push(NodeId(n));
            update.nodes.push((NodeId(n), node));
        }
        dialog.set_children(children);
        update.nodes.push((DIALOG, dialog));
    }
    update.nodes.push((ROOT, root));
    update
}

/// What is shown, for a reader that starts later.
type Shared = Arc<Mutex<Shown>>;

struct Handlers(Shared);

impl ActivationHandler for Handlers {
    fn request_initial_tree(&mut self) -> Option<TreeUpdate> {
        Some(tree(&self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Nobody presses for the person.
impl ActionHandler for Handlers {
    fn do_action(&mut self, request: ActionRequest) {
        tracing::debug!(?request, "a reader's wish is not taken");
    }
}

impl DeactivationHandler for Handlers {
    fn deactivate_accessibility(&mut self) {}
}

/// The way to screen readers.
pub(super) struct Access {
    adapter: Option<accesskit_unix::Adapter>,
    told: Shared,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("on", &self.adapter.is_some()).finish_non_exhaustive()
    }
}

impl Access {
    /// With a session bus, readers can come; without one there is nobody.
    pub(super) fn new(session_bus: bool) -> Self {
        let told = Shared::default();
        let handlers = || Handlers(told.clone());
        let adapter = session_bus.then(|| accesskit_unix::Adapter::new(handlers(), handlers(), handlers()));
        Self { adapter, told }
    }
}

impl Trusted {
    /// Tells readers what is shown, if that has changed.
    pub(super) fn tell_readers(&mut self, around: Around<'_>, painter: &Painter) {
        if self.access.adapter.is_none() {
            return;
        }
        let shown = Shown { card: self.spoken(around, painter), note: self.spoken_note(around, painter) };
        let access = &mut self.access;
        {
            let mut told = access.told.lock().unwrap_or_else(PoisonError::into_inner);
            if *told == shown {
                return;
            }
            told.clone_from(&shown);
        }
        if let Some(adapter) = &mut access.adapter {
            adapter.update_window_focus_state(shown.card.is_some());
            adapter.update_if_active(|| tree(&shown));
        }
    }

    /// The note. Who it is about comes first, so that nobody takes an app's words for the desktop's.
    fn spoken_note(&self, around: Around<'_>, painter: &Painter) -> Option<String> {
        let (shown, (heading, title, text)) = (self.room.notice()?, self.notice_words(around.vms)?);
        Some(match shown.note {
            Note::Said(_) => {
                let identity = around.vms.get(shown.vm)?.identity;
                format!("{} says: {title}. {text}", painter.owner_words(identity, &heading))
            }
            Note::Silenced | Note::PasteAgain => format!("{heading}. {text}"),
        })
    }

    fn spoken(&self, around: Around<'_>, painter: &Painter) -> Option<Spoken> {
        match self.room.showing() {
            Showing::Nothing => None,
            Showing::Prompt => self.spoken_prompt(around, painter),
            Showing::Attention => Some(self.spoken_attention(around, painter)),
            Showing::Lock => Some(Spoken {
                title: "Locked".into(),
                text: "Your apps are hidden and hear nothing.".into(),
                choices: self.spoken_buttons(around.now),
            }),
        }
    }

    fn spoken_prompt(&self, around: Around<'_>, painter: &Painter) -> Option<Spoken> {
        let words = self.prompt_words(around.vms)?;
        let vm = around.vms.get(&self.room.prompt()?.vm)?;
        let phrase = &self.phrase;
        let phrase = if phrase.is_empty() { String::new() } else { format!(" Your phrase: {phrase}.") };
        let text = format!(
            "{}. {}. {}.{phrase}",
            plain(&words.detail),
            painter.owner_words(vm.identity, &vm.name),
            plain(&words.uses)
        );
        let choices = words.choices.iter().chain([&words.never]);
        Some(Spoken {
            title: plain(&words.title),
            text,
            choices: choices
                .map(|choice| {
                    self.spoken_choice(choice.target, plain(&choice.text), choice.hint.clone(), around.now)
                })
                .collect(),
        })
    }

    fn spoken_attention(&self, around: Around<'_>, painter: &Painter) -> Spoken {
        let mut text = format!("Your phrase: {}.", self.phrase);
        for row in self.owner_rows(around.desk) {
            let owner = match row.vm.as_ref().and_then(|id| around.vms.get(id)) {
                Some(vm) => painter.owner_words(vm.identity, &vm.name),
                None => "The desktop's own".to_owned(),
            };
            text.push_str(&format!(" {owner}: {}.", row.state));
        }
        Spoken { title: "Who owns what you see".into(), text, choices: self.spoken_buttons(around.now) }
    }

    fn spoken_buttons(&self, now: Mono) -> Vec<SpokenChoice> {
        let targets = self.room.targets().into_iter();
        targets
            .map(|target| self.spoken_choice(target, label(target).to_owned(), String::new(), now))
            .collect()
    }

    fn spoken_choice(&self, target: Target, label: String, hint: String, now: Mono) -> SpokenChoice {
        let armed = self.room.is_armed(now);
        SpokenChoice {
            label,
            key: if target == Target::NotNow { "Escape".into() } else { hint },
            focused: self.room.focused() == Some(target),
            dead: !armed && (target.gives() || target == Target::Never),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(update: &TreeUpdate, id: NodeId) -> &Node {
        &update.nodes.iter().find(|(n, _)| *n == id).unwrap().1
    }

    #[test]
    fn a_question_is_a_dialog_with_its_words_and_choices() {
        let choice = |label: &str, key: &str, focused, dead| SpokenChoice {
            label: label.into(),
            key: key.into(),
            focused,
            dead,
        };
        let card = Spoken {
            title: "Mail wants to go online".into(),
            text: "to imap.example.org, port 993. Mail — green · dots.".into(),
            choices: vec![
                choice("Not now", "Escape", true, false),
                choice("This time only", "1", false, true),
            ],
        };
        let text = card.text.clone();
        let update = tree(&Shown { card: Some(card), note: None });
        let dialog = node(&update, DIALOG);
        assert_eq!((dialog.role(), dialog.label()), (Role::AlertDialog, Some("Mail wants to go online")));
        assert_eq!(dialog.description(), Some(text.as_str()));
        assert_eq!(update.focus, NodeId(FIRST_CHOICE));
        assert_eq!(dialog.children(), [TEXT, NodeId(16), NodeId(17)]);
        let (no, yes) = (node(&update, NodeId(16)), node(&update, NodeId(17)));
        assert_eq!(
            (no.label(), no.keyboard_shortcut(), no.is_disabled()),
            (Some("Not now"), Some("Escape"), false)
        );
        assert_eq!(
            (yes.label(), yes.keyboard_shortcut(), yes.is_disabled()),
            (Some("This time only"), Some("1"), true)
        );
        for id in dialog.children().iter().chain([&DIALOG]) {
            assert!(
                !node(&update, *id).supports_action(accesskit::Action::Click),
                "nobody presses for the person"
            );
        }
    }

    #[test]
    fn an_empty_desktop_has_no_dialog() {
        let update = tree(&Shown::default());
        assert_eq!((update.nodes.len(), update.focus), (1, ROOT));
        assert!(node(&update, ROOT).children().is_empty());
    }

    #[test]
    fn a_note_is_read_when_there_is_time() {
        let update = tree(&Shown { card: None, note: Some("Mail — green · dots says: New mail".into()) });
        let note = node(&update, NOTE);
        assert_eq!(
            (note.label(), note.live()),
            (Some("Mail — green · dots says: New mail"), Some(Live::Polite))
        );
        // It takes the focus from nobody, and nobody presses it for the person.
        assert_eq!((node(&update, ROOT).children(), update.focus), (&[NOTE][..], ROOT));
        assert!(!note.supports_action(accesskit::Action::Click));
    }

    #[test]
    fn without_a_bus_there_is_no_adapter() {
        assert!(Access::new(false).adapter.is_none());
    }
}
