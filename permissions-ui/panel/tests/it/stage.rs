// SPDX-License-Identifier: GPL-3.0-or-later
//! A component on a stage: sized, dressed, looked at, clicked.
//!
//! In: a canvas and what to do with it. Out: pictures and elements. Nothing is simulated but the
//! compositor: events go the same way as in the program, pixels come from the same renderer.

use cofferdam_bus::panel::Element;
use cofferdam_panel::access;
use cofferdam_panel::platform::{self, Canvas};
use cofferdam_panel::ui::Look;
use slint::platform::{Key, PointerEventButton, WindowEvent};
use slint::{LogicalPosition, PlatformError, SharedString};
use std::path::PathBuf;
use std::rc::Rc;

/// How far a channel of a pixel may be from the golden, and how many pixels in a million may be further.
const TOLERANCE: u8 = 6;
const STRAY: usize = 200;

pub(crate) struct Stage<C> {
    pub(crate) component: C,
    pub(crate) canvas: Rc<Canvas>,
    pub(crate) look: Look,
    name: &'static str,
}

impl<C> Stage<C> {
    pub(crate) fn new(
        name: &'static str,
        theme: &str,
        (width, height, scale): (f32, f32, f32),
        make: impl FnOnce() -> Result<C, PlatformError>,
    ) -> Self {
        platform::install();
        let mut look = Look::new().unwrap();
        look.choose(theme);
        let (component, canvas) = platform::with_canvas(make).unwrap();
        canvas.resize(width, height, scale);
        canvas.send(WindowEvent::WindowActiveChanged(true));
        Self { component, canvas, look, name }
    }

    /// Lets timers, change handlers and repeaters do their work.
    pub(crate) fn settle(&self) {
        for _ in 0..3 {
            slint::platform::update_timers_and_animations();
            self.canvas.draw();
        }
    }

    pub(crate) fn elements(&self) -> Vec<Element> {
        self.settle();
        let mut all = access::elements(&self.canvas, self.name);
        all.retain(|e| e.seen);
        all
    }

    pub(crate) fn find(&self, label: &str) -> Element {
        let all = self.elements();
        let mut found: Vec<_> = all.iter().filter(|e| e.label == label).collect();
        let labels: Vec<&str> = all.iter().map(|e| e.label.as_str()).collect();
        assert_eq!(found.len(), 1, "{label:?} among {labels:?}");
        found.remove(0).clone()
    }

    pub(crate) fn has(&self, label: &str) -> bool {
        self.elements().iter().any(|e| e.label == label)
    }

    pub(crate) fn click_at(&self, x: f64, y: f64, button: PointerEventButton) {
        #[allow(clippy::cast_possible_truncation)]
        let position = LogicalPosition::new(x as f32, y as f32);
        self.canvas.send(WindowEvent::PointerMoved { position });
        self.canvas.send(WindowEvent::PointerPressed { position, button });
        self.canvas.send(WindowEvent::PointerReleased { position, button });
        self.settle();
    }

    pub(crate) fn click(&self, label: &str) {
        let e = self.find(label);
        self.click_at(e.x + e.w / 2.0, e.y + e.h / 2.0, PointerEventButton::Left);
    }

    pub(crate) fn key(&self, text: impl Into<SharedString>) {
        let text: SharedString = text.into();
        self.canvas.send(WindowEvent::KeyPressed { text: text.clone() });
        self.canvas.send(WindowEvent::KeyReleased { text });
        self.settle();
    }

    pub(crate) fn with_control(&self, text: &str) {
        self.canvas.send(WindowEvent::KeyPressed { text: Key::Control.into() });
        self.key(text);
        self.canvas.send(WindowEvent::KeyReleased { text: Key::Control.into() });
        self.settle();
    }

    pub(crate) fn focused(&self) -> String {
        self.elements().into_iter().find(|e| e.focused).map(|e| e.label).unwrap_or_default()
    }

    /// The labels that Tab goes through until it is back where it began.
    pub(crate) fn tab_order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        for _ in 0..200 {
            self.key(Key::Tab);
            let label = self.focused();
            if order.first() == Some(&label) {
                return order;
            }
            order.push(label);
        }
        panic!("Tab never comes back: {order:?}")
    }

    /// Compares what is drawn with the golden of this name.
    pub(crate) fn picture(&self, name: &str) {
        self.settle();
        let (width, height) = self.canvas.pixel_size();
        let rgba: Vec<u8> =
            self.canvas.pixels().iter().flat_map(|p| [p.0[2], p.0[1], p.0[0], p.0[3]]).collect();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/{name}.png"));
        if std::env::var_os("COFFERDAM_BLESS").is_some() {
            write(&path, width, height, &rgba);
            return;
        }
        let (golden, size) = read(&path);
        assert_eq!(size, (width, height), "{name}");
        let far = |(a, b): &(&[u8], &[u8])| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > TOLERANCE);
        let stray = rgba.chunks_exact(4).zip(golden.chunks_exact(4)).filter(far).count();
        let allowed = width * height * STRAY / 1_000_000;
        if stray > allowed {
            let seen = std::env::temp_dir().join(format!("cofferdam-panel-{name}.png"));
            write(&seen, width, height, &rgba);
            panic!("{name}: {stray} pixels differ, at most {allowed} may; see {}", seen.display());
        }
    }
}

fn write(path: &PathBuf, width: usize, height: usize, rgba: &[u8]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width.try_into().unwrap(), height.try_into().unwrap());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().unwrap().write_image_data(rgba).unwrap();
}

fn read(path: &PathBuf) -> (Vec<u8>, (usize, usize)) {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgba).unwrap();
    (rgba, (info.width.try_into().unwrap(), info.height.try_into().unwrap()))
}
