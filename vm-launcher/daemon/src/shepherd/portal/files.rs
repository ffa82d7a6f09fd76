// SPDX-License-Identifier: GPL-3.0-or-later
//! What is done on the host with a file that was handed over. In: an fd that the person chose, a path
//! below it and an operation, both already checked for their form. Out: an answer, and how many bytes went
//! which way. Blocks; runs on threads of its own.
//!
//! Nothing here starts from a path of the host: every step goes through the fd, beneath it, through no
//! symbolic link and onto no other file system. Only files and folders exist; a device or a pipe is never opened.

use cofferdam_agent_wire::{FileAnswer, FileOp, FileStat, MAX_DATA, MAX_ENTRIES};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Largest size to which a guest may grow a file.
const MAX_SIZE: u64 = 4 << 30;
/// Most entries of one folder that a guest gets to see.
const MAX_LISTED: usize = 10_000;
/// Where every path is resolved: below the folder, and nowhere else.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// One operation on its way.
#[derive(Debug)]
pub(crate) struct Job {
    /// The guest's number for it.
    pub(crate) serial: u32,
    /// Which file that was handed over.
    pub(crate) file: u32,
    /// That file or folder.
    pub(crate) root: Arc<OwnedFd>,
    /// The open file that a handle stands for.
    pub(crate) handle: Option<Arc<OwnedFd>>,
    /// Whether anything may be changed.
    pub(crate) writable: bool,
    /// False once it is cut.
    pub(crate) live: Arc<AtomicBool>,
    /// What to do.
    pub(crate) op: FileOp,
}

/// What came of a [`Job`].
#[derive(Debug)]
pub(crate) struct Done {
    /// The guest's number for it.
    pub(crate) serial: u32,
    /// Which file that was handed over.
    pub(crate) file: u32,
    /// For the guest; the handle of [`FileAnswer::Opened`] is filled in by whoever counts them.
    pub(crate) answer: FileAnswer,
    /// What was opened.
    pub(crate) opened: Option<OwnedFd>,
    /// It was opened to write.
    pub(crate) write: bool,
    /// Bytes to the app.
    pub(crate) read: u64,
    /// Bytes from the app.
    pub(crate) written: u64,
}

/// Does it.
pub(crate) fn perform(job: Job) -> Done {
    let mut done = Done {
        serial: job.serial,
        file: job.file,
        answer: FileAnswer::Done,
        opened: None,
        write: false,
        read: 0,
        written: 0,
    };
    // Cut while it waited for a thread.
    let result = if job.live.load(Ordering::Acquire) { carry_out(&job, &mut done) } else { Err(Errno::IO) };
    done.answer = result.unwrap_or_else(failed);
    done
}

/// The answer for an error.
pub(crate) fn failed(errno: Errno) -> FileAnswer {
    FileAnswer::Failed(u16::try_from(errno.raw_os_error()).unwrap_or(5))
}

fn carry_out(job: &Job, done: &mut Done) -> Result<FileAnswer, Errno> {
    let handle = || job.handle.as_ref().ok_or(Errno::BADF);
    refuse_hidden(&job.op)?;
    match &job.op {
        FileOp::Stat { path } => Ok(FileAnswer::Stat(stat_of(&locate(job, path)?)?)),
        FileOp::List { path, skip } => list(job, path, *skip),
        FileOp::Open { path, write, create, truncate } => {
            let file = open(job, path, *write, *create)?;
            if *truncate && *write {
                rustix::fs::ftruncate(&file, 0)?;
            }
            let stat = stat_of(&file)?;
            done.opened = Some(file);
            done.write = *write;
            Ok(FileAnswer::Opened { handle: 0, stat })
        }
        FileOp::Read { offset, len, .. } => {
            let data = read(handle()?, *offset, usize::try_from(*len).unwrap_or(usize::MAX))?;
            done.read = data.len().try_into().unwrap_or(u64::MAX);
            Ok(FileAnswer::Data(data))
        }
        FileOp::Write { offset, data, .. } => {
            done.written = write(handle()?, *offset, data)?;
            Ok(FileAnswer::Done)
        }
        FileOp::Sync { .. } => rustix::fs::fsync(handle()?).map(|()| FileAnswer::Done),
        FileOp::SetLength { path, len } => {
            if *len > MAX_SIZE {
                return Err(Errno::FBIG);
            }
            let file = open(job, path, true, false)?;
            rustix::fs::ftruncate(&file, *len)?;
            Ok(FileAnswer::Stat(stat_of(&file)?))
        }
        FileOp::Close { .. } => Ok(FileAnswer::Done),
        FileOp::MakeFolder { .. } | FileOp::Remove { .. } | FileOp::Rename { .. } if !job.writable => {
            Err(Errno::ROFS)
        }
        FileOp::MakeFolder { path } => {
            let (parent, name) = parent(job, path)?;
            rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
            Ok(FileAnswer::Stat(stat_of(&locate(job, path)?)?))
        }
        FileOp::Remove { path, folder } => {
            let (parent, name) = parent(job, path)?;
            // What is never shown is not removed either.
            if stat_of(&locate(job, path)?)?.folder != *folder {
                return Err(if *folder { Errno::NOTDIR } else { Errno::ISDIR });
            }
            let flags = if *folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            rustix::fs::unlinkat(&parent, name, flags).map(|()| FileAnswer::Done)
        }
        FileOp::Rename { from, to } => {
            stat_of(&locate(job, from)?)?;
            if let Ok(target) = locate(job, to) {
                stat_of(&target)?;
            }
            let ((old, from), (new, to)) = (parent(job, from)?, parent(job, to)?);
            rustix::fs::renameat(&old, from, &new, to).map(|()| FileAnswer::Done)
        }
    }
}

