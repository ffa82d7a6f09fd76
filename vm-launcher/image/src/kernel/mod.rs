// SPDX-License-Identifier: GPL-3.0-or-later
//! In: Debian's kernel package and the guest's static binary. Out: an uncompressed `vmlinux` and an
//! initramfs of `/init`, `/m/order` and the modules in it.

mod cpio;
mod modules;
mod vmlinux;

use crate::deb::{self, Place};
use crate::error::{At, Error, Result};
use crate::progress::Progress;
use crate::supply::Supply;
pub(crate) use cofferdam_catalogue::kernel::set;
use cofferdam_catalogue::kernel::{INITRAMFS, VMLINUX, WANTED, initramfs_key, key};
use cofferdam_catalogue::{Cache, Catalogue, cache};
use cpio::Cpio;
use modules::Modules;
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of a module.
const MAX_MODULE: u64 = 128 << 20;

/// The kernel's directory: `vmlinux`, `order`, `modules/`, `release`.
pub(crate) fn ensure(catalogue: &Catalogue, supply: &Supply<'_>, progress: &Progress) -> Result<PathBuf> {
    catalogue.cache().ensure("kernel", &key(catalogue.lock()), |out| {
        let supplied = supply.get(&set())?;
        let step = progress.step("kernel: extracting vmlinux and modules");
        let tree = out.join("tree");
        deb::prepare(&tree)?;
        let keep = |path: &str| path.starts_with("boot") || path.starts_with("usr");
        deb::unpack_all(&supplied.debs, Place { root: &tree, below: None }, &keep, |_| {})?;
        extract(&tree, out)?;
        cache::remove(&tree)?;
        step.done();
        Ok(())
    })
}

fn extract(tree: &Path, out: &Path) -> Result<()> {
    let image = only_entry(&tree.join("boot"), "vmlinuz-")?;
    let kernel = vmlinux::extract(&fs::read(&image).at(&image)?);
    let kernel = kernel.map_err(|e| Error::malformed(image.display().to_string(), e))?;
    write(&out.join(VMLINUX), &kernel)?;

    let dir = only_entry(&tree.join("usr/lib/modules"), "")?;
    let release = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    write(&out.join("release"), release.as_bytes())?;
    let mut files = Vec::new();
    find_modules(&dir.join("kernel"), &mut files)?;
    let builtin = dir.join("modules.builtin");
    let builtin = fs::read_to_string(&builtin).at(&builtin)?;
    copy_modules(&files, &builtin, out)
}

/// Module files by name, decompressed; what one guest needs is a small part of them.
#[expect(clippy::disallowed_methods, reason = "modules are unpacked on all cores")]
fn copy_modules(files: &[PathBuf], builtin: &str, out: &Path) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let load = |path: &PathBuf| -> Result<(String, modules::ModuleInfo)> {
        let info = modules::parse(&read_module(path)?);
        let info = info.ok_or_else(|| Error::malformed(path.display().to_string(), "not a kernel module"))?;
        Ok((module_name(path), info))
    };
    let infos: Vec<Result<Vec<_>>> = std::thread::scope(|scope| {
        let share = files.len().div_ceil(threads).max(1);
        let jobs: Vec<_> =
            files.chunks(share).map(|c| scope.spawn(move || c.iter().map(load).collect())).collect();
        let crashed = |_| Err(Error::malformed("modules", "the reader crashed"));
        jobs.into_iter().map(|j| j.join().unwrap_or_else(crashed)).collect()
    });
    let infos: Vec<_> = infos.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let order = Modules::new(infos, builtin).order(WANTED).map_err(|e| Error::malformed("kernel", e))?;

    let dir = out.join("modules");
    fs::create_dir_all(&dir).at(&dir)?;
    let mut list = String::new();
    for name in &order {
        let path = files.iter().find(|f| modules::normal(&module_name(f)) == *name);
        let path = path.ok_or_else(|| Error::malformed("kernel", format!("no file for module {name}")))?;
        // Never stripped: the signature hangs on the end of the file.
        write(&dir.join(format!("{name}.ko")), &read_module(path)?)?;
        list += &format!("{name}.ko\n");
    }
    write(&out.join("order"), list.as_bytes())
}

