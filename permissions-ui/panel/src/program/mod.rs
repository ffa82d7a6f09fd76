// SPDX-License-Identifier: GPL-3.0-or-later
//! The program: one thread that waits for the compositor, the bus and the clock.
//!
//! In: whatever woke it. Out: components that show what is known, and calls of those who do things.

mod bars;
mod chooser;
mod panel;
mod patience;

use crate::access;
use crate::bus::{Bus, News, Order};
use crate::platform::{self, Event, Session, SessionError};
use crate::service::{Caller, Service};
use crate::ui::Look;
use crate::view::{Around, text};
use bars::Bars;
use chooser::{ChooserRoom, ChooserWish};
use cofferdam_bus::permissions::AppEntry;
use jiff::tz::TimeZone;
use panel::{PanelRoom, PanelWish};
use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The compositor.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The kernel.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A component can't be made.
    #[error("{0}")]
    Component(#[from] slint::PlatformError),
    /// The themes can't be read.
    #[error("{0}")]
    Theme(#[from] cofferdam_themes::ThemeError),
}

/// What the person did, as components say it.
#[derive(Debug)]
enum Wish {
    /// Show or hide the panel.
    Toggle,
    /// Raise an app's windows.
    Activate(String),
    /// Show an app in the panel.
    Open(String),
    /// Something in the panel.
    Panel(PanelWish),
    /// Something in the file chooser.
    Chooser(ChooserWish),
}

/// Wishes since the last turn. Components only add to it: what follows may change the component.
#[derive(Debug, Clone, Default)]
struct Inbox(Rc<RefCell<Vec<Wish>>>);

impl Inbox {
    fn push(&self, wish: Wish) {
        self.0.borrow_mut().push(wish);
    }

    fn take(&self) -> Vec<Wish> {
        self.0.take()
    }
}

/// What every room needs.
struct House {
    session: Session,
    look: Look,
    bus: Option<Bus>,
    inbox: Inbox,
    zone: TimeZone,
    apps: Vec<AppEntry>,
    active: String,
    /// How far the monitor's clock is ahead of ours.
    ahead: i64,
}

impl House {
    /// The system's time, in milliseconds since the epoch.
    fn system_now() -> u64 {
        u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
    }

    /// The monitor's time: what grants end by.
    fn now(&self) -> u64 {
        Self::system_now().saturating_add_signed(self.ahead)
    }

    fn around(&self) -> Around<'_> {
        Around { apps: &self.apps, now: self.now(), zone: &self.zone }
    }

    fn order(&self, order: Order) {
        match &self.bus {
            Some(bus) => bus.order(order),
            None => tracing::warn!("there is no session bus"),
        }
    }
}

/// Everything there is.
struct Program {
    house: House,
    bars: Bars,
    panel: PanelRoom,
    chooser: ChooserRoom,
    service: Option<Service>,
    questions: Vec<Caller>,
    /// Since when the oldest of them waits.
    asked: Option<std::time::Instant>,
}

/// Runs until the compositor ends the connection.
///
/// # Errors
/// See [`ProgramError`].
pub fn run(ready_fd: Option<u32>) -> Result<(), ProgramError> {
    platform::install();
    let look = Look::new()?;
    let session = Session::connect()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (bus, service) = join_bus().await;
        let mut house = House {
            session,
            look,
            bus,
            inbox: Inbox::default(),
            zone: TimeZone::system(),
            apps: Vec::new(),
            active: String::new(),
            ahead: 0,
        };
        let panel = PanelRoom::new(&mut house)?;
        let program = Program {
            house,
            bars: Bars::default(),
            panel,
            chooser: ChooserRoom::default(),
            service,
            questions: Vec::new(),
            asked: None,
        };
        program.live(ready_fd).await
    })
}

/// The session bus. Without one the bar still shows the time.
async fn join_bus() -> (Option<Bus>, Option<Service>) {
    let connection = match zbus::Connection::session().await {
        Ok(connection) => connection,
        Err(error) => {
            tracing::error!(%error, "there is no session bus");
            return (None, None);
        }
    };
    let service = Service::start(&connection).await;
    let service = service.inspect_err(|error| tracing::warn!(%error, "nobody can look at the panel")).ok();
    (Some(Bus::start(connection)), service)
}

/// How long a question about what is shown waits for that to be drawn: a surface that is covered by the lock
/// is not drawn at all.
const DRAWN: Duration = Duration::from_millis(500);

/// What woke us.
enum Woken {
    Wire,
    News(News),
    Caller(Caller),
    Time,
}

impl Program {
    #[expect(clippy::disallowed_methods, reason = "the program's loop has a clock")]
    async fn live(mut self, ready_fd: Option<u32>) -> Result<(), ProgramError> {
        use std::os::fd::AsFd as _;
        // Only watched; the bytes are read by the connection itself.
        let wire = std::os::unix::net::UnixStream::from(self.house.session.as_fd().try_clone_to_owned()?);
        wire.set_nonblocking(true)?;
        let wire = UnixStream::from_std(wire)?;
        self.turn()?;
        if let Some(fd) = ready_fd {
            std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"))?.write_all(b"\n")?;
        }
        loop {
            match self.wait(&wire).await? {
                Woken::Wire => {
                    self.house.session.read()?;
                    // Once nothing is left, the next byte has to wake us, and nothing before it.
                    let _ = wire.try_io(Interest::READABLE, || self.house.session.has_unread());
                }
                Woken::News(news) => self.hear(news)?,
                Woken::Caller(question) => {
                    self.asked.get_or_insert_with(std::time::Instant::now);
                    self.questions.push(question);
                }
                Woken::Time => {}
            }
            self.turn()?;
        }
    }

