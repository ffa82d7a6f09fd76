// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent link between a scripted guest and a scripted monitor, on real sockets. In: what a guest may do
//! wrong, what a monitor may do at the wrong moment. Out: that each costs its one request and is counted, and
//! that nothing passes without a yes or after its end.

use super::core::{BURST, Core, Effect, MAX_WISHES};
use super::files::perform;
use super::{Agent, Input, Portal};
use cofferdam_agent_wire::{
    Decoder, FileAnswer, FileKind, FileOp, FromGuest, MAX_DATA, PortalOutcome as GuestOutcome,
    PortalWish as GuestWish, ToGuest, encode as frame,
};
use cofferdam_ids::Passage;
use cofferdam_kit::{guarded::Guarded, transport};
use cofferdam_lifecycle::Event;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, PortalOutcome, PortalWish, Ticket, ToPoint};
use cofferdam_monitor_wire::registry::Role;
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::Refusal;
use rustix::io::Errno;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

mod limits;

/// What the shepherd's loop around the agent link did.
#[derive(Debug, Default)]
struct Log {
    lines: Vec<String>,
    broken: Vec<String>,
}

/// A shepherd's loop with nothing but the agent link in it.
struct Shepherd {
    thread: JoinHandle<Log>,
    points: Sender<OwnedFd>,
    woken: Receiver<()>,
}

/// The scripted side of the agent's port.
struct Guest {
    port: UnixStream,
    decoder: Decoder,
}

/// The scripted monitor.
struct Monitor(OwnedFd);

#[expect(clippy::disallowed_methods, reason = "a shepherd beside the test")]
fn start() -> (Shepherd, Guest) {
    let (port, guest) = UnixStream::pair().unwrap();
    let (points, new_points) = channel::<OwnedFd>();
    let (wake, woken) = channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(port.into(), new_points, wake))
    });
    (Shepherd { thread, points, woken }, Guest { port: guest, decoder: Decoder::new() })
}

#[expect(clippy::disallowed_methods, reason = "a shepherd beside the test")]
async fn serve(port: OwnedFd, points: Receiver<OwnedFd>, wake: Sender<()>) -> Log {
    let (inbox, mut inputs) = tokio::sync::mpsc::channel(256);
    let agent = Agent::open(port, &inbox).unwrap();
    let mut portal = Portal::new(inbox.clone(), Guarded::new(Some("/usr".into()), Vec::new()));
    let mut log = Log::default();
    // Stands for the registry: takes point sockets, and says when one is in use.
    let registry = inbox.clone();
    tokio::task::spawn_blocking(move || {
        for socket in points {
            registry.blocking_send(Input::Point { role: Role::Agent, socket }).unwrap();
        }
        let _ = registry.blocking_send(Input::Vm(Event::StopRequested));
    });
    while let Some(input) = inputs.recv().await {
        match input {
            Input::Guest(message) => portal.guest(message),
            Input::Portal(input) => portal.happen(input),
            Input::Point { socket, .. } => {
                portal.connect(socket);
                wake.send(()).unwrap();
            }
            Input::Vm(Event::AgentBroken(why)) => log.broken.push(why),
            Input::Vm(Event::StopRequested) => break,
            _ => {}
        }
        match portal.carry_out(Some(&agent)) {
            Ok(lines) => log.lines.extend(lines),
            Err(why) => log.broken.push(why),
        }
    }
    log
}

impl Shepherd {
    /// A monitor takes the VM on.
    fn connect(&self) -> Monitor {
        let (ours, theirs) = transport::pair().unwrap();
        self.points.send(theirs).unwrap();
        self.woken.recv().unwrap();
        Monitor(ours)
    }

    fn end(self) -> Log {
        drop(self.points);
        self.thread.join().unwrap()
    }
}

impl Guest {
    fn say(&mut self, message: &FromGuest) {
        self.port.write_all(&frame(message).unwrap()).unwrap();
    }

    fn wish(&mut self, serial: u32, wish: GuestWish) {
        self.say(&FromGuest::Portal { serial, wish });
    }

