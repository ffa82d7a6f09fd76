// SPDX-License-Identifier: GPL-3.0-or-later
//! The way to the compositor. In: where its control socket is. Out: a socket on which it asks and answers;
//! a new one each time a compositor has appeared.

use super::{Event, Inbox};
use cofferdam_control::desktop::{self, Call, FromCompositor, Request};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::transport;
use cofferdam_kit::watch::Watch;
use cofferdam_monitor_wire::MAX_PACKET;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Asked for another compositor: the last one is gone, or was closed.
pub(super) type Lost = mpsc::Receiver<()>;

/// Keeps a compositor served until the daemon ends. `lost` says when the last one is no more.
pub(super) fn keep(path: PathBuf, inbox: Inbox, lost: Lost) -> io::Result<()> {
    let watch = Watch::new(path.parent().unwrap_or(Path::new("/")))?;
    tokio::spawn(async move {
        if let Err(error) = serve(&path, &inbox, lost, &watch).await {
            tracing::error!(%error, "no compositor is looked for any more");
        }
    });
    Ok(())
}

async fn serve(path: &Path, inbox: &Inbox, mut lost: Lost, watch: &Watch) -> io::Result<()> {
    loop {
        // The watch began before, so a compositor that appears in between is not missed.
        match offer(path).await {
            Ok((packets, _control)) => {
                if inbox.send(Event::ScreenUp(packets)).await.is_err() || lost.recv().await.is_none() {
                    return Ok(());
                }
            }
            Err(why) => tracing::info!(why, "no compositor yet"),
        }
        watch.change().await?;
    }
}

/// Hands one end of a pair to the compositor. The control connection is kept as long as the other one.
async fn offer(path: &Path) -> Result<(Packets, Packets), String> {
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let socket = transport::connect(path).map_err(|e| say(&e))?;
    let control = Packets::new(socket, desktop::MAX_PACKET).map_err(|e| say(&e))?;
    let (ours, theirs) = transport::pair().map_err(|e| say(&e))?;
    let call = Call { serial: 1, request: Request::ServePermissions };
    control.send(&call, &[theirs.as_fd()]).await.map_err(|e| say(&e))?;
    drop(theirs);
    loop {
        let packet = control.recv::<FromCompositor>().await.map_err(|e| say(&e))?;
        match packet.ok_or("it closed the connection")?.0 {
            FromCompositor::Answer(answer) => {
                answer.result?;
                return Ok((Packets::new(ours, MAX_PACKET).map_err(|e| say(&e))?, control));
            }
            FromCompositor::Event(_) => {}
        }
    }
}
