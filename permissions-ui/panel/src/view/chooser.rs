// SPDX-License-Identifier: GPL-3.0-or-later
//! The file chooser's list.
//!
//! In: what is in a folder, what was typed. Out: rows in order, what a typed beginning means, and names
//! that show on one line what is there.

use super::text;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as far as it is text.
    pub name: String,
    /// It can be entered.
    pub folder: bool,
    /// It stands for something else: it can be entered, if that is a folder, but not handed over.
    pub link: bool,
    /// Bytes, of a file.
    pub size: u64,
    /// When it was changed, in milliseconds since the epoch.
    pub modified: u64,
}

/// What an app wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// One file that exists.
    File,
    /// One folder.
    Folder,
    /// A place for a new file.
    NewFile,
}

impl Wanted {
    /// From the monitor's word; what is unknown is the least: a file.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "folder" => Self::Folder,
            "new-file" => Self::NewFile,
            _ => Self::File,
        }
    }

    /// The folder in which the dialog begins. Where a folder is all it takes to hand something over, it
    /// begins nowhere: the person goes to a place first.
    #[must_use]
    pub fn begins_in(self, places: &[(String, PathBuf)]) -> Option<PathBuf> {
        let documents = places.iter().find(|(name, _)| name == "Documents");
        let first = documents.or_else(|| places.first()).filter(|_| self == Self::File);
        first.map(|(_, path)| path.clone())
    }

    /// The dialog's heading.
    #[must_use]
    pub fn heading(self, app: &str) -> String {
        match self {
            Self::File => format!("{app} wants a file"),
            Self::Folder => format!("{app} wants a folder"),
            Self::NewFile => format!("{app} wants to save a file"),
        }
    }
}

/// Folders first, then by name as people read it: `a2` before `a10`, upper and lower case alike.
#[must_use]
pub fn order(a: &Entry, b: &Entry) -> Ordering {
    b.folder.cmp(&a.folder).then_with(|| natural(&a.name, &b.name)).then_with(|| a.name.cmp(&b.name))
}

fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (number(&mut a), number(&mut b));
                match (x.len(), &x).cmp(&(y.len(), &y)) {
                    Ordering::Equal => {}
                    other => return other,
                }
            }
            (Some(x), Some(y)) => match x.to_lowercase().cmp(y.to_lowercase()) {
                Ordering::Equal => {
                    a.next();
                    b.next();
                }
                other => return other,
            },
        }
    }
}

/// The digits that come next, without leading zeros.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    digits
}

/// Hidden things are shown only to those who want them.
#[must_use]
pub fn is_visible(entry: &Entry, hidden: bool) -> bool {
    hidden || !entry.name.starts_with('.')
}

/// Where typing leads: the first entry from `from` on, and around, whose name begins so.
#[must_use]
pub fn type_ahead(entries: &[Entry], from: usize, typed: &str) -> Option<usize> {
    let typed = typed.to_lowercase();
    let begins = |n: &usize| entries.get(*n).is_some_and(|e| e.name.to_lowercase().starts_with(&typed));
    (from..entries.len()).chain(0..from.min(entries.len())).find(begins)
}

/// Whether what a key gives is text: keys without a letter come as control characters, or from the
/// private use area.
#[must_use]
pub fn is_text(typed: &str) -> bool {
    !typed.is_empty() && typed.chars().all(|c| !c.is_control() && !('\u{f700}'..='\u{f8ff}').contains(&c))
}

/// A name on one line, in one direction, no longer than people read: nothing in it can pretend to be
/// something else.
#[must_use]
pub fn shown(name: &str) -> String {
    const LONGEST: usize = 120;
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
    };
    let clean: String = name.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).take(LONGEST).collect();
    if clean.chars().count() < name.chars().count() { format!("{clean}…") } else { clean }
}

/// Where a folder is, as people say it: their own begin with "Home".
#[must_use]
pub fn place(path: &Path, home: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(rest) if home != Path::new("/") => {
            let parts = rest.iter().map(|part| part.to_string_lossy());
            std::iter::once("Home".into()).chain(parts).collect::<Vec<_>>().join(" › ")
        }
        _ => path.display().to_string(),
    }
}