    fn op(&mut self, serial: u32, file: u32, op: FileOp) -> FileAnswer {
        self.say(&FromGuest::File { serial, file, op });
        match self.hear() {
            ToGuest::FileReply { serial: answered, answer } if answered == serial => answer,
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self) -> ToGuest {
        let mut bytes = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return message;
            }
            let count = self.port.read(&mut bytes).unwrap();
            assert!(count > 0, "the shepherd closed the port");
            self.decoder.push(&bytes[..count]);
        }
    }

    fn is_denied(&mut self, serial: u32) {
        assert_eq!(self.hear(), ToGuest::PortalReply { serial, outcome: GuestOutcome::Denied });
    }
}

impl Monitor {
    fn hear(&self) -> FromPoint {
        let (packet, _) = transport::recv_packet(self.0.as_fd(), MAX_PACKET, 4).unwrap().expect("closed");
        decode(&packet).unwrap()
    }

    fn is_closed(&self) -> bool {
        transport::recv_packet(self.0.as_fd(), MAX_PACKET, 4).unwrap().is_none()
    }

    fn wish(&self) -> (u32, PortalWish) {
        match self.hear() {
            FromPoint::Portal { serial, wish } => (serial, wish),
            other => panic!("{other:?}"),
        }
    }

    fn say(&self, message: &ToPoint) {
        transport::send_packet(self.0.as_fd(), &encode(message).unwrap(), &[]).unwrap();
    }

    fn done(&self, serial: u32, outcome: PortalOutcome) {
        self.say(&ToPoint::PortalDone { serial, outcome });
    }

    fn hand_over(&self, serial: u32, ticket: u64, fd: &OwnedFd, writable: bool) {
        self.give(serial, ticket, fd, (false, writable));
    }

    fn give(&self, serial: u32, ticket: u64, fd: &OwnedFd, (folder, writable): (bool, bool)) {
        let ticket = Ticket { id: ticket, grant: None, until: None, once: true };
        let outcome = PortalOutcome::File { ticket, name: "a.txt".into_label(), folder, writable };
        let message = encode(&ToPoint::PortalDone { serial, outcome }).unwrap();
        transport::send_packet(self.0.as_fd(), &message, &[fd.as_fd()]).unwrap();
    }
}

trait IntoLabel {
    fn into_label(self) -> cofferdam_ids::Label;
}

impl IntoLabel for &str {
    fn into_label(self) -> cofferdam_ids::Label {
        cofferdam_ids::Label::new(self)
    }
}

fn choose() -> GuestWish {
    let (title, suggested) = ("Open".to_owned(), String::new());
    GuestWish::ChooseFile { title, kind: FileKind::File, write: false, suggested }
}

fn open_uri(uri: &str) -> GuestWish {
    GuestWish::OpenUri { uri: uri.to_owned() }
}

fn file(content: &[u8]) -> OwnedFd {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file.into()
}

/// One file, handed over as the guest's `0` under ticket 1.
fn with_file(content: &[u8], writable: bool) -> (Shepherd, Guest, Monitor) {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    guest.wish(7, choose());
    let (serial, _) = monitor.wish();
    monitor.hand_over(serial, 1, &file(content), writable);
    let name = "a.txt".to_owned();
    let outcome = GuestOutcome::File { file: 0, name, folder: false, writable };
    assert_eq!(guest.hear(), ToGuest::PortalReply { serial: 7, outcome });
    (shepherd, guest, monitor)
}

fn open(write: bool) -> FileOp {
    FileOp::Open { path: String::new(), write, create: false, truncate: false }
}

fn read(handle: u32) -> FileOp {
    FileOp::Read { handle, offset: 0, len: u32::try_from(MAX_DATA).unwrap() }
}

fn opened(answer: &FileAnswer) -> u32 {
    match answer {
        FileAnswer::Opened { handle, .. } => *handle,
        other => panic!("{other:?}"),
    }
}

fn failed(errno: Errno) -> FileAnswer {
    FileAnswer::Failed(u16::try_from(errno.raw_os_error()).unwrap())
}

