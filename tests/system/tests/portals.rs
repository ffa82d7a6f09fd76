// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps ask for through the portals of their guest, in a real VM.
//!
//! In: a desktop, an app's VM with `cofferdam-asker` in it, and the person's part played over the monitor's
//! D-Bus interface. Out: exactly the files that were handed over, in the way they were, until they are taken
//! back; "cancelled" for all else; and a VM that bears its own rudeness.

#![expect(clippy::disallowed_types, reason = "a checksum by somebody else")]

use cofferdam_ids::VmId;
use cofferdam_system_tests::{TestDesktop, guest_program, out_dir};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A VM with the asking program in it.
struct Guest {
    t: TestDesktop,
    vm: VmId,
    asked: u32,
}

impl Guest {
    fn start(name: &str) -> Outcome<Self> {
        let mut t = TestDesktop::start(name)?;
        let vm = t.open("foot")?;
        let program = std::fs::read(guest_program("cofferdam-asker"))?;
        let argv = ["sh", "-c", "cat > /tmp/ask && chmod 755 /tmp/ask"].map(str::to_owned);
        assert_eq!(t.desktop.guest_run_with(&vm, &argv, &program)?.exit.code, 0);
        Ok(Self { t, vm, asked: 0 })
    }

    /// What a command of the shell prints, both streams; whether it succeeded.
    fn shell(&mut self, command: &str) -> Outcome<(String, bool)> {
        let argv = ["sh", "-c", command].map(str::to_owned);
        let out = self.t.desktop.guest_run(&self.vm, &argv)?;
        let text = [out.stdout, out.stderr].concat();
        Ok((String::from_utf8_lossy(&text).trim_end().to_owned(), out.exit.code == 0))
    }

    /// Starts asking, and leaves it at that.
    fn begin(&mut self, question: &str) -> Outcome {
        self.asked += 1;
        let n = self.asked;
        self.shell(&format!(
            "(/tmp/ask {question} > /tmp/out{n}.part 2>&1; mv /tmp/out{n}.part /tmp/out{n}) &"
        ))?;
        Ok(())
    }

    /// The answer to the last question.
    fn answer(&mut self) -> Outcome<String> {
        let (vm, argv) = (self.vm.clone(), ["cat".to_owned(), format!("/tmp/out{}", self.asked)]);
        let mut said = String::new();
        self.t.wait("the portal's answer", |desktop| {
            let out = desktop.guest_run(&vm, &argv)?;
            said = String::from_utf8_lossy(&out.stdout).trim_end().to_owned();
            Ok(out.exit.code == 0)
        })?;
        Ok(said)
    }

    /// The chooser that the person sees next.
    fn chooser(&mut self) -> Outcome<(u64, String)> {
        let mut found = None;
        self.t.wait("a chooser", |desktop| {
            let mut choosers = desktop.monitor()?.choosers().unwrap_or_default();
            found = choosers.pop().map(|c| (c.id, format!("{} {} {}", c.kind, c.write, c.title)));
            Ok(found.is_some())
        })?;
        Ok(found.ok_or("no chooser")?)
    }

    /// The address that an app gets for `file`.
    fn hand_over(&mut self, question: &str, name: &str, file: OwnedFd, write: bool) -> Outcome<String> {
        self.begin(question)?;
        let (id, _) = self.chooser()?;
        self.t.desktop.monitor()?.choose(id, name, file, write)?;
        let answer = self.answer()?;
        let uri = answer.strip_prefix("0 file://").ok_or_else(|| format!("no file: {answer}"))?;
        Ok(uri.to_owned())
    }
}

fn open(path: &Path) -> Outcome<OwnedFd> {
    Ok(File::open(path)?.into())
}