/// What stands beside a name.
#[must_use]
pub fn detail(entry: &Entry) -> String {
    match (entry.folder, entry.link) {
        (true, _) => String::new(),
        (false, true) => "a link; can't be handed over".to_owned(),
        (false, false) => text::bytes(entry.size),
    }
}

/// Whether this entry can be what the app wants.
#[must_use]
pub fn fits(entry: &Entry, wanted: Wanted) -> bool {
    match wanted {
        Wanted::File => !entry.folder && !entry.link,
        Wanted::Folder => entry.folder && !entry.link,
        Wanted::NewFile => false,
    }
}

/// Whether a name can be that of a new file.
///
/// # Errors
/// A sentence that says why not.
pub fn new_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("Give the file a name."),
        "." | ".." => Err("That is no name for a file."),
        _ if name.contains('/') || name.chars().any(char::is_control) => Err("A name can't contain “/”."),
        _ if name.len() > 255 => Err("That name is too long."),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, folder: bool) -> Entry {
        Entry { name: name.into(), folder, link: false, size: 0, modified: 0 }
    }

    #[test]
    fn no_folder_is_chosen_by_nobody() {
        let places = [("Home", "/h"), ("Documents", "/h/d")].map(|(n, p)| (n.to_owned(), PathBuf::from(p)));
        assert_eq!(Wanted::File.begins_in(&places), Some("/h/d".into()));
        assert_eq!(Wanted::File.begins_in(&places[..1]), Some("/h".into()));
        assert_eq!(Wanted::Folder.begins_in(&places), None);
        assert_eq!(Wanted::NewFile.begins_in(&places), None);
    }

    #[test]
    fn sorted_as_people_do() {
        let mut all: Vec<Entry> =
            ["b", "a10", "a2", "A1", "a02b", "ä", ""].iter().map(|n| entry(n, false)).collect();
        all.push(entry("zoo", true));
        all.sort_by(order);
        let names: Vec<&str> = all.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["zoo", "", "A1", "a2", "a02b", "a10", "b", "ä"]);
    }

    #[test]
    fn typing_finds() {
        let all: Vec<Entry> = ["alpha", "Beta", "beat", "gamma"].iter().map(|n| entry(n, false)).collect();
        for (from, typed, found) in
            [(0, "b", Some(1)), (2, "b", Some(2)), (3, "be", Some(1)), (0, "x", None), (9, "g", None)]
        {
            let found = if from == 9 { Some(3) } else { found };
            assert_eq!(type_ahead(&all, from, typed), found, "{from} {typed}");
        }
        assert_eq!(type_ahead(&[], 0, "a"), None);
    }

    #[test]
    fn names_can_not_lie() {
        assert_eq!(shown("photo.jpg"), "photo.jpg");
        assert_eq!(shown("exe\u{202e}gpj.scr"), "exe\u{fffd}gpj.scr");
        assert_eq!(shown("two\nlines"), "two\u{fffd}lines");
        assert!(shown(&"x".repeat(500)).chars().count() <= 121);
    }

    #[test]
    fn places_are_said_as_people_say_them() {
        let say = |path: &str, home: &str| place(Path::new(path), Path::new(home));
        assert_eq!(say("/home/anna", "/home/anna"), "Home");
        assert_eq!(say("/home/anna/Documents/a b", "/home/anna"), "Home › Documents › a b");
        for elsewhere in ["/home", "/home/annabel", "/media/stick"] {
            assert_eq!(say(elsewhere, "/home/anna"), elsewhere);
        }
        assert_eq!(say("/etc", "/"), "/etc");
    }

    #[test]
    fn what_can_be_handed_over() {
        let (file, folder) = (entry("f", false), entry("d", true));
        let link = Entry { link: true, ..entry("l", false) };
        assert!(fits(&file, Wanted::File) && !fits(&folder, Wanted::File) && !fits(&link, Wanted::File));
        assert!(fits(&folder, Wanted::Folder) && !fits(&file, Wanted::Folder));
        assert!(!fits(&file, Wanted::NewFile), "what exists is not written over");
        assert!(new_name("a.txt").is_ok());
        for bad in ["", ".", "..", "a/b", "a\nb"] {
            assert!(new_name(bad).is_err(), "{bad:?}");
        }
    }
}