/// What the chooser does not show is not in what was handed over: it can't be looked at, and not made.
fn refuse_hidden(op: &FileOp) -> Result<(), Errno> {
    let hidden = |path: &str| path.split('/').any(|name| name.starts_with('.'));
    match op {
        FileOp::MakeFolder { path } | FileOp::Open { path, create: true, .. } if hidden(path) => {
            Err(Errno::ACCESS)
        }
        FileOp::Rename { to, .. } if hidden(to) => Err(Errno::ACCESS),
        FileOp::Stat { path }
        | FileOp::List { path, .. }
        | FileOp::Open { path, .. }
        | FileOp::SetLength { path, .. }
        | FileOp::Remove { path, .. }
        | FileOp::Rename { from: path, .. }
            if hidden(path) =>
        {
            Err(Errno::NOENT)
        }
        _ => Ok(()),
    }
}

/// The thing at `path`, not opened.
fn locate(job: &Job, path: &str) -> Result<OwnedFd, Errno> {
    if path.is_empty() {
        return rustix::io::fcntl_dupfd_cloexec(&job.root, 0);
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(&job.root, path, flags, Mode::empty(), BENEATH)
}

/// The folder in which `path` is, and its last name there.
fn parent<'p>(job: &Job, path: &'p str) -> Result<(OwnedFd, &'p str), Errno> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.is_empty() {
        return Err(Errno::PERM);
    }
    Ok((locate(job, folder)?, name))
}

fn stat_of(file: &OwnedFd) -> Result<FileStat, Errno> {
    let stat: Stat = rustix::fs::fstat(file)?;
    let folder = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => true,
        FileType::RegularFile => false,
        _ => return Err(Errno::ACCESS),
    };
    Ok(FileStat {
        folder,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime,
        nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
    })
}

/// Opens a file, never anything else.
fn open(job: &Job, path: &str, write: bool, create: bool) -> Result<OwnedFd, Errno> {
    if write && !job.writable {
        return Err(Errno::ROFS);
    }
    if path.is_empty() {
        let file = locate(job, path)?;
        return if stat_of(&file)?.folder { Err(Errno::ISDIR) } else { Ok(file) };
    }
    if create && write {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat2(&job.root, path, flags, Mode::from_raw_mode(0o644), BENEATH) {
            Err(Errno::EXIST) => {}
            other => return other,
        }
    }
    let place = locate(job, path)?;
    if stat_of(&place)?.folder {
        return Err(Errno::ISDIR);
    }
    // The very thing that was looked at: a name could mean something else by now.
    let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
    let again = format!("/proc/self/fd/{}", place.as_raw_fd());
    rustix::fs::open(again, access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
}

fn list(job: &Job, path: &str, skip: u32) -> Result<FileAnswer, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let path = if path.is_empty() { "." } else { path };
    let folder = rustix::fs::openat2(&job.root, path, flags, Mode::empty(), BENEATH)?;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut shown = Dir::read_from(folder.as_fd())?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().to_str().ok().filter(|n| !n.starts_with('.'))?.to_owned();
            let kind = match entry.file_type() {
                // Some file systems don't say; then the thing itself does.
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&folder, &*name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            match kind {
                FileType::Directory => Some((name, true)),
                FileType::RegularFile => Some((name, false)),
                _ => None,
            }
        })
        .take(MAX_LISTED)
        .skip(skip);
    let entries: Vec<(String, bool)> = shown.by_ref().take(MAX_ENTRIES).collect();
    Ok(FileAnswer::Entries { entries, more: shown.next().is_some() })
}

fn read(file: &OwnedFd, offset: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let mut data = vec![0; len.min(MAX_DATA)];
    let mut filled = 0;
    while let Some(rest) = data.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(filled.try_into().unwrap_or(u64::MAX));
        match rustix::io::pread(file, rest, at) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    data.truncate(filled);
    Ok(data)
}

