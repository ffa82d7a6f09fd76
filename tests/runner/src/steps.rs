// SPDX-License-Identifier: GPL-3.0-or-later
//! Carries out one step of a scenario on a desktop.
//!
//! In: an [`Action`]. Out: nothing, or a [`StepError`] whose text says what was expected and what
//! was seen. Waiting always has a deadline and is driven by the compositor's events.

#![expect(clippy::disallowed_methods, reason = "each step has a deadline, and fails at it")]

mod agreement;
mod checks;
mod input;
mod network;
mod notes;
mod panel;
mod permissions;
mod prompts;
mod transfers;
mod waiting;

use crate::desktop::{Desktop, DesktopError, GuestOutput};
use crate::format::{Action, Op, Scenario, Step};
use crate::home::Home;
use crate::keys;
use crate::net::TestNet;
use crate::picture::{Picture, PictureError};
use crate::report::Shot;
use cofferdam_control::desktop::{OutputSpec, Request, WindowId, WindowInfo, WindowOp};
use cofferdam_ids::VmId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The desktop or a VM did not do as asked.
    #[error(transparent)]
    Desktop(#[from] DesktopError),
    /// A picture can't be read or written.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// What was expected did not come true.
    #[error("{0}")]
    Expectation(String),
    /// The scenario names an app that it did not launch.
    #[error("no app `{0}` was launched here")]
    NoApp(String),
    /// The deadline of a waiting step passed.
    #[error("waited {0} s for {1}")]
    TimedOut(u64, String),
}

/// How goldens are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goldens {
    /// Take over what was drawn as the new golden.
    pub update: bool,
    /// Where screenshots of this scenario go.
    pub out: PathBuf,
}

/// A scenario under way on one desktop.
pub struct Run<'a> {
    scenario: &'a Scenario,
    desktop: &'a mut Desktop,
    goldens: Goldens,
    apps: BTreeMap<String, VmId>,
    shots: Vec<Shot>,
    net: TestNet,
    home: Home,
    /// A step spoke of permissions, so everybody must agree about them in the end.
    asks_permissions: bool,
}

impl<'a> Run<'a> {
    /// A run that has done nothing yet.
    pub fn new(
        scenario: &'a Scenario,
        desktop: &'a mut Desktop,
        goldens: Goldens,
        net: TestNet,
        home: Home,
    ) -> Self {
        let (apps, shots) = (BTreeMap::new(), Vec::new());
        Self { scenario, desktop, goldens, apps, shots, net, home, asks_permissions: false }
    }

    /// What must hold after the last step.
    ///
    /// # Errors
    /// [`StepError`], a sentence for the report.
    pub fn finish(&mut self) -> Result<(), StepError> {
        self.agree_in_the_end()
    }

    /// The pictures taken so far.
    #[must_use]
    pub fn into_shots(self) -> Vec<Shot> {
        self.shots
    }

    /// Takes a last picture for the report, when a step has failed.
    pub fn shoot_failure(&mut self) {
        let path = self.goldens.out.join("failure.png");
        let saved = self.desktop.screenshot().map_err(StepError::from).and_then(|(p, _)| Ok(p.save(&path)?));
        match saved {
            Ok(()) => self.shots.push(Shot {
                name: "failure".into(),
                actual: path,
                golden: None,
                diff: None,
                different: None,
            }),
            Err(error) => tracing::warn!(%error, "no picture of the failure"),
        }
    }

