// SPDX-License-Identifier: GPL-3.0-or-later
//! How long it takes from a request to the question on the screen: the real monitor and the real compositor,
//! asked over VMs' sockets, while nothing else is drawn and while an app draws.
//!
//! In: packets of a gateway, each about another site. Out: how many frames are drawn until one shows the
//! question, and the time until then, beside the time from a commit of a small client until its frame is
//! done, in turn.
//!
//! Apps that ask again and again are not heard any more, so after a few questions another VM asks.

use crate::client::{BenchClient, BenchError};
use crate::decisions::{host, percentile, visit};
use crate::measure::median;
use crate::monitor::{Guest, Program, Programs, receive, runtime, send, start_ready};
use crate::peers::{adopt, client_of};
use crate::table::Row;
use cofferdam_control::client::Client;
use cofferdam_control::desktop::{Event, Input, PromptInfo, Reply, Request};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::{FromPoint, Ticket, ToPoint};
use cofferdam_monitor_wire::{decode, encode};
use cofferdam_policy::Refusal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// VMs that ask in one round.
const VMS: usize = 6;
/// Questions of one VM: two less than what makes the monitor silence it.
const EACH: usize = 10;
/// Evdev code of Escape.
const ESCAPE: u32 = 1;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a refresh of the screen: what comes then is drawn at once.
const PAUSE: Duration = Duration::from_millis(40);
/// From one frame of the screen to the next at the soonest, in milliseconds.
const REFRESH: f64 = 1000.0 / 60.0;
/// What the small client draws.
const DAMAGE: (i32, i32) = (64, 64);

/// What was seen of one question.
struct Seen {
    /// Frames drawn since the request; the last of them shows the question.
    frames: f64,
    /// Until it is on the screen, in milliseconds.
    millis: f64,
    /// A plain frame right after it, in milliseconds.
    plain: f64,
}

/// What else is drawn meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    /// Nothing.
    Still,
    /// A frame of the small client is due at the next refresh.
    Busy,
}

/// Rows for frames and times, each the median of `rounds`.
///
/// # Errors
/// If the programs don't start, or a question does not come.
pub(crate) fn measure(libexec: &Path, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let mut desktop = Desktop::start(libexec)?;
    let screens = [(Screen::Still, ""), (Screen::Busy, " while an app draws")];
    let mut samples = screens.map(|_| Samples::default());
    for _ in 0..rounds {
        for ((screen, _), samples) in screens.iter().zip(&mut samples) {
            let seen = desktop.round(*screen)?;
            for (of_percent, percent) in samples.iter_mut().zip([50, 99]) {
                let kinds: [fn(&Seen) -> f64; 3] = [|s| s.frames, |s| s.millis, |s| s.plain];
                for (all, kind) in of_percent.iter_mut().zip(kinds) {
                    all.push(percentile(&mut seen.iter().map(kind).collect::<Vec<_>>(), percent));
                }
            }
        }
    }
    Ok(screens.iter().zip(samples).flat_map(|((_, name), samples)| rows(name, samples)).collect())
}

/// Frames, times and times of plain frames, one each for a round: in the middle, and the hundredth-worst.
type Samples = [[Vec<f64>; 3]; 2];

fn rows(meanwhile: &str, samples: Samples) -> Vec<Row> {
    let mut rows = Vec::new();
    for ([mut frames, mut millis, mut plain], name) in samples.into_iter().zip(["p50", "p99"]) {
        rows.push(Row {
            what: format!("frames from request to prompt{meanwhile}, {name}"),
            unit: "frames",
            ours: median(&mut frames),
            peer: "the next frame".into(),
            theirs: 1.0,
            aim: Some(1.0),
        });
        let plain = ("a plain frame, commit to done", median(&mut plain));
        for (peer, theirs) in [plain, ("one refresh at 60 Hz", REFRESH)] {
            rows.push(Row {
                what: format!("time from request to prompt{meanwhile}, {name}"),
                unit: "ms",
                ours: median(&mut millis),
                peer: peer.into(),
                theirs,
                aim: None,
            });
        }
    }
    rows
}

/// A compositor, a monitor that serves it, and a client that draws. Ended before its folder goes.
struct Desktop {
    control: Client,
    client: BenchClient,
    /// VMs so far.
    vms: usize,
    /// Questions so far; each is about another site.
    asked: u32,
    _channel: OwnedFd,
    _compositor: Program,
    _programs: Programs,
    folder: tempfile::TempDir,
}

