//! Frames as an animated GIF: small, of steady colours, and at real speed.
//!
//! One palette serves the whole animation, chosen from pixels of all frames; a palette for each frame would make still
//! things flicker. A frame then stores only the rectangle that changed, and inside it "as before" for every pixel that did
//! not, which packs well.

use std::io::{self, Write};
use std::path::Path;

use color_quant::NeuQuant;
use gif::{DisposalMethod, Encoder, Repeat};

use crate::picture::save;
use crate::{Frame, PhysicsError};

/// The one of 256 indices that means "as before".
const AS_BEFORE: u8 = 255;
/// Colours that are left.
const COLORS: usize = 255;
/// Pixels from which the palette is chosen.
const SAMPLE: usize = 150_000;
/// Shortest time a viewer shows a frame, in hundredths of a second; less is widely taken for a tenth of a second.
const SHORTEST: u64 = 2;

/// Writes frames as an animated GIF that plays at real speed: `frame_secs` seconds each, for ever.
///
/// A GIF counts hundredths of a second. Each frame begins at the hundredth nearest to its time, so rounding never adds up;
/// frames closer together than viewers can show (2/100 s) are left out.
///
/// Errors: [`PhysicsError::Write`], also when there is no frame, when frames differ in size, or a size is above 65,535.
pub fn write_gif(path: &Path, frames: &[Frame], frame_secs: f64) -> Result<(), PhysicsError> {
    save(path, |file| encode(frames, frame_secs, file))
}

fn encode(frames: &[Frame], frame_secs: f64, file: &mut dyn Write) -> io::Result<()> {
    let (width, height) = check(frames, frame_secs)?;
    let mut palette = Palette::choose(frames);
    let mut encoder = Encoder::new(file, width, height, &palette.bytes()).map_err(into_io)?;
    encoder.set_repeat(Repeat::Infinite).map_err(into_io)?;
    let mut shown: Option<Vec<u8>> = None;
    for (index, hundredths) in schedule(frames.len(), frame_secs) {
        let pixels = palette.indices(&frames[index]);
        let mut change = change(shown.as_deref(), &pixels, usize::from(width));
        change.delay = u16::try_from(hundredths).unwrap_or(u16::MAX);
        encoder.write_frame(&change).map_err(into_io)?;
        shown = Some(pixels);
    }
    Ok(())
}

fn check(frames: &[Frame], frame_secs: f64) -> io::Result<(u16, u16)> {
    let refuse = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let first = frames
        .first()
        .ok_or_else(|| refuse("an animation needs at least one frame"))?;
    if !(frame_secs.is_finite() && frame_secs > 0.0) {
        return Err(refuse("the time of a frame must be positive"));
    }
    for frame in frames {
        if (frame.width, frame.height) != (first.width, first.height) {
            return Err(refuse("all frames must have the same size"));
        }
        if frame.rgb.is_empty() || frame.rgb.len() != 3 * frame.width * frame.height {
            return Err(refuse("a frame needs three bytes for each of its pixels"));
        }
    }
    let side = |pixels: usize| u16::try_from(pixels).map_err(|_| refuse("a side is longer than 65535 pixels"));
    Ok((side(first.width)?, side(first.height)?))
}

/// Which frames are shown, and for how many hundredths of a second.
fn schedule(frames: usize, frame_secs: f64) -> Vec<(usize, u64)> {
    let begin = |index: usize| (index as f64 * frame_secs * 100.0).round() as u64;
    let end = begin(frames).max(SHORTEST);
    let mut shown: Vec<usize> = vec![0];
    for index in 1..frames {
        let previous = shown[shown.len() - 1];
        if begin(index) >= begin(previous) + SHORTEST && begin(index) + SHORTEST <= end {
            shown.push(index);
        }
    }
    let ends = shown.iter().skip(1).map(|&index| begin(index)).chain([end]);
    shown
        .iter()
        .zip(ends)
        .map(|(&index, end)| (index, end - begin(index)))
        .collect()
}

/// The rectangle that differs from what is shown, with [`AS_BEFORE`] where a pixel does not.
fn change(shown: Option<&[u8]>, pixels: &[u8], width: usize) -> gif::Frame<'static> {
    let height = pixels.len() / width;
    let Some(shown) = shown else {
        return gif::Frame {
            dispose: DisposalMethod::Keep,
            ..gif::Frame::from_indexed_pixels(width as u16, height as u16, pixels, None)
        };
    };
    let differs = |x: usize, y: usize| shown[y * width + x] != pixels[y * width + x];
    let rows = extent(height, |y| (0..width).any(|x| differs(x, y)));
    let columns = extent(width, |x| rows.clone().any(|y| differs(x, y)));
    let index = |x, y| {
        if differs(x, y) {
            pixels[y * width + x]
        } else {
            AS_BEFORE
        }
    };
    let inside: Vec<u8> = rows
        .clone()
        .flat_map(|y| columns.clone().map(move |x| (x, y)))
        .map(|(x, y)| index(x, y))
        .collect();
    gif::Frame {
        left: columns.start as u16,
        top: rows.start as u16,
        dispose: DisposalMethod::Keep,
        ..gif::Frame::from_indexed_pixels(columns.len() as u16, rows.len() as u16, inside, Some(AS_BEFORE))
    }
}

