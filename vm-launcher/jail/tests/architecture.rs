// SPDX-License-Identifier: GPL-3.0-or-later
//! Every process stands behind the one wall, and ARCHITECTURE.md says what that leaves it.
//!
//! In: the roles, ARCHITECTURE.md. Out: roles whose line there is missing or wrong.

use cofferdam_jail::roles::ALL;
use cofferdam_jail::{Answer, Need, Place, Role};

/// The role's line in the table.
fn row(role: &Role) -> String {
    let stages: Vec<String> = role
        .stages
        .iter()
        .map(|stage| {
            let count: usize = stage.tables().map(|table| table.rules.len()).sum();
            let starts: Vec<&str> = stage.starts.iter().map(|role| role.name).collect();
            let all =
                if starts.is_empty() { String::new() } else { format!(", and all of {}", starts.join(", ")) };
            format!("{}: {count} rules{all}", stage.name)
        })
        .collect();
    let place = |place: &Place| {
        let name = if place.is_fixed() { format!("`{}`", place.name) } else { place.name.to_owned() };
        format!("{name} ({})", place.reach.word())
    };
    let places: Vec<String> = role.places.iter().map(place).collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(", ") };
    let answer = match role.answer {
        Answer::Kill => "ends it",
        Answer::Refuse => "fails",
    };
    let need = match role.landlock {
        Need::Required => "does not start without Landlock",
        Need::Wanted => "",
    };
    let cells = [role.name, role.what, &stages.join("; "), answer, &places, need];
    format!("| {} |", cells.join(" | "))
}

#[test]
fn every_role_stands_in_the_architecture() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let missing: Vec<String> =
        ALL.iter().map(|role| row(role)).filter(|row| !text.lines().any(|line| line == row)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks these lines:\n{}", missing.join("\n"));
}
