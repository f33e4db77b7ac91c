//! A page as it lies on the screen, and how it gets there: coloured, laid out, and kept while nothing changes.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::epaint::text::PlacedRow;
use eframe::egui::text::{CCursor, LayoutJob};
use eframe::egui::{FontId, Galley, Pos2, Rect, TextStyle, Ui};

use super::highlight::{self, Palette, Vocabulary};
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

/// The last page, and how it is coloured.
#[derive(Default)]
pub(super) struct Laid {
    page: Arc<Page>,
    /// The page that `job` is of, and in what it was coloured.
    of: Option<(Arc<Page>, Palette, FontId, Vocabulary)>,
    job: LayoutJob,
}

impl Laid {
    /// The page of a text.
    pub(super) fn page(&mut self, text: &str) -> Arc<Page> {
        if self.page.text() != text {
            self.page = Arc::new(Page::of(text));
        }
        Arc::clone(&self.page)
    }

    /// The page that was looked at last.
    pub(super) fn last(&self) -> &Page {
        &self.page
    }

    /// The text ready to be drawn. egui keeps galleys of equal jobs, and knows when its fonts have changed.
    pub(super) fn galley(&mut self, ui: &Ui, text: &str, vocabulary: &Vocabulary) -> Arc<Galley> {
        let page = self.page(text);
        let palette = Palette::new(ui.visuals().dark_mode);
        let font = TextStyle::Monospace.resolve(ui.style());
        let is_current = self.of.as_ref().is_some_and(|(of, colors, of_font, words)| {
            Arc::ptr_eq(of, &page) && *colors == palette && *of_font == font && words == vocabulary
        });
        if !is_current {
            let words = highlight::words(text, vocabulary);
            self.job = highlight::job(text, &words, &palette, &font);
            self.of = Some((page, palette, font, vocabulary.clone()));
        }
        ui.fonts_mut(|fonts| fonts.layout_job(self.job.clone()))
    }
}
