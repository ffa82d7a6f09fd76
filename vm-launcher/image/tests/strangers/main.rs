// SPDX-License-Identifier: GPL-3.0-or-later
//! A package that went bad reaches no other app. In: a base and apps made of packages that this test packs itself.
//! Out: layers; those of an honest app and of the base are the same to the last bit, whatever was built before.
//!
//! This program also is the tools of that base: called by a tool's name it does a tool's work, or, with a mark at
//! its end, what a bad one would do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test with a main of its own")]

mod pack;
mod tool;

use cofferdam_catalogue::Options;
use cofferdam_image::{Error, Images, Progress, Refusal};
use pack::{Entry, World};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let name = words.first().and_then(|word| Path::new(word).file_name()).unwrap_or_default().to_owned();
    if name == tool::MIME || name == tool::MODULES {
        return tool::run(&words);
    }
    for (name, case) in [
        ("a_bad_tool_is_never_run", a_bad_tool_is_never_run as fn()),
        ("files_of_the_base_stay_as_they_are", files_of_the_base_stay_as_they_are),
        ("what_has_no_business_in_a_layer_is_refused", what_has_no_business_in_a_layer_is_refused),
        ("a_changed_base_is_not_built_upon", a_changed_base_is_not_built_upon),
    ] {
        case();
        pack::say(&format!("{name}: ok"));
    }
    ExitCode::SUCCESS
}

/// An app that only brings data.
fn honest() -> Vec<Entry> {
    vec![
        Entry::file("usr/bin/honest", b"an honest app"),
        Entry::file("usr/share/mime/packages/honest.xml", b"<honest/>"),
        Entry::file(&format!("{}/honest.so", pack::MODULES_DIR), b"no library at all"),
    ]
}

/// What is in a layer.
type Files = BTreeMap<String, Vec<u8>>;

/// Base and layer of the honest app, bit for bit, after `strangers` were built over the same base.
fn built_after(strangers: &[(&str, Vec<Entry>)]) -> (Vec<u8>, Vec<u8>, BTreeMap<String, Files>) {
    let world = World::new(strangers.iter().cloned().chain([("honest", honest())]));
    let images = world.open();
    let mut contents = BTreeMap::new();
    for (name, _) in strangers {
        let [_, layer] = images.ensure_layers(name).unwrap();
        contents.insert((*name).to_owned(), world.contents(&images, &layer));
    }
    let [base, layer] = world.open().ensure_layers("honest").unwrap();
    contents.insert("honest".to_owned(), world.contents(&images, &layer));
    let image = |dir: &Path| fs::read(dir.join(cofferdam_catalogue::LAYER_IMAGE)).unwrap();
    (image(&base), image(&layer), contents)
}

/// Compares with what comes out if only the honest app is built; returns the strangers' layers.
fn harmless(strangers: &[(&str, Vec<Entry>)]) -> BTreeMap<String, Files> {
    let (base, layer, alone) = built_after(&[]);
    let honest = &alone["honest"];
    assert_eq!(honest["usr/share/mime/mime.cache"], b"good: base.xml honest.xml");
    let cache = format!("{}/giomodule.cache", pack::MODULES_DIR);
    assert_eq!(honest[&cache], b"good: base.so", "a module of an app is never loaded");
    let (base_after, layer_after, contents) = built_after(strangers);
    assert!(base == base_after, "the base is another");
    assert!(layer == layer_after, "the honest app's layer is another: {:?}", contents["honest"].keys());
    contents
}

fn a_bad_tool_is_never_run() {
    let contents = harmless(&[(
        "bad",
        vec![
            Entry::file(&format!("usr/bin/{}", tool::MIME), &tool::program(true)),
            Entry::file(&format!("usr/sbin/{}", tool::MIME), &tool::program(true)),
            Entry::file("usr/sbin/ldconfig", &tool::program(true)),
            Entry::file("usr/share/mime/packages/bad.xml", b"<bad/>"),
            // If its library were loaded, no tool would even start.
            Entry::file(&format!("{}/libc.so.6", pack::LIBRARIES), b"not a library"),
        ],
    )]);
    let bad = &contents["bad"];
    assert_eq!(bad["usr/share/mime/mime.cache"], b"good: bad.xml base.xml");
    assert!(!bad.contains_key("usr/share/mime/evil"));
    assert!(bad["usr/bin/update-mime-database"].ends_with(tool::MARK), "it is in its own layer");
}