impl Desktop {
    fn start(libexec: &Path) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("cofferdam-bench").tempdir()?;
        let at = folder.path();
        for private in ["data", "rules"] {
            std::fs::create_dir(at.join(private))?;
        }
        let programs = Programs::start(libexec, at)?;
        let socket = runtime(at).join("compositor.sock");
        let compositor = start_ready(&libexec.join("cofferdam-compositor"), |command| {
            command.arg("--socket").arg(&socket);
            command.args(["--backend", "headless", "--output", "1920x1080"]);
            command.env("XDG_RUNTIME_DIR", at.join("run"));
            for other in ["DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "DISPLAY"] {
                command.env_remove(other);
            }
        })?;
        let mut control = Client::connect(&socket).map_err(|e| BenchError::peer("control", e))?;
        let channel = adopt(&mut control, "bench")?;
        let mut client = client_of(&channel)?;
        client.open(640, 480)?;
        call(&mut control, Request::Subscribe)?;
        let mut desktop = Self {
            control,
            client,
            vms: 0,
            asked: 0,
            _channel: channel,
            _compositor: compositor,
            _programs: programs,
            folder,
        };
        desktop.meet()?;
        Ok(desktop)
    }

    /// Asks until the monitor has found the compositor; before that everything is denied unseen.
    fn meet(&mut self) -> Result<(), BenchError> {
        let app = self.vm()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let serial = self.ask(&app.guest)?;
            if self.shown_or_denied(&app.guest, serial, deadline)? {
                self.withdraw(&app.guest, serial)?;
                return self.retire(app);
            }
        }
        Err(BenchError::Peer("the monitor does not find the compositor".into()))
    }

    /// Waits until a question is on the screen, or denied because there is none.
    fn shown_or_denied(&mut self, guest: &Guest, wanted: u32, until: Instant) -> Result<bool, BenchError> {
        while Instant::now() < until {
            let event = self.control.next_event(Instant::now());
            if let Some(Event::PromptChanged(Some(_))) = event.map_err(|e| BenchError::peer("control", e))? {
                return Ok(true);
            }
            let mut ready =
                [PollFd::new(&self.control, PollFlags::IN), PollFd::new(&guest.point, PollFlags::IN)];
            let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
            poll(&mut ready, Some(&patience)).map_err(|e| BenchError::peer("poll", e))?;
            if ready[1].revents().is_empty() {
                continue;
            }
            match heard(guest)? {
                ToPoint::Decided { serial, verdict: Err(Refusal::Silence) } if serial == wanted => {
                    return Ok(false);
                }
                ToPoint::Decided { serial, verdict } if serial == wanted => {
                    return Err(BenchError::Peer(format!("the monitor said {verdict:?}")));
                }
                _ => {}
            }
        }
        Ok(false)
    }

    fn round(&mut self, screen: Screen) -> Result<Vec<Seen>, BenchError> {
        let mut seen = Vec::new();
        for _ in 0..VMS {
            let app = self.vm()?;
            for turn in 0..EACH {
                let (serial, frames, millis) = self.question(&app.guest, screen)?;
                if turn % 2 == 0 {
                    self.withdraw(&app.guest, serial)?;
                } else {
                    self.not_now(&app.guest, serial)?;
                }
                seen.push(Seen { frames, millis, plain: self.plain(screen)? });
            }
            self.retire(app)?;
        }
        Ok(seen)
    }

    /// Has a question shown. Gives back its serial, the frames and the milliseconds that it took.
    fn question(&mut self, guest: &Guest, screen: Screen) -> Result<(u32, f64, f64), BenchError> {
        self.rest()?;
        self.keep_busy(screen)?;
        let before = self.frames()?;
        let begun = Instant::now();
        let serial = self.ask(guest)?;
        // The frame that is due now has to show both.
        self.keep_busy(screen)?;
        self.shown(serial)?;
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        let frames = self.frames()?.saturating_sub(before);
        Ok((serial, f64::from(u32::try_from(frames).unwrap_or(u32::MAX)), millis))
    }

    /// Milliseconds of a frame of the small client.
    fn plain(&mut self, screen: Screen) -> Result<f64, BenchError> {
        self.rest()?;
        self.keep_busy(screen)?;
        let begun = Instant::now();
        self.client.frames(1, DAMAGE)?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Draws a frame of the small client, if the screen is to be busy.
    fn keep_busy(&mut self, screen: Screen) -> Result<(), BenchError> {
        match screen {
            Screen::Still => Ok(()),
            Screen::Busy => self.client.frames(1, DAMAGE),
        }
    }

    /// Lets the compositor draw what is left to draw, and its screen's next refresh pass.
    fn rest(&mut self) -> Result<(), BenchError> {
        call(&mut self.control, Request::Sync)?;
        self.client.idle(PAUSE)
    }

    fn frames(&mut self) -> Result<u64, BenchError> {
        match call(&mut self.control, Request::Counters)? {
            Reply::Counters(counters) => Ok(counters.frames),
            other => Err(BenchError::Peer(format!("the compositor said {other:?}"))),
        }
    }

    /// Another VM, known to both.
    fn vm(&mut self) -> Result<App, BenchError> {
        self.vms += 1;
        let name = format!("app-{}", self.vms);
        let channel = adopt(&mut self.control, &name)?;
        let guest = Guest::register(self.folder.path(), &name, 1)?;
        let vm = name.parse().map_err(|e| BenchError::peer("name", e))?;
        Ok(App { vm, guest, _channel: channel })
    }

    fn retire(&mut self, app: App) -> Result<(), BenchError> {
        drop(app.guest);
        call(&mut self.control, Request::RetireVm { vm: app.vm })?;
        Ok(())
    }

    /// Asks about a site of its own, which has the number of the question.
    fn ask(&mut self, guest: &Guest) -> Result<u32, BenchError> {
        self.asked += 1;
        let resource = visit(host(usize::try_from(self.asked).unwrap_or(0))?);
        tell(guest, &FromPoint::Ask { serial: self.asked, resource })?;
        Ok(self.asked)
    }

    /// Waits for the frame that shows this very question.
    fn shown(&mut self, serial: u32) -> Result<(), BenchError> {
        let prompt = self.prompt(|prompt| prompt.is_some())?;
        let site = host(usize::try_from(serial).unwrap_or(0))?.to_string();
        match prompt {
            Some(prompt) if prompt.detail.contains(&site) => Ok(()),
            other => Err(BenchError::Peer(format!("not the question about {site}: {other:?}"))),
        }
    }

    fn withdraw(&mut self, guest: &Guest, serial: u32) -> Result<(), BenchError> {
        tell(guest, &FromPoint::Forget { serial })?;
        self.prompt(|prompt| prompt.is_none()).map(drop)
    }

    fn not_now(&mut self, guest: &Guest, serial: u32) -> Result<(), BenchError> {
        for pressed in [true, false] {
            call(&mut self.control, Request::Input(Input::Key { code: ESCAPE, pressed }))?;
        }
        self.prompt(|prompt| prompt.is_none())?;
        match answer(guest, serial)? {
            Err(Refusal::Answered) => Ok(()),
            other => Err(BenchError::Peer(format!("the monitor said {other:?}"))),
        }
    }

    /// Waits until the question on the screen is as wanted.
    fn prompt(
        &mut self,
        wanted: impl Fn(&Option<PromptInfo>) -> bool,
    ) -> Result<Option<PromptInfo>, BenchError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.control.next_event(deadline).map_err(|e| BenchError::peer("control", e))?;
            match event {
                Some(Event::PromptChanged(prompt)) if wanted(&prompt) => return Ok(prompt),
                Some(_) => {}
                None => return Err(BenchError::Peer("no change on the screen within 20 s".into())),
            }
        }
    }
}

