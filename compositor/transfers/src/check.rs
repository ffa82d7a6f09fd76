// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether bytes are what was announced.
//!
//! In: all bytes that a source wrote, untrusted. Out: nothing, or a [`Mismatch`]. An image is looked at
//! twice: its header here, before anybody spends memory on it, and all of it by decoding and encoding
//! it anew in the shell, so that only pixels cross.

/// Most pixels of an image.
pub const MAX_PIXELS: u64 = 32_000_000;
/// What every PNG begins with.
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Why bytes are not what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    Encoding,
    /// A zero byte: no text has one, and programs in C would cut it there.
    #[error("the text has a zero byte")]
    Nul,
    /// Not a PNG, or a broken one.
    #[error("the image is not a PNG")]
    Image,
    /// More than [`MAX_PIXELS`].
    #[error("the image has more than {MAX_PIXELS} pixels")]
    Pixels,
}

/// Checks text. It crosses as it is: what a control character does is the target's own business, as if
/// the person had typed it.
///
/// # Errors
/// See [`Mismatch`].
pub fn text(bytes: &[u8]) -> Result<(), Mismatch> {
    let text = std::str::from_utf8(bytes).map_err(|_where| Mismatch::Encoding)?;
    if text.contains('\0') { Err(Mismatch::Nul) } else { Ok(()) }
}

/// Checks that this begins like a PNG of a bearable size, and gives its width and height.
///
/// # Errors
/// See [`Mismatch`].
pub fn image_header(bytes: &[u8]) -> Result<(u32, u32), Mismatch> {
    let rest = bytes.strip_prefix(&SIGNATURE).ok_or(Mismatch::Image)?;
    let rest = rest.strip_prefix(b"\0\0\0\x0dIHDR").ok_or(Mismatch::Image)?;
    let (width, rest) = rest.split_first_chunk::<4>().ok_or(Mismatch::Image)?;
    let (height, _) = rest.split_first_chunk::<4>().ok_or(Mismatch::Image)?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    match u64::from(width).checked_mul(u64::from(height)) {
        Some(0) => Err(Mismatch::Image),
        Some(pixels) if pixels <= MAX_PIXELS => Ok((width, height)),
        _ => Err(Mismatch::Pixels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        for (bytes, expected) in [
            (&b"hello\n\tworld \x1b[31m"[..], Ok(())),
            ("käse ж 🎉".as_bytes(), Ok(())),
            (b"", Ok(())),
            (b"a\0b", Err(Mismatch::Nul)),
            (b"\xff\xfe", Err(Mismatch::Encoding)),
            (b"cut \xc3", Err(Mismatch::Encoding)),
            // A surrogate, and an overlong slash.
            (b"\xed\xa0\x80", Err(Mismatch::Encoding)),
            (b"\xc0\xaf", Err(Mismatch::Encoding)),
        ] {
            assert_eq!(text(bytes), expected, "{bytes:?}");
        }
    }

    fn header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(b"\0\0\0\x0dIHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn images() {
        for (width, height, expected) in [
            (1, 1, Ok((1, 1))),
            (8000, 4000, Ok((8000, 4000))),
            (8000, 4001, Err(Mismatch::Pixels)),
            (u32::MAX, u32::MAX, Err(Mismatch::Pixels)),
            (0, 5, Err(Mismatch::Image)),
        ] {
            assert_eq!(image_header(&header(width, height)), expected, "{width}×{height}");
        }
        assert_eq!(image_header(b"GIF89a"), Err(Mismatch::Image));
        for cut in 0..header(1, 1).len() {
            assert_eq!(image_header(&header(1, 1)[..cut]), Err(Mismatch::Image), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn checks_are_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = image_header(&bytes);
            prop_assert_eq!(text(&bytes).is_ok(), String::from_utf8(bytes.clone()).is_ok_and(|t| !t.contains('\0')));
        }
    }
}