    async fn wait(&mut self, wire: &UnixStream) -> Result<Woken, ProgramError> {
        let idle = self.idle_for();
        let House { bus, .. } = &mut self.house;
        let news = async {
            match bus {
                Some(bus) => bus.news.recv().await,
                None => None,
            }
        };
        let question = async {
            match &mut self.service {
                Some(service) => service.questions.recv().await,
                None => None,
            }
        };
        let something = async {
            tokio::select! {
                ready = wire.readable() => ready.map(|()| Woken::Wire),
                Some(news) = news => Ok(Woken::News(news)),
                Some(question) = question => Ok(Woken::Caller(question)),
            }
        };
        Ok(tokio::time::timeout(idle, something).await.unwrap_or(Ok(Woken::Time))?)
    }

    /// How long nothing is due: the minute's end, a countdown's second, a held key, Slint's own timers.
    #[expect(clippy::disallowed_methods, reason = "the program's loop has a clock")]
    fn idle_for(&self) -> Duration {
        let minute = text::until_next_minute(House::system_now());
        let second = self.panel.counts_down(&self.house).then(|| 1000 - self.house.now() % 1000);
        let ours = Duration::from_millis(second.map_or(minute, |second| second.min(minute)));
        let key = self.house.session.next_deadline();
        let key = key.map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let slint = slint::platform::duration_until_next_timer_update();
        let question = self.asked.map(|at| DRAWN.saturating_sub(at.elapsed()));
        [key, slint, question].into_iter().flatten().fold(ours, Duration::min)
    }

    /// Everything that follows from what arrived.
    fn turn(&mut self) -> Result<(), ProgramError> {
        slint::platform::update_timers_and_animations();
        self.house.session.dispatch()?;
        for event in self.house.session.take_events() {
            self.handle(event)?;
        }
        for wish in self.house.inbox.take() {
            self.fulfil(wish)?;
        }
        self.bars.tick(&self.house);
        self.panel.tick(&self.house);
        let drawn = self.house.session.draw_and_flush()?;
        self.answer(drawn);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the program's loop has a clock")]
    fn answer(&mut self, drawn: bool) {
        if let Some(service) = self.service.as_ref().filter(|_| drawn) {
            service.say_changed();
        }
        let Some(asked) = self.asked else { return };
        let panel = self.panel.is_shown(&self.house).then(|| self.panel.canvas());
        let bars = self.bars.canvases().map(|canvas| (canvas, "bar"));
        let shown: Vec<_> = bars
            .chain(panel.map(|canvas| (canvas, "panel")))
            .chain(self.chooser.canvas().map(|canvas| (canvas, "dialog")))
            .collect();
        // What is told is what is seen: the compositor may not want the next frame yet.
        if shown.iter().any(|(canvas, _)| canvas.is_stale()) && asked.elapsed() < DRAWN {
            return;
        }
        self.asked = None;
        let mut all = Vec::new();
        for (canvas, surface) in shown {
            all.extend(access::elements(canvas, surface));
        }
        for question in self.questions.drain(..) {
            // Who asked may have gone.
            let _ = question.send(all.clone());
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), ProgramError> {
        match event {
            Event::OutputAdded(output) => self.bars.add(&mut self.house, output)?,
            Event::OutputRemoved(output) => self.bars.remove(&mut self.house, output),
            Event::Theme(name) => {
                self.house.look.choose(&name);
                self.bars.dress(&self.house);
                self.panel.dress(&self.house);
                self.chooser.dress(&self.house);
            }
            Event::ActiveVm(vm) => {
                self.house.active = vm;
                self.bars.fill(&self.house);
            }
            Event::TogglePanel => self.panel.toggle(&mut self.house),
            Event::Closed(surface) if self.panel.surface() == surface => self.panel.hide(&mut self.house),
            Event::Closed(surface) => self.chooser.closed(&mut self.house, surface),
            Event::Resized(_) => self.bars.fill(&self.house),
            Event::Keyboard(surface, on) => self.chooser.keyboard(&self.house, surface, on),
            Event::Pressed(surface) => self.chooser.pressed(&self.house, surface),
        }
        Ok(())
    }

    fn fulfil(&mut self, wish: Wish) -> Result<(), ProgramError> {
        match wish {
            Wish::Toggle => self.panel.toggle(&mut self.house),
            Wish::Activate(vm) => self.house.session.activate_vm(&vm),
            Wish::Open(vm) => self.panel.open(&mut self.house, &vm),
            Wish::Panel(wish) => self.panel.fulfil(&mut self.house, wish),
            Wish::Chooser(wish) => self.chooser.fulfil(&mut self.house, wish)?,
        }
        Ok(())
    }

    fn hear(&mut self, news: News) -> Result<(), ProgramError> {
        match news {
            News::Apps(apps, now) => {
                let (theirs, ours) = (i64::try_from(now), i64::try_from(House::system_now()));
                // Less than that is the way here.
                const JITTER: i64 = 1_500;
                let ahead = theirs.unwrap_or(0).saturating_sub(ours.unwrap_or(0));
                self.house.ahead = if ahead.abs() < JITTER { 0 } else { ahead };
                self.house.apps = apps;
                self.bars.fill(&self.house);
                self.panel.apps_changed(&self.house);
                self.chooser.apps_changed(&self.house);
            }
            News::Changed(vm) => {
                self.house.order(Order::Apps);
                self.panel.changed(&self.house, &vm);
            }
            News::Present(true) => {}
            News::Present(false) => {
                self.house.apps.clear();
                self.bars.fill(&self.house);
                self.panel.apps_changed(&self.house);
                self.chooser.wanted(&mut self.house, Vec::new())?;
            }
            News::Choosers(wanted) => self.chooser.wanted(&mut self.house, wanted)?,
            news => self.panel.hear(&self.house, news),
        }
        Ok(())
    }
}
