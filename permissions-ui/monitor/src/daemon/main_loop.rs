// SPDX-License-Identifier: GPL-3.0-or-later
//! The daemon's one loop. In: events. Out: effects of the core, carried out in order.

#![expect(clippy::disallowed_methods, reason = "wakes at the core's next deadline")]

use super::announce::Announcer;
use super::clock::Clock;
use super::journal::Disk;
use super::service::Service;
use super::wire::{Heard, Said, Wire};
use super::{Answer, Chosen, Config, Event, Inbox, MonitorError, openers, screen};
use crate::{rules, walls};
use cofferdam_bus::launcher::LauncherProxy;
use cofferdam_bus::permissions as bus;
use cofferdam_ids::AppId;
use cofferdam_kit::transport;
use cofferdam_ledger::{Ledger, LedgerError};
use cofferdam_monitor_core::{CallId, Core, Effect, Input, LinkId, Newcomer, Order, PointId, Role};
use cofferdam_monitor_wire::registry::ToMonitor;
use cofferdam_policy::Millis;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Events that wait for the main loop.
const QUEUE: usize = 256;
/// Connections of shepherds, in all; more are closed at once.
const MAX_LINKS: usize = 256;

struct Daemon {
    config: Config,
    core: Core,
    clock: Clock,
    disk: Disk,
    compacted_at: u64,
    inbox: Inbox,
    links: BTreeMap<LinkId, Wire>,
    points: BTreeMap<PointId, Wire>,
    screen: Option<(u64, Wire)>,
    screen_lost: mpsc::Sender<()>,
    calls: BTreeMap<CallId, Answer>,
    files: BTreeMap<CallId, OwnedFd>,
    announcer: Announcer,
    bus: zbus::Connection,
    last: u64,
}

/// Runs the daemon until it is told to end. `ready` is called when it serves.
///
/// # Errors
/// If the ledger, the bus or the registry's socket can't be had, or the walls can't be put up.
pub async fn run(config: Config, ready: impl FnOnce()) -> Result<(), MonitorError> {
    config.paths.create()?;
    let (ledger, entries, report) = Ledger::open(&config.paths.ledger())?;
    tracing::info!(entries = entries.len(), bytes = report.size, "ledger");
    let laid_down = match report.damage {
        // Behind the damage may stand that something was taken back, so what stands before it gives nothing.
        Some(damage) => rules::nothing(LedgerError::Damaged(damage).to_string()),
        None => rules::load(&config.rules).unwrap_or_else(|error| {
            tracing::error!(%error, "nothing is allowed until the rule files are right");
            rules::closed(&error)
        }),
    };
    let mut clock = Clock::new(Millis(entries.iter().map(|e| e.at).max().unwrap_or(0)));
    let disk = Disk::new(ledger);
    let entries = entries.into_iter().map(|e| (e.seq, Millis(e.at), e.event));
    let (core, odd) = Core::new(Box::new(disk.clone()), entries, laid_down, clock.moment());
    if odd > 0 {
        tracing::warn!(odd, "events of the ledger contradict earlier ones and are left out");
    }
    let (inbox, mut events) = mpsc::channel(QUEUE);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let connection = zbus::connection::Builder::session()
        .serve_at(bus::PATH, Service { inbox: inbox.clone() })
        .name(bus::NAME)
        .build()
        .await?;
    let service = connection.object_server().interface::<_, Service>(bus::PATH).await?;
    accept(&config, &inbox)?;
    let (screen_lost, lost) = mpsc::channel(1);
    screen::keep(config.paths.compositor(), inbox.clone(), lost)?;
    if config.walls {
        walls::put_up(&config.paths, &config.rules)?;
    }
    let mut daemon = Daemon {
        core,
        clock,
        disk,
        compacted_at: report.made_at,
        inbox,
        links: BTreeMap::new(),
        points: BTreeMap::new(),
        screen: None,
        screen_lost,
        calls: BTreeMap::new(),
        files: BTreeMap::new(),
        announcer: Announcer::start(service),
        bus: connection,
        last: 0,
        config,
    };
    openers::keep(daemon.bus.clone(), daemon.inbox.clone());
    ready();
    loop {
        let wake = daemon.clock.instant(daemon.core.poll_timeout());
        let due = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(event) = events.recv() => daemon.handle(event),
            () = due => daemon.tell(Input::Tick),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
        daemon.disk.compact(&mut daemon.core, &mut daemon.compacted_at);
    }
    let moment = daemon.clock.moment();
    daemon.core.finish(moment);
    Ok(())
}