#[test]
fn without_a_monitor_the_answer_is_no() {
    let (shepherd, mut guest) = start();
    for (serial, wish) in [choose(), open_uri("https://example.org/"), GuestWish::Screenshot]
        .into_iter()
        .enumerate()
        .map(|(n, wish)| (u32::try_from(n).unwrap(), wish))
    {
        guest.wish(serial, wish);
        guest.is_denied(serial);
    }
    let log = shepherd.end();
    assert!(log.lines.is_empty() && log.broken.is_empty(), "{log:?}");
}

#[test]
fn a_wish_and_its_answer() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    guest.wish(9, open_uri("https://example.org/"));
    guest.wish(8, GuestWish::InhibitIdle { reason: "film".to_owned() });
    let (first, wish) = monitor.wish();
    assert_eq!(wish, PortalWish::OpenUri { uri: "https://example.org/".to_owned() });
    let (second, _) = monitor.wish();
    monitor.done(second, PortalOutcome::Done);
    assert_eq!(guest.hear(), ToGuest::PortalReply { serial: 8, outcome: GuestOutcome::Done });
    monitor.done(first, PortalOutcome::Denied(Refusal::Answered));
    guest.is_denied(9);
    // What keeps the screen on lasts until it is forgotten; an answered address does not.
    guest.say(&FromGuest::PortalForget { serial: 9 });
    guest.say(&FromGuest::PortalForget { serial: 8 });
    assert_eq!(monitor.hear(), FromPoint::Forget { serial: second });
    assert!(shepherd.end().lines.is_empty());
}

#[test]
fn a_file_is_read_and_nothing_more() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", false);
    let handle = opened(&guest.op(1, 0, open(false)));
    assert_eq!(guest.op(2, 0, read(handle)), FileAnswer::Data(b"hello".to_vec()));
    assert_eq!(guest.op(3, 0, open(true)), failed(Errno::ROFS));
    let write = FileOp::Write { handle, offset: 0, data: b"x".to_vec() };
    // The fd that was handed over could do more than was granted.
    assert_eq!(guest.op(4, 0, write), failed(Errno::BADF));
    assert_eq!(guest.op(5, 0, FileOp::SetLength { path: String::new(), len: 0 }), failed(Errno::ROFS));
    assert_eq!(guest.op(6, 0, FileOp::Close { handle }), FileAnswer::Done);
    let FromPoint::Used { ticket: 1, usage, .. } = monitor.hear() else { panic!("no usage") };
    assert_eq!((usage.bytes_in, usage.bytes_out), (5, 0));
    assert_eq!(guest.op(7, 0, read(handle)), failed(Errno::BADF));
    let line = |n: u32| format!("portal: fault {n}: no such file is open");
    assert_eq!(shepherd.end().lines, [line(1), line(2)]);
}

#[test]
fn after_a_cut_not_one_more_byte() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", true);
    let handle = opened(&guest.op(1, 0, open(true)));
    monitor.say(&ToPoint::Cut { ticket: 1 });
    assert_eq!(monitor.hear(), FromPoint::CutDone { ticket: 1 });
    assert_eq!(guest.hear(), ToGuest::FileGone { file: 0 });
    assert_eq!(guest.op(2, 0, read(handle)), failed(Errno::IO));
    assert_eq!(guest.op(3, 0, open(false)), failed(Errno::IO));
    // What was true a moment ago is no mistake of the guest's.
    assert!(shepherd.end().lines.is_empty());
}

#[test]
fn nothing_of_before_lives_when_the_next_monitor_is_told_so() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", false);
    let handle = opened(&guest.op(1, 0, open(false)));
    drop(monitor);
    let monitor = shepherd.connect();
    monitor.say(&ToPoint::Cut { ticket: BEFORE });
    assert_eq!(monitor.hear(), FromPoint::CutDone { ticket: BEFORE });
    assert_eq!(guest.hear(), ToGuest::FileGone { file: 0 });
    assert_eq!(guest.op(2, 0, read(handle)), failed(Errno::IO));
    shepherd.end();
}

