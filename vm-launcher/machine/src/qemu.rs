// SPDX-License-Identifier: GPL-3.0-or-later
//! The QEMU driver. In: a [`MachineSpec`], connected sockets. Out: a command line for QEMU 11.1 or
//! newer. Everything that depends on QEMU's version stands in this file: its generic vhost-user
//! device is for experts and has been renamed once already.

#![expect(clippy::disallowed_types, reason = "starts the machine")]

use crate::{Acceleration, Disk, Launch, Machine, MachineError, MachineSpec, Wires};
use cofferdam_lifecycle::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An installed or unpacked QEMU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuProgram {
    /// The program, and arguments that come before all others (an unpacked QEMU runs through its own
    /// dynamic loader).
    pub argv: Vec<String>,
    /// Its whole environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl QemuProgram {
    /// The command without the machine's arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut words = self.argv.iter();
        let mut command = Command::new(words.next().map_or("qemu-system-x86_64", String::as_str));
        command.args(words).env_clear().envs(&self.environment);
        command
    }

    /// Changes when another QEMU is installed: its words, and size and time of every file among them.
    #[must_use]
    pub fn identity(&self) -> String {
        let stamp = |word: &String| match std::fs::metadata(word) {
            Ok(meta) if meta.is_file() => format!("{word}@{}@{}", meta.size(), meta.mtime()),
            _ => word.clone(),
        };
        self.argv.iter().map(stamp).collect::<Vec<_>>().join(" ")
    }
}

/// Runs machines with QEMU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// The program `cofferdam-enclose`.
    pub enclosure: PathBuf,
    /// Which QEMU.
    pub program: QemuProgram,
    /// With or without KVM.
    pub acceleration: Acceleration,
}

impl Machine for Qemu {
    fn name(&self) -> &'static str {
        match self.acceleration {
            Acceleration::Kvm => "QEMU with KVM",
            Acceleration::Emulated => "QEMU without KVM (slow)",
        }
    }

    fn is_slow(&self) -> bool {
        self.acceleration == Acceleration::Emulated
    }

    fn prepare(&self, spec: &MachineSpec, wires: Wires) -> Result<Launch, MachineError> {
        let files = [&spec.kernel, &spec.initramfs].into_iter().chain(spec.disks.iter().map(|d| &d.path));
        for path in files {
            std::fs::metadata(path).map_err(|source| MachineError::Missing { path: path.clone(), source })?;
        }
        let mut command = self.enclosed(spec);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut launch = Launch::new(command);
        launch.args(self.board(spec));
        launch.args(boot(spec, self.acceleration)?);
        for disk in &spec.disks {
            launch.args(block_device(disk)?);
        }
        launch.args(["-device", "virtio-serial-pci"]);
        let args = [
            socket("console", launch.inherit(wires.console)),
            ["-serial".to_owned(), "chardev:console".to_owned()],
            socket("agent", launch.inherit(wires.agent)),
            device("virtserialport,chardev=agent,name=org.cofferdam.agent"),
        ];
        launch.args(args.into_iter().flatten());
        for wire in wires.devices {
            let chardev = format!("device-{}", wire.name);
            let args =
                [socket(&chardev, launch.inherit(wire.socket)), device(&vhost_user(&chardev, wire.device))];
            launch.args(args.into_iter().flatten());
        }
        Ok(launch)
    }
}

impl Qemu {
    /// QEMU inside walls that leave it its own files and those of the machine.
    fn enclosed(&self, spec: &MachineSpec) -> Command {
        let mut command = Command::new(&self.enclosure);
        command.env_clear().envs(&self.program.environment);
        command.args(["--role", "machine", "--parent"]).arg(std::process::id().to_string());
        let words = self.program.argv.iter().chain(self.program.environment.values());
        let own = words.map(Path::new).filter(|word| word.is_absolute());
        // A QEMU that is installed finds its libraries and its firmware by itself.
        let installed = own.clone().take(1).filter(|program| program.starts_with("/usr"));
        let system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache"].map(Path::new);
        let system = system.into_iter().filter(|_| installed.clone().count() > 0);
        let machine = [&spec.kernel, &spec.initramfs].map(PathBuf::as_path);
        let disks = spec.disks.iter().filter(|disk| !disk.writable).map(|disk| disk.path.as_path());
        // The first may be executed: the program, or its loader; `/usr` where they are installed.
        let places = ["program"].into_iter().chain(std::iter::repeat("files"));
        for (place, path) in places.zip(system.chain(own).chain(machine).chain(disks)) {
            command.args(["--at", place]).arg(path);
        }
        for disk in spec.disks.iter().filter(|disk| disk.writable) {
            command.args(["--at", "disk"]).arg(&disk.path);
        }
        if self.acceleration == Acceleration::Kvm {
            command.args(["--at", "kvm", "/dev/kvm"]);
        }
        command.arg("--").args(&self.program.argv);
        command
    }