fn write(file: &OwnedFd, offset: u64, data: &[u8]) -> Result<u64, Errno> {
    let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
    if offset.saturating_add(len) > MAX_SIZE {
        return Err(Errno::FBIG);
    }
    let mut written = 0;
    while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(written.try_into().unwrap_or(u64::MAX));
        match rustix::io::pwrite(file, rest, at) {
            Ok(count) => written = written.saturating_add(count),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    struct Folder {
        dir: tempfile::TempDir,
    }

    impl Folder {
        /// A folder with everything in it that a guest must not reach, and a neighbour.
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let given = dir.path().join("given");
            fs::create_dir_all(given.join("sub")).unwrap();
            fs::write(dir.path().join("secret"), "secret").unwrap();
            fs::write(given.join("a"), "hello").unwrap();
            fs::write(given.join("sub/b"), "deep").unwrap();
            std::os::unix::fs::symlink("../secret", given.join("link")).unwrap();
            std::os::unix::fs::symlink("/", given.join("root")).unwrap();
            rustix::fs::mknodat(
                rustix::fs::CWD,
                given.join("pipe"),
                FileType::Fifo,
                Mode::from_raw_mode(0o600),
                0,
            )
            .unwrap();
            Self { dir }
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.dir.path().join("given").join(name)
        }

        fn run(&self, writable: bool, op: FileOp) -> Done {
            run(&self.path(""), writable, None, op)
        }

        fn answer(&self, op: FileOp) -> FileAnswer {
            self.run(true, op).answer
        }
    }

    fn run(root: &Path, writable: bool, handle: Option<OwnedFd>, op: FileOp) -> Done {
        let root = rustix::fs::open(root, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        perform(Job {
            serial: 1,
            file: 1,
            root: Arc::new(root),
            handle: handle.map(Arc::new),
            writable,
            live: Arc::new(AtomicBool::new(true)),
            op,
        })
    }

    fn stat(path: &str) -> FileOp {
        FileOp::Stat { path: path.to_owned() }
    }

    fn open(path: &str, write: bool, create: bool) -> FileOp {
        FileOp::Open { path: path.to_owned(), write, create, truncate: false }
    }

    fn failure(answer: &FileAnswer) -> Option<Errno> {
        match answer {
            FileAnswer::Failed(errno) => Some(Errno::from_raw_os_error(i32::from(*errno))),
            _ => None,
        }
    }

    #[test]
    fn nothing_outside_is_reached() {
        let folder = Folder::new();
        for path in
            ["link", "root", "root/etc/passwd", "sub/../../secret", "../secret", "/etc/passwd", "pipe"]
        {
            for op in [stat(path), open(path, false, false), open(path, true, true)] {
                let done = folder.run(true, op.clone());
                assert!(failure(&done.answer).is_some(), "{op:?} gave {:?}", done.answer);
                assert!(done.opened.is_none());
            }
            let remove = FileOp::Remove { path: path.to_owned(), folder: false };
            assert!(failure(&folder.answer(remove)).is_some(), "{path}");
            let rename = FileOp::Rename { from: "a".to_owned(), to: path.to_owned() };
            assert!(failure(&folder.answer(rename)).is_some(), "{path}");
        }
        assert_eq!(fs::read(folder.dir.path().join("secret")).unwrap(), b"secret");
        let FileAnswer::Entries { mut entries, more } =
            folder.answer(FileOp::List { path: String::new(), skip: 0 })
        else {
            panic!("no entries")
        };
        entries.sort();
        assert_eq!(entries, [("a".to_owned(), false), ("sub".to_owned(), true)]);
        assert!(!more);
    }

    #[test]
    fn what_is_hidden_was_not_handed_over() {
        let folder = Folder::new();
        fs::create_dir_all(folder.path(".config/autostart")).unwrap();
        for file in [".bashrc", ".config/autostart/a"] {
            fs::write(folder.path(file), "mine").unwrap();
        }
        for path in [".bashrc", ".config", ".config/autostart", ".config/autostart/a", "sub/.new"] {
            let path = path.to_owned();
            for op in [
                stat(&path),
                open(&path, false, false),
                open(&path, true, false),
                open(&path, true, true),
                FileOp::List { path: path.clone(), skip: 0 },
                FileOp::SetLength { path: path.clone(), len: 0 },
                FileOp::MakeFolder { path: path.clone() },
                FileOp::Remove { path: path.clone(), folder: false },
                FileOp::Remove { path: path.clone(), folder: true },
                FileOp::Rename { from: path.clone(), to: "away".to_owned() },
                FileOp::Rename { from: "a".to_owned(), to: path },
            ] {
                let done = folder.run(true, op.clone());
                let errno = failure(&done.answer);
                assert!(matches!(errno, Some(Errno::NOENT | Errno::ACCESS)), "{op:?}: {:?}", done.answer);
                assert!(done.opened.is_none());
            }
        }
        let FileAnswer::Entries { mut entries, .. } =
            folder.answer(FileOp::List { path: String::new(), skip: 0 })
        else {
            panic!("no entries")
        };
        entries.sort();
        assert_eq!(entries, [("a".to_owned(), false), ("sub".to_owned(), true)]);
        for file in [".bashrc", ".config/autostart/a"] {
            assert_eq!(fs::read(folder.path(file)).unwrap(), b"mine");
        }
    }

    #[test]
    fn what_is_read_only_stays_as_it_is() {
        let folder = Folder::new();
        assert_eq!(failure(&folder.run(false, open("a", true, false)).answer), Some(Errno::ROFS));
        assert_eq!(failure(&folder.run(false, open("new", true, true)).answer), Some(Errno::ROFS));
        let (a, b) = ("a".to_owned(), "b".to_owned());
        for op in [
            FileOp::SetLength { path: a.clone(), len: 0 },
            FileOp::MakeFolder { path: b.clone() },
            FileOp::Remove { path: a.clone(), folder: false },
            FileOp::Rename { from: a, to: b },
        ] {
            assert_eq!(failure(&folder.run(false, op.clone()).answer), Some(Errno::ROFS), "{op:?}");
        }
        assert_eq!(fs::read(folder.path("a")).unwrap(), b"hello");
        assert!(!folder.path("new").exists());
    }

    #[test]
    fn files_are_read_and_written_in_pieces() {
        let folder = Folder::new();
        let file = folder.run(true, open("sub/new", true, true)).opened.unwrap();
        let data = vec![7; MAX_DATA];
        let done = run(
            &folder.path(""),
            true,
            Some(file),
            FileOp::Write { handle: 0, offset: 10, data: data.clone() },
        );
        assert_eq!((done.answer, done.written), (FileAnswer::Done, MAX_DATA as u64));
        let file = folder.run(false, open("sub/new", false, false)).opened.unwrap();
        let read = FileOp::Read { handle: 0, offset: 10, len: u32::MAX };
        let done = run(&folder.path(""), false, Some(file.try_clone().unwrap()), read);
        assert_eq!((done.answer, done.read), (FileAnswer::Data(data), MAX_DATA as u64));
        let end = FileOp::Read { handle: 0, offset: MAX_SIZE, len: 1 };
        assert_eq!(run(&folder.path(""), false, Some(file), end).answer, FileAnswer::Data(Vec::new()));
    }

    #[test]
    fn a_guest_can_not_grow_files_without_end() {
        let folder = Folder::new();
        let file = folder.run(true, open("a", true, false)).opened.unwrap();
        let write = FileOp::Write { handle: 0, offset: u64::MAX, data: vec![1] };
        let done = run(&folder.path(""), true, Some(file), write);
        assert_eq!(failure(&done.answer), Some(Errno::FBIG));
        let grow = FileOp::SetLength { path: "a".to_owned(), len: MAX_SIZE + 1 };
        assert_eq!(failure(&folder.answer(grow)), Some(Errno::FBIG));
    }

    #[test]
    fn folders_are_listed_in_pieces_and_changed() {
        let folder = Folder::new();
        for n in 0..250 {
            fs::write(folder.path(&format!("sub/n{n}")), "").unwrap();
        }
        let mut names = Vec::new();
        loop {
            let skip = u32::try_from(names.len()).unwrap();
            let FileAnswer::Entries { entries, more } =
                folder.answer(FileOp::List { path: "sub".to_owned(), skip })
            else {
                panic!("no entries")
            };
            assert!(entries.len() <= MAX_ENTRIES);
            names.extend(entries);
            if !more {
                break;
            }
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 251);
        let made = folder.answer(FileOp::MakeFolder { path: "x".to_owned() });
        assert!(matches!(made, FileAnswer::Stat(FileStat { folder: true, .. })), "{made:?}");
        let moved = FileOp::Rename { from: "a".to_owned(), to: "x/a".to_owned() };
        assert_eq!(folder.answer(moved), FileAnswer::Done);
        let remove = |path: &str, is| FileOp::Remove { path: path.to_owned(), folder: is };
        assert_eq!(failure(&folder.answer(remove("x", true))), Some(Errno::NOTEMPTY));
        assert_eq!(failure(&folder.answer(remove("x/a", true))), Some(Errno::NOTDIR));
        assert_eq!(folder.answer(remove("x/a", false)), FileAnswer::Done);
        assert_eq!(folder.answer(remove("x", true)), FileAnswer::Done);
    }
}
