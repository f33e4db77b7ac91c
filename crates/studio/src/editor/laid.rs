//! A text as it was last laid out, so that a frame in which nothing changes costs next to nothing.

use std::sync::Arc;

use eframe::egui::text::LayoutJob;
use eframe::egui::{FontId, Galley, TextStyle, Ui};

use super::highlight::{self, Palette, Vocabulary};
use super::lines::Lines;

/// Colours and lines of one version of a text.
#[derive(Default)]
pub(super) struct Laid {
    of: Option<(String, Palette, FontId, Vocabulary)>,
    job: LayoutJob,
    pub(super) lines: Lines,
}

impl Laid {
    /// Looks the text over, if it is not the one that was looked over last.
    pub(super) fn update(&mut self, ui: &Ui, text: &str, vocabulary: &Vocabulary) {
        let palette = Palette::new(ui.visuals().dark_mode);
        let font = TextStyle::Monospace.resolve(ui.style());
        let is_current = self.of.as_ref().is_some_and(|(of, colors, of_font, words)| {
            of == text && *colors == palette && *of_font == font && words == vocabulary
        });
        if !is_current {
            let words = highlight::words(text, vocabulary);
            self.lines = Lines::of(text);
            self.job = highlight::job(text, &words, &palette, &font);
            self.of = Some((text.to_owned(), palette, font, vocabulary.clone()));
        }
    }

    /// The text ready to be drawn. egui keeps galleys of equal jobs, and knows when its fonts have changed.
    pub(super) fn galley(&mut self, ui: &Ui, text: &str, vocabulary: &Vocabulary) -> Arc<Galley> {
        self.update(ui, text, vocabulary);
        ui.fonts_mut(|fonts| fonts.layout_job(self.job.clone()))
    }
}
