// SPDX-License-Identifier: GPL-3.0-or-later
//! The one task that owns the daemon's state. In: the inbox and signals. Out: answers, shepherds, D-Bus
//! signals. SIGTERM and SIGINT mean that the desktop ends: all VMs are asked to stop (the second time:
//! at once), and the daemon leaves when the last one is gone.

use super::links::{find_living, serve};
use super::service::Service;
use super::start::{Wishes, prepare, spawn_shepherd};
use super::vms::Vms;
use super::{Answer, Command, Inbox, Input, LauncherError, LinkId, records};
use crate::link::{FromShepherd, Reply, Request, VmStatus};
use crate::shepherd::{ShepherdSpec, TestNet};
use cofferdam_bus::launcher as bus;
use cofferdam_ids::{Label, VmId};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::paths::Paths;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use zbus::object_server::InterfaceRef;

/// Inputs that may wait; more, and whoever makes them waits.
const QUEUE: usize = 256;

struct Daemon {
    paths: Paths,
    inbox: Inbox,
    vms: Vms,
    next_link: u64,
    bus: InterfaceRef<Service>,
    test_net: Option<TestNet>,
    stopping: bool,
}

/// Runs the daemon until it is told to end. `ready` is called when callers are served.
///
/// # Errors
/// If there is no bus, the name is taken, or there is no place for sockets and data.
pub async fn run(paths: Paths, test_net: Option<TestNet>, ready: impl FnOnce()) -> Result<(), LauncherError> {
    paths.create()?;
    let (inbox, mut inputs) = mpsc::channel(QUEUE);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let vms = Vms::new(records::load(&paths));
    let connection = zbus::connection::Builder::session()
        .serve_at(bus::PATH, Service { inbox: inbox.clone() })
        .name(bus::NAME)
        .build()
        .await?;
    let interface = connection.object_server().interface::<_, Service>(bus::PATH).await?;
    find_living(&paths, &inbox);
    let mut daemon = Daemon { paths, inbox, vms, next_link: 0, bus: interface, test_net, stopping: false };
    ready();
    while !(daemon.stopping && daemon.vms.living().is_empty()) {
        tokio::select! {
            Some(input) = inputs.recv() => daemon.handle(input).await,
            _ = terminate.recv() => daemon.stop_all(),
            _ = interrupt.recv() => daemon.stop_all(),
        }
    }
    // Every signal has been written when its call returned, so nothing is lost here.
    drop(connection);
    Ok(())
}