fn files_of_the_base_stay_as_they_are() {
    let tool = format!("usr/bin/{}", tool::MIME);
    let contents = harmless(&[
        ("same", vec![Entry::file("usr/bin/victim", b"overwritten")]),
        ("merged", vec![Entry::file("bin/victim", b"overwritten")]),
        (
            "through",
            vec![
                Entry::link("usr/share/way", "/usr/bin"),
                Entry::file("usr/share/way/victim", b"overwritten"),
            ],
        ),
        (
            "over",
            vec![Entry::link("usr/bin/victim", tool::MIME), Entry::file("usr/bin/victim", b"overwritten")],
        ),
        (
            // Where a tool writes its results, links lead to its program, and out of everything.
            "results",
            vec![
                Entry::link("usr/share/mime/mime.cache", &format!("/{tool}")),
                Entry::link("usr/share/mime/mime.cache.new", &format!("../../../{tool}")),
            ],
        ),
        (
            "own",
            vec![
                Entry::file("usr/bin/first", b"its own"),
                Entry::hard("usr/bin/second", "usr/bin/first"),
                Entry::file("usr/bin/second", b"overwritten"),
            ],
        ),
    ]);
    assert_eq!(contents["through"]["usr/bin/victim"], b"overwritten");
    assert_eq!(contents["own"]["usr/bin/first"], b"its own");
    assert!(
        !contents["results"].contains_key("usr/share/mime/mime.cache"),
        "no result is taken from behind a link"
    );
}

fn what_has_no_business_in_a_layer_is_refused() {
    for (what, entries, expected) in [
        ("hard link", vec![Entry::hard("usr/bin/mine", "usr/bin/victim")], Refusal::HardLink),
        ("hard link out", vec![Entry::hard("usr/bin/mine", "../../victim")], Refusal::HardLink),
        ("up", vec![Entry::file("../victim", b"x")], Refusal::Leaves),
        ("root", vec![Entry::file("/etc/victim", b"x")], Refusal::Leaves),
        (
            "circle",
            vec![Entry::link("a", "b"), Entry::link("b", "a"), Entry::file("a/x", b"")],
            Refusal::Link,
        ),
        ("device", vec![Entry::kind("dev/sda", tar::EntryType::Block)], Refusal::Kind),
        ("console", vec![Entry::kind("dev/tty", tar::EntryType::Char)], Refusal::Kind),
        ("pipe", vec![Entry::kind("run/pipe", tar::EntryType::Fifo)], Refusal::Kind),
        ("directory", vec![Entry::file("usr/bin", b"x")], Refusal::InTheWay),
        ("deep", vec![Entry::file(&"d/".repeat(45), b"x")], Refusal::Name),
    ] {
        let world = World::new([("bad", entries)]);
        match world.open().ensure_layers("bad") {
            Err(Error::Refused { why, .. }) => assert_eq!(why, expected, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert!(!world.has("app-bad"), "{what}: a layer is there");
    }
}

fn a_changed_base_is_not_built_upon() {
    let world = World::new([("honest", honest())]);
    let base = world.open().ensure_base().unwrap();
    let mut bytes = fs::read(&base.path).unwrap();
    bytes[5000] ^= 1;
    fs::write(&base.path, bytes).unwrap();
    let error = world.open().ensure_layers("honest").unwrap_err();
    let unsound = |error: &Error| {
        matches!(error, Error::Catalogue(cofferdam_catalogue::Error::Unsound { fault, .. })
            if *fault == cofferdam_catalogue::Fault::Root)
    };
    assert!(unsound(&error), "{error}");
    assert!(!world.has("app-honest"));
}

impl World {
    fn open(&self) -> Images {
        let options =
            Options { cache: Some(self.cache()), guest_dir: Some(self.guest_dir()), ..Options::default() };
        Images::open(&options, Progress::quiet()).unwrap()
    }
}
