// SPDX-License-Identifier: GPL-3.0-or-later
//! Which MIME types count as what.
//!
//! In: the MIME types that a source offers. Out: the kinds of content that could cross, which type to
//! read each from, and the types under which a target is told of it. What is not in the table here does
//! not cross between VMs.

use cofferdam_policy::Content;

/// MIME types that are heard of one source; more are ignored.
pub const MAX_KINDS: usize = 256;
/// Longest MIME type that can mean anything here.
const MAX_MIME: usize = 128;

/// Text, the best source first.
const TEXT: [&str; 5] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "TEXT", "STRING"];
/// Text as a target is told of it. `STRING` and `TEXT` would promise other encodings.
const TEXT_OUT: [&str; 3] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain"];
const IMAGE: [&str; 1] = ["image/png"];
const FILES: [&str; 4] = [
    "text/uri-list",
    "x-special/gnome-copied-files",
    "application/vnd.portal.filetransfer",
    "application/vnd.portal.files",
];
/// Beside a list of addresses these say that it is a link or a piece of a page, not files.
const LINK: [&str; 3] = ["text/x-moz-url", "text/html", "_NETSCAPE_URL"];

/// What a MIME type is, if it is anything that could cross.
#[must_use]
pub fn content_of(mime: &str) -> Option<Content> {
    let is =
        |list: &[&str]| mime.len() <= MAX_MIME && list.iter().any(|known| known.eq_ignore_ascii_case(mime));
    if is(&TEXT) {
        Some(Content::Text)
    } else if is(&IMAGE) {
        Some(Content::Image)
    } else if is(&FILES) {
        Some(Content::Files)
    } else {
        None
    }
}

/// The MIME types under which a target is told of content from another VM.
#[must_use]
pub const fn announced(content: Content) -> &'static [&'static str] {
    match content {
        Content::Text => &TEXT_OUT,
        Content::Image => &IMAGE,
        Content::Files => &[],
    }
}

/// What one source offers, as far as it could cross.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    text: Option<String>,
    image: Option<String>,
    files: bool,
    link: bool,
}

impl Kinds {
    /// Looks through the types of a source.
    #[must_use]
    pub fn of<S: AsRef<str>>(mimes: &[S]) -> Self {
        let mimes = || mimes.iter().map(AsRef::as_ref).take(MAX_KINDS);
        // The source is asked in its own spelling.
        let find = |list: &[&str]| {
            let known = |wanted: &&str| mimes().find(|mime| mime.eq_ignore_ascii_case(wanted));
            list.iter().find_map(known).map(str::to_owned)
        };
        Self {
            text: find(&TEXT),
            image: find(&IMAGE),
            files: find(&FILES).is_some(),
            link: find(&LINK).is_some(),
        }
    }

    /// The type to ask the source for, to get this content.
    #[must_use]
    pub fn mime_for(&self, content: Content) -> Option<&str> {
        match content {
            Content::Text => self.text.as_deref(),
            Content::Image => self.image.as_deref(),
            Content::Files => None,
        }
    }

    /// The types under which a target in another VM is told of this source.
    #[must_use]
    pub fn announced(&self) -> Vec<&'static str> {
        [Content::Text, Content::Image]
            .into_iter()
            .filter(|content| self.mime_for(*content).is_some())
            .flat_map(announced)
            .copied()
            .collect()
    }

    /// What is being dragged, if it is anything that has a name: one thing, since one question is asked.
    /// Files can't cross yet: see [`Self::mime_for`].
    #[must_use]
    pub fn dragged(&self) -> Option<Content> {
        if self.files && !self.link && self.image.is_none() {
            return Some(Content::Files);
        }
        if self.image.is_some() {
            return Some(Content::Image);
        }
        self.text.as_ref().map(|_| Content::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mime_types() {
        for (mime, expected) in [
            ("text/plain;charset=utf-8", Some(Content::Text)),
            ("TEXT/plain;charset=UTF-8", Some(Content::Text)),
            ("UTF8_STRING", Some(Content::Text)),
            ("image/png", Some(Content::Image)),
            ("text/uri-list", Some(Content::Files)),
            ("image/svg+xml", None),
            ("text/html", None),
            ("application/x-executable", None),
            ("", None),
            ("text/plain\0", None),
        ] {
            assert_eq!(content_of(mime), expected, "{mime:?}");
        }
        assert_eq!(content_of(&"x".repeat(1 << 20)), None);
    }

    #[test]
    fn sources() {
        let kinds = Kinds::of(&["text/html", "STRING", "Text/Plain;Charset=UTF-8", "image/png"]);
        assert_eq!(kinds.mime_for(Content::Text), Some("Text/Plain;Charset=UTF-8"));
        assert_eq!(kinds.mime_for(Content::Image), Some("image/png"));
        assert_eq!(kinds.announced(), ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "image/png"]);
        assert!(Kinds::of(&["text/html", "text/uri-list"]).announced().is_empty());
        assert_eq!(Kinds::of(&["x"; 300]), Kinds::default());
    }

    #[test]
    fn drags() {
        for (mimes, expected) in [
            (&["text/plain"][..], Some(Content::Text)),
            (&["text/uri-list", "text/plain"], Some(Content::Files)),
            (&["text/uri-list", "text/x-moz-url", "text/plain"], Some(Content::Text)),
            (&["text/uri-list", "text/html", "image/png"], Some(Content::Image)),
            (&["application/x-color"], None),
            (&[], None),
        ] {
            assert_eq!(Kinds::of(mimes).dragged(), expected, "{mimes:?}");
        }
    }
}