    fn board(&self, spec: &MachineSpec) -> Vec<String> {
        let accel = match self.acceleration {
            Acceleration::Kvm => "kvm",
            Acceleration::Emulated => "tcg,thread=multi",
        };
        let memory = spec.memory_mib;
        [
            "-name",
            &format!("{},debug-threads=on", spec.vm),
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-machine",
            "q35,memory-backend=mem,usb=off,vmport=off,i8042=off,hpet=off",
            "-accel",
            accel,
            "-cpu",
            "max",
            "-smp",
            &spec.cpus.to_string(),
            "-m",
            &format!("{memory}M"),
            // The gpu device maps the guest's memory through this memfd.
            "-object",
            &format!("memory-backend-memfd,id=mem,size={memory}M,share=on"),
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

fn boot(spec: &MachineSpec, acceleration: Acceleration) -> Result<Vec<String>, MachineError> {
    // Lines of the kernel cost time on an emulated serial port; warnings are what a failure report needs.
    let mut words = vec!["console=ttyS0", "loglevel=5", "panic=-1", "random.trust_cpu=on"];
    if acceleration == Acceleration::Emulated {
        // There is no speculation to mitigate in an emulated processor.
        words.extend(["mitigations=off", "no_timer_check"]);
    }
    words.extend(spec.arguments.iter().map(String::as_str));
    Ok(vec![
        "-kernel".to_owned(),
        text(&spec.kernel)?.to_owned(),
        "-initrd".to_owned(),
        text(&spec.initramfs)?.to_owned(),
        "-append".to_owned(),
        words.join(" "),
    ])
}

fn block_device(disk: &Disk) -> Result<Vec<String>, MachineError> {
    let node = serde_json::json!({
        "driver": "raw",
        "node-name": disk.serial,
        "read-only": !disk.writable,
        "auto-read-only": false,
        "discard": "unmap",
        "file": { "driver": "file", "filename": text(&disk.path)?, "read-only": !disk.writable },
    });
    Ok(vec![
        "-blockdev".to_owned(),
        node.to_string(),
        "-device".to_owned(),
        format!("virtio-blk-pci,drive={0},serial={0}", disk.serial),
    ])
}

/// A device that another process is, whatever it is. QEMU's own front ends for them (a network card) take no socket
/// by number: they want to connect again by path.
fn vhost_user(chardev: &str, device: Device) -> String {
    let Device { virtio_id, queues, queue_size, config_size } = device;
    format!(
        "vhost-user-test-device-pci,chardev={chardev},virtio-id={virtio_id},num_vqs={queues},\
         vq_size={queue_size},config_size={config_size}"
    )
}

fn device(text: &str) -> [String; 2] {
    ["-device".to_owned(), text.to_owned()]
}

fn socket(id: &str, fd: i32) -> [String; 2] {
    ["-chardev".to_owned(), format!("socket,id={id},fd={fd}")]
}

fn text(path: &Path) -> Result<&str, MachineError> {
    path.to_str().ok_or_else(|| MachineError::Path(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Driver, Wire, Wires};
    use std::os::fd::{AsRawFd as _, OwnedFd};

    fn null() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn every_device_is_a_socket_and_a_row() {
        let driver = Driver::Qemu(Qemu {
            enclosure: "/enclose".into(),
            program: QemuProgram { argv: vec!["/qemu".to_owned()], environment: BTreeMap::new() },
            acceleration: Acceleration::Emulated,
        });
        // What the launcher writes is what the shepherd reads.
        let text = serde_json::to_string(&driver).unwrap();
        assert_eq!(serde_json::from_str::<Driver>(&text).unwrap(), driver);
        let spec = MachineSpec {
            vm: "foot".parse().unwrap(),
            kernel: "/dev/null".into(),
            initramfs: "/dev/null".into(),
            arguments: Vec::new(),
            memory_mib: 64,
            cpus: 1,
            disks: Vec::new(),
        };
        let wire = |name, virtio_id, config_size| Wire {
            name,
            device: Device { virtio_id, queues: 1, queue_size: 64, config_size },
            socket: null(),
        };
        let devices = vec![wire("horn", 25, 8), wire("dice", 4, 0)];
        let numbers: Vec<_> = devices.iter().map(|wire| wire.socket.as_raw_fd()).collect();
        let wires = Wires { devices, console: null(), agent: null() };
        let line = driver.prepare(&spec, wires).unwrap().describe();
        for (number, device) in numbers.iter().zip([
            "device-horn,virtio-id=25,num_vqs=1,vq_size=64,config_size=8",
            "device-dice,virtio-id=4,num_vqs=1,vq_size=64,config_size=0",
        ]) {
            let id = device.split(',').next().unwrap();
            let words = format!(
                "-chardev socket,id={id},fd={number} -device vhost-user-test-device-pci,chardev={device}"
            );
            assert!(line.contains(&words), "{words}: {line}");
        }
    }
}
