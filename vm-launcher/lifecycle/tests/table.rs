// SPDX-License-Identifier: GPL-3.0-or-later
//! The table of parts. In: its rows. Out: that they can be told apart and can be started.

use cofferdam_lifecycle::{PARTS, Part};
use std::collections::BTreeSet;

fn distinct<T: Ord>(of: impl Fn(&Part) -> T) -> bool {
    PARTS.iter().map(of).collect::<BTreeSet<_>>().len() == PARTS.len()
}

#[test]
fn rows_are_told_apart() {
    assert!(distinct(|part| part.name));
    assert!(distinct(|part| part.words));
    assert!(distinct(|part| part.program));
    let points: Vec<_> = PARTS.iter().filter_map(|part| part.point).collect();
    assert_eq!(points.iter().collect::<BTreeSet<_>>().len(), points.len());
    for part in PARTS {
        // Names go onto command lines: into options of the machine, which end at a comma.
        assert!(part.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", part.name);
        assert_eq!(Part::named(part.name), Some(part));
    }
}

#[test]
fn every_row_can_be_a_device() {
    for Part { name, device, .. } in PARTS {
        assert!(device.virtio_id > 0 && (1..=64).contains(&device.queues), "{name}");
        assert!(device.queue_size.is_power_of_two() && device.config_size <= 256, "{name}");
    }
}

#[test]
fn the_desktop_knows_a_vm_by_one_part_without_which_there_is_none() {
    let seen: Vec<_> = PARTS.iter().filter(|part| part.desktop).collect();
    assert!(matches!(seen.as_slice(), [part] if part.essential), "{seen:?}");
}
