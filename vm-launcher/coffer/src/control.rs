// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor, asked from an event loop. In: requests. Out: replies. The client blocks, so it is lent to
//! a thread for each call.

use crate::error::{Error, file};
use cofferdam_control::client::Client;
use cofferdam_control::desktop::{Reply, Request, WindowInfo};
use cofferdam_launcher::paths::Paths;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A connection to a desktop.
#[derive(Debug)]
pub(crate) struct Control(Option<Client>);

impl Control {
    /// Connects to the desktop at `paths`.
    pub(crate) fn connect(paths: &Paths) -> Result<Self, Error> {
        let client = Client::connect(&paths.compositor()).map_err(|_refused| {
            Error::Plain(format!(
                "no desktop called {:?} runs; start one with `coffer desktop`",
                paths.desktop
            ))
        })?;
        Ok(Self(Some(client)))
    }

    /// Asks.
    pub(crate) async fn call(&mut self, request: Request) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let gone = || Error::Plain("the connection to the desktop was lost".to_owned());
        let mut client = self.0.take().ok_or_else(gone)?;
        let called = tokio::task::spawn_blocking(move || {
            let result = client.call(request, &[]);
            (client, result)
        });
        let (client, result) = called.await.map_err(|_panicked| gone())?;
        self.0 = Some(client);
        Ok(result?)
    }

    /// All windows, lowest first.
    pub(crate) async fn windows(&mut self) -> Result<Vec<WindowInfo>, Error> {
        match self.call(Request::Windows).await?.0 {
            Reply::Windows(windows) => Ok(windows),
            other => Err(odd(&other)),
        }
    }

    /// Writes a picture of `output`, or of the first one, as PNG.
    pub(crate) async fn screenshot(&mut self, output: Option<String>, path: &Path) -> Result<(), Error> {
        let (reply, fds) = self.call(Request::Screenshot { output }).await?;
        let (Reply::Image { width, height, .. }, Some(fd)) = (&reply, fds.into_iter().next()) else {
            return Err(odd(&reply));
        };
        let length = u64::from(*width) * u64::from(*height) * 4;
        let mut pixels = Vec::new();
        let mut memfd = File::from(fd);
        memfd.rewind().and_then(|()| memfd.take(length).read_to_end(&mut pixels)).map_err(file("picture"))?;
        write_png(path, *width, *height, &pixels)
    }
}

fn odd(reply: &Reply) -> Error {
    Error::Plain(format!("the desktop gave an answer that fits no question: {reply:?}"))
}

fn write_png(path: &Path, width: u32, height: u32, rgba: &[u8]) -> Result<(), Error> {
    let out = File::create(path).map_err(file(path))?;
    let mut encoder = png::Encoder::new(BufWriter::new(out), width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(rgba)?;
        writer.finish()
    });
    written.map_err(|error| file(path)(error.into()))
}