fn read_module(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).at(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let module = deb::decompress(&name, &bytes, MAX_MODULE).map_err(|e| Error::io(path, e))?;
    module.ok_or_else(|| Error::TooLarge(path.display().to_string()))
}

/// `/…/virtio-gpu.ko.xz` is `virtio-gpu`.
fn module_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(".ko").next().unwrap_or_default().to_owned()
}

fn find_modules(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).at(dir)? {
        let entry = entry.at(dir)?;
        if entry.file_type().at(dir)?.is_dir() {
            find_modules(&entry.path(), found)?;
        } else if entry.file_name().to_string_lossy().contains(".ko") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(())
}

fn only_entry(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let mut entries = fs::read_dir(dir).at(dir)?.flatten();
    let found = entries.find(|e| e.file_name().to_string_lossy().starts_with(prefix));
    found.map(|e| e.path()).ok_or_else(|| {
        Error::malformed(dir.display().to_string(), format!("no {prefix} in the kernel package"))
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).at(path)
}

/// The initramfs for a kernel's directory and a guest binary, built if need be.
pub(crate) fn ensure_initramfs(
    cache: &Cache,
    kernel: &Path,
    guest_binary: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let guest = fs::read(guest_binary).at(guest_binary)?;
    check_static(&guest).map_err(|why| Error::malformed(guest_binary.display().to_string(), why))?;
    let dir = cache.ensure("initramfs", &initramfs_key(kernel, &guest), |out| -> Result<()> {
        let step = progress.step("initramfs: packing");
        write(&out.join(INITRAMFS), &pack(kernel, &guest)?)?;
        step.done();
        Ok(())
    })?;
    Ok(dir.join(INITRAMFS))
}

fn pack(kernel: &Path, guest: &[u8]) -> Result<Vec<u8>> {
    let mut archive = Cpio::default();
    for dir in ["dev", "proc", "sys", "run", "m"] {
        archive.directory(dir);
    }
    // The kernel opens it as standard input and output of `/init`, before devtmpfs is there.
    archive.device("dev/console", 0o600, (5, 1));
    archive.file("init", 0o755, guest);
    let order = kernel.join("order");
    let order = fs::read_to_string(&order).at(&order)?;
    archive.file("m/order", 0o644, order.as_bytes());
    for name in order.lines() {
        let path = kernel.join("modules").join(name);
        archive.file(&format!("m/{name}"), 0o644, &fs::read(&path).at(&path)?);
    }
    Ok(archive.finish())
}

/// A binary with an interpreter would fail in the guest with no more than "error -2".
fn check_static(elf: &[u8]) -> std::result::Result<(), &'static str> {
    use object::elf::PT_INTERP;
    use object::read::elf::{FileHeader, ProgramHeader};
    let header =
        object::elf::FileHeader64::<object::LittleEndian>::parse(elf).map_err(|_e| "not an ELF file")?;
    let segments = header.program_headers(object::LittleEndian, elf).map_err(|_e| "no program headers")?;
    if segments.iter().any(|s| s.p_type(object::LittleEndian) == PT_INTERP) {
        return Err("not static: build it with -C target-feature=+crt-static and --target");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_binaries_are_refused() {
        let this = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(check_static(&this).unwrap_err().contains("crt-static"));
        assert_eq!(check_static(b"#!/bin/sh"), Err("not an ELF file"));
    }

    #[test]
    fn names_of_modules() {
        for (path, name) in
            [("/a/virtio-gpu.ko.xz", "virtio-gpu"), ("/a/ext4.ko", "ext4"), ("/x.ko.zst", "x")]
        {
            assert_eq!(module_name(Path::new(path)), name);
        }
    }
}
