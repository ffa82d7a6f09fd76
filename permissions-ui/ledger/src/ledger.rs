// SPDX-License-Identifier: GPL-3.0-or-later
//! The ledger. In: a directory, batches of events. Out: all events at the start, and a promise for each
//! batch that it will be among them next time.

use crate::error::{Damage, LedgerError};
use crate::files::{Place, ReplaceError, io_error};
use crate::format::{Entry, HEADER, Header, Link, Scan, frame, scan};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read as _};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What was found when a ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// There was none; an empty one was made.
    pub created: bool,
    /// Bytes of a batch that was never committed, cut off the end.
    pub torn: u64,
    /// What is wrong; nothing can be appended then.
    pub damage: Option<Damage>,
    /// How often it was compacted or repaired, from 1.
    pub generation: u64,
    /// When that was last done, in the caller's unit.
    pub made_at: u64,
    /// The file's size in bytes.
    pub size: u64,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Entries that are still there.
    pub kept: usize,
    /// Entries that are gone.
    pub dropped: usize,
    /// The file's size before, in bytes.
    pub before: u64,
    /// The file's size now.
    pub after: u64,
}

/// Whether it can be written.
#[derive(Debug, Clone)]
enum Health {
    Good,
    Damaged(Damage),
    /// What is on the disk is unknown.
    Failed(String),
}

/// An open ledger. It holds a lock: no other process has it open.
#[derive(Debug)]
pub struct Ledger<E> {
    place: Place,
    file: File,
    /// Bytes that count; the next batch goes there.
    committed: u64,
    tip: Link,
    next_seq: u64,
    generation: u64,
    health: Health,
    _lock: File,
    events: PhantomData<fn(E) -> E>,
}

impl<E: Serialize + DeserializeOwned> Ledger<E> {
    /// Opens the ledger in `dir`, or makes one. A torn end is cut off; a damaged ledger opens read-only.
    ///
    /// # Errors
    /// If another process has it open, or the system refuses.
    pub fn open(dir: &Path) -> Result<(Self, Vec<Entry<E>>, Report), LedgerError> {
        let place = Place::make(dir)?;
        let lock = place.lock()?;
        place.clear()?;
        let (file, created) = match place.open()? {
            Some(file) => (file, false),
            None => (create(&place)?, true),
        };
        let Scan { entries, committed, torn, damage, header, tip, next_seq } = read(&place, &file)?;
        let ledger = Self {
            place,
            file,
            committed,
            tip,
            next_seq,
            generation: header.map_or(0, |h| h.generation),
            health: damage.map_or(Health::Good, Health::Damaged),
            _lock: lock,
            events: PhantomData,
        };
        if torn > 0 {
            let path = ledger.place.ledger();
            tracing::warn!(torn, "a batch was cut off that had not been recorded when the monitor ended");
            ledger.cut().map_err(io_error("can't be cut", &path))?;
        }
        if let Some(damage) = damage {
            tracing::error!(%damage, path = %ledger.place.ledger().display(), "the ledger is damaged");
        }
        let report = Report {
            created,
            torn,
            damage,
            generation: ledger.generation,
            made_at: header.map_or(0, |h| h.made_at),
            size: ledger.committed,
        };
        Ok((ledger, entries, report))
    }