#[test]
fn a_thread_that_still_works_for_an_earlier_monitor_is_waited_for() {
    let mut core = Core::default();
    let monitor = |core: &mut Core| -> Vec<FromPoint> {
        let effects = std::iter::from_fn(|| core.poll_effect());
        effects.filter_map(|e| if let Effect::Monitor(message) = e { Some(message) } else { None }).collect()
    };
    let give = |core: &mut Core, serial: u32| {
        let wish = GuestWish::ChooseFile {
            title: String::new(),
            kind: FileKind::File,
            write: false,
            suggested: String::new(),
        };
        core.wish(serial, wish, Duration::ZERO);
        let ticket = Ticket { id: 1, grant: None, until: None, once: false };
        let name = cofferdam_ids::Label::new("a");
        let outcome = PortalOutcome::File { ticket, name, folder: false, writable: false };
        let asked = std::iter::from_fn(|| core.poll_effect()).find_map(|effect| match effect {
            Effect::Monitor(FromPoint::Portal { serial, .. }) => Some(serial),
            _ => None,
        });
        let done = ToPoint::PortalDone { serial: asked.unwrap(), outcome };
        core.monitor(done, vec![tempfile::tempfile().unwrap().into()]);
    };
    core.connected();
    give(&mut core, 1);
    core.file(1, 0, open(false));
    let job = std::iter::from_fn(|| core.poll_effect()).find_map(|effect| match effect {
        Effect::Work(job) => Some(job),
        _ => None,
    });
    core.connected();
    core.monitor(ToPoint::Cut { ticket: BEFORE }, Vec::new());
    assert_eq!(monitor(&mut core), [], "it is at it");
    // The next socket's tickets begin anew, and have nothing to do with it.
    give(&mut core, 2);
    core.monitor(ToPoint::Cut { ticket: 1 }, Vec::new());
    assert_eq!(monitor(&mut core), [FromPoint::CutDone { ticket: 1 }]);
    core.done(perform(job.unwrap()));
    assert_eq!(monitor(&mut core), [FromPoint::CutDone { ticket: BEFORE }]);
}

