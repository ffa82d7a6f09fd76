// SPDX-License-Identifier: GPL-3.0-or-later
//! In: rings of all sizes and counters of all values. Out: where records lie, and that lies change nothing.

#[cfg(test)]
mod tests {
    use cofferdam_xdomain::Limits;
    use cofferdam_xdomain::channel::CMD_HEADER;
    use cofferdam_xdomain::ring::{Consumer, DATA, Producer, RingError, RingLayout, Span};
    use proptest::prelude::*;

    const CAPACITY: u32 = 65536;
    const BLOB: u64 = 65536 + 4096;

    fn layout() -> RingLayout {
        RingLayout::new(CAPACITY, BLOB, &Limits::DEFAULT).unwrap()
    }

    fn header(len: u16) -> [u8; CMD_HEADER] {
        let [low, high] = len.to_le_bytes();
        [5, 0, low, high, 0, 0, 0, 0]
    }

    #[test]
    fn only_powers_of_two_within_limits_and_blob() {
        let check = |capacity, blob, expected: Result<(), RingError>| {
            assert_eq!(RingLayout::new(capacity, blob, &Limits::DEFAULT).map(|_| ()), expected);
        };
        check(CAPACITY, BLOB, Ok(()));
        check(2 * CAPACITY, BLOB + u64::from(CAPACITY), Ok(()));
        check(4 * CAPACITY, u64::MAX, Ok(()));
        check(CAPACITY, BLOB - 1, Err(RingError::Blob { capacity: CAPACITY, blob: BLOB - 1 }));
        for bad in [0, 1, 8, CAPACITY / 2, CAPACITY + 8, 3 * CAPACITY, 8 * CAPACITY, 1 << 31, u32::MAX] {
            check(bad, u64::MAX, Err(RingError::Capacity(bad)));
        }
    }

    #[test]
    fn a_record_wraps_at_the_end() {
        let mut producer = Producer::new(layout());
        let mut consumer = Consumer::new(layout());
        // Fill up to 16 bytes before the end and take that out again.
        let len = 65520;
        let room = producer.reserve(0, len).unwrap().unwrap();
        assert_eq!((room.spans.first.offset, room.spans.first.len), (DATA, len));
        let produced = producer.commit(room);
        let record = consumer.record(produced, header(65520)).unwrap();
        let consumed = consumer.consume(record);
        assert_eq!((produced, consumed), (65520, 65520));
        assert_eq!(producer.is_empty(consumed), Ok(true));
        assert_eq!(consumer.header(produced), Ok(None));

        assert!(room.spans.second.len == 0 && !room.spans.is_empty() && layout().capacity() == CAPACITY);

        let room = producer.reserve(consumed, 20).unwrap().unwrap();
        assert_eq!(room.spans.first, Span { offset: DATA + 65520, len: 16 });
        assert_eq!(room.spans.second, Span { offset: DATA, len: 4 });
        let produced = producer.commit(room);
        assert_eq!(consumer.header(produced), Ok(Some(Span { offset: DATA + 65520, len: 8 })));
        assert_eq!(consumer.record(produced, header(20)).unwrap().spans, room.spans);
    }

    #[test]
    fn a_full_ring_says_so_and_goes_on_when_emptied() {
        let mut producer = Producer::new(layout());
        let room = producer.reserve(0, 40_000).unwrap().unwrap();
        assert_eq!(producer.commit(room), 40_000);
        assert_eq!(producer.reserve(0, 25_537), Ok(None));
        assert!(producer.reserve(0, 25_536).unwrap().is_some());
        assert!(producer.reserve(40_000, 65_536).unwrap().is_some());
        assert_eq!(producer.reserve(40_000, 65_537), Err(RingError::Record(65_537)));
        assert_eq!(producer.reserve(40_000, 7), Err(RingError::Record(7)));
    }

    #[test]
    fn false_counters_and_false_sizes_are_noticed() {
        let mut producer = Producer::new(layout());
        let room = producer.reserve(0, 64).unwrap().unwrap();
        let produced = producer.commit(room);
        // The guest claims to have taken more than there was, or a fraction of a record.
        for consumed in [72, 1, 63, u32::MAX, 1 << 31, 0_u32.wrapping_sub(CAPACITY)] {
            let error = RingError::Counters { produced: 64, consumed };
            assert_eq!(producer.reserve(consumed, 64), Err(error), "{consumed}");
            assert_eq!(producer.is_empty(consumed), Err(error), "{consumed}");
        }
        let consumer = Consumer::new(layout());
        for false_produced in [1, CAPACITY + 8, u32::MAX, 1 << 31] {
            let error = RingError::Counters { produced: false_produced, consumed: 0 };
            assert_eq!(consumer.header(false_produced), Err(error));
        }
        for len in [0, 7, 65, u16::MAX] {
            assert_eq!(consumer.record(produced, header(len)), Err(RingError::Record(len.into())), "{len}");
        }
    }

    #[test]
    fn counters_wrap_after_four_gigabytes() {
        let mut producer = Producer::new(layout());
        let mut consumer = Consumer::new(layout());
        let mut consumed = 0;
        for _ in 0..80_000 {
            let room = producer.reserve(consumed, 60_001).unwrap().unwrap();
            assert_eq!(room.spans.len(), 60_001);
            let produced = producer.commit(room);
            let record = consumer.record(produced, header(60_001)).unwrap();
            assert_eq!(record.spans, room.spans);
            consumed = consumer.consume(record);
            assert_eq!(consumed, produced);
        }
        assert_eq!(u64::from(consumed), (80_000 * 60_008) % (1_u64 << 32));
    }

    proptest! {
        #[test]
        fn offsets_stay_inside_whatever_the_counters_say(
            shift in 0_u32..3, sizes in prop::collection::vec(8_usize..70_000, 0..8), word: u32, len: u16,
        ) {
            let capacity = CAPACITY << shift;
            let layout = RingLayout::new(capacity, u64::MAX, &Limits::DEFAULT).unwrap();
            let (mut producer, mut consumer) = (Producer::new(layout), Consumer::new(layout));
            let blob = usize::try_from(layout.blob_size()).unwrap();
            let inside = |span: Span| span.offset >= DATA && span.offset + span.len <= blob;
            for size in sizes {
                let Ok(Some(room)) = producer.reserve(0, size) else { continue };
                let produced = producer.commit(room);
                if let Ok(record) = consumer.record(produced, header(u16::try_from(size).unwrap_or(8))) {
                    let _stored_by_the_shell = consumer.consume(record);
                }
            }
            if let Ok(Some(room)) = producer.reserve(word, len.into()) {
                prop_assert!(inside(room.spans.first) && inside(room.spans.second));
                prop_assert_eq!(room.spans.len(), usize::from(len));
            }
            if let Ok(Some(span)) = consumer.header(word) {
                prop_assert!(inside(span) && span.len == CMD_HEADER);
            }
            if let Ok(record) = consumer.record(word, header(len)) {
                prop_assert!(inside(record.spans.first) && inside(record.spans.second));
                prop_assert_eq!(record.spans.len(), usize::from(len));
            }
        }
    }
}
