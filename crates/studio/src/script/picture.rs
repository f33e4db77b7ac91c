//! Pictures of the window, written away from the window's thread.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use eframe::egui;
use egui::{ColorImage, Rect, ScreenshotCallback, ViewportCommand};

/// A picture that has been asked for.
pub(super) struct Pending {
    written: Arc<OnceLock<Result<(), String>>>,
}

impl Pending {
    /// Whether the file is there, or why it could not be written; `None` as long as neither is known.
    pub fn outcome(&self) -> Option<Result<(), String>> {
        // Asked first: what is said before the other side goes is then seen.
        let is_forgotten = Arc::strong_count(&self.written) == 1;
        match self.written.get() {
            Some(outcome) => Some(outcome.clone()),
            None if is_forgotten => Some(Err("the window gave no picture".to_owned())),
            None => None,
        }
    }
}

/// The command that takes a picture of the frame at hand, or of a part of it in points, and writes it as a PNG.
pub(super) fn take(file: PathBuf, part: Option<Rect>, pixels_per_point: f32) -> (ViewportCommand, Pending) {
    let written = Arc::new(OnceLock::new());
    let outcome = Arc::clone(&written);
    let callback = ScreenshotCallback::new(move |image| {
        std::thread::spawn(move || {
            let image = crop(&image, part.map(|part| part * pixels_per_point));
            outcome.get_or_init(|| image.and_then(|image| write(&file, &image)));
        });
    });
    (ViewportCommand::Screenshot(callback), Pending { written })
}

fn crop(image: &ColorImage, part: Option<Rect>) -> Result<ColorImage, String> {
    let Some(part) = part else {
        return Ok(image.clone());
    };
    let clamp = |pixels: f32, size: usize| (pixels.round() as i64).clamp(0, size as i64) as usize;
    let (left, right) = (clamp(part.min.x, image.width()), clamp(part.max.x, image.width()));
    let (top, bottom) = (clamp(part.min.y, image.height()), clamp(part.max.y, image.height()));
    if left >= right || top >= bottom {
        return Err("nothing of it is in the window".to_owned());
    }
    let rows = image.pixels.chunks_exact(image.width()).take(bottom).skip(top);
    let pixels = rows.flat_map(|row| row[left..right].iter().copied()).collect();
    Ok(ColorImage::new([right - left, bottom - top], pixels))
}

fn write(file: &Path, image: &ColorImage) -> Result<(), String> {
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let target = std::fs::File::create(file).map_err(|error| fail(&error))?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(target),
        image.width() as u32,
        image.height() as u32,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let opaque: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()])
        .collect();
    let mut writer = encoder.write_header().map_err(|error| fail(&error))?;
    writer.write_image_data(&opaque).map_err(|error| fail(&error))?;
    writer.finish().map_err(|error| fail(&error))
}
