// SPDX-License-Identifier: GPL-3.0-or-later
//! From a guest's words to the monitor's. In: wishes and file operations with strings that the guest chose.
//! Out: the same with labels and checked addresses and paths, or a [`Fault`]. Pure.

use super::fault::Fault;
use cofferdam_agent_wire::{
    FileKind as GuestKind, FileOp, MAX_DATA, MAX_PATH, MAX_TEXT, PortalWish as GuestWish,
};
use cofferdam_ids::{Label, Passage, is_scheme};
use cofferdam_monitor_wire::point::PortalWish;
use cofferdam_policy::{FileAccess, FileKind};

/// Longest name in a path, in bytes.
const MAX_NAME: usize = 255;

/// A guest's wish as the monitor hears it.
pub(crate) fn translate(wish: GuestWish) -> Result<PortalWish, Fault> {
    Ok(match wish {
        GuestWish::ChooseFile { title, kind, write, suggested } => PortalWish::ChooseFile {
            title: label(&title)?,
            kind: match kind {
                GuestKind::File => FileKind::File,
                GuestKind::Folder => FileKind::Folder,
                GuestKind::NewFile => FileKind::NewFile,
            },
            access: if write { FileAccess::Write } else { FileAccess::Read },
            suggested: Label::new(&file_name(label(&suggested)?.as_str())),
        },
        GuestWish::OpenUri { uri } => {
            check_address(&uri)?;
            PortalWish::OpenUri { uri }
        }
        GuestWish::Notify { tag, title, body } => {
            PortalWish::Notify { tag, title: label(&title)?, body: passage(&body)? }
        }
        GuestWish::Unnotify { tag } => PortalWish::Unnotify { tag },
        GuestWish::InhibitIdle { reason } => PortalWish::InhibitIdle { reason: label(&reason)? },
        GuestWish::Screenshot => PortalWish::Screenshot,
    })
}

fn label(text: &str) -> Result<Label, Fault> {
    if text.len() > MAX_TEXT { Err(Fault::TooLong) } else { Ok(Label::new(text)) }
}

fn passage(text: &str) -> Result<Passage, Fault> {
    if text.len() > MAX_TEXT { Err(Fault::TooLong) } else { Ok(Passage::new(text)) }
}

/// A proposal for a name, without what could make it a path or hide the file.
fn file_name(proposed: &str) -> String {
    let name = proposed.rsplit('/').next().unwrap_or_default();
    name.trim_start_matches('.').to_owned()
}

/// Checks that an address is one: a scheme, then visible ASCII, as a URI has it.
pub(crate) fn check_address(uri: &str) -> Result<(), Fault> {
    if uri.len() > MAX_TEXT {
        return Err(Fault::TooLong);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(Fault::NoAddress)?;
    let rest_ok = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
    if is_scheme(&scheme.to_ascii_lowercase()) && rest_ok { Ok(()) } else { Err(Fault::NoAddress) }
}

/// Checks paths and lengths of a file operation.
pub(crate) fn check_op(op: &FileOp) -> Result<(), Fault> {
    match op {
        FileOp::Stat { path } | FileOp::List { path, .. } | FileOp::Open { path, .. } => check_path(path),
        FileOp::SetLength { path, .. } => check_path(path),
        FileOp::MakeFolder { path } | FileOp::Remove { path, .. } => check_inner(path),
        FileOp::Rename { from, to } => check_inner(from).and_then(|()| check_inner(to)),
        FileOp::Read { len, .. } if usize::try_from(*len).map_or(true, |len| len > MAX_DATA) => {
            Err(Fault::TooMuch)
        }
        FileOp::Write { data, .. } if data.len() > MAX_DATA => Err(Fault::TooMuch),
        FileOp::Read { .. } | FileOp::Write { .. } | FileOp::Sync { .. } | FileOp::Close { .. } => Ok(()),
    }
}

/// A path that names something below what was handed over.
fn check_inner(path: &str) -> Result<(), Fault> {
    if path.is_empty() { Err(Fault::BadPath) } else { check_path(path) }
}

fn check_path(path: &str) -> Result<(), Fault> {
    let name_ok =
        |name: &str| !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME && !name.contains('\0');
    let ok = path.is_empty() || (path.len() <= MAX_PATH && path.split('/').all(name_ok));
    if ok { Ok(()) } else { Err(Fault::BadPath) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (uri, expected) in [
            ("https://example.org/a?b=c#d", Ok(())),
            ("mailto:a@example.org", Ok(())),
            ("x:y", Ok(())),
            ("", Err(Fault::NoAddress)),
            ("https:", Err(Fault::NoAddress)),
            ("--help", Err(Fault::NoAddress)),
            ("-x:y", Err(Fault::NoAddress)),
            ("/etc/passwd", Err(Fault::NoAddress)),
            ("1a:b", Err(Fault::NoAddress)),
            ("https://example.org/\u{202e}gpj.exe", Err(Fault::NoAddress)),
            ("https://ex\u{200b}ample.org/", Err(Fault::NoAddress)),
            ("https://example.org/ b", Err(Fault::NoAddress)),
            ("https://example.org/\n", Err(Fault::NoAddress)),
            ("https://example.org/\0", Err(Fault::NoAddress)),
        ] {
            assert_eq!(check_address(uri), expected, "{uri:?}");
        }
        assert_eq!(check_address(&format!("{}:x", "a".repeat(33))), Err(Fault::NoAddress));
        assert_eq!(check_address(&format!("https:{}", "a".repeat(5000))), Err(Fault::TooLong));
    }

    #[test]
    fn paths() {
        for (path, ok) in [
            ("", true),
            ("a", true),
            ("a/b c/ü", true),
            ("..a/b..", true),
            ("..", false),
            ("a/../b", false),
            ("./a", false),
            ("/a", false),
            ("a/", false),
            ("a//b", false),
            ("a\0b", false),
        ] {
            assert_eq!(check_path(path).is_ok(), ok, "{path:?}");
        }
        assert!(check_path(&"a".repeat(256)).is_err());
        assert!(check_path(&"a/".repeat(600)).is_err());
        assert!(check_inner("").is_err());
    }

    #[test]
    fn what_is_shown_is_clean() {
        let wish = GuestWish::ChooseFile {
            title: "Pay\u{202e}\n\u{200b} now".to_owned(),
            kind: GuestKind::NewFile,
            write: true,
            suggested: "../../.ssh/\u{202e}.authorized_keys".to_owned(),
        };
        let Ok(PortalWish::ChooseFile { title, suggested, .. }) = translate(wish) else { panic!("no wish") };
        assert_eq!(title.as_str(), "Pay now");
        assert_eq!(suggested.as_str(), "authorized_keys");
        let long = GuestWish::Notify { tag: 1, title: "x".repeat(MAX_TEXT + 1), body: String::new() };
        assert_eq!(translate(long), Err(Fault::TooLong));
    }
}