    /// Does one step.
    ///
    /// # Errors
    /// [`StepError`], a sentence for the report.
    pub fn step(&mut self, step: &Step) -> Result<(), StepError> {
        match &step.action {
            Action::Launch { app, r#as } => self.launch(app, r#as.as_deref().unwrap_or(app)),
            Action::WaitWindow { r#as, timeout_s, title } => {
                self.wait_window(r#as, *timeout_s, title.as_deref())
            }
            Action::WaitPopup { window, count, timeout_s } => self.wait_popup(window, *count, *timeout_s),
            Action::WaitStill { window, timeout_s } => self.wait_still(window, *timeout_s),
            Action::Type(text) => self.type_text(text),
            Action::Key(chord) => self.chord(chord),
            Action::Click { window, x, y, button, count } => {
                self.click(window, [*x, *y], button.code(), *count)
            }
            Action::Pointer { window, x, y } => self.point(window, [*x, *y]),
            Action::Drag { window, from, to, button } => self.drag(window, *from, *to, button.code()),
            Action::Scroll { window, x, y, right, down } => self.scroll(window, [*x, *y], *right, *down),
            Action::Touch { window, path } => self.touch(window, path),
            Action::ExpectBorder { window } => self.expect_border(window),
            Action::ExpectPixel { window, x, y, rgb, tolerance, timeout_s } => {
                self.until(*timeout_s, |run| run.wrong_pixel(window, [*x, *y], *rgb, *tolerance))
            }
            Action::ExpectWindow { window, title, fullscreen, maximized, minimized, focused, timeout_s } => {
                let flags = [
                    ("fullscreen", *fullscreen),
                    ("maximized", *maximized),
                    ("minimized", *minimized),
                    ("focused", *focused),
                ];
                self.until(*timeout_s, |run| run.wrong_window(window, title.as_deref(), &flags))
            }
            Action::GuestRun { r#as, argv, expect_stdout, expect_exit, within_s } => {
                self.guest_run(r#as, argv, expect_stdout.as_deref(), *expect_exit, *within_s)
            }
            Action::Screenshot { name, compare, max_different, window, timeout_s } => {
                let wanted = compare.then_some((*max_different, *timeout_s));
                self.screenshot(name, window.as_deref(), wanted)
            }
            Action::WindowOp { window, op, to } => self.window_op(window, *op, to.unwrap_or([0, 0])),
            Action::Theme(name) => self.request(Request::SetTheme(name.clone())),
            Action::AddOutput { name, width, height, scale } => {
                let spec = OutputSpec {
                    name: name.clone(),
                    width: *width,
                    height: *height,
                    scale_120: scale_120(*scale),
                };
                self.request(Request::AddOutput(spec))
            }
            Action::Stop { r#as } => {
                let vm = self.vm(r#as)?;
                Ok(self.desktop.stop(&vm)?)
            }
            Action::HostFile { path, text } => self.home.put(path, text).map_err(StepError::Expectation),
            Action::ExpectHostFile { path, text, timeout_s } => self.expect_host_file(path, text, *timeout_s),
            Action::ExpectExit { r#as, code, timeout_s } => self.expect_exit(r#as, *code, *timeout_s),
            about_permissions => {
                self.asks_permissions = true;
                self.permission_step(about_permissions)
            }
        }
    }

    /// The steps about prompts, permissions and the network.
    fn permission_step(&mut self, action: &Action) -> Result<(), StepError> {
        match action {
            Action::ExpectPrompt(wanted) => self.expect_prompt(wanted),
            Action::Answer(answer) => self.answer(answer),
            Action::ExpectNoPrompt(wanted) => self.expect_no_prompt(wanted),
            Action::Panel(panel) => self.panel(panel),
            Action::Clipboard(clipboard) => {
                self.window_op(&clipboard.window, Op::Activate, [0, 0])?;
                self.chord(clipboard.chord())
            }
            Action::Carry(carry) => self.carry(carry),
            Action::ExpectDrag(wanted) => self.expect_drag(wanted),
            Action::LetGo(let_go) => self.let_go(*let_go),
            Action::ExpectNote(wanted) => self.expect_note(wanted),
            Action::ClickNote(click) => self.click_note(click),
            Action::AdvanceClock(clock) => self.advance_clock(clock.millis()),
            Action::ServeHttp(site) => {
                let failed = |e| StepError::Expectation(format!("{} can't be served: {e}", site.host));
                self.net.serve(site).map_err(failed)
            }
            Action::ExpectHttp(wanted) => self.expect_http(wanted),
            Action::Grant(grant) => self.grant(grant),
            Action::Revoke(revoke) => self.revoke(revoke),
            Action::ExpectPermissions(wanted) => self.expect_permissions(wanted),
            Action::ExpectLog(wanted) => self.expect_log(wanted),
            Action::Lock(locked) => self.request(Request::SetLocked(*locked)),
            Action::Attention(shown) => self.request(Request::Attention(*shown)),
            // `step` does all others.
            _ => Err(StepError::Expectation("this step is not about permissions".into())),
        }
    }

    fn launch(&mut self, app: &str, name: &str) -> Result<(), StepError> {
        if self.apps.contains_key(name) {
            return Err(StepError::Expectation(format!(
                "an app called `{name}` runs already; give this one another name with as = \"…\""
            )));
        }
        let vm = self.desktop.launch(crate::apps::launcher_name(app))?;
        self.apps.insert(name.to_owned(), vm);
        Ok(())
    }

    fn vm(&self, name: &str) -> Result<VmId, StepError> {
        // One that another app started goes by the app's own name, which its VM has too.
        let started = || self.scenario.apps.iter().any(|app| crate::apps::launcher_name(app) == name);
        let own = || name.parse().ok().filter(|_| started());
        self.apps.get(name).cloned().or_else(own).ok_or_else(|| StepError::NoApp(name.to_owned()))
    }

    /// The window a name stands for: the focused one of that app's windows, else the topmost.
    fn window(&mut self, name: &str) -> Result<WindowInfo, StepError> {
        let vm = self.vm(name)?;
        let windows: Vec<WindowInfo> =
            self.desktop.windows()?.into_iter().filter(|w| w.vm.as_ref() == Some(&vm)).collect();
        windows
            .iter()
            .find(|w| w.focused)
            .or_else(|| windows.last())
            .cloned()
            .ok_or_else(|| StepError::Expectation(format!("`{name}` has no window")))
    }

    fn request(&mut self, request: Request) -> Result<(), StepError> {
        self.desktop.call(request)?;
        self.desktop.call(Request::Sync)?;
        Ok(())
    }

    fn window_op(&mut self, name: &str, op: Op, to: [i32; 2]) -> Result<(), StepError> {
        let window: WindowId = self.window(name)?.id;
        let op = match op {
            Op::Activate => WindowOp::Activate,
            Op::Close => WindowOp::Close,
            Op::Maximize => WindowOp::Maximize,
            Op::Unmaximize => WindowOp::Unmaximize,
            Op::Fullscreen => WindowOp::Fullscreen,
            Op::Unfullscreen => WindowOp::Unfullscreen,
            Op::Minimize => WindowOp::Minimize,
            Op::Move => WindowOp::Move { x: to[0], y: to[1] },
            Op::Resize => WindowOp::Resize { w: to[0], h: to[1] },
        };
        self.request(Request::WindowOp { window, op })
    }

    fn guest_run(
        &mut self,
        name: &str,
        argv: &[String],
        stdout: Option<&str>,
        exit: i32,
        within_s: u64,
    ) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        let deadline = Instant::now() + Duration::from_secs(within_s);
        loop {
            let out = self.desktop.guest_run(&vm, argv)?;
            match judge(argv, &out, stdout, exit) {
                Ok(()) => return Ok(()),
                Err(why) if Instant::now() >= deadline => return Err(StepError::Expectation(why)),
                Err(_) => {}
            }
        }
    }

    fn expect_exit(&mut self, name: &str, code: Option<i32>, timeout_s: u64) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        let Some(end) = self.desktop.wait_end(&vm, Duration::from_secs(timeout_s))? else {
            return Err(StepError::TimedOut(timeout_s, format!("the VM of `{name}` to end")));
        };
        match code {
            Some(want) if end.code != Some(want) => Err(StepError::Expectation(format!(
                "`{name}` should have returned {want}, but {}",
                end.detail
            ))),
            _ => Ok(()),
        }
    }

    fn picture(&mut self) -> Result<(Picture, f64), StepError> {
        Ok(self.desktop.screenshot()?)
    }
}

fn judge(argv: &[String], out: &GuestOutput, stdout: Option<&str>, exit: i32) -> Result<(), String> {
    let program = argv.join(" ");
    let text = String::from_utf8_lossy(&out.stdout);
    if out.exit.code != exit {
        let errors = String::from_utf8_lossy(&out.stderr);
        let got = match out.exit.signal {
            0 => format!("returned {}", out.exit.code),
            signal => format!("was ended by signal {signal}"),
        };
        return Err(format!("`{program}` should have returned {exit}, it {got}: {}", errors.trim()));
    }
    match stdout {
        Some(want) if want != text => {
            Err(format!("`{program}` should have printed {want:?}, it printed {text:?}"))
        }
        _ => Ok(()),
    }
}

/// A scale in the wire's 120ths. The file's check keeps it between 60 and 480.
#[must_use]
pub fn scale_120(scale: f64) -> u32 {
    // 60 ≤ product ≤ 480, so the cast is exact after rounding.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let n = (scale * 120.0).round().clamp(60.0, 480.0) as u32;
    n
}

/// The evdev codes of a chord; the file's check has already accepted it.
fn codes(chord: &str) -> Result<Vec<u32>, StepError> {
    keys::chord(chord).map_err(|e| StepError::Expectation(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_bus::launcher::GuestExit;

    fn out(exit: i32, stdout: &str) -> GuestOutput {
        GuestOutput {
            exit: GuestExit { code: exit, signal: 0 },
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"no such file".to_vec(),
        }
    }

    #[test]
    fn judges_guest_programs() {
        let argv = ["cat".to_owned(), "/x".to_owned()];
        assert_eq!(judge(&argv, &out(0, "hi\n"), Some("hi\n"), 0), Ok(()));
        assert!(judge(&argv, &out(0, "hi"), Some("hi\n"), 0).unwrap_err().contains("should have printed"));
        assert!(judge(&argv, &out(1, ""), None, 0).unwrap_err().contains("no such file"));
    }

    #[test]
    fn scales() {
        for (scale, n) in [(1.0, 120), (1.5, 180), (2.0, 240), (0.1, 60), (9.0, 480)] {
            assert_eq!(scale_120(scale), n);
        }
    }
}
