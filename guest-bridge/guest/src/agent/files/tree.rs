// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. The tree that shows what was handed over: `/N/NAME`, and below a folder what is in it. In: the
//! kernel's requests, the host's answers. Out: replies for the kernel and operations for the host.
//!
//! It keeps no bytes of files and believes no name: the host looks each one up beneath what it handed over.

use std::collections::{BTreeMap, VecDeque};

use cofferdam_agent_wire::{FileAnswer, FileOp, FileStat, MAX_PATH};
use rustix::io::Errno;

use super::wire::{self, Ask, MAX_IO, Node, ROOT, Request};

/// Operations that may wait for the host; then the kernel waits.
pub const MAX_WAITING: usize = 32;
const O_ACCMODE: u32 = 3;
const O_TRUNC: u32 = 0o1000;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Write this to the kernel.
    Reply(Vec<u8>),
    /// Ask the host.
    Ask {
        /// Of the question; the answer repeats it.
        serial: u32,
        /// About which thing.
        file: u32,
        /// What is to be done.
        op: FileOp,
    },
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Root,
    /// The folder that holds one thing.
    Slot(u32),
    /// The thing (an empty path), or something below it.
    Thing(u32, String),
}

/// Something that was handed over.
#[derive(Debug)]
struct Slot {
    name: String,
    folder: bool,
    writable: bool,
}

/// A request that waits for the host.
#[derive(Debug)]
struct Waiting {
    unique: u64,
    file: u32,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// Stat of a thing that was looked up.
    Entry(Place),
    /// Stat of a node.
    Attributes(u64),
    Open,
    Create(Place),
    Read,
    Wrote(u32),
    Done,
    Renamed {
        file: u32,
        from: String,
        to: String,
    },
    List {
        skip: u64,
        size: u32,
    },
    /// Nobody waits; a handle that comes is closed again.
    Nobody,
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    slots: BTreeMap<u32, Slot>,
    nodes: BTreeMap<u64, (Place, u64)>,
    numbers: BTreeMap<Place, u64>,
    next_node: u64,
    waiting: BTreeMap<u32, Waiting>,
    next_serial: u32,
    steps: VecDeque<Step>,
}

impl Default for Tree {
    /// Nothing was handed over yet.
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            nodes: BTreeMap::from([(ROOT, (Place::Root, 1))]),
            numbers: BTreeMap::from([(Place::Root, ROOT)]),
            next_node: ROOT + 1,
            waiting: BTreeMap::new(),
            next_serial: 0,
            steps: VecDeque::new(),
        }
    }
}

impl Tree {
    /// Shows something that was handed over. Its path below the mount point.
    pub fn add(&mut self, file: u32, name: &str, folder: bool, writable: bool) -> String {
        let name = match name.replace('/', "_").trim_matches('\0') {
            "" | "." | ".." => "file".to_owned(),
            name => name.to_owned(),
        };
        let path = format!("{file}/{name}");
        self.slots.insert(file, Slot { name, folder, writable });
        path
    }

