//! A page as it lies on the screen.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::epaint::text::PlacedRow;
use eframe::egui::text::CCursor;
use eframe::egui::{Galley, Pos2, Rect};

use super::highlight::Palette;
use super::page::Page;

/// A page on the screen. What is drawn over, under or beside the text is placed by it and by nothing else, so that a text
/// which changes within a frame is never looked at with another one's lines.
pub(super) struct Sheet {
    pub(super) page: Arc<Page>,
    pub(super) galley: Arc<Galley>,
    /// Where the galley's corner is.
    pub(super) origin: Pos2,
    /// What of the screen shows the text.
    pub(super) clip: Rect,
    pub(super) palette: Palette,
}

impl Sheet {
    /// A line, counted from 0, and where it is on the screen.
    pub(super) fn row(&self, line: usize) -> Option<(&PlacedRow, Rect)> {
        let row = self.galley.rows.get(line)?;
        Some((row, Rect::from_min_size(self.origin + row.pos.to_vec2(), row.size)))
    }

    /// Where the caret stands before a character.
    pub(super) fn rect_of_char(&self, at: usize) -> Rect {
        let place = self.galley.pos_from_cursor(CCursor::new(at));
        place.translate(self.origin.to_vec2())
    }

    /// What has to be in sight of a line for somebody who writes at a character: the line from its beginning, where that fits beside
    /// the `gutter`, and so much `around` it from top to bottom.
    pub(super) fn sight_of_char(&self, at: usize, gutter: f32, around: f32) -> Rect {
        const BESIDE: f32 = 4.0;
        const AHEAD: f32 = 40.0;
        let caret = self.rect_of_char(at);
        let columns = match caret.right() + BESIDE - self.origin.x + gutter <= self.clip.width() {
            true => self.origin.x - gutter..=caret.right() + BESIDE,
            false => caret.left() - gutter - AHEAD..=caret.right() + AHEAD,
        };
        Rect::from_x_y_ranges(columns, caret.y_range().expand(around))
    }

    /// Where a stretch within one line is.
    pub(super) fn rect_of(&self, bytes: Range<usize>) -> Rect {
        let chars = self.page.chars(bytes);
        let (start, end) = (self.rect_of_char(chars.start), self.rect_of_char(chars.end));
        Rect::from_min_max(start.min, Pos2::new(end.max.x, start.max.y))
    }

    /// From where to where a stretch goes across a line on the screen; `chars` are characters of the text.
    pub(super) fn columns(&self, line: usize, chars: &Range<usize>) -> Option<(f32, f32)> {
        let (row, rect) = self.row(line)?;
        let start = self.page.char_of_line(line);
        let column = |at: usize| rect.left() + row.x_offset(at.saturating_sub(start).into());
        let ends_here = self.page.line_of_char(chars.end) == line;
        let right = if ends_here { column(chars.end) } else { rect.right() };
        Some((column(chars.start.max(start)), right))
    }
}