/// Listens for shepherds.
fn accept(config: &Config, inbox: &Inbox) -> Result<(), MonitorError> {
    let path = config.paths.monitor();
    let fault = |source| MonitorError::Socket { path: path.clone(), source };
    // The ledger's lock says that no other monitor of this desktop lives.
    let listener = std::os::unix::net::UnixListener::from(transport::publish(&path).map_err(fault)?);
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let (inbox, ours) = (inbox.clone(), rustix::process::getuid().as_raw());
    tokio::spawn(async move {
        loop {
            let accepted = listener.accept().await;
            let peer = accepted.and_then(|(peer, _)| Ok((peer.peer_cred()?.uid(), peer.into_std()?)));
            match peer {
                Ok((uid, peer)) if uid == ours => {
                    if inbox.send(Event::Accepted(peer.into())).await.is_err() {
                        return;
                    }
                }
                Ok((uid, _)) => tracing::warn!(uid, "another user tried to register a VM"),
                Err(error) => tracing::warn!(%error, "registry"),
            }
        }
    });
    Ok(())
}

impl Daemon {
    fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Gives an input to the core and does what it says.
    fn tell(&mut self, input: Input) {
        let moment = self.clock.moment();
        self.core.handle(input, moment);
        while let Some(effect) = self.core.poll_effect() {
            self.carry_out(effect);
        }
        // Files that nobody waits for any more.
        self.files.clear();
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Accepted(socket) => self.accepted(socket),
            Event::Link(id, heard) => self.link(id, heard),
            Event::Point(id, heard) => self.point(id, heard),
            Event::ScreenUp(packets) => {
                let number = self.next();
                let event = move |heard| Event::Screen(number, heard);
                self.screen = Some((number, Wire::serve(packets, 0, &self.inbox, event)));
                self.tell(Input::ScreenUp);
            }
            Event::Screen(number, heard) => self.screen(number, heard),
            Event::Order(order, answer) => {
                let call = CallId(self.next());
                self.calls.insert(call, answer);
                self.tell(Input::Order(call, order));
            }
            Event::Chosen(chosen, answer) => {
                let Chosen { id, name, file, folder, writable } = chosen;
                let call = CallId(self.next());
                self.calls.insert(call, answer);
                self.files.insert(call, file);
                self.tell(Input::Order(call, Order::Choose { id, name, folder, writable }));
            }
            Event::Reload(answer) => {
                // A caller who has gone wanted the rules all the same.
                let (done, waiting) = tokio::sync::oneshot::channel();
                let _ = answer.send(self.reload(done).map(|()| waiting));
            }
            Event::Now(answer) => {
                let _ = answer.send(self.clock.moment().now.0);
            }
            Event::Advance(millis, answer) => {
                let moved = self.config.test_clock.then(|| {
                    self.clock.advance(millis);
                    self.tell(Input::Tick);
                    self.clock.moment().now.0
                });
                let _ = answer.send(moved);
            }
            Event::Openers(openers) => self.tell(Input::Openers(openers)),
            Event::Launched(serial, ok) => self.tell(Input::Launched { serial, ok }),
        }
    }

    fn reload(&mut self, answer: Answer) -> Result<(), String> {
        // The rules that allow nothing stay as long as the record is damaged.
        self.disk.check().map_err(|error| error.to_string())?;
        let loaded = rules::load(&self.config.rules).map_err(|error| error.to_string())?;
        tracing::info!(rules = loaded.len(), "rule files read");
        let call = CallId(self.next());
        self.calls.insert(call, answer);
        self.tell(Input::Order(call, Order::Rules(Box::new(loaded))));
        Ok(())
    }

    fn accepted(&mut self, socket: OwnedFd) {
        if self.links.len() >= MAX_LINKS {
            return tracing::warn!("too many shepherds at once");
        }
        let id = LinkId(self.next());
        match Wire::open(socket, Role::ALL.len(), &self.inbox, move |heard| Event::Link(id, heard)) {
            Ok(wire) => {
                self.links.insert(id, wire);
            }
            Err(error) => tracing::warn!(%error, "link of a shepherd"),
        }
    }

    fn link(&mut self, id: LinkId, heard: Heard<ToMonitor>) {
        if !self.links.contains_key(&id) {
            return;
        }
        match heard.said {
            Said::Message(ToMonitor::Register { vm, app, name, identity, parent, run, points }, fds) => {
                let who = Newcomer { vm, app, name, identity, parent, run };
                self.register(id, who, points, fds);
            }
            Said::Message(ToMonitor::Point { role }, fds) => self.renew(id, role, fds),
            Said::Message(ToMonitor::Opened { serial, ok }, fds) if fds.is_empty() => {
                self.tell(Input::Opened { link: id, serial, ok });
            }
            Said::Message(ToMonitor::Opened { .. }, _) | Said::Broken => {
                tracing::warn!("a shepherd broke the protocol and is not heard any more");
                self.lose_link(id);
            }
            Said::Gone => self.lose_link(id),
        }
    }

    fn lose_link(&mut self, id: LinkId) {
        self.links.remove(&id);
        self.tell(Input::LinkClosed(id));
    }

    fn register(&mut self, link: LinkId, who: Newcomer, roles: Vec<Role>, fds: Vec<OwnedFd>) {
        let (named, came) = (roles.len(), fds.len());
        let sockets: BTreeMap<Role, OwnedFd> = roles.into_iter().zip(fds).collect();
        if sockets.len() != named || sockets.len() != came {
            tracing::warn!(vm = %who.vm, "a VM was registered without one socket for each of its points");
            return self.lose_link(link);
        }
        let mut points = BTreeMap::new();
        for (role, socket) in sockets {
            let id = PointId(self.next());
            match Wire::open(socket, 0, &self.inbox, move |heard| Event::Point(id, heard)) {
                Ok(wire) => points.insert(role, (id, wire)),
                Err(error) => {
                    tracing::warn!(%error, vm = %who.vm, "sockets of a VM");
                    return self.lose_link(link);
                }
            };
        }
        tracing::info!(vm = %who.vm, "VM known");
        let ids = points.iter().map(|(role, (id, _))| (*role, *id)).collect();
        self.points.extend(points.into_values());
        self.tell(Input::Registered { link, who, points: ids });
    }

    /// Another socket for a point.
    fn renew(&mut self, link: LinkId, role: Role, fds: Vec<OwnedFd>) {
        let Ok([socket]) = <[OwnedFd; 1]>::try_from(fds) else {
            tracing::warn!("a point was to be made anew without its socket");
            return self.lose_link(link);
        };
        let point = PointId(self.next());
        match Wire::open(socket, 0, &self.inbox, move |heard| Event::Point(point, heard)) {
            Ok(wire) => {
                tracing::info!(?role, "a point was made anew");
                self.points.insert(point, wire);
                self.tell(Input::Renewed { link, role, point });
            }
            Err(error) => {
                tracing::warn!(%error, "socket of a point");
                self.lose_link(link);
            }
        }
    }

    fn point(&mut self, id: PointId, heard: Heard<cofferdam_monitor_wire::point::FromPoint>) {
        if !self.points.contains_key(&id) {
            return;
        }
        match heard.said {
            Said::Message(message, _) => self.tell(Input::Point(id, message)),
            Said::Broken => self.tell(Input::PointBroken(id)),
            Said::Gone => {
                self.points.remove(&id);
                self.tell(Input::PointClosed(id));
            }
        }
    }

    fn screen(&mut self, number: u64, heard: Heard<cofferdam_monitor_wire::screen::FromScreen>) {
        if self.screen.as_ref().is_none_or(|(current, _)| *current != number) {
            return;
        }
        match heard.said {
            Said::Message(message, _) => self.tell(Input::Screen(message)),
            Said::Broken | Said::Gone => {
                self.lose_screen();
                self.tell(Input::ScreenDown);
            }
        }
    }

    fn lose_screen(&mut self) {
        self.screen = None;
        // Without VMs there is nobody to ask for: that is how a desktop ends.
        if self.links.is_empty() {
            tracing::debug!("the compositor is gone");
        } else {
            tracing::warn!("the compositor does not listen any more; all open questions are denied");
        }
        // Full: it is known already that the compositor is lost.
        let _ = self.screen_lost.try_send(());
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Point(id, message) => {
                let fine = self.points.get(&id).is_none_or(|wire| wire.send(&message, None));
                self.check_point(id, fine);
            }
            Effect::File { point, message, call } => {
                let file = self.files.remove(&call);
                let fine = match (self.points.get(&point), file) {
                    (Some(wire), Some(file)) => wire.send(&message, Some(file)),
                    _ => true,
                };
                self.check_point(point, fine);
            }
            Effect::ClosePoint(id) => {
                if self.points.remove(&id).is_some() {
                    tracing::info!(faults = self.core.faults(), "the socket of a point was closed");
                }
            }
            Effect::Screen(message) => {
                if self.screen.as_ref().is_some_and(|(_, wire)| !wire.send(&message, None)) {
                    tracing::warn!("the compositor does not read what it is told");
                    self.lose_screen();
                    self.later(Input::ScreenDown);
                }
            }
            Effect::CloseScreen => {
                tracing::warn!("the compositor broke the protocol and is not heard any more");
                self.lose_screen();
            }
            Effect::Shepherd(id, message) => {
                if self.links.get(&id).is_some_and(|wire| !wire.send(&message, None)) {
                    self.links.remove(&id);
                    self.later(Input::LinkClosed(id));
                }
            }
            Effect::CloseLink(id) => {
                self.links.remove(&id);
            }
            Effect::Answer(call, answer) => {
                if let Some(caller) = self.calls.remove(&call) {
                    // The caller may have gone in the meantime.
                    let _ = caller.send(answer);
                }
            }
            Effect::Launch { serial, app, uri } => self.launch(serial, app, uri),
            Effect::Changed(vm) => self.announcer.changed(vm),
            Effect::ChoosersChanged => self.announcer.choosers_changed(),
        }
    }

    /// A point that does not read what it is told, perhaps a cut, must not go on.
    fn check_point(&mut self, id: PointId, fine: bool) {
        if !fine && self.points.remove(&id).is_some() {
            tracing::warn!("a point does not read what it is told; its socket is closed");
            self.later(Input::PointBroken(id));
        }
    }

    /// An input that follows from an effect: after the effects that are under way.
    fn later(&mut self, input: Input) {
        let moment = self.clock.moment();
        self.core.handle(input, moment);
    }

    fn launch(&self, serial: u32, app: AppId, uri: String) {
        let (inbox, bus) = (self.inbox.clone(), self.bus.clone());
        tokio::spawn(async move {
            let started = start(&bus, &app, uri).await;
            if let Err(error) = &started {
                tracing::warn!(%error, %app, "an app that was to open an address");
            }
            // A closed inbox means that the daemon is ending.
            let _ = inbox.send(Event::Launched(serial, started.is_ok())).await;
        });
    }
}

async fn start(bus: &zbus::Connection, app: &AppId, uri: String) -> zbus::Result<String> {
    LauncherProxy::new(bus).await?.run(app.as_str(), &[uri], BTreeMap::new()).await
}
