// SPDX-License-Identifier: GPL-3.0-or-later
//! Rules on the numbers in requests.
//!
//! In: numbers as they came, also `i32::MIN` and `i32::MAX`. Out: numbers whose sums and products
//! stay inside 32 bits, or a [`Fault`].

use crate::Fault;

/// Largest coordinate, offset or length that anybody behind this gate is shown: far beyond any
/// screen, and small enough that sums of a few of them fit 32 bits.
pub const COORD_LIMIT: i32 = 1 << 22;
/// Largest edge of a buffer, in pixels; also what the gpu device holds guests to.
pub const MAX_BUFFER_EDGE: i32 = 16_384;
/// All accepted formats have four bytes a pixel.
pub const BYTES_PER_PIXEL: i32 = 4;
/// Largest buffer scale.
pub const MAX_SCALE: i32 = 64;
/// Largest edge that a surface may be scaled to.
pub const MAX_DESTINATION: i32 = 65_536;
/// Rectangles of a region that still mean something; toolkits have a dozen.
pub const MAX_REGION_RECTS: usize = 64;
/// Rectangles of an opaque region that still mean something: `n` that cross each other become `n²` in the
/// renderer.
pub const MAX_OPAQUE_RECTS: usize = 16;
/// Configures that a window or a popup may leave unacknowledged. During a resize by hand a slow client has
/// a few; what is sent beyond this number it would only skip.
pub const MAX_UNACKED: usize = 16;
/// Subsurfaces below subsurfaces.
pub const MAX_TREE_DEPTH: usize = 16;
/// Surfaces of one tree.
pub const MAX_TREE: usize = 512;
/// Largest cursor image, in logical pixels.
pub const MAX_CURSOR: i32 = 128;

/// A coordinate that can't overflow anything.
#[must_use]
pub fn coord(v: i32) -> i32 {
    v.clamp(COORD_LIMIT.saturating_neg(), COORD_LIMIT)
}

/// A length that can't overflow anything; negative ones become 0.
#[must_use]
pub fn length(v: i32) -> i32 {
    v.clamp(0, COORD_LIMIT)
}

/// A smallest or largest size: 0 means none, below 0 is a fault.
///
/// # Errors
/// [`Fault::Size`].
pub fn limit(width: i32, height: i32) -> Result<(i32, i32), Fault> {
    if width < 0 || height < 0 { Err(Fault::Size) } else { Ok((length(width), length(height))) }
}

/// A size that has to have an area.
///
/// # Errors
/// [`Fault::Size`].
pub fn area(width: i32, height: i32) -> Result<(i32, i32), Fault> {
    if width <= 0 || height <= 0 { Err(Fault::Size) } else { Ok((length(width), length(height))) }
}

/// A `wl_shm` buffer inside a pool. Whether the range lies inside the pool is checked where the
/// pool's present size is known; everything that can be said without it is said here.
///
/// # Errors
/// [`Fault::Buffer`] or [`Fault::Alignment`].
pub fn buffer(offset: i32, width: i32, height: i32, stride: i32) -> Result<(), Fault> {
    let edges = 1..=MAX_BUFFER_EDGE;
    if offset < 0 || !edges.contains(&width) || !edges.contains(&height) {
        return Err(Fault::Buffer);
    }
    // Reading unaligned pixels would be undefined behaviour in the renderer.
    if offset.checked_rem(BYTES_PER_PIXEL) != Some(0) || stride.checked_rem(BYTES_PER_PIXEL) != Some(0) {
        return Err(Fault::Alignment);
    }
    let row = width.checked_mul(BYTES_PER_PIXEL).ok_or(Fault::Buffer)?;
    let last = stride.checked_mul(height).and_then(|all| all.checked_add(offset));
    if stride < row || last.is_none() { Err(Fault::Buffer) } else { Ok(()) }
}

/// The size of a pool.
///
/// # Errors
/// [`Fault::PoolSize`].
pub fn pool_size(size: i32) -> Result<i32, Fault> {
    if size > 0 { Ok(size) } else { Err(Fault::PoolSize) }
}

/// A buffer scale.
///
/// # Errors
/// [`Fault::Size`] or [`Fault::TooLarge`].
pub fn scale(scale: i32) -> Result<i32, Fault> {
    match scale {
        i32::MIN..=0 => Err(Fault::Size),
        1..=MAX_SCALE => Ok(scale),
        _ => Err(Fault::TooLarge),
    }
}

/// A viewport's destination. Below 1 is the protocol's own to refuse (-1, -1 takes it back).
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn destination(width: i32, height: i32) -> Result<(), Fault> {
    if width > MAX_DESTINATION || height > MAX_DESTINATION { Err(Fault::TooLarge) } else { Ok(()) }
}

/// A region that already has `rects` rectangles.
///
/// # Errors
/// [`Fault::Region`].
pub fn region(rects: usize) -> Result<(), Fault> {
    if rects > MAX_REGION_RECTS { Err(Fault::Region) } else { Ok(()) }
}