/// From the first to the last place where something changed; one place when nothing did, since a frame cannot be empty.
fn extent(length: usize, changed: impl Fn(usize) -> bool) -> std::ops::Range<usize> {
    match (0..length).find(|&place| changed(place)) {
        None => 0..1,
        Some(first) => first..(first..length).rfind(|&place| changed(place)).unwrap_or(first) + 1,
    }
}

/// At most [`COLORS`] colours, sorted.
struct Palette {
    colors: Vec<[u8; 3]>,
    /// Index of the nearest colour for each cell of 4 × 4 × 4 colours; [`AS_BEFORE`] where nobody asked yet.
    nearest: Vec<u8>,
}

impl Palette {
    /// All colours where they are few, else those that represent a sample of pixels best.
    fn choose(frames: &[Frame]) -> Self {
        let mut colors = few_colors(frames).unwrap_or_else(|| quantised(frames));
        colors.sort_unstable();
        colors.dedup();
        Self {
            colors,
            nearest: vec![AS_BEFORE; 1 << 18],
        }
    }

    /// All 256 entries: the colours, then black for what is unused.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.colors.concat();
        bytes.resize(3 * 256, 0);
        bytes
    }

    fn indices(&mut self, frame: &Frame) -> Vec<u8> {
        frame
            .rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|color| self.index(*color))
            .collect()
    }

    fn index(&mut self, color: [u8; 3]) -> u8 {
        if let Ok(exact) = self.colors.binary_search(&color) {
            return exact as u8;
        }
        let cell = color.iter().fold(0, |cell, part| cell << 6 | usize::from(part >> 2));
        if self.nearest[cell] == AS_BEFORE {
            let distance = |other: &[u8; 3]| -> u32 {
                color
                    .iter()
                    .zip(other)
                    .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2))
                    .sum()
            };
            let (index, _) = self
                .colors
                .iter()
                .enumerate()
                .min_by_key(|(_, other)| distance(other))
                .expect("a palette has a colour");
            self.nearest[cell] = index as u8;
        }
        self.nearest[cell]
    }
}

/// Every colour of the frames, if no more than a palette holds.
fn few_colors(frames: &[Frame]) -> Option<Vec<[u8; 3]>> {
    let mut colors = std::collections::BTreeSet::new();
    for color in frames.iter().flat_map(|frame| frame.rgb.as_chunks::<3>().0) {
        if colors.insert(*color) && colors.len() > COLORS {
            return None;
        }
    }
    Some(colors.into_iter().collect())
}

fn quantised(frames: &[Frame]) -> Vec<[u8; 3]> {
    let total: usize = frames.iter().map(|frame| frame.rgb.len() / 3).sum();
    // Odd, so that the sample does not fall on the same columns of every row.
    let stride = (total / SAMPLE) | 1;
    let pixels = frames
        .iter()
        .flat_map(|frame| frame.rgb.as_chunks::<3>().0)
        .step_by(stride);
    let sample: Vec<u8> = pixels
        .flat_map(|[red, green, blue]| [*red, *green, *blue, 255])
        .collect();
    NeuQuant::new(1, COLORS, &sample)
        .color_map_rgb()
        .as_chunks::<3>()
        .0
        .to_vec()
}

fn into_io(error: gif::EncodingError) -> io::Error {
    match error {
        gif::EncodingError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_neither_drifts_nor_outruns_viewers() {
        // 1/30 s: 3.33 hundredths, so every third frame lasts 4.
        assert_eq!(
            schedule(6, 1.0 / 30.0),
            [(0, 3), (1, 4), (2, 3), (3, 3), (4, 4), (5, 3)]
        );
        // 0.008 s: frames begin at 0, 1, 2, 2, 3, 4, 5, 6, 6, 7; one in two or three is shown; 10 frames last 0.08 s.
        assert_eq!(schedule(10, 0.008), [(0, 2), (2, 2), (5, 2), (7, 2)]);
        assert_eq!(schedule(1, 0.04), [(0, 4)]);
        assert_eq!(schedule(1, 0.001), [(0, 2)]);
    }

    #[test]
    fn a_change_is_the_smallest_rectangle() {
        let shown = [0; 12];
        let mut pixels = [0; 12];
        pixels[5] = 1; // Row 1, column 1 of a picture four wide.
        pixels[7] = 2; // Row 1, column 3.
        let frame = change(Some(&shown), &pixels, 4);
        assert_eq!((frame.left, frame.top, frame.width, frame.height), (1, 1, 3, 1));
        assert_eq!(&*frame.buffer, [1, AS_BEFORE, 2]);
        let still = change(Some(&shown), &shown, 4);
        assert_eq!((still.width, still.height, &*still.buffer), (1, 1, &[AS_BEFORE][..]));
    }
}