#[test]
fn files_are_handed_over_one_by_one() -> Outcome {
    let mut guest = Guest::start("portals")?;
    let host = tempfile::tempdir()?;
    let large: Vec<u8> = (0..1_000_003_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    std::fs::write(host.path().join("large"), &large)?;
    std::fs::write(host.path().join("secret"), "secret")?;

    // Cancelled is cancelled, and the title is clean.
    guest.begin("file \"$(printf 'Open\\342\\200\\256 me')\"")?;
    let (id, shown) = guest.chooser()?;
    assert_eq!(shown, "file false Open me");
    guest.t.desktop.monitor()?.cancel_chooser(id)?;
    assert_eq!(guest.answer()?, "1");

    // One file to read, all of it, and nothing beside it.
    let path = guest.hand_over("file Open", "large", open(&host.path().join("large"))?, false)?;
    assert!(path.starts_with("/run/user/1000/cofferdam/") && path.ends_with("/large"), "{path}");
    let sum = format!("cat '{path}' | sha256sum | cut -c1-64");
    let expected = std::process::Command::new("sha256sum").arg(host.path().join("large")).output()?;
    assert_eq!(guest.shell(&sum)?.0.as_bytes(), &expected.stdout[..64]);
    let listed = guest.shell(&format!("ls $(dirname '{path}') /run/user/1000/cofferdam"))?.0;
    assert_eq!(listed.matches("large").count(), 1, "{listed}");
    assert!(!guest.shell(&format!("echo x >> '{path}'"))?.1, "it was handed over to be read");
    assert!(!guest.shell(&format!("cat '{path}/../../secret' \"$(dirname '{path}')/secret\""))?.1);

    // A new file to write.
    let new = host.path().join("new.txt");
    let file = File::options().read(true).write(true).create_new(true).open(&new)?;
    let path = guest.hand_over("save Save", "new.txt", file.into(), true)?;
    assert_eq!(guest.shell(&format!("echo hello > '{path}' && cat '{path}'"))?, ("hello".to_owned(), true));
    assert_eq!(std::fs::read(&new)?, b"hello\n");

    // Everything off: once that is answered, nothing can be read or written any more.
    let vm = guest.vm.to_string();
    guest.shell(&format!("exec 9>> '{path}'; sleep 1000 & true"))?;
    guest.t.desktop.monitor()?.revoke_all(&vm)?;
    let (said, ok) = guest.shell(&format!("cat '{path}'; echo late >> '{path}'"))?;
    assert!(!ok && !said.contains("hello"), "{said}");
    assert_eq!(std::fs::read(&new)?, b"hello\n");
    guest.begin("file Again")?;
    assert_eq!(guest.answer()?, "1", "the level is off");
    Ok(guest.t.desktop.finish()?)
}

#[test]
fn a_folder_is_what_is_in_it() -> Outcome {
    let mut guest = Guest::start("portals-folder")?;
    let host = tempfile::tempdir()?;
    let folder = host.path().join("given");
    std::fs::create_dir_all(folder.join("sub"))?;
    std::fs::write(folder.join("sub/deep"), "deep")?;
    std::fs::write(host.path().join("secret"), "secret")?;
    std::os::unix::fs::symlink("../secret", folder.join("link"))?;
    for n in 0..300 {
        writeln!(File::create(folder.join(format!("n{n}")))?, "{n}")?;
    }
    let path = guest.hand_over("folder Folder", "given", open(&folder)?, false)?;
    assert_eq!(guest.shell(&format!("ls '{path}' | wc -l"))?.0, "301", "the link is not shown");
    assert_eq!(guest.shell(&format!("cat '{path}/sub/deep'"))?, ("deep".to_owned(), true));
    for attempt in
        ["cat {}/link", "cat {}/../../../secret", "mkdir {}/x", "rm {}/n1", "mv {}/n1 {}/m", "touch {}/y"]
    {
        let (said, ok) = guest.shell(&attempt.replace("{}", &path))?;
        assert!(!ok, "{attempt}: {said}");
    }
    assert!(folder.join("n1").exists() && !folder.join("x").exists());
    Ok(guest.t.desktop.finish()?)
}

#[test]
fn what_is_refused_is_refused_as_the_portals_say() -> Outcome {
    let mut guest = Guest::start("portals-rude")?;
    // A title of a megabyte is a title of a few words.
    guest.begin("megabyte")?;
    let (id, shown) = guest.chooser()?;
    assert!(shown.chars().count() < 100 && !shown.contains('\u{202e}'), "{shown}");
    guest.t.desktop.monitor()?.cancel_chooser(id)?;
    assert_eq!(guest.answer()?, "1");
    // Who goes away while the person chooses takes the question along.
    guest.begin("file Gone")?;
    guest.chooser()?;
    guest.shell("kill $(pidof ask)")?;
    guest.t.wait("the chooser to go", |d| Ok(d.monitor()?.choosers().unwrap_or_default().is_empty()))?;
    for (question, expected) in [
        ("screenshot", "2"),
        ("cut-off", "29 times gone"),
        ("nonsense", "closed each time"),
        ("notify Hello you", "sent"),
    ] {
        assert_eq!(guest.shell(&format!("/tmp/ask {question}"))?, (expected.to_owned(), true));
    }
    let (said, ok) = guest.shell("/tmp/ask flood")?;
    let denied = said.strip_suffix(" denied").and_then(|n| n.parse::<u32>().ok());
    assert!(ok && denied.is_some_and(|n| n >= 980), "{said}");
    // All those that came and went were noes: it is not even shown any more.
    guest.begin("file More")?;
    assert_eq!(guest.answer()?, "1");
    assert!(guest.t.desktop.monitor()?.choosers()?.is_empty());
    let console = guest.t.desktop.coffer(&["console", guest.vm.as_str()])?;
    std::fs::write(out_dir("portals-rude").join("console.txt"), &console)?;
    assert!(console.contains("portal: fault 1: too many requests"), "faults are counted: {console}");
    Ok(guest.t.desktop.finish()?)
}
