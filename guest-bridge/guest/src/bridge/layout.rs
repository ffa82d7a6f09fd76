// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: the geometry of images. Out: sizes of blobs and the spans of bytes that a copy moves.

use super::damage::Rect;

/// What a page of the arena measures.
const PAGE: u64 = 4096;
/// Row lengths are multiples of this, so that a GPU can read the arena directly later.
const STRIDE_ALIGN: u32 = 256;
/// Largest width and height the device accepts.
pub(crate) const MAX_SIDE: i32 = 16_384;

/// Rounds a size up to its class: a quarter of a power of two, whole pages.
///
/// Windows that are being resized then find a fitting blob again, at the cost of at most a quarter.
pub(crate) fn size_class(bytes: u64) -> Option<u64> {
    let bytes = bytes.max(1);
    let step = (bytes.checked_next_power_of_two()? / 8).max(PAGE);
    bytes.checked_next_multiple_of(step)
}

/// Bytes of a pixel of a `wl_shm` format, `None` if the bridge does not know it.
///
/// A format that is not here is neither announced to apps nor accepted from them.
pub(crate) const fn bytes_per_pixel(format: u32) -> Option<u32> {
    match &format.to_le_bytes() {
        // argb8888 and xrgb8888 have numbers of their own instead of the code of the letters.
        [0 | 1, 0, 0, 0] => Some(4),
        b"AB24" | b"XB24" | b"RA24" | b"RX24" | b"BA24" | b"BX24" => Some(4),
        b"AR30" | b"XR30" | b"AB30" | b"XB30" => Some(4),
        b"RG16" | b"BG16" => Some(2),
        _ => None,
    }
}

/// Size and format of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Pixels, above 0.
    pub(crate) width: i32,
    /// Pixels, above 0.
    pub(crate) height: i32,
    /// `wl_shm` format.
    pub(crate) format: u32,
}

impl Geometry {
    /// All of it.
    pub(crate) const fn bounds(self) -> Rect {
        Rect { x0: 0, y0: 0, x1: self.width, y1: self.height }
    }

    /// Bytes of a pixel.
    pub(crate) fn pixel(self) -> Option<u32> {
        bytes_per_pixel(self.format)
    }

    /// Bytes of this many pixels.
    pub(crate) fn bytes_of(self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.pixel().unwrap_or_default().into())
    }

    /// The row length of our own copies.
    pub(crate) fn own_stride(self) -> Option<u32> {
        u32::try_from(self.width).ok()?.checked_mul(self.pixel()?)?.checked_next_multiple_of(STRIDE_ALIGN)
    }

    /// Bytes of our own copies.
    pub(crate) fn own_size(self) -> Option<u64> {
        u64::from(self.own_stride()?).checked_mul(u64::try_from(self.height).ok()?)
    }
}

/// Bytes to move from an app's image to our copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Offset in the app's pool.
    pub(crate) from: u64,
    /// Offset in the blob.
    pub(crate) to: usize,
    /// Bytes.
    pub(crate) len: usize,
}

/// Where the app's image lies in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    /// Offset of the first row.
    pub(crate) offset: u64,
    /// Bytes from row to row.
    pub(crate) stride: u32,
}

/// The spans of `rect`, which must lie within the image: a row each, or one for all if the rows are
/// contiguous in both places. Empty on a geometry that does not fit the machine, which the caller has refused.
pub(crate) fn spans(geometry: Geometry, source: Source, rect: Rect) -> impl Iterator<Item = Span> + use<> {
    plan(geometry, source, rect).into_iter().flat_map(|(first, rows, from_step, to_step)| {
        (0..rows).map_while(move |row| {
            Some(Span {
                from: first.from.checked_add(from_step.checked_mul(row)?)?,
                to: first.to.checked_add(usize::try_from(to_step.checked_mul(row)?).ok()?)?,
                len: first.len,
            })
        })
    })
}

fn plan(geometry: Geometry, source: Source, rect: Rect) -> Option<(Span, u64, u64, u64)> {
    let pixel = u64::from(geometry.pixel()?);
    let stride = u64::from(geometry.own_stride()?);
    let from_stride = u64::from(source.stride);
    let (x, y) = (u64::try_from(rect.x0).ok()?, u64::try_from(rect.y0).ok()?);
    let (width, rows) = (u64::try_from(rect.width()).ok()?, u64::try_from(rect.height()).ok()?);
    let column = x.checked_mul(pixel)?;
    let from = source.offset.checked_add(y.checked_mul(from_stride)?)?.checked_add(column)?;
    let to = y.checked_mul(stride)?.checked_add(column)?;
    let len = width.checked_mul(pixel)?;
    let whole_rows = rect.x0 == 0 && rect.x1 == geometry.width && from_stride == stride;
    let (len, rows) = if whole_rows && rows > 0 {
        // The last row ends with its pixels: the pool may end there.
        (stride.checked_mul(rows.checked_sub(1)?)?.checked_add(len)?, 1)
    } else {
        (len, rows)
    };
    let span = Span { from, to: usize::try_from(to).ok()?, len: usize::try_from(len).ok()? };
    Some((span, rows, from_stride, stride))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes() {
        let check = |bytes: u64, class: u64| assert_eq!(size_class(bytes), Some(class), "{bytes}");
        check(0, 4096);
        check(1, 4096);
        check(4096, 4096);
        check(4097, 8192);
        check(1920 * 1080 * 4, 8 * 1024 * 1024);
        check((8 << 20) + 1, 10 << 20);
        for bytes in (1..2_000_000u64).step_by(977) {
            let class = size_class(bytes).unwrap();
            assert!(class >= bytes && class.is_multiple_of(PAGE));
            assert!(class < bytes + bytes / 4 + PAGE, "{bytes} wastes too much");
            assert_eq!(size_class(class), Some(class));
        }
        assert_eq!(size_class(u64::MAX), None);
    }

    #[test]
    fn own_rows_are_aligned() {
        let geometry = Geometry { width: 65, height: 3, format: 0 };
        assert_eq!(geometry.own_stride(), Some(512));
        assert_eq!(geometry.own_size(), Some(1536));
        assert_eq!(Geometry { width: 1, height: 1, format: 0x3631_4752 }.own_stride(), Some(256));
        assert_eq!(Geometry { width: 1, height: 1, format: 77 }.own_stride(), None);
    }

    fn check(geometry: Geometry, source: Source, rect: Rect, expected: &[(u64, usize, usize)]) {
        let got: Vec<_> = spans(geometry, source, rect).map(|s| (s.from, s.to, s.len)).collect();
        assert_eq!(got, expected, "{rect:?}");
    }

    #[test]
    fn spans_of_a_copy() {
        let geometry = Geometry { width: 64, height: 3, format: 1 };
        let narrow = Source { offset: 100, stride: 300 };
        let rect = |x, y, w, h| Rect::new(x, y, w, h).unwrap();
        check(geometry, narrow, rect(2, 1, 3, 2), &[(408, 264, 12), (708, 520, 12)]);
        check(geometry, narrow, rect(0, 0, 64, 2), &[(100, 0, 256), (400, 256, 256)]);
        let same = Source { offset: 100, stride: 256 };
        check(geometry, same, rect(0, 1, 64, 2), &[(356, 256, 512)]);
        check(geometry, same, rect(1, 1, 63, 1), &[(360, 260, 252)]);
    }
}