    /// Something was taken back: whatever waits for it fails, and so does all that comes.
    pub fn gone(&mut self, file: u32) {
        self.slots.remove(&file);
        let lost: Vec<u32> = self.waiting.iter().filter(|(_, w)| w.file == file).map(|(s, _)| *s).collect();
        for serial in lost {
            if let Some(waiting) = self.waiting.remove(&serial)
                && !matches!(waiting.then, Then::Nobody)
            {
                self.fail(waiting.unique, Errno::IO);
            }
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Whether the kernel should wait with more.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// The kernel asks.
    pub fn request(&mut self, request: Request<'_>) {
        let Request { unique, node, ask } = request;
        match ask {
            Ask::Init { minor, flags } => self.reply(wire::init(unique, minor, flags)),
            Ask::Forget(nodes) => nodes.into_iter().for_each(|(node, count)| self.forget(node, count)),
            Ask::Interrupt { unique } => self.interrupt(unique),
            Ask::Destroy => {}
            Ask::Nothing => self.reply(wire::done(unique, &[])),
            Ask::OpenFolder => self.reply(wire::opened(unique, 0)),
            Ask::Statistics => self.reply(wire::statistics(unique)),
            Ask::Unknown => self.fail(unique, Errno::NOSYS),
            Ask::Malformed => self.fail(unique, Errno::INVAL),
            ask => {
                let Some((place, _)) = self.nodes.get(&node) else { return self.fail(unique, Errno::STALE) };
                let place = place.clone();
                if let Err(errno) = self.at(unique, node, &place, ask) {
                    self.fail(unique, errno);
                }
            }
        }
    }

    fn at(&mut self, unique: u64, node: u64, place: &Place, ask: Ask<'_>) -> Result<(), Errno> {
        match ask {
            Ask::Lookup { name } => self.lookup(unique, place, name),
            Ask::Attributes => self.attributes(unique, node, place),
            Ask::Change { size: None } => self.attributes(unique, node, place),
            Ask::List { offset, size } => self.list(unique, place, offset, size),
            ask => {
                let Place::Thing(file, path) = place else { return Err(Errno::ACCESS) };
                self.inside(unique, node, *file, path, ask)
            }
        }
    }

    /// What only something handed over has.
    fn inside(&mut self, unique: u64, node: u64, file: u32, path: &str, ask: Ask<'_>) -> Result<(), Errno> {
        let handle = |handle: u64| u32::try_from(handle).map_err(|_wide| Errno::BADF);
        let open = |path: String, flags: u32, create: bool| {
            let write = flags & O_ACCMODE != 0;
            FileOp::Open { path, write: write || create, create, truncate: write && flags & O_TRUNC != 0 }
        };
        let (then, op) = match ask {
            Ask::Change { size: Some(len) } => {
                (Then::Attributes(node), FileOp::SetLength { path: path.to_owned(), len })
            }
            Ask::Open { flags } => (Then::Open, open(path.to_owned(), flags, false)),
            Ask::Read { handle: h, offset, size } => {
                (Then::Read, FileOp::Read { handle: handle(h)?, offset, len: size.min(MAX_IO) })
            }
            Ask::Write { handle: h, offset, data } => {
                let count = u32::try_from(data.len()).ok().filter(|n| *n <= MAX_IO).ok_or(Errno::INVAL)?;
                (Then::Wrote(count), FileOp::Write { handle: handle(h)?, offset, data: data.to_vec() })
            }
            Ask::Release { handle: h } => {
                let op = FileOp::Close { handle: handle(h)? };
                self.reply(wire::done(unique, &[]));
                if self.slots.contains_key(&file) {
                    self.ask(unique, file, Then::Nobody, op)?;
                }
                return Ok(());
            }
            Ask::Sync { handle: h } => (Then::Done, FileOp::Sync { handle: handle(h)? }),
            Ask::Create { name, flags } => {
                let path = below(path, name)?;
                (Then::Create(Place::Thing(file, path.clone())), open(path, flags, true))
            }
            Ask::MakeFolder { name } => {
                let path = below(path, name)?;
                (Then::Entry(Place::Thing(file, path.clone())), FileOp::MakeFolder { path })
            }
            Ask::Remove { name, folder } => (Then::Done, FileOp::Remove { path: below(path, name)?, folder }),
            Ask::Rename { name, to, new } => {
                let Some((Place::Thing(other, folder), _)) = self.nodes.get(&to) else {
                    return Err(Errno::XDEV);
                };
                if *other != file {
                    return Err(Errno::XDEV);
                }
                let (from, to) = (below(path, name)?, below(folder, new)?);
                (Then::Renamed { file, from: from.clone(), to: to.clone() }, FileOp::Rename { from, to })
            }
            _ => return Err(Errno::NOSYS),
        };
        self.ask(unique, file, then, op)
    }

    fn lookup(&mut self, unique: u64, place: &Place, name: &str) -> Result<(), Errno> {
        match place {
            Place::Root => {
                let file = name.parse().ok().filter(|file: &u32| file.to_string() == name);
                let file = file.filter(|file| self.slots.contains_key(file)).ok_or(Errno::NOENT)?;
                let node = self.node(Place::Slot(file));
                self.reply(wire::entry(unique, &shell(node)));
                Ok(())
            }
            Place::Slot(file) => {
                let there = self.slots.get(file).is_some_and(|slot| slot.name == name);
                let place = there.then_some(Place::Thing(*file, String::new())).ok_or(Errno::NOENT)?;
                self.ask(unique, *file, Then::Entry(place), FileOp::Stat { path: String::new() })
            }
            Place::Thing(file, path) => {
                let path = below(path, name)?;
                let then = Then::Entry(Place::Thing(*file, path.clone()));
                self.ask(unique, *file, then, FileOp::Stat { path })
            }
        }
    }

    fn attributes(&mut self, unique: u64, node: u64, place: &Place) -> Result<(), Errno> {
        if let Place::Thing(file, path) = place {
            return self.ask(unique, *file, Then::Attributes(node), FileOp::Stat { path: path.clone() });
        }
        self.reply(wire::attributes_of(unique, &shell(node)));
        Ok(())
    }

    fn list(&mut self, unique: u64, place: &Place, offset: u64, size: u32) -> Result<(), Errno> {
        let entries: Vec<(String, bool)> = match place {
            Place::Root => self.slots.keys().map(|file| (file.to_string(), true)).collect(),
            Place::Slot(file) => {
                self.slots.get(file).map(|slot| (slot.name.clone(), slot.folder)).into_iter().collect()
            }
            Place::Thing(file, path) => {
                let skip = u32::try_from(offset).map_err(|_wide| Errno::INVAL)?;
                let op = FileOp::List { path: path.clone(), skip };
                return self.ask(unique, *file, Then::List { skip: offset, size }, op);
            }
        };
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        self.reply(listing(unique, offset, size, entries.get(skip..).unwrap_or_default()));
        Ok(())
    }

    /// The host answers.
    pub fn answer(&mut self, serial: u32, answer: FileAnswer) {
        // One whose file was taken back meanwhile was answered already.
        let Some(Waiting { unique, file, then }) = self.waiting.remove(&serial) else { return };
        let writable = self.slots.get(&file).is_some_and(|slot| slot.writable);
        let describe = |id, stat| Node { id, stat, writable };
        let reply = match (then, answer) {
            (Then::Nobody, FileAnswer::Opened { handle, .. }) => {
                // It fails only if the file was taken back, and with it the handle.
                let _ = self.ask(unique, file, Then::Nobody, FileOp::Close { handle });
                return;
            }
            (Then::Nobody, _) => return,
            (_, FileAnswer::Failed(errno)) => wire::failed(unique, errno_of(errno)),
            (Then::Entry(place), FileAnswer::Stat(stat)) => {
                wire::entry(unique, &describe(self.node(place), stat))
            }
            (Then::Attributes(node), FileAnswer::Stat(stat)) => {
                wire::attributes_of(unique, &describe(node, stat))
            }
            (Then::Open, FileAnswer::Opened { handle, .. }) => wire::opened(unique, handle.into()),
            (Then::Create(place), FileAnswer::Opened { handle, stat }) => {
                wire::created(unique, &describe(self.node(place), stat), handle.into())
            }
            (Then::Read, FileAnswer::Data(data)) => wire::done(unique, &data),
            (Then::Wrote(count), FileAnswer::Done) => wire::written(unique, count),
            (Then::Done, FileAnswer::Done) => wire::done(unique, &[]),
            (Then::Renamed { file, from, to }, FileAnswer::Done) => {
                self.moved(file, &from, &to);
                wire::done(unique, &[])
            }
            (Then::List { skip, size }, FileAnswer::Entries { entries, .. }) => {
                listing(unique, skip, size, &entries)
            }
            _ => wire::failed(unique, Errno::IO),
        };
        self.reply(reply);
    }

    fn ask(&mut self, unique: u64, file: u32, then: Then, op: FileOp) -> Result<(), Errno> {
        if !self.slots.contains_key(&file) {
            return Err(Errno::IO);
        }
        // A folder that got a longer name may have taken what is below it out of reach.
        if op.path_len() > MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        while self.waiting.contains_key(&self.next_serial) {
            self.next_serial = self.next_serial.wrapping_add(1);
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        self.waiting.insert(serial, Waiting { unique, file, then });
        self.steps.push_back(Step::Ask { serial, file, op });
        Ok(())
    }

    /// The number of a place that the kernel now knows once more.
    fn node(&mut self, place: Place) -> u64 {
        let id = *self.numbers.entry(place.clone()).or_insert_with(|| {
            let id = self.next_node;
            self.next_node = id.saturating_add(1);
            id
        });
        let known = self.nodes.entry(id).or_insert((place, 0));
        known.1 = known.1.saturating_add(1);
        id
    }

    fn forget(&mut self, id: u64, count: u64) {
        let Some((place, known)) = self.nodes.get_mut(&id).filter(|_| id != ROOT) else { return };
        *known = known.saturating_sub(count);
        if *known == 0 {
            // A place that was moved may have another number by now.
            if self.numbers.get(place) == Some(&id) {
                self.numbers.remove(place);
            }
            self.nodes.remove(&id);
        }
    }

    /// What was at `from`, and below it, is at `to` from now on.
    fn moved(&mut self, file: u32, from: &str, to: &str) {
        let below_from = |path: &str| -> Option<String> {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        };
        let moves: Vec<(u64, Place, Place)> = self
            .nodes
            .iter()
            .filter_map(|(id, (place, _))| match place {
                Place::Thing(of, path) if *of == file => {
                    Some((*id, place.clone(), Place::Thing(file, below_from(path)?)))
                }
                _ => None,
            })
            .collect();
        for (id, old, new) in moves {
            self.numbers.remove(&old);
            self.numbers.insert(new.clone(), id);
            if let Some((place, _)) = self.nodes.get_mut(&id) {
                *place = new;
            }
        }
    }

    fn interrupt(&mut self, unique: u64) {
        let waiting = self.waiting.values_mut().find(|w| w.unique == unique);
        let Some(waiting) = waiting.filter(|w| !matches!(w.then, Then::Nobody)) else { return };
        waiting.then = Then::Nobody;
        self.fail(unique, Errno::INTR);
    }

    fn fail(&mut self, unique: u64, errno: Errno) {
        self.reply(wire::failed(unique, errno));
    }

    fn reply(&mut self, bytes: Vec<u8>) {
        self.steps.push_back(Step::Reply(bytes));
    }
}

/// What the host says went wrong. What is no error of Linux is one here.
fn errno_of(raw: u16) -> Errno {
    match raw {
        1..=4095 => Errno::from_raw_os_error(i32::from(raw)),
        _ => Errno::IO,
    }
}

/// A folder of ours, around what was handed over.
fn shell(id: u64) -> Node {
    Node { id, stat: FileStat { folder: true, ..FileStat::default() }, writable: false }
}

fn below(folder: &str, name: &str) -> Result<String, Errno> {
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    if path.len() > MAX_PATH { Err(Errno::NAMETOOLONG) } else { Ok(path) }
}

fn listing(unique: u64, skip: u64, size: u32, entries: &[(String, bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    for ((name, folder), next) in entries.iter().zip(skip.saturating_add(1)..) {
        if !wire::push_entry(&mut out, size, next, name, *folder) {
            break;
        }
    }
    wire::done(unique, &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kernel that knows nothing yet hears and asks.
    struct Kernel {
        tree: Tree,
        unique: u64,
    }

    impl Kernel {
        fn new() -> Self {
            let mut tree = Tree::default();
            assert_eq!(tree.add(3, "a.txt", false, false), "3/a.txt");
            assert_eq!(tree.add(4, "folder", true, true), "4/folder");
            Self { tree, unique: 100 }
        }

        /// The tree's next step after a request.
        fn ask(&mut self, node: u64, ask: Ask<'_>) -> Step {
            self.unique += 1;
            self.tree.request(Request { unique: self.unique, node, ask });
            self.tree.poll().expect("a step")
        }

        fn refused(&mut self, node: u64, ask: Ask<'_>, errno: Errno) {
            let step = self.ask(node, ask.clone());
            assert_eq!(step, Step::Reply(wire::failed(self.unique, errno)), "{ask:?}");
        }

        /// The operation that a request leads to.
        fn op(&mut self, node: u64, ask: Ask<'_>) -> (u32, FileOp) {
            match self.ask(node, ask) {
                Step::Ask { serial, op, .. } => (serial, op),
                Step::Reply(reply) => panic!("{reply:?}"),
            }
        }

        fn reply(&mut self) -> Vec<u8> {
            match self.tree.poll() {
                Some(Step::Reply(reply)) => reply,
                other => panic!("{other:?}"),
            }
        }

        /// The node of a name, with the host's word for it.
        fn find(&mut self, node: u64, name: &str, folder: bool) -> u64 {
            let reply = match self.ask(node, Ask::Lookup { name }) {
                Step::Reply(reply) => reply,
                Step::Ask { serial, .. } => {
                    let stat = FileStat { folder, ..FileStat::default() };
                    self.tree.answer(serial, FileAnswer::Stat(stat));
                    self.reply()
                }
            };
            u64::from_ne_bytes(reply[16..24].try_into().unwrap())
        }
    }

    #[test]
    fn only_what_was_handed_over_is_there() {
        let mut kernel = Kernel::new();
        for name in ["0", "5", "03", "+3", "a.txt", "..", ""] {
            kernel.refused(ROOT, Ask::Lookup { name }, Errno::NOENT);
        }
        let slot = kernel.find(ROOT, "3", true);
        kernel.refused(slot, Ask::Lookup { name: "b.txt" }, Errno::NOENT);
        kernel.refused(slot, Ask::Create { name: "b.txt", flags: 1 }, Errno::ACCESS);
        kernel.refused(slot, Ask::Remove { name: "a.txt", folder: false }, Errno::ACCESS);
        kernel.refused(77, Ask::Attributes, Errno::STALE);
        let file = kernel.find(slot, "a.txt", false);
        let (_, op) = kernel.op(file, Ask::Open { flags: 0 });
        let path = String::new();
        assert_eq!(op, FileOp::Open { path, write: false, create: false, truncate: false });
    }

    #[test]
    fn what_is_taken_back_fails_at_once_and_for_good() {
        let mut kernel = Kernel::new();
        let slot = kernel.find(ROOT, "3", true);
        let file = kernel.find(slot, "a.txt", false);
        let (serial, _) = kernel.op(file, Ask::Read { handle: 1, offset: 0, size: 10 });
        let unique = kernel.unique;
        kernel.tree.gone(3);
        assert_eq!(kernel.reply(), wire::failed(unique, Errno::IO));
        // What comes after all is nobody's.
        kernel.tree.answer(serial, FileAnswer::Data(b"late".to_vec()));
        assert_eq!(kernel.tree.poll(), None);
        kernel.refused(file, Ask::Open { flags: 0 }, Errno::IO);
        kernel.refused(file, Ask::Attributes, Errno::IO);
        kernel.refused(ROOT, Ask::Lookup { name: "3" }, Errno::NOENT);
        // Closing still works: the kernel waits for it.
        let closed = kernel.ask(file, Ask::Release { handle: 1 });
        assert_eq!(closed, Step::Reply(wire::done(kernel.unique, &[])));
        assert_eq!(kernel.tree.poll(), None);
    }

    #[test]
    fn moved_things_keep_their_nodes() {
        let mut kernel = Kernel::new();
        let slot = kernel.find(ROOT, "4", true);
        let folder = kernel.find(slot, "folder", true);
        let sub = kernel.find(folder, "sub", true);
        let deep = kernel.find(sub, "deep", false);
        let (serial, op) = kernel.op(folder, Ask::Rename { name: "sub", to: folder, new: "other" });
        assert_eq!(op, FileOp::Rename { from: "sub".to_owned(), to: "other".to_owned() });
        kernel.tree.answer(serial, FileAnswer::Done);
        kernel.reply();
        let (_, op) = kernel.op(deep, Ask::Attributes);
        assert_eq!(op, FileOp::Stat { path: "other/deep".to_owned() });
        // Not from one thing that was handed over into another.
        let one = kernel.find(ROOT, "3", true);
        let file = kernel.find(one, "a.txt", false);
        kernel.refused(folder, Ask::Rename { name: "other", to: file, new: "x" }, Errno::XDEV);
    }

    #[test]
    fn nodes_are_forgotten_and_an_interrupted_open_is_closed() {
        let mut kernel = Kernel::new();
        let slot = kernel.find(ROOT, "3", true);
        let file = kernel.find(slot, "a.txt", false);
        assert_eq!(kernel.find(slot, "a.txt", false), file, "the same thing is the same node");
        kernel.tree.request(Request { unique: 1, node: file, ask: Ask::Forget(vec![(file, 1), (ROOT, 99)]) });
        let (serial, _) = kernel.op(file, Ask::Open { flags: 0 });
        let unique = kernel.unique;
        kernel.tree.request(Request { unique: 2, node: 0, ask: Ask::Interrupt { unique } });
        assert_eq!(kernel.reply(), wire::failed(unique, Errno::INTR));
        kernel.tree.answer(serial, FileAnswer::Opened { handle: 9, stat: FileStat::default() });
        let closed = Step::Ask { serial: serial + 1, file: 3, op: FileOp::Close { handle: 9 } };
        assert_eq!(kernel.tree.poll(), Some(closed));
        kernel.tree.request(Request { unique: 3, node: file, ask: Ask::Forget(vec![(file, 1)]) });
        kernel.refused(file, Ask::Attributes, Errno::STALE);
        kernel.find(ROOT, "3", true);
    }

    #[test]
    fn an_error_that_is_none_is_an_error() {
        let mut kernel = Kernel::new();
        let slot = kernel.find(ROOT, "3", true);
        let file = kernel.find(slot, "a.txt", false);
        for raw in [0, 4096, u16::MAX] {
            let (serial, _) = kernel.op(file, Ask::Attributes);
            kernel.tree.answer(serial, FileAnswer::Failed(raw));
            assert_eq!(kernel.reply(), wire::failed(kernel.unique, Errno::IO), "{raw}");
        }
    }
}
