// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps at trusted prompts. In: what is expected, or an answer. Out: real keys and clicks of the virtual
//! seat; nothing here tells the monitor anything.

use super::{Run, StepError};
use crate::format::{Answer, By, ExpectNoPrompt, ExpectPrompt};
use cofferdam_control::desktop::{ChoiceInfo, Input, PromptInfo, Request};
use cofferdam_ids::VmId;
use std::time::{Duration, Instant};

/// The left button.
const BUTTON: u32 = 0x110;
/// How long apps may take to do what they were told, in seconds.
const ROUND_TRIP_S: u64 = 60;
/// Answers that have no digit.
const REFUSALS: [&str; 2] = ["not-now", "never"];

impl Run<'_> {
    pub(super) fn expect_prompt(&mut self, wanted: &ExpectPrompt) -> Result<(), StepError> {
        let vm = wanted.r#as.as_deref().map(|name| self.vm(name)).transpose()?;
        let fits = |prompt: &PromptInfo| {
            let contains = |text: &str, part: &Option<String>| part.as_ref().is_none_or(|p| text.contains(p));
            vm.as_ref().is_none_or(|vm| *vm == prompt.vm)
                && contains(&prompt.title, &wanted.title)
                && contains(&prompt.detail, &wanted.detail)
                && wanted.choices.as_ref().is_none_or(|names| *names == names_of(prompt))
                && wanted.waiting.is_none_or(|count| count == prompt.waiting)
        };
        let seen = self.wait_prompt(wanted.timeout_s, |prompt| prompt.is_some_and(&fits))?;
        seen.map(|_| ()).map_err(|last| match last {
            None => StepError::TimedOut(wanted.timeout_s, "a question".into()),
            Some(prompt) => {
                StepError::Expectation(format!("another question is asked: {}", describe(&prompt)))
            }
        })
    }

    pub(super) fn expect_no_prompt(&mut self, wanted: &ExpectNoPrompt) -> Result<(), StepError> {
        let vm = wanted.r#as.as_deref().map(|name| self.vm(name)).transpose()?;
        // What an app has just been told may lead to a question yet.
        let apps: Vec<VmId> = self.apps.values().cloned().collect();
        if !self.desktop.round_trip(&apps, Instant::now() + Duration::from_secs(ROUND_TRIP_S))? {
            return Err(StepError::TimedOut(ROUND_TRIP_S, "the apps to do what they were told".into()));
        }
        self.desktop.call(Request::Sync)?;
        let of_it = |prompt: &PromptInfo| vm.as_ref().is_none_or(|vm| *vm == prompt.vm);
        let seen = self.wait_prompt(wanted.timeout_s, |prompt| !prompt.is_some_and(of_it))?;
        if let Err(Some(prompt)) = seen {
            return Err(StepError::Expectation(format!(
                "nothing should be asked, but {}",
                describe(&prompt)
            )));
        }
        let pending = self.desktop.monitor()?.pending().map_err(super::permissions::monitor)?;
        match pending.iter().find(|p| vm.as_ref().is_none_or(|vm| vm.as_str() == p.vm)) {
            Some(p) => Err(StepError::Expectation(format!(
                "no question should wait, but {} asks for {}: {}",
                p.vm, p.kind, p.target
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn answer(&mut self, answer: &Answer) -> Result<(), StepError> {
        let vm = answer.r#as.as_deref().map(|name| self.vm(name)).transpose()?;
        let ready = |prompt: &PromptInfo| prompt.armed && vm.as_ref().is_none_or(|vm| *vm == prompt.vm);
        let prompt = match self.wait_prompt(answer.timeout_s, |prompt| prompt.is_some_and(ready))? {
            Ok(Some(prompt)) => prompt,
            Ok(None) | Err(None) => {
                return Err(StepError::TimedOut(answer.timeout_s, "a question that takes answers".into()));
            }
            Err(Some(prompt)) => {
                return Err(StepError::Expectation(format!("this can't be answered: {}", describe(&prompt))));
            }
        };
        let Some(choice) = prompt.choices.iter().find(|c| c.answer == answer.choice) else {
            return Err(StepError::Expectation(format!(
                "`{}` is not offered by {}",
                answer.choice,
                describe(&prompt)
            )));
        };
        match answer.by {
            By::Click => self.click_choice(choice)?,
            By::Key if answer.choice == "not-now" => self.chord("esc")?,
            By::Key => self.go_to_choice(&prompt, &answer.choice)?,
            By::Digit => {
                let digit = digit_of(&prompt, &answer.choice);
                let digit = digit.ok_or_else(|| StepError::Expectation("this answer has no digit".into()))?;
                self.chord(&digit.to_string())?;
            }
        }
        let gone = self.wait_prompt(answer.timeout_s, |now| now.is_none_or(|now| now.id != prompt.id))?;
        gone.map(|_| ()).map_err(|_still| {
            StepError::Expectation(format!("`{}` was chosen and the question stayed", answer.choice))
        })
    }

    fn click_choice(&mut self, choice: &ChoiceInfo) -> Result<(), StepError> {
        let place = choice.place;
        let (x, y) =
            (f64::from(place.x) + f64::from(place.w) / 2.0, f64::from(place.y) + f64::from(place.h) / 2.0);
        self.desktop.call(Request::Input(Input::PointerMove { x, y }))?;
        for pressed in [true, false] {
            self.desktop.call(Request::Input(Input::PointerButton { code: BUTTON, pressed }))?;
        }
        self.desktop.call(Request::Sync)?;
        Ok(())
    }

    /// Tab until the choice has the focus, then Space.
    fn go_to_choice(&mut self, prompt: &PromptInfo, name: &str) -> Result<(), StepError> {
        let focused = |p: &PromptInfo| p.choices.iter().any(|c| c.focused && c.answer == name);
        for _ in 0..=prompt.choices.len() {
            match self.desktop.prompt()? {
                Some(now) if now.id == prompt.id && focused(&now) => return self.chord("space"),
                Some(now) if now.id == prompt.id => self.chord("tab")?,
                _ => {
                    return Err(StepError::Expectation(
                        "the question went away while it was answered".into(),
                    ));
                }
            }
        }
        Err(StepError::Expectation(format!("Tab does not get to `{name}`")))
    }

    /// Looks at the prompt after every event of the desktop until it is as wanted. Gives back the one that
    /// is there then, or in the inner error the one that was there last.
    fn wait_prompt(
        &mut self,
        timeout_s: u64,
        wanted: impl Fn(Option<&PromptInfo>) -> bool,
    ) -> Result<Result<Option<PromptInfo>, Option<PromptInfo>>, StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let prompt = self.desktop.prompt()?;
            if wanted(prompt.as_ref()) {
                return Ok(Ok(prompt));
            }
            if Instant::now() >= deadline {
                return Ok(Err(prompt));
            }
            self.desktop.check_vms(self.apps.values())?;
            // A VM that dies is no event of the compositor's, so look up now and then.
            self.desktop.next_event(deadline.min(Instant::now() + Duration::from_secs(1)))?;
        }
    }
}

fn names_of(prompt: &PromptInfo) -> Vec<String> {
    prompt.choices.iter().map(|c| c.answer.clone()).collect()
}

/// The digit that chooses an answer: refusals are not counted.
fn digit_of(prompt: &PromptInfo, name: &str) -> Option<usize> {
    let mut offered = prompt.choices.iter().filter(|c| !REFUSALS.contains(&c.answer.as_str()));
    offered.position(|c| c.answer == name).map(|at| at + 1).filter(|digit| *digit <= 9)
}

fn describe(prompt: &PromptInfo) -> String {
    format!(
        "{}: {:?}, {:?}, {}; answers are {}",
        prompt.vm,
        prompt.title,
        prompt.detail,
        if prompt.armed { "armed" } else { "not armed yet" },
        names_of(prompt).join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_control::desktop::Rect;

    #[test]
    fn digits_count_what_gives() {
        let choice = |answer: &str| ChoiceInfo {
            answer: answer.into(),
            text: String::new(),
            place: Rect::default(),
            focused: false,
        };
        let prompt = PromptInfo {
            id: 1,
            vm: "mail".parse().unwrap(),
            title: "Mail wants to go online".into(),
            detail: "to a.org".into(),
            armed: true,
            card: Rect::default(),
            choices: ["not-now", "this-time", "hour", "never"].map(choice).to_vec(),
            waiting: 0,
        };
        assert_eq!(digit_of(&prompt, "hour"), Some(2));
        assert_eq!(digit_of(&prompt, "never"), None);
        assert!(describe(&prompt).contains("not-now, this-time"));
    }
}
