// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what the device answers. Out: the bytes for the writable descriptors; tests read them back.

use super::Header;
use crate::DecodeError;
use crate::reader::Reader;

/// Scanouts in the answer to `GET_DISPLAY_INFO`, fixed by the format.
pub const SCANOUTS: usize = 16;

/// A response code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseCode(pub u32);

impl ResponseCode {
    /// Done, nothing to say.
    pub const OK_NODATA: Self = Self(0x1100);
    /// Scanouts follow.
    pub const OK_DISPLAY_INFO: Self = Self(0x1101);
    /// A capset's description follows.
    pub const OK_CAPSET_INFO: Self = Self(0x1102);
    /// A capset follows.
    pub const OK_CAPSET: Self = Self(0x1103);
    /// A mapping's caching follows.
    pub const OK_MAP_INFO: Self = Self(0x1106);
    /// Refused for no reason that the driver knows.
    pub const ERR_UNSPEC: Self = Self(0x1200);
    /// A quota or the memory is used up.
    pub const ERR_OUT_OF_MEMORY: Self = Self(0x1201);
    /// No such resource.
    pub const ERR_INVALID_RESOURCE_ID: Self = Self(0x1203);
    /// No such context.
    pub const ERR_INVALID_CONTEXT_ID: Self = Self(0x1204);
    /// A parameter is malformed or out of range.
    pub const ERR_INVALID_PARAMETER: Self = Self(0x1205);

    /// Whether it says no.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= Self::ERR_UNSPEC.0
    }
}

/// How the guest may cache a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapCache {
    /// Like its own memory.
    Cached,
    /// Not at all.
    Uncached,
    /// Writes may be combined.
    WriteCombining,
}

/// One scanout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DisplayMode {
    /// Position and size.
    pub rect: [u32; 4],
    /// Whether something is plugged in; never, here.
    pub enabled: bool,
}

/// Description of a capset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapsetInfo {
    /// Its id.
    pub id: u32,
    /// Highest version.
    pub max_version: u32,
    /// Largest size in bytes.
    pub max_size: u32,
}

/// A response's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response<'a> {
    /// Done.
    NoData,
    /// The scanouts.
    DisplayInfo(&'a [DisplayMode; SCANOUTS]),
    /// A capset's description.
    CapsetInfo(CapsetInfo),
    /// A capset.
    Capset(&'a [u8]),
    /// A blob was mapped.
    MapInfo(MapCache),
    /// Refused.
    Error(ResponseCode),
}

impl<'a> Response<'a> {
    /// Its code.
    #[must_use]
    pub const fn code(&self) -> ResponseCode {
        match self {
            Self::NoData => ResponseCode::OK_NODATA,
            Self::DisplayInfo(_) => ResponseCode::OK_DISPLAY_INFO,
            Self::CapsetInfo(_) => ResponseCode::OK_CAPSET_INFO,
            Self::Capset(_) => ResponseCode::OK_CAPSET,
            Self::MapInfo(_) => ResponseCode::OK_MAP_INFO,
            Self::Error(code) => *code,
        }
    }

    /// Appends header and payload of the answer to `request`, with its fence.
    pub fn encode(&self, request: &Header, out: &mut Vec<u8>) {
        request.reply(self.code()).encode(out);
        let mut words = |words: &[u32]| {
            for word in words {
                out.extend_from_slice(&word.to_le_bytes());
            }
        };
        match *self {
            Self::NoData | Self::Error(_) => {}
            Self::DisplayInfo(modes) => {
                for mode in modes {
                    words(&mode.rect);
                    words(&[mode.enabled.into(), 0]);
                }
            }
            Self::CapsetInfo(info) => words(&[info.id, info.max_version, info.max_size, 0]),
            Self::Capset(bytes) => out.extend_from_slice(bytes),
            Self::MapInfo(cache) => words(&[cache.wire(), 0]),
        }
    }

    /// Reads what the guest's driver would read. The modes of a display info are skipped: they never matter to
    /// a render-only guest, so they come back as disabled.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &'a [u8]) -> Result<(Header, Self), DecodeError> {
        const NONE: [DisplayMode; SCANOUTS] = [DisplayMode { rect: [0; 4], enabled: false }; SCANOUTS];
        let header = Header::decode(bytes)?;
        let mut r = Reader::new("response", bytes);
        r.take(super::HEADER)?;
        let response = match ResponseCode(header.kind) {
            ResponseCode::OK_NODATA => Self::NoData,
            ResponseCode::OK_DISPLAY_INFO => {
                r.take(SCANOUTS.saturating_mul(24))?;
                Self::DisplayInfo(&NONE)
            }
            ResponseCode::OK_CAPSET_INFO => {
                let [id, max_version, max_size, _pad] = r.words()?;
                Self::CapsetInfo(CapsetInfo { id, max_version, max_size })
            }
            ResponseCode::OK_CAPSET => Self::Capset(r.rest()),
            ResponseCode::OK_MAP_INFO => Self::MapInfo(MapCache::from_wire(r.u32()?)?),
            code if code.is_error() => Self::Error(code),
            code => return Err(DecodeError::Unknown { what: "response", code: code.0 }),
        };
        Ok((header, response))
    }
}

impl MapCache {
    const fn wire(self) -> u32 {
        match self {
            Self::Cached => 1,
            Self::Uncached => 2,
            Self::WriteCombining => 3,
        }
    }

    const fn from_wire(value: u32) -> Result<Self, DecodeError> {
        Ok(match value {
            1 => Self::Cached,
            2 => Self::Uncached,
            3 => Self::WriteCombining,
            code => return Err(DecodeError::Unknown { what: "map info", code }),
        })
    }
}
