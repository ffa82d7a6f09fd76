// SPDX-License-Identifier: GPL-3.0-or-later
//! The registry's side of a VM with a monitor that this test plays, on real sockets. In: a monitor that comes,
//! goes and drops points. Out: what it is told, and what the shepherd hears.

use super::*;
use cofferdam_ids::{Identity, Label};

/// A shepherd's registry, and where it finds its monitor.
struct Desk {
    directory: tempfile::TempDir,
    inputs: mpsc::Receiver<Input>,
}

fn start(pauses: &'static [Duration]) -> Desk {
    let directory = tempfile::tempdir().unwrap();
    let (inbox, inputs) = mpsc::channel(16);
    let register = ToMonitor::Register {
        vm: "mail".parse().unwrap(),
        app: "mail".parse().unwrap(),
        name: Label::new("Mail"),
        identity: Identity::Sky,
        parent: None,
        run: None,
        points: points(),
    };
    let path = directory.path().join("monitor.sock");
    let mut task = Task { path, register, inbox, pauses };
    tokio::spawn(async move { task.run().await });
    Desk { directory, inputs }
}

impl Desk {
    /// The monitor takes the VM on; the way to it.
    async fn register(&mut self, monitor: &Monitor) -> Registry {
        monitor.say(&FromMonitor::Registered { run: 7 }).await;
        match self.inputs.recv().await {
            Some(Input::Points { registry, .. }) => registry,
            other => panic!("{other:?}"),
        }
    }

    /// The place is free for the next monitor.
    fn gone(&self, monitor: Monitor) {
        drop(monitor);
        std::fs::remove_file(self.directory.path().join("monitor.sock")).unwrap();
    }
}

/// A monitor: the run under which the VM comes, and the sockets of its points.
struct Monitor {
    packets: Packets,
    run: Option<u64>,
    points: Vec<OwnedFd>,
}

impl Monitor {
    /// Waits for the VM.
    async fn meet(desk: &Desk) -> Self {
        let path = desk.directory.path().join("monitor.sock");
        let listener = std::os::unix::net::UnixListener::from(transport::publish(&path).unwrap());
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        let socket = listener.accept().await.unwrap().0.into_std().unwrap();
        let packets = Packets::new(socket.into(), MAX_PACKET).unwrap();
        let (bytes, points) = packets.recv_packet().await.unwrap().unwrap();
        let ToMonitor::Register { run, points: roles, .. } = decode(&bytes).unwrap() else {
            panic!("no VM comes")
        };
        assert_eq!((roles.len(), roles), (points.len(), super::points()));
        Self { packets, run, points }
    }

    async fn say(&self, message: &FromMonitor) {
        self.packets.send_packet(&encode(message).unwrap(), &[]).await.unwrap();
    }

    async fn hear(&self) -> (ToMonitor, Vec<OwnedFd>) {
        let (bytes, fds) = self.packets.recv_packet().await.unwrap().unwrap();
        (decode(&bytes).unwrap(), fds)
    }
}

#[tokio::test]
async fn the_monitor_numbers_the_run_and_the_next_one_hears_the_number() {
    let mut desk = start(&PAUSES);
    let monitor = Monitor::meet(&desk).await;
    assert_eq!(monitor.run, None);
    desk.register(&monitor).await;
    desk.gone(monitor);
    assert_eq!(Monitor::meet(&desk).await.run, Some(7));
}

#[tokio::test]
async fn what_a_monitor_was_to_hear_reaches_no_other() {
    const NONE: [Duration; 1] = [Duration::ZERO];
    let mut desk = start(&NONE);
    let monitor = Monitor::meet(&desk).await;
    let first = desk.register(&monitor).await;
    desk.gone(monitor);
    // The shepherd does not know yet, and answers the first one, also while the second takes the VM on.
    let answer = |serial| ToMonitor::Opened { serial, ok: true };
    first.tell(answer(1));
    first.renew(Role::Network);
    let monitor = Monitor::meet(&desk).await;
    first.tell(answer(2));
    let second = desk.register(&monitor).await;
    first.renew(Role::Network);
    second.tell(answer(3));
    assert_eq!(monitor.hear().await.0, answer(3));
    second.renew(Role::Network);
    assert_eq!(monitor.hear().await.0, ToMonitor::Point { role: Role::Network });
}

#[tokio::test]
async fn a_point_that_was_lost_is_made_anew_a_few_times_and_then_given_up() {
    const NONE: [Duration; 3] = [Duration::ZERO; 3];
    let mut desk = start(&NONE);
    let monitor = Monitor::meet(&desk).await;
    assert_eq!(monitor.points.len(), points().len());
    let registry = desk.register(&monitor).await;
    for _ in NONE {
        monitor.say(&FromMonitor::Lost { role: Role::Network }).await;
        assert!(matches!(desk.inputs.recv().await, Some(Input::PointLost(Role::Network))));
        registry.renew(Role::Network);
        let (message, fds) = monitor.hear().await;
        assert_eq!(message, ToMonitor::Point { role: Role::Network });
        let Some(Input::Point { role: Role::Network, socket }) = desk.inputs.recv().await else {
            panic!("no socket")
        };
        // The two are the ends of one socket.
        transport::send_packet(fds[0].as_fd(), b"x", &[]).unwrap();
        assert!(transport::recv_packet(socket.as_fd(), 16, 0).unwrap().is_some());
    }
    registry.renew(Role::Network);
    assert!(matches!(desk.inputs.recv().await, Some(Input::PointGivenUp(Role::Network))));
    // The other point has its own tries.
    registry.renew(Role::Agent);
    assert!(matches!(desk.inputs.recv().await, Some(Input::Point { role: Role::Agent, .. })));
}

#[test]
fn the_monitor_knows_every_point_of_the_table() {
    for point in PARTS.iter().filter_map(|part| part.point) {
        let role = Role::named(point);
        assert!(role.is_some_and(|role| points().contains(&role)), "{point}");
    }
    assert!(points().contains(&Role::Agent));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a time to count from")]
fn pauses_grow() {
    let (mut renewals, now) = (Renewals::default(), Instant::now());
    for pause in PAUSES {
        assert!(renewals.lost(Role::Network, &PAUSES, now));
        assert!(renewals.lost(Role::Network, &PAUSES, now), "once is enough");
        assert_eq!(renewals.due.drain(..).collect::<Vec<_>>(), [(now + pause, Role::Network)]);
    }
    assert!(!renewals.lost(Role::Network, &PAUSES, now));
    assert!(PAUSES.is_sorted());
}
