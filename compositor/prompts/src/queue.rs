// SPDX-License-Identifier: GPL-3.0-or-later
//! In: questions as they come. Out: one at a time, each app in its turn, bounded.

use crate::wording::MAX_CHOICES;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::{About, Prompt, PromptId};
use cofferdam_policy::Answer;
use std::collections::{BTreeMap, VecDeque};

/// Questions of one VM that wait at a time; further ones are answered with silence.
pub const MAX_WAITING_OF_ONE: usize = 16;
/// Questions that wait at a time.
pub const MAX_WAITING: usize = 256;

/// The monitor broke the rules of its wire: it is not heard any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A number that is in use.
    Number(PromptId),
    /// None or too many answers, one of them twice, or one that can't be offered.
    Answers(PromptId),
}

/// Questions that wait, by VM, and the VMs in turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<VmId, VecDeque<Prompt>>,
    turn: VecDeque<VmId>,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    pub(crate) fn of(&self, vm: &VmId) -> usize {
        self.waiting.get(vm).map_or(0, VecDeque::len)
    }

    pub(crate) fn has(&self, id: PromptId) -> bool {
        self.waiting.values().flatten().any(|prompt| prompt.id == id)
    }

    /// Whether there was room for it.
    pub(crate) fn push(&mut self, prompt: Prompt) -> Result<(), Prompt> {
        if self.len() >= MAX_WAITING || self.of(&prompt.vm) >= MAX_WAITING_OF_ONE {
            return Err(prompt);
        }
        if !self.turn.contains(&prompt.vm) {
            self.turn.push_back(prompt.vm.clone());
        }
        self.waiting.entry(prompt.vm.clone()).or_default().push_back(prompt);
        Ok(())
    }

    /// Puts back what was shown but not answered: it is the next one again.
    pub(crate) fn put_back(&mut self, prompt: Prompt) {
        self.turn.retain(|vm| *vm != prompt.vm);
        self.turn.push_front(prompt.vm.clone());
        self.waiting.entry(prompt.vm.clone()).or_default().push_front(prompt);
    }

    /// The next one; its app then waits until all others had their turn.
    pub(crate) fn pop(&mut self) -> Option<Prompt> {
        let vm = self.turn.pop_front()?;
        let line = self.waiting.get_mut(&vm)?;
        let prompt = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&vm);
        } else {
            self.turn.push_back(vm);
        }
        prompt
    }

    pub(crate) fn withdraw(&mut self, id: PromptId) {
        self.waiting.retain(|_, line| {
            line.retain(|prompt| prompt.id != id);
            !line.is_empty()
        });
        self.forget_empty();
    }

    pub(crate) fn take_of(&mut self, vm: &VmId) -> Vec<Prompt> {
        let line = self.waiting.remove(vm).unwrap_or_default();
        self.forget_empty();
        line.into()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.turn.clear();
    }

    /// Those that wait, in the order in which they come.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Prompt> {
        self.turn.iter().filter_map(|vm| self.waiting.get(vm)).flatten()
    }

    fn forget_empty(&mut self) {
        let waiting = &self.waiting;
        self.turn.retain(|vm| waiting.contains_key(vm));
    }
}

/// Whether the answers of a question can be offered at all.
pub(crate) fn check(prompt: &Prompt) -> Result<(), Broken> {
    let wrong = Err(Broken::Answers(prompt.id));
    let answers = &prompt.answers;
    if !(1..=MAX_CHOICES).contains(&answers.iter().filter(|answer| answer.is_yes()).count()) {
        return wrong;
    }
    let twice =
        answers.iter().enumerate().any(|(n, a)| answers.iter().skip(n.saturating_add(1)).any(|b| a == b));
    let candidates = match &prompt.about {
        About::OpenUri { candidates, .. } => candidates.len(),
        _ => 0,
    };
    let fits = |answer: &Answer| match answer {
        // Both are on every card anyway.
        Answer::NotNow | Answer::Never => true,
        Answer::Pick(n) => usize::from(*n) < candidates,
        _ => candidates == 0,
    };
    if twice || !answers.iter().all(fits) { wrong } else { Ok(()) }
}