/// An opaque region that has `rects` rectangles.
///
/// # Errors
/// [`Fault::Region`].
pub fn opaque(rects: usize) -> Result<(), Fault> {
    if rects > MAX_OPAQUE_RECTS { Err(Fault::Region) } else { Ok(()) }
}

/// Hanging a tree of `own` surfaces, `below` deep, under a surface with `ancestors` ancestors in a
/// tree of `others` surfaces.
///
/// # Errors
/// [`Fault::Tree`].
pub fn subsurface(ancestors: usize, below: usize, own: usize, others: usize) -> Result<(), Fault> {
    let deep = ancestors.saturating_add(below).saturating_add(1) > MAX_TREE_DEPTH;
    let large = own.saturating_add(others) > MAX_TREE;
    if deep || large { Err(Fault::Tree) } else { Ok(()) }
}

/// A cursor image, in logical pixels.
///
/// # Errors
/// [`Fault::Cursor`].
pub fn cursor(width: i32, height: i32) -> Result<(), Fault> {
    if width > MAX_CURSOR || height > MAX_CURSOR { Err(Fault::Cursor) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buffers() {
        for (offset, width, height, stride, expected) in [
            (0, 640, 480, 2560, Ok(())),
            (4096, 1, 1, 4, Ok(())),
            (0, 16_384, 16_384, 65_536, Ok(())),
            (2, 640, 480, 2560, Err(Fault::Alignment)),
            (0, 640, 480, 2562, Err(Fault::Alignment)),
            (0, 640, 480, 2556, Err(Fault::Buffer)),
            (-4, 640, 480, 2560, Err(Fault::Buffer)),
            (0, 0, 480, 2560, Err(Fault::Buffer)),
            (0, 640, -1, 2560, Err(Fault::Buffer)),
            (0, 16_385, 1, 65_540, Err(Fault::Buffer)),
            (i32::MAX - 3, 640, 480, 2560, Err(Fault::Buffer)),
            (0, 1, 16_384, i32::MAX - 3, Err(Fault::Buffer)),
            (i32::MIN, i32::MIN, i32::MIN, i32::MIN, Err(Fault::Buffer)),
        ] {
            assert_eq!(buffer(offset, width, height, stride), expected, "{offset} {width}×{height}/{stride}");
        }
    }

    #[test]
    fn sizes_and_factors() {
        assert_eq!((limit(0, 5), limit(-1, 5)), (Ok((0, 5)), Err(Fault::Size)));
        assert_eq!((area(1, i32::MAX), area(0, 5)), (Ok((1, COORD_LIMIT)), Err(Fault::Size)));
        assert_eq!((scale(1), scale(0), scale(65)), (Ok(1), Err(Fault::Size), Err(Fault::TooLarge)));
        assert_eq!((destination(-1, -1), destination(65_537, 1)), (Ok(()), Err(Fault::TooLarge)));
        assert_eq!((pool_size(1), pool_size(0)), (Ok(1), Err(Fault::PoolSize)));
        assert_eq!((region(64), region(65)), (Ok(()), Err(Fault::Region)));
        assert_eq!((opaque(16), opaque(17)), (Ok(()), Err(Fault::Region)));
        assert_eq!((cursor(128, 128), cursor(129, 1)), (Ok(()), Err(Fault::Cursor)));
    }

    #[test]
    fn trees() {
        assert_eq!(subsurface(0, 0, 1, 1), Ok(()));
        assert_eq!(subsurface(15, 0, 1, 16), Ok(()));
        assert_eq!(subsurface(15, 1, 1, 16), Err(Fault::Tree));
        assert_eq!(subsurface(0, 0, 1, 512), Err(Fault::Tree));
        assert_eq!(subsurface(usize::MAX, usize::MAX, usize::MAX, usize::MAX), Err(Fault::Tree));
    }

    proptest! {
        #[test]
        fn an_accepted_buffer_ends_where_32_bits_can_say(
            offset in any::<i32>(), width in any::<i32>(), height in any::<i32>(), stride in any::<i32>(),
        ) {
            // Small numbers are rare among all i32, so fold each into a range where some pass.
            for (o, w, h, s) in [
                (offset, width, height, stride),
                (offset & 0x7fff_fffc, width & 0x7fff, height & 0x7fff, stride & 0x7fff_fffc),
            ] {
                if buffer(o, w, h, s).is_ok() {
                    let (o, w, h, s) = (i64::from(o), i64::from(w), i64::from(h), i64::from(s));
                    prop_assert!(o >= 0 && w > 0 && h > 0 && s >= w * 4);
                    prop_assert!(o + s * h <= i64::from(i32::MAX));
                }
            }
        }

        #[test]
        fn clamped_numbers_add_up(a in any::<i32>(), b in any::<i32>()) {
            prop_assert!(coord(a).checked_add(length(b)).is_some());
            prop_assert!(length(a) >= 0);
        }
    }
}