#[test]
fn a_cut_reaches_what_waits_for_a_guest_that_does_not_read() {
    let secret = vec![b'S'; MAX_DATA];
    let (shepherd, mut guest, monitor) = with_file(&secret, false);
    let handle = opened(&guest.op(1, 0, open(false)));
    // More answers than the sockets hold; the guest reads none of them yet. Closing tells what was read.
    for serial in 0..60 {
        guest.say(&FromGuest::File { serial, file: 0, op: read(handle) });
    }
    let mut used = 0;
    while used < 60 * MAX_DATA as u64 {
        match monitor.hear() {
            FromPoint::Used { usage, .. } => used += usage.bytes_in,
            other => panic!("{other:?}"),
        }
        if used < 60 * MAX_DATA as u64 && used > 31 << 15 {
            // The rest stays below what is told unasked.
            guest.say(&FromGuest::File { serial: 99, file: 0, op: FileOp::Close { handle } });
        }
        if used >= 32 * MAX_DATA as u64 {
            break;
        }
    }
    monitor.say(&ToPoint::Cut { ticket: 1 });
    loop {
        match monitor.hear() {
            FromPoint::CutDone { ticket: 1 } => break,
            FromPoint::Used { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    // From here on only what had left the shepherd before can still come.
    let mut data = 0;
    loop {
        match guest.hear() {
            ToGuest::FileReply { answer: FileAnswer::Data(bytes), .. } => data += bytes.len(),
            ToGuest::FileGone { file: 0 } => break,
            _ => {}
        }
    }
    assert!(data < 30 * MAX_DATA, "{data} bytes came after the cut");
    drop(shepherd.end());
}

#[test]
fn a_flood_costs_the_flood() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    const FLOOD: u32 = 1000;
    for serial in 0..FLOOD {
        guest.wish(serial, choose());
        if serial >= u32::try_from(MAX_WISHES).unwrap() {
            guest.is_denied(serial);
        }
    }
    let open: Vec<u32> = (0..MAX_WISHES).map(|_| monitor.wish().0).collect();
    // Files still work, and so does the first question.
    monitor.hand_over(open[0], 1, &file(b"hello"), false);
    assert!(matches!(guest.hear(), ToGuest::PortalReply { serial: 0, outcome: GuestOutcome::File { .. } }));
    let handle = opened(&guest.op(1, 0, self::open(false)));
    assert_eq!(guest.op(2, 0, read(handle)), FileAnswer::Data(b"hello".to_vec()));
    let log = shepherd.end();
    assert!(log.broken.is_empty(), "{log:?}");
    assert!(log.lines.len() <= 20, "a flood must not fill the console: {}", log.lines.len());
    assert!(BURST < FLOOD && log.lines.iter().all(|line| line.ends_with("too many requests")));
}

#[test]
fn bad_words_cost_their_own_request() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    let title = "Pay\u{202e} \u{200b}\nnow".to_owned();
    let long = "x".repeat(60_000);
    let bad = [
        GuestWish::Notify { tag: 1, title: long.clone(), body: String::new() },
        GuestWish::Notify { tag: 1, title: String::new(), body: long.clone() },
        open_uri(&long),
        open_uri("https://example.org/\u{202e}gpj"),
        open_uri("--gpu-launcher=x"),
        open_uri("/etc/passwd"),
        open_uri(""),
    ];
    for (serial, wish) in (0..).zip(bad) {
        guest.wish(serial, wish);
        guest.is_denied(serial);
    }
    guest.wish(50, GuestWish::Notify { tag: 9, title, body: "a\nb".to_owned() });
    let (_, wish) = monitor.wish();
    let (title, body) = ("Pay now".into_label(), Passage::new("a b"));
    assert_eq!(wish, PortalWish::Notify { tag: 9, title, body });
    // The number of a wish that is open: the first one keeps it.
    guest.wish(50, choose());
    guest.wish(51, GuestWish::Screenshot);
    let (serial, wish) = monitor.wish();
    assert_eq!(wish, PortalWish::Screenshot);
    monitor.done(serial, PortalOutcome::Denied(Refusal::Off));
    guest.is_denied(51);
    let log = shepherd.end();
    assert_eq!(log.lines.len(), 8, "{log:?}");
    assert_eq!(log.lines.last().unwrap(), "portal: fault 1: a number is used twice");
}

#[test]
fn a_string_of_a_megabyte_ends_the_port_and_nothing_else() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    guest.wish(1, choose());
    monitor.wish();
    guest.port.write_all(&(1_u32 << 20).to_le_bytes()).unwrap();
    guest.port.write_all(b"xxxx").unwrap();
    // The monitor's answer is still taken, and what is open still answered.
    drop(monitor);
    guest.is_denied(1);
    let log = shepherd.end();
    assert_eq!(log.broken.len(), 1, "{log:?}");
}

#[test]
fn files_of_nobody() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", true);
    let handle = opened(&guest.op(1, 0, open(true)));
    guest.wish(8, choose());
    let (serial, _) = monitor.wish();
    monitor.hand_over(serial, 2, &file(b"other"), false);
    guest.hear();
    for (file, op, errno) in [
        (2, open(false), Errno::IO),
        (u32::MAX, open(false), Errno::IO),
        // The handle of another file.
        (1, read(handle), Errno::BADF),
        (0, read(handle + 1), Errno::BADF),
        (0, FileOp::Stat { path: "../x".to_owned() }, Errno::INVAL),
        (0, FileOp::Stat { path: "a".repeat(2000) }, Errno::INVAL),
        (0, FileOp::Read { handle, offset: 0, len: u32::MAX }, Errno::INVAL),
        (0, FileOp::Write { handle, offset: 0, data: vec![0; MAX_DATA + 1] }, Errno::INVAL),
        (0, FileOp::Write { handle, offset: u64::MAX, data: vec![0] }, Errno::FBIG),
    ] {
        assert_eq!(guest.op(1, file, op.clone()), failed(errno), "{op:?}");
    }
    assert_eq!(guest.op(2, 0, read(handle)), FileAnswer::Data(b"hello".to_vec()));
    assert_eq!(shepherd.end().lines.len(), 8);
}