/// A VM that asks.
struct App {
    vm: VmId,
    guest: Guest,
    _channel: OwnedFd,
}

fn call(control: &mut Client, request: Request) -> Result<Reply, BenchError> {
    control.call(request, &[]).map(|(reply, _)| reply).map_err(|e| BenchError::peer("control", e))
}

fn tell(guest: &Guest, message: &FromPoint) -> Result<(), BenchError> {
    send(&guest.point, &encode(message).map_err(|e| BenchError::peer("packet", e))?)
}

/// The next message of the monitor.
fn heard(guest: &Guest) -> Result<ToPoint, BenchError> {
    decode(&receive(&guest.point)?).map_err(|e| BenchError::peer("monitor", e))
}

/// The answer to this question.
fn answer(guest: &Guest, wanted: u32) -> Result<Result<Ticket, Refusal>, BenchError> {
    loop {
        match heard(guest)? {
            ToPoint::Decided { serial, verdict } if serial == wanted => return Ok(verdict),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_one_frame_late_misses_the_aim() {
        let of = |frames: [f64; 3]| [frames.to_vec(), vec![6.0], vec![2.0]];
        let rows = rows("", [of([1.0, 2.0, 1.0]), of([2.0, 2.0, 1.0])]);
        let ratios = |peer: &str| -> Vec<String> {
            let of_peer = rows.iter().filter(|row| row.peer.starts_with(peer));
            of_peer.map(|row| format!("{:.2}", row.ratio())).collect()
        };
        assert_eq!(ratios("the next frame"), ["1.00", "2.00"]);
        assert_eq!(ratios("a plain frame"), ["3.00", "3.00"]);
        assert_eq!(ratios("one refresh"), ["0.36", "0.36"]);
    }
}
