// SPDX-License-Identifier: GPL-3.0-or-later
//! Records of VMs. In: `DATA/vms/*/record.json`. Out: all records; a new one is on disk, whole, before
//! its VM starts.

use crate::link::VmRecord;
use cofferdam_ids::VmId;
use cofferdam_kit::paths::Paths;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const FILE: &str = "record.json";

/// Reads all records. What can't be read is logged and left alone: it may be somebody's data.
pub(super) fn load(paths: &Paths) -> BTreeMap<VmId, VmRecord> {
    let mut records = BTreeMap::new();
    let entries = match std::fs::read_dir(paths.data.join("vms")) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(%error, "records");
            return records;
        }
    };
    for entry in entries.flatten() {
        let file = entry.path().join(FILE);
        match read(&file) {
            Ok(record) if entry.file_name().to_str() == Some(record.vm.as_str()) => {
                records.insert(record.vm.clone(), record);
            }
            Ok(record) => {
                tracing::warn!(path = %file.display(), vm = %record.vm, "record in the wrong place")
            }
            Err(error) => tracing::warn!(path = %file.display(), %error, "record"),
        }
    }
    records
}

fn read(file: &Path) -> io::Result<VmRecord> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

/// Writes a record, in one step.
pub(super) fn save(paths: &Paths, record: &VmRecord) -> io::Result<()> {
    let directory = paths.vm_data(&record.vm);
    std::fs::create_dir_all(&directory)?;
    let partial = directory.join("record.partial");
    std::fs::write(&partial, serde_json::to_vec_pretty(record)?)?;
    std::fs::rename(partial, directory.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_ids::{Identity, Label};

    #[test]
    fn what_is_saved_is_loaded_and_what_is_broken_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths {
            desktop: "x".to_owned(),
            runtime: directory.path().join("run/cofferdam/x"),
            data: directory.path().join("data"),
            libexec: directory.path().to_owned(),
        };
        paths.create().unwrap();
        let record = VmRecord {
            vm: "foot-2".parse().unwrap(),
            app: "foot".parse().unwrap(),
            name: Label::new("Terminal"),
            identity: Identity::Sky,
        };
        save(&paths, &record).unwrap();
        let broken = paths.data.join("vms/broken");
        std::fs::create_dir(&broken).unwrap();
        std::fs::write(broken.join(FILE), "{").unwrap();
        assert_eq!(load(&paths).into_values().collect::<Vec<_>>(), [record]);
        assert!(broken.join(FILE).exists());
    }
}
