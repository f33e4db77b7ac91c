//! A picture and how it becomes a PNG file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::PhysicsError;

/// One picture, RGB, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `3 × width × height` bytes.
    pub rgb: Vec<u8>,
}

/// Writes one frame as PNG.
///
/// Errors: [`PhysicsError::Write`], also for a frame whose size and bytes disagree.
pub fn write_png(path: &Path, frame: &Frame) -> Result<(), PhysicsError> {
    save(path, |file| encode(frame, file))
}

fn encode(frame: &Frame, file: &mut dyn Write) -> io::Result<()> {
    let too_large = |_| io::Error::new(io::ErrorKind::InvalidInput, "the picture is too large for PNG");
    let width = u32::try_from(frame.width).map_err(too_large)?;
    let height = u32::try_from(frame.height).map_err(too_large)?;
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&frame.rgb)?;
    Ok(writer.finish()?)
}

/// Writes a file through `content`; an error carries the path.
pub(crate) fn save(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), PhysicsError> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        content(&mut file)?;
        file.flush()
    };
    write().map_err(|source| PhysicsError::Write {
        path: path.to_owned(),
        source,
    })
}