#[test]
fn a_guest_that_takes_and_takes() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", false);
    let refused = (0..400).filter(|n| guest.op(*n, 0, open(false)) == failed(Errno::MFILE)).count();
    assert_eq!(refused, 400 - super::given::MAX_HANDLES);
    monitor.say(&ToPoint::Cut { ticket: 1 });
    assert_eq!(monitor.hear(), FromPoint::CutDone { ticket: 1 });
    drop(shepherd.end());
}

#[test]
fn an_answer_that_comes_too_late_gives_nothing() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    guest.wish(1, choose());
    let (first, _) = monitor.wish();
    guest.say(&FromGuest::PortalForget { serial: 1 });
    assert_eq!(monitor.hear(), FromPoint::Forget { serial: first });
    // The guest uses the same number for another question.
    guest.wish(1, open_uri("https://example.org/"));
    let (second, _) = monitor.wish();
    monitor.hand_over(first, 5, &file(b"secret"), false);
    assert_eq!(monitor.hear(), FromPoint::CutDone { ticket: 5 }, "it was never used");
    monitor.done(second, PortalOutcome::Denied(Refusal::Answered));
    guest.is_denied(1);
    assert_eq!(guest.op(2, 0, open(false)), failed(Errno::IO));
    drop(shepherd.end());
}

#[test]
fn a_monitor_that_dies_takes_everything_with_it() {
    let (shepherd, mut guest, monitor) = with_file(b"hello", false);
    guest.wish(8, choose());
    monitor.wish();
    drop(monitor);
    assert_eq!(guest.hear(), ToGuest::FileGone { file: 0 });
    guest.is_denied(8);
    guest.wish(9, choose());
    guest.is_denied(9);
    // The next one starts from nothing.
    let next = shepherd.connect();
    assert_eq!(guest.op(1, 0, open(false)), failed(Errno::IO));
    guest.wish(10, choose());
    let (serial, _) = next.wish();
    next.hand_over(serial, 1, &file(b"new"), false);
    assert!(matches!(guest.hear(), ToGuest::PortalReply { outcome: GuestOutcome::File { file: 1, .. }, .. }));
    drop(shepherd.end());
}

#[test]
fn a_monitor_that_breaks_the_wire_is_left() {
    let ticket = Ticket { id: 1, grant: None, until: None, once: true };
    let file = PortalOutcome::File { ticket, name: "a".into_label(), folder: false, writable: false };
    for bad in [
        ToPoint::Decided { serial: 0, verdict: Ok(ticket) },
        ToPoint::PortalDone { serial: 0, outcome: file },
    ] {
        let (shepherd, mut guest) = start();
        let monitor = shepherd.connect();
        guest.wish(1, choose());
        monitor.wish();
        monitor.say(&bad);
        guest.is_denied(1);
        assert!(monitor.is_closed(), "{bad:?}");
        drop(shepherd.end());
    }
}

#[test]
fn a_guest_that_goes_away_at_any_byte() {
    let script: Vec<u8> = [
        FromGuest::Portal { serial: 1, wish: choose() },
        FromGuest::Portal { serial: 2, wish: GuestWish::InhibitIdle { reason: "film".to_owned() } },
        FromGuest::PortalForget { serial: 2 },
        FromGuest::File { serial: 1, file: 0, op: open(false) },
        FromGuest::Opened { serial: 1, ok: true },
    ]
    .iter()
    .flat_map(|message| frame(message).unwrap())
    .collect();
    for end in 0..=script.len() {
        let (shepherd, mut guest) = start();
        let monitor = shepherd.connect();
        guest.port.write_all(&script[..end]).unwrap();
        guest.port.shutdown(std::net::Shutdown::Both).unwrap();
        let log = shepherd.end();
        // The monitor hears whole wishes or nothing.
        while let Some((packet, _)) = transport::recv_packet(monitor.0.as_fd(), MAX_PACKET, 4).unwrap() {
            decode::<FromPoint>(&packet).unwrap();
        }
        assert!(log.broken.is_empty(), "{end}: {log:?}");
    }
}
