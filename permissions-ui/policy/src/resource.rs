// SPDX-License-Identifier: GPL-3.0-or-later
//! What can be asked for.

use crate::{Contact, Host, Zone};
use cofferdam_ids::VmId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of resource: a line each in the panel, with a level of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Talking to other computers.
    Network,
    /// What another VM copied.
    Clipboard,
    /// What is dragged here from another VM.
    DragAndDrop,
    /// Files of the person, one by one, by the trusted chooser.
    Files,
    /// Having another app open an address or a file.
    OpenUri,
    /// The microphone.
    Microphone,
    /// The camera.
    Camera,
    /// USB and other devices.
    Devices,
    /// Pictures of the screen.
    ScreenCapture,
    /// Notifications.
    Notifications,
    /// Keeping the screen on.
    IdleInhibit,
    /// Running without a window.
    Background,
}

impl Kind {
    /// All, in the order in which people see them.
    pub const ALL: [Self; 12] = [
        Self::Network,
        Self::Clipboard,
        Self::DragAndDrop,
        Self::Files,
        Self::OpenUri,
        Self::Microphone,
        Self::Camera,
        Self::Devices,
        Self::ScreenCapture,
        Self::Notifications,
        Self::IdleInhibit,
        Self::Background,
    ];

    /// The name on the command line, in rule files and on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Clipboard => "clipboard",
            Self::DragAndDrop => "drag-and-drop",
            Self::Files => "files",
            Self::OpenUri => "open-uri",
            Self::Microphone => "microphone",
            Self::Camera => "camera",
            Self::Devices => "devices",
            Self::ScreenCapture => "screen-capture",
            Self::Notifications => "notifications",
            Self::IdleInhibit => "idle-inhibit",
            Self::Background => "background",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a transfer carries. Anything else does not cross between VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// UTF-8 text.
    Text,
    /// A PNG image.
    Image,
    /// A list of files.
    Files,
}

/// How a file may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAccess {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// What the chooser is to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// One file that exists.
    File,
    /// One folder.
    Folder,
    /// A place for one new file.
    NewFile,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resource {
    /// To talk to somebody.
    Network(Contact),
    /// To read what another VM copied.
    Clipboard {
        /// The VM that copied it.
        from: VmId,
        /// What it is.
        content: Content,
    },
    /// To be given what is dragged from another VM.
    DragAndDrop {
        /// The VM it is dragged from.
        from: VmId,
        /// What it is.
        content: Content,
    },
    /// A file of the person.
    Files {
        /// Which kind.
        kind: FileKind,
        /// For what.
        access: FileAccess,
    },
    /// To have an address opened elsewhere.
    OpenUri {
        /// Its scheme, such as `https`; at most 32 characters of a–z, 0–9, `+`, `-`, `.`.
        scheme: String,
    },
    /// Anything that has no detail.
    Plain(Kind),
}

/// What a grant covers: requests with the same key are the same question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Key {
    /// A site, at any port.
    Site {
        /// Who.
        host: Host,
        /// Where.
        zone: Zone,
    },
    /// A pair of VMs, a direction and a kind of content; the subject receives.
    Paste {
        /// The VM that gives.
        from: VmId,
        /// What.
        content: Content,
    },
    /// The same by drag and drop.
    Drop {
        /// The VM that gives.
        from: VmId,
        /// What.
        content: Content,
    },
    /// Use of the chooser.
    Files {
        /// For what.
        access: FileAccess,
    },
    /// Addresses of one scheme.
    Scheme(String),
    /// Everybody in one part of the network.
    Zone(Zone),
    /// All of a kind. A yes about the whole network is about the Internet only.
    All(Kind),
}

impl Resource {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Network(_) => Kind::Network,
            Self::Clipboard { .. } => Kind::Clipboard,
            Self::DragAndDrop { .. } => Kind::DragAndDrop,
            Self::Files { .. } => Kind::Files,
            Self::OpenUri { .. } => Kind::OpenUri,
            Self::Plain(kind) => *kind,
        }
    }

    /// What a grant for it covers.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Network(contact) => Key::Site { host: contact.host.clone(), zone: contact.zone },
            Self::Clipboard { from, content } => Key::Paste { from: from.clone(), content: *content },
            Self::DragAndDrop { from, content } => Key::Drop { from: from.clone(), content: *content },
            Self::Files { access, .. } => Key::Files { access: *access },
            Self::OpenUri { scheme } => Key::Scheme(scheme.clone()),
            Self::Plain(kind) => Key::All(*kind),
        }
    }
}

impl Key {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Site { .. } | Self::Zone(_) => Kind::Network,
            Self::Paste { .. } => Kind::Clipboard,
            Self::Drop { .. } => Kind::DragAndDrop,
            Self::Files { .. } => Kind::Files,
            Self::Scheme(_) => Kind::OpenUri,
            Self::All(kind) => *kind,
        }
    }
}