impl Daemon {
    async fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.command(command),
            Input::Prepared(vm, spec) => self.prepared(&vm, *spec).await,
            Input::Found(record, packets) => {
                tracing::info!(vm = %record.vm, "adopted a running VM");
                let (id, outbox) = self.open(packets);
                self.vms.attach(record, id, outbox);
            }
            Input::Shepherd(link, packet) => match *packet {
                FromShepherd::Record(_) => {}
                FromShepherd::Status(status) => {
                    if let Some((vm, status)) = self.vms.status(link, status) {
                        self.announce(&vm, &status).await;
                    }
                }
                FromShepherd::Answer { serial, result } => self.vms.answer(link, serial, result),
            },
            Input::LinkClosed(link) => {
                if let Some((vm, status)) = self.vms.detach(link) {
                    self.announce(&vm, &status).await;
                }
            }
        }
    }

    fn open(&mut self, packets: Packets) -> (LinkId, mpsc::Sender<super::links::Outgoing>) {
        let id = LinkId(self.next_link);
        self.next_link = self.next_link.saturating_add(1);
        (id, serve(id, packets, &self.inbox))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Run { app, args, options, answer } => {
                let refusal =
                    if self.stopping { Err("the desktop is shutting down".to_owned()) } else { Ok(()) };
                match refusal.and_then(|()| Wishes::read(args, options)) {
                    Ok(wishes) => self.start(&app, wishes, answer),
                    Err(why) => reply(answer, Err(why)),
                }
            }
            Command::List { answer } => reply(answer, Ok(self.vms.entries())),
            Command::Stop { vm, answer } => {
                self.forward(&vm, Request::Stop, Vec::new(), answer, |_| Some(()))
            }
            Command::Console { vm, lines, answer } => match self.vms.last_words(&vm) {
                Some(words) => reply(answer, Ok(words.to_vec())),
                None => {
                    self.forward(&vm, Request::Console { lines }, Vec::new(), answer, |reply| match reply {
                        Reply::Console(lines) => Some(lines),
                        _ => None,
                    })
                }
            },
            Command::GuestRun { vm, argv, fds, answer } => {
                self.forward(&vm, Request::Run { argv }, fds, answer, |reply| match reply {
                    Reply::Exit(exit) => Some(exit),
                    _ => None,
                });
            }
            Command::Counters { vm, answer } => {
                self.forward(&vm, Request::Counters, Vec::new(), answer, |reply| match reply {
                    Reply::Counters(counters) => serde_json::to_string(&counters).ok(),
                    _ => None,
                });
            }
        }
    }

    fn start(&mut self, app: &cofferdam_ids::AppId, mut wishes: Wishes, answer: Answer<VmId>) {
        let reserved = self.vms.reserve(app, wishes.name.take(), |vm| Label::new(vm.as_str()), answer);
        let record = match reserved {
            Ok(record) => record,
            Err((why, answer)) => return reply(answer, Err(why)),
        };
        let (paths, inbox, test_net) = (self.paths.clone(), self.inbox.clone(), self.test_net.clone());
        tokio::spawn(async move {
            let vm = record.vm.clone();
            let spec = prepare(paths, record, wishes, test_net).await;
            // A closed inbox means that the daemon is ending.
            let _ = inbox.send(Input::Prepared(vm, Box::new(spec))).await;
        });
    }

    async fn prepared(&mut self, vm: &VmId, spec: Result<ShepherdSpec, String>) {
        let started = spec.and_then(|spec| {
            let program = self.paths.program("cofferdam-shepherd");
            if self.stopping {
                return Err("the desktop is shutting down".to_owned());
            }
            let packets =
                spawn_shepherd(&program, &spec).map_err(|e| format!("{}: {e}", program.display()))?;
            Ok((spec, packets))
        });
        match started {
            Ok((spec, packets)) => {
                self.vms.set_name(vm, &spec.record.name);
                let (id, outbox) = self.open(packets);
                self.vms.attach(spec.record, id, outbox);
            }
            Err(why) => {
                tracing::warn!(%vm, why, "not started");
                self.vms.abandon(vm, why);
            }
        }
    }

    /// Asks a shepherd and answers the caller with what `pick` finds in the reply.
    fn forward<T: Send + 'static>(
        &mut self,
        vm: &VmId,
        request: Request,
        fds: Vec<std::os::fd::OwnedFd>,
        answer: Answer<T>,
        pick: impl FnOnce(Reply) -> Option<T> + Send + 'static,
    ) {
        let waiting: oneshot::Receiver<_> = match self.vms.call(vm, request, fds) {
            Ok(waiting) => waiting,
            Err(why) => return reply(answer, Err(why)),
        };
        let vm = vm.clone();
        tokio::spawn(async move {
            let result = match waiting.await {
                Ok(Ok(got)) => pick(got).ok_or_else(|| format!("the shepherd of {vm} gave an odd answer")),
                Ok(Err(why)) => Err(why),
                Err(_gone) => Err(format!("the VM {vm} is off")),
            };
            reply(answer, result);
        });
    }

    async fn announce(&self, vm: &VmId, status: &VmStatus) {
        tracing::info!(%vm, state = status.state, detail = status.detail, "VM");
        let emitter = self.bus.signal_emitter();
        let exit_code = status.exit_code.unwrap_or(-1);
        let sent =
            Service::vm_state_changed(emitter, vm.as_str(), &status.state, &status.detail, exit_code).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "D-Bus signal");
        }
    }

    fn stop_all(&mut self) {
        self.stopping = true;
        for vm in self.vms.living() {
            if let Err(why) = self.vms.call(&vm, Request::Stop, Vec::new()) {
                tracing::debug!(%vm, why, "stopping");
            }
        }
    }
}

/// Answers a caller, who may have gone in the meantime.
fn reply<T>(answer: Answer<T>, result: Result<T, String>) {
    let _ = answer.send(result);
}
