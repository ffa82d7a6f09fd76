// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop's side of a VM. In: the VM's channel and who it is. Out: `Adopted`, and `DesktopGone`
//! when the compositor is no more: the connection over which the VM was announced is held open for it.

#![expect(clippy::disallowed_methods, reason = "the compositor's answer is waited for beside the loop")]

use super::{Inbox, Input, ShepherdSpec};
use cofferdam_control::client::Client;
use cofferdam_control::desktop::Request;
use cofferdam_ids::VmId;
use cofferdam_kit::readiness;
use cofferdam_lifecycle::Event;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;
use tokio::io::Interest;

const ADOPT_LIMIT: Duration = Duration::from_secs(10);
const RETIRE_LIMIT: Duration = Duration::from_secs(2);

/// Hands `channel` to the compositor; the answer comes as an input.
pub(crate) fn adopt(spec: &ShepherdSpec, channel: OwnedFd, inbox: &Inbox) {
    let (spec, inbox) = (spec.clone(), inbox.clone());
    tokio::spawn(async move {
        // The client blocks, for at most its call timeout.
        let adopted = tokio::task::spawn_blocking(move || announce(&spec, &channel)).await;
        let client = match adopted {
            Ok(Ok(client)) => client,
            Ok(Err(why)) => return tell(&inbox, Event::AdoptFailed(why)).await,
            Err(error) => return tell(&inbox, Event::AdoptFailed(error.to_string())).await,
        };
        tell(&inbox, Event::Adopted).await;
        wait_for_end(&client).await;
        tell(&inbox, Event::DesktopGone).await;
    });
}

async fn tell(inbox: &Inbox, event: Event) {
    // A closed inbox means that the shepherd is ending.
    let _ = inbox.send(Input::Vm(event)).await;
}

fn announce(spec: &ShepherdSpec, channel: &OwnedFd) -> Result<Client, String> {
    let mut client = Client::connect(&spec.compositor).map_err(|e| e.to_string())?;
    client.set_call_timeout(ADOPT_LIMIT);
    let icon = spec.icon.as_deref().and_then(|path| {
        // A VM without an icon is better than no VM.
        load_icon(path).inspect_err(|error| tracing::warn!(%error, path = %path.display(), "icon")).ok()
    });
    let mut fds = vec![channel.as_fd()];
    fds.extend(icon.iter().map(|(fd, _)| fd.as_fd()));
    let request = Request::AdoptVm {
        vm: spec.record.vm.clone(),
        identity: spec.record.identity,
        name: spec.record.name.clone(),
        icon_size: icon.as_ref().map(|(_, size)| *size),
    };
    client.call(request, &fds).map_err(|e| e.to_string())?;
    Ok(client)
}

/// Forgets the VM, so that its id can be used again. Blocks for at most two seconds.
pub(crate) fn retire(compositor: &Path, vm: &VmId) {
    let Ok(mut client) = Client::connect(compositor) else { return };
    client.set_call_timeout(RETIRE_LIMIT);
    if let Err(error) = client.call(Request::RetireVm { vm: vm.clone() }, &[]) {
        tracing::debug!(%error, "the desktop did not retire the VM");
    }
}

async fn wait_for_end(client: &Client) {
    let Ok(fd) = client.as_fd().try_clone_to_owned() else { return };
    let Ok(fd) = readiness::watch(fd, Interest::READABLE) else { return };
    // We have not subscribed, so nothing is ever sent here: readable means closed.
    let _ = fd.readable().await;
}

/// Decodes a square PNG of at most 256×256 pixels into a memfd of RGBA8.
fn load_icon(path: &Path) -> Result<(OwnedFd, u32), Box<dyn std::error::Error>> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(File::open(path)?));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width != height || !(1..=256).contains(&width) {
        return Err(format!("the icon has {width}×{height} pixels").into());
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("the icon is too large")?];
    let info = reader.next_frame(&mut pixels)?;
    let rgba = match info.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::GrayscaleAlpha => {
            pixels.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect()
        }
        other => return Err(format!("the icon's colours are {other:?}").into()),
    };
    let memfd = memfd_create("cofferdam-icon", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(memfd);
    file.write_all(&rgba)?;
    Ok((file.into(), width))
}
