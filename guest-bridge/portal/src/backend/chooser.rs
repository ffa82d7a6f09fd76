// SPDX-License-Identifier: GPL-3.0-or-later
//! File chooser. In: an app's wish for a file, a folder or a place for a new file. Out: the address of the
//! one thing that the person handed over, or "cancelled".

use super::link::Link;
use super::{CANCELLED, Options, Response, SUCCESS, request, value};
use crate::local::{Outcome, bounded, file_uri};
use cofferdam_agent_wire::{FileKind, PortalWish};
use zbus::{Array, ObjectPath, OwnedVariant};
use zbus::{ObjectServer, fdo};

/// Longest name of a file, in bytes.
const MAX_NAME: usize = 255;
/// Most files that one call may save.
const MAX_FILES: usize = 64;

pub(super) struct FileChooser {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.FileChooser")]
impl FileChooser {
    /// One file or folder that exists.
    async fn open_file(
        &self,
        handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        title: &str,
        options: Options,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<Response> {
        let folder = options.get("directory").and_then(|v| bool::try_from(v).ok()).unwrap_or(false);
        let kind = if folder { FileKind::Folder } else { FileKind::File };
        let wish =
            PortalWish::ChooseFile { title: bounded(title), kind, write: false, suggested: String::new() };
        let outcome = request::ask(server, &handle, &self.link, wish).await?;
        Ok(response(outcome, &options, |path| vec![file_uri(path)]))
    }

    /// A place for one new file.
    async fn save_file(
        &self,
        handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        title: &str,
        options: Options,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<Response> {
        let name = options.get("current_name").and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default();
        let wish = PortalWish::ChooseFile {
            title: bounded(title),
            kind: FileKind::NewFile,
            write: true,
            suggested: bounded(name),
        };
        let outcome = request::ask(server, &handle, &self.link, wish).await?;
        Ok(response(outcome, &options, |path| vec![file_uri(path)]))
    }

    /// A folder in which several files are to be saved.
    async fn save_files(
        &self,
        handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        title: &str,
        options: Options,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<Response> {
        let names = names(&options);
        let wish = PortalWish::ChooseFile {
            title: bounded(title),
            kind: FileKind::Folder,
            write: true,
            suggested: String::new(),
        };
        let outcome = request::ask(server, &handle, &self.link, wish).await?;
        Ok(response(outcome, &options, |folder| {
            names.iter().map(|name| file_uri(&format!("{folder}/{name}"))).collect()
        }))
    }
}

/// The names in `files`, byte strings that end with a zero.
fn names(options: &Options) -> Vec<String> {
    let Some(files) = options.get("files").and_then(|v| <&Array<'_>>::try_from(v).ok()) else {
        return Vec::new();
    };
    let name = |file: &zbus::Variant<'_>| -> Option<String> {
        let bytes: Vec<u8> = file.try_clone().ok()?.try_into().ok()?;
        let name = String::from_utf8(bytes.into_iter().take_while(|b| *b != 0).collect()).ok()?;
        let plain =
            !matches!(name.as_str(), "" | "." | "..") && !name.contains('/') && name.len() <= MAX_NAME;
        plain.then_some(name)
    };
    files.iter().take(MAX_FILES).filter_map(name).collect()
}

fn response(outcome: Option<Outcome>, options: &Options, uris: impl FnOnce(&str) -> Vec<String>) -> Response {
    let Some(Outcome::File { path, writable, .. }) = outcome else { return (CANCELLED, Options::new()) };
    let mut results = Options::new();
    let mut put = |key: &str, value: Option<OwnedVariant>| {
        if let Some(value) = value {
            results.insert(key.to_owned(), value);
        }
    };
    put("uris", value(uris(&path)));
    put("writable", value(writable));
    for key in ["current_filter", "choices"] {
        put(key, options.get(key).and_then(|v| v.try_clone().ok()));
    }
    (SUCCESS, results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        let files: Vec<Vec<u8>> =
            ["a.txt\0", "../b", "c/d", ".", "", "ü"].map(|n| n.as_bytes().to_vec()).into();
        let options = Options::from([("files".to_owned(), value(files).unwrap())]);
        assert_eq!(names(&options), ["a.txt", "ü"]);
        let odd = Options::from([("files".to_owned(), value("text").unwrap())]);
        assert!(names(&odd).is_empty());
    }

    #[test]
    fn only_a_file_is_a_success() {
        let options = Options::new();
        for outcome in [None, Some(Outcome::Denied), Some(Outcome::Done)] {
            let (code, results) = response(outcome, &options, |_| vec!["x".to_owned()]);
            assert_eq!((code, results.len()), (CANCELLED, 0));
        }
        let file = Outcome::File { path: "/a b".to_owned(), folder: false, writable: true };
        let (code, results) = response(Some(file), &options, |path| vec![file_uri(path)]);
        assert_eq!(code, SUCCESS);
        let uris: Vec<String> = results["uris"].try_clone().unwrap().try_into().unwrap();
        assert_eq!(uris, ["file:///a%20b"]);
        assert_eq!(bool::try_from(&results["writable"]), Ok(true));
    }
}
