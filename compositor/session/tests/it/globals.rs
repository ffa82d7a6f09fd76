// SPDX-License-Identifier: GPL-3.0-or-later
//! What a VM's client can see at all.

use crate::common::Desktop;
use cofferdam_admission::globals::TABLE;
use cofferdam_compositor::ClientIdentity;
use cofferdam_ids::Identity;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// The protocol that gives places above all windows.
const SHELL: &str = "cofferdam_shell_v1";
/// Object numbers that these clients use.
const DISPLAY: u32 = 1;
const REGISTRY: u32 = 2;

/// Fails when a global appears that nobody put on the allow-list, and when one is missing.
#[test]
fn a_vm_sees_the_allow_list_and_nothing_else() {
    let desktop = Desktop::start();
    let vm = desktop.vm("term", Identity::Orange);
    let client = desktop.client(&vm);
    let mut seen: Vec<&str> = client.app.globals.iter().map(|(interface, ..)| interface.as_str()).collect();
    seen.sort_unstable();
    let mut listed: Vec<&str> = TABLE.iter().filter(|g| g.vm.is_some()).map(|g| g.interface).collect();
    listed.sort_unstable();
    assert_eq!(seen, listed);
    for global in TABLE {
        let version = client.app.globals.iter().find(|(i, ..)| i == global.interface).map(|(_, v, _)| *v);
        assert!(version >= global.vm, "{}: {version:?} offered, {:?} listed", global.interface, global.vm);
    }
}

/// A message on the wire.
fn message(object: u32, opcode: u32, arguments: &[u8]) -> Vec<u8> {
    let size = u32::try_from(arguments.len() + 8).unwrap();
    let words = [object.to_ne_bytes(), ((size << 16) | opcode).to_ne_bytes()];
    [words.as_flattened(), arguments].concat()
}

/// A string on the wire: its length with the zero, and padding.
fn string(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len() + 1).unwrap().to_ne_bytes().to_vec();
    bytes.extend(text.bytes());
    bytes.resize((bytes.len() + 4) & !3, 0);
    bytes
}

/// The next event: whose, which, with what. None once the connection is over.
fn event(wire: &mut UnixStream) -> Option<(u32, u32, Vec<u8>)> {
    let mut head = [0; 8];
    wire.read_exact(&mut head).ok()?;
    let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
    let mut rest = vec![0; (word(4) >> 16) as usize - 8];
    wire.read_exact(&mut rest).ok()?;
    Some((word(0), word(4) & 0xffff, rest))
}

/// Whether a client that knows the number of the shell's global may bind it, shown to it or not.
fn may_bind(wire: &mut UnixStream, global: u32) -> bool {
    let bind = [&global.to_ne_bytes()[..], &string(SHELL), &1u32.to_ne_bytes(), &3u32.to_ne_bytes()].concat();
    wire.write_all(&message(DISPLAY, 1, &REGISTRY.to_ne_bytes())).unwrap();
    wire.write_all(&message(REGISTRY, 0, &bind)).unwrap();
    wire.write_all(&message(DISPLAY, 0, &4u32.to_ne_bytes())).unwrap();
    loop {
        match event(wire) {
            // The answer to the last request: the one before it was fine.
            Some((4, 0, _)) => return true,
            Some((DISPLAY, 0, _)) | None => return false,
            Some(_) => {}
        }
    }
}

#[test]
fn a_vm_can_not_bind_the_desktops_own_places_even_by_number() {
    let desktop = Desktop::start();
    let vm = desktop.vm("term", Identity::Orange);
    let mut trusted = desktop.stream(ClientIdentity::Trusted);
    trusted.write_all(&message(DISPLAY, 1, &REGISTRY.to_ne_bytes())).unwrap();
    let number = loop {
        let (object, opcode, rest) = event(&mut trusted).expect("the shell is offered to trusted clients");
        if (object, opcode) == (REGISTRY, 0) && rest[8..].starts_with(SHELL.as_bytes()) {
            break u32::from_ne_bytes(rest[..4].try_into().unwrap());
        }
    };
    assert!(may_bind(&mut desktop.stream(ClientIdentity::Trusted), number), "the number is right");
    assert!(!may_bind(&mut desktop.stream(ClientIdentity::Vm(vm.id.clone())), number));
}
