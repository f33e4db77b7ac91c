//! A text laid out line by line, each line once: a letter typed into a long program costs the layout of its line.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::text::LayoutJob;
use eframe::egui::{Galley, TextStyle, Ui};

use super::highlight::{self, Inside, Letters, Palette, Vocabulary, Words};
use super::page::Page;

/// The last page, and its lines as they were laid out.
#[derive(Default)]
pub(super) struct Laid {
    page: Arc<Page>,
    whole: Option<(Arc<Page>, Arc<Galley>)>,
    lines: LaidLines,
    look: Option<Arc<Look>>,
}

/// Lines by their text. Equal ones differ in what they begin in the middle of.
type LaidLines = HashMap<String, Vec<Line>>;

/// A line as it was laid out.
struct Line {
    begins: Inside,
    ends: Inside,
    words: Words,
    look: Arc<Look>,
    galley: Arc<Galley>,
}

/// What the look of a text depends on, other than the text.
struct Look {
    palette: Palette,
    letters: Letters,
    vocabulary: Vocabulary,
    /// A galley that egui keeps as long as its fonts are what they are. When it is another one, all galleys are out of date.
    witness: Arc<Galley>,
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

    /// The text ready to be drawn. Each of its lines is one row, and lines stand so much farther apart than the font asks for.
    pub(super) fn galley(&mut self, ui: &Ui, text: &str, vocabulary: &Vocabulary, apart: f32) -> Arc<Galley> {
        let page = self.page(text);
        let look = self.look(ui, vocabulary, apart);
        if let Some((of, galley)) = &self.whole
            && Arc::ptr_eq(of, &page)
        {
            return Arc::clone(galley);
        }
        let mut before = std::mem::take(&mut self.lines);
        let mut begins = Inside::Code;
        let mut galleys = Vec::with_capacity(page.count());
        for line in text.split('\n') {
            let (galley, ends) = self.line(ui, &look, line, begins, &mut before);
            galleys.push(galley);
            begins = ends;
        }
        // The whole has to know its text; the colours are in its rows.
        let job = Arc::new(highlight::job(text, &[], &look.palette, &look.letters));
        let galley = Arc::new(Galley::concat(job, &galleys, ui.pixels_per_point()));
        self.whole = Some((page, Arc::clone(&galley)));
        galley
    }

    /// The present look. What looks different now is forgotten.
    fn look(&mut self, ui: &Ui, vocabulary: &Vocabulary, apart: f32) -> Arc<Look> {
        let palette = Palette::new(ui.visuals().dark_mode);
        let font = TextStyle::Monospace.resolve(ui.style());
        let line_height = (apart > 0.0).then(|| ui.fonts_mut(|fonts| fonts.row_height(&font)) + apart);
        let letters = Letters { font, line_height };
        let witness = LayoutJob::simple_singleline("0".into(), letters.font.clone(), palette.background);
        let witness = ui.fonts_mut(|fonts| fonts.layout_job(witness));
        let is_same =
            |old: &Arc<Look>| Arc::ptr_eq(&old.witness, &witness) && old.palette == palette && old.letters == letters;
        let look = match self.look.take().filter(is_same) {
            Some(old) if old.vocabulary == *vocabulary => old,
            old => {
                self.whole = None;
                if old.is_none() {
                    self.lines.clear();
                }
                Arc::new(Look {
                    palette,
                    letters,
                    vocabulary: vocabulary.clone(),
                    witness,
                })
            }
        };
        self.look = Some(Arc::clone(&look));
        look
    }

    /// One line, and what the next one begins in the middle of. `before` has the lines of the text as it was.
    fn line(
        &mut self,
        ui: &Ui,
        look: &Arc<Look>,
        text: &str,
        begins: Inside,
        before: &mut LaidLines,
    ) -> (Arc<Galley>, Inside) {
        let here = |lines: &Vec<Line>| lines.iter().position(|line| line.begins == begins);
        if let Some(lines) = self.lines.get(text)
            && let Some(at) = here(lines)
        {
            return (Arc::clone(&lines[at].galley), lines[at].ends);
        }
        let old = before
            .get_mut(text)
            .and_then(|lines| Some(lines.swap_remove(here(lines)?)));
        let line = match old {
            Some(old) if Arc::ptr_eq(&old.look, look) => old,
            old => {
                let (words, ends) = highlight::words(text, begins, &look.vocabulary);
                let same = old.filter(|old| old.words == words);
                let galley = same.map(|same| same.galley).unwrap_or_else(|| {
                    let job = highlight::job(text, &words, &look.palette, &look.letters);
                    ui.fonts_mut(|fonts| fonts.layout_job(job))
                });
                Line {
                    begins,
                    ends,
                    words,
                    look: Arc::clone(look),
                    galley,
                }
            }
        };
        let found = (Arc::clone(&line.galley), line.ends);
        self.lines.entry(text.to_owned()).or_default().push(line);
        found
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Context, RawInput, Theme};
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// What is put together from lines that were laid out before is what egui makes of the whole text.
    #[test]
    fn lines_laid_out_once_make_the_text_that_egui_lays_out() {
        let pieces = [
            "α = ", "\n", "\n", "'''", "\"", "\\", "# ", "def f(", "height", "2.5", "lift", " ", "²",
        ];
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let context = Context::default();
        let mut laid = Laid::default();
        let mut text = String::new();
        for round in 0..200 {
            let mut at = text.floor_char_boundary(random.random_range(0..=text.len()));
            for _ in 0..random.random_range(0..6) {
                let piece = pieces[random.random_range(0..pieces.len())];
                text.insert_str(at, piece);
                at += piece.len();
            }
            // What the colours and the letters depend on changes now and then.
            let terms: &[String] = if round % 7 < 3 { &["lift".to_owned()] } else { &[] };
            let vocabulary = Vocabulary::of(&carrot_reward_interface::Schema::default(), terms);
            context.set_theme(if round % 50 < 25 { Theme::Dark } else { Theme::Light });
            context.set_zoom_factor(if round % 40 < 20 { 1.0 } else { 1.25 });
            let _ = context.run_ui(RawInput::default(), |ui| {
                let apart = if round % 30 < 15 { 0.0 } else { 9.0 };
                let ours = laid.galley(ui, &text, &vocabulary, apart);
                let look = laid.look(ui, &vocabulary, apart);
                let words = highlight::words_of_text(&text, &vocabulary);
                let job = highlight::job(&text, &words, &look.palette, &look.letters);
                let whole = ui.fonts_mut(|fonts| fonts.layout_job(job));
                assert_eq!((ours.text(), ours.rect), (whole.text(), whole.rect), "{text:?}");
                assert_eq!(ours.rows.len(), laid.last().count());
                assert_eq!(ours.rows.len(), whole.rows.len());
                for (our, their) in ours.rows.iter().zip(&whole.rows) {
                    assert_eq!((our.pos, our.size), (their.pos, their.size), "{text:?}");
                    assert_eq!(our.ends_with_newline, their.ends_with_newline);
                    assert_eq!(our.visuals.mesh, their.visuals.mesh, "{text:?}");
                }
            });
        }
    }
}
