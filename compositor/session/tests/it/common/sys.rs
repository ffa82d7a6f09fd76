// SPDX-License-Identifier: GPL-3.0-or-later
//! How much memory a thread has taken.
//!
//! In: every allocation of the test program. Out: per thread, the bytes that it took and did not give
//! back. The compositor runs on a thread of its own, so its number is what clients leave in it.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

/// The bytes that the calling thread has taken and not given back.
pub(crate) fn taken() -> isize {
    TAKEN.get()
}

fn count(by: isize) {
    // A thread that ends has no cell any more, and nobody who asks.
    let _ = TAKEN.try_with(|taken| taken.set(taken.get().wrapping_add(by)));
}

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises about the layout are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(layout.size().cast_signed().wrapping_neg());
        // SAFETY: the block came from the same allocator with the same layout.
        unsafe { System.dealloc(place, layout) }
    }
}