    /// Records a batch, as a whole or not at all; it is on the disk when this returns. Gives back the
    /// number of its first event, the others follow. An empty batch records nothing.
    ///
    /// # Errors
    /// [`LedgerError::NotWritten`] if the disk is full: the file is as before, later appends may work.
    /// All others are lasting.
    pub fn append(&mut self, at: u64, events: &[E]) -> Result<u64, LedgerError> {
        self.check()?;
        let seq = self.next_seq;
        if events.is_empty() {
            return Ok(seq);
        }
        let count = u64::try_from(events.len()).map_err(|_wide| LedgerError::TooLong)?;
        let next_seq = seq.checked_add(count).ok_or(LedgerError::TooLong)?;
        let (bytes, tip) = frame(&self.tip, seq, at, events).ok_or(LedgerError::TooLong)?;
        let written = self.file.write_all_at(&bytes, self.committed).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            if let Err(again) = self.cut() {
                let why = format!("{error}, then {again}");
                tracing::error!(why, "the ledger can't be written any more");
                self.health = Health::Failed(why);
            }
            return Err(LedgerError::NotWritten(error));
        }
        self.committed = self.committed.saturating_add(bytes.len() as u64);
        (self.tip, self.next_seq) = (tip, next_seq);
        Ok(seq)
    }

    /// Writes the ledger anew with what `keep` gives back for each entry: the event, another one in its
    /// place, or nothing. Entries keep their number and time. Until this has succeeded the old file is
    /// the ledger.
    ///
    /// # Errors
    /// As [`Self::append`]; the damage too that is found on the way.
    pub fn compact(
        &mut self,
        at: u64,
        keep: impl FnMut(Entry<E>) -> Option<E>,
    ) -> Result<Compacted, LedgerError> {
        self.check()?;
        let before = self.committed;
        let entries = self.entries()?;
        let all = entries.len();
        let kept = kept(entries, keep);
        let count = kept.len();
        self.rewrite(at, kept)?;
        Ok(Compacted { kept: count, dropped: all - count, before, after: self.committed })
    }

    /// Puts a damaged ledger aside under a name of its own and goes on with what `keep` makes of each entry
    /// before the damage. What stood behind it is unknown: it may have taken something back. Gives back
    /// where the damaged file is now.
    ///
    /// # Errors
    /// If it is not damaged, or the system refuses; then everything is as before.
    pub fn repair(
        &mut self,
        at: u64,
        keep: impl FnMut(Entry<E>) -> Option<E>,
    ) -> Result<PathBuf, LedgerError> {
        let Health::Damaged(_) = self.health else { return Err(LedgerError::NotDamaged) };
        let path = self.place.ledger();
        let entries = read(&self.place, &self.file)?.entries;
        let aside = self.place.set_aside().map_err(io_error("can't be put aside", &path))?;
        self.rewrite(at, kept(entries, keep))?;
        self.health = Health::Good;
        tracing::warn!(aside = %aside.display(), "the damaged ledger was put aside");
        Ok(aside)
    }

    /// All entries, read from the file again.
    ///
    /// # Errors
    /// If it can't be read or is damaged now.
    pub fn entries(&mut self) -> Result<Vec<Entry<E>>, LedgerError> {
        let scan: Scan<E> = read(&self.place, &self.file)?;
        if let Health::Good = self.health
            && let Some(damage) = scan.damage
        {
            self.health = Health::Damaged(damage);
            return Err(LedgerError::Damaged(damage));
        }
        Ok(scan.entries)
    }

    /// What keeps it from being written, if anything does.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Failed`].
    pub fn check(&self) -> Result<(), LedgerError> {
        match &self.health {
            Health::Good => Ok(()),
            Health::Damaged(damage) => Err(LedgerError::Damaged(*damage)),
            Health::Failed(why) => Err(LedgerError::Failed(why.clone())),
        }
    }

    /// The number that the next event will have.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The file's size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.committed
    }

    /// Puts a new file in place that holds `entries` and continues the chain.
    fn rewrite(&mut self, at: u64, entries: Vec<Entry<E>>) -> Result<(), LedgerError> {
        let header = Header {
            generation: self.generation.saturating_add(1),
            made_at: at,
            next_seq: self.next_seq,
            kept_len: 0,
            link: self.tip,
        };
        let (bytes, tip) = snapshot(header, entries).ok_or(LedgerError::TooLong)?;
        match self.place.replace(&bytes) {
            Ok(file) => self.file = file,
            Err(ReplaceError::Before(error)) => return Err(LedgerError::NotWritten(error)),
            Err(ReplaceError::After(error)) => {
                let why = error.to_string();
                self.health = Health::Failed(why.clone());
                return Err(LedgerError::Failed(why));
            }
        }
        self.committed = bytes.len() as u64;
        (self.tip, self.generation) = (tip, header.generation);
        Ok(())
    }

    /// Takes everything behind the committed part off the file.
    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.committed)?;
        self.file.sync_data()
    }
}

/// What is made of entries; they keep their number and time.
fn kept<E>(entries: Vec<Entry<E>>, mut keep: impl FnMut(Entry<E>) -> Option<E>) -> Vec<Entry<E>> {
    let each = entries.into_iter().filter_map(|entry| {
        let (seq, at) = (entry.seq, entry.at);
        keep(entry).map(|event| Entry { seq, at, event })
    });
    each.collect()
}

fn create(place: &Place) -> Result<File, LedgerError> {
    let header = Header { generation: 1, made_at: 0, next_seq: 1, kept_len: 0, link: [0; 32] };
    place.replace(&header.encode()).map_err(|error| {
        let (ReplaceError::Before(source) | ReplaceError::After(source)) = error;
        io_error("can't be made", &place.ledger())(source)
    })
}

fn read<E: DeserializeOwned>(place: &Place, file: &File) -> Result<Scan<E>, LedgerError> {
    let mut bytes = Vec::new();
    let read = io::Seek::rewind(&mut &*file).and_then(|()| (&*file).read_to_end(&mut bytes));
    read.map_err(io_error("can't be read", &place.ledger()))?;
    Ok(scan(&bytes))
}

/// A file with these entries. The header's check depends on how long they are, and they hang on it, so
/// they are written twice; compaction is rare.
fn snapshot<E: Serialize>(mut header: Header, entries: Vec<Entry<E>>) -> Option<(Vec<u8>, Link)> {
    let batches = batches(entries);
    let mut tip = [0; 32];
    let mut kept = 0_u64;
    for (seq, at, events) in &batches {
        kept = kept.checked_add(frame(&tip, *seq, *at, events)?.0.len() as u64)?;
    }
    header.kept_len = kept;
    let mut bytes = header.encode().to_vec();
    tip.copy_from_slice(bytes.get(HEADER - 32..)?);
    for (seq, at, events) in &batches {
        let (frame, next) = frame(&tip, *seq, *at, events)?;
        bytes.extend(frame);
        tip = next;
    }
    Some((bytes, tip))
}

/// Neighbours of one time share a frame, up to a number that keeps it small.
fn batches<E>(entries: Vec<Entry<E>>) -> Vec<(u64, u64, Vec<E>)> {
    const MOST: usize = 16;
    let mut batches: Vec<(u64, u64, Vec<E>)> = Vec::new();
    for Entry { seq, at, event } in entries {
        match batches.last_mut() {
            Some((first, time, events))
                if *time == at
                    && events.len() < MOST
                    && first.checked_add(events.len() as u64) == Some(seq) =>
            {
                events.push(event);
            }
            _ => batches.push((seq, at, vec![event])),
        }
    }
    batches
}
