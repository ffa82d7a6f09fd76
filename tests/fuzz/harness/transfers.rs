// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if what crosses between VMs is not what it is said to be.

#[path = "../../../compositor/session/src/protocols/selection/redraw.rs"]
mod redraw;

use cofferdam_transfers::{MAX_PIXELS, image_header, text};

/// What a source gave as a text or an image.
pub fn image(data: &[u8]) {
    assert_eq!(text(data).is_ok(), std::str::from_utf8(data).is_ok_and(|t| !t.contains('\0')));
    let Ok((width, height)) = image_header(data) else { return };
    assert!((1..=MAX_PIXELS).contains(&u64::from(width).saturating_mul(u64::from(height))));
    // Larger ones are as right and only slower.
    if width > 512 || height > 512 {
        return;
    }
    let Some(drawn) = redraw::redraw(data) else { return };
    assert_eq!(image_header(drawn.bytes()), Ok((width, height)), "the same size");
    let again = redraw::redraw(drawn.bytes()).expect("what we drew is an image");
    assert!(again.bytes() == drawn.bytes(), "drawn once, drawn for ever");
}
