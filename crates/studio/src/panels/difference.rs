//! What differs between two texts: lines taken out and put in, with `-` and `+` before them, and the words that changed in them.

use std::time::{Duration, Instant};

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, vec2};
use similar::{ChangeTag, TextDiff};

/// How long the comparison of two texts may look for the shortest answer; then it takes the next best.
const LIMIT: Duration = Duration::from_millis(1);

/// The same for the words of lines that were replaced: for those of one place, and for all of them.
const WORDS: Duration = Duration::from_millis(2);
const ALL_WORDS: Duration = Duration::from_millis(8);

/// The difference between two texts that were shown last.
#[derive(Default)]
pub(super) struct Difference {
    before: String,
    after: String,
    dark: bool,
    lines: Vec<Line>,
    added: usize,
    removed: usize,
}

struct Line {
    tag: ChangeTag,
    job: LayoutJob,
    spoken: String,
}

impl Difference {
    /// Shows what became of `before` in `after`, in `height` points.
    pub(super) fn show(&mut self, ui: &mut Ui, before: &str, after: &str, height: f32) {
        let dark = ui.visuals().dark_mode;
        if self.before != before || self.after != after || self.dark != dark || self.lines.is_empty() {
            (self.before, self.after, self.dark) = (before.to_owned(), after.to_owned(), dark);
            self.compare(ui);
        }
        if self.added + self.removed == 0 {
            ui.label("The texts are the same.");
            return;
        }
        let lines = |count: usize| if count == 1 { "line" } else { "lines" };
        ui.label(format!(
            "{} {} removed (-), {} {} added (+)",
            self.removed,
            lines(self.removed),
            self.added,
            lines(self.added)
        ));
        let tall = ui.text_style_height(&TextStyle::Monospace) + 2.0;
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = ScrollArea::both()
            .id_salt("difference")
            .max_height(height)
            .auto_shrink(false);
        area.show_rows(ui, tall, self.lines.len(), |ui, range| {
            for line in &self.lines[range] {
                let galley = ui.painter().layout_job(line.job.clone());
                let wide = galley.size().x.max(ui.available_width());
                let (rect, response) = ui.allocate_exact_size(vec2(wide, tall), Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &line.spoken));
                if let Some(ground) = ground(line.tag, dark) {
                    ui.painter().rect_filled(rect, 0.0, ground);
                }
                ui.painter().galley(rect.left_top(), galley, ui.visuals().text_color());
            }
        });
    }

    fn compare(&mut self, ui: &Ui) {
        let font = TextStyle::Monospace.resolve(ui.style());
        let (plain, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
        let difference = TextDiff::configure()
            .timeout(LIMIT)
            .diff_lines(&self.before, &self.after);
        self.lines.clear();
        (self.added, self.removed) = (0, 0);
        let begin = Instant::now();
        for operation in difference.ops() {
            let deadline = (Instant::now() + WORDS).min(begin + ALL_WORDS);
            for change in difference.iter_inline_changes_deadline(operation, Some(deadline)) {
                let mark = match change.tag() {
                    ChangeTag::Insert => "+",
                    ChangeTag::Delete => "-",
                    ChangeTag::Equal => " ",
                };
                self.added += usize::from(change.tag() == ChangeTag::Insert);
                self.removed += usize::from(change.tag() == ChangeTag::Delete);
                let number = change.new_index().or(change.old_index()).unwrap_or_default() + 1;
                let mut job = LayoutJob::default();
                append(&mut job, &format!("{number:>4} "), &font, weak, None);
                append(&mut job, &format!("{mark} "), &font, plain, None);
                let mut spoken = format!("{mark} ");
                for (is_changed, words) in change.iter_strings_lossy() {
                    let words = words.trim_end_matches(['\r', '\n']);
                    let strong = strong(change.tag(), self.dark).filter(|_| is_changed);
                    append(&mut job, words, &font, plain, strong);
                    spoken.push_str(words);
                }
                self.lines.push(Line {
                    tag: change.tag(),
                    job,
                    spoken,
                });
            }
        }
    }
}

fn append(job: &mut LayoutJob, words: &str, font: &FontId, colour: Color32, ground: Option<Color32>) {
    let format = TextFormat {
        background: ground.unwrap_or(Color32::TRANSPARENT),
        ..TextFormat::simple(font.clone(), colour)
    };
    job.append(words, 0.0, format);
}

/// Behind a line.
fn ground(tag: ChangeTag, dark: bool) -> Option<Color32> {
    match (tag, dark) {
        (ChangeTag::Equal, _) => None,
        (ChangeTag::Insert, true) => Some(Color32::from_rgb(22, 54, 36)),
        (ChangeTag::Insert, false) => Some(Color32::from_rgb(222, 245, 226)),
        (ChangeTag::Delete, true) => Some(Color32::from_rgb(66, 28, 30)),
        (ChangeTag::Delete, false) => Some(Color32::from_rgb(253, 226, 226)),
    }
}

/// Behind the words that make the difference.
fn strong(tag: ChangeTag, dark: bool) -> Option<Color32> {
    match (tag, dark) {
        (ChangeTag::Equal, _) => None,
        (ChangeTag::Insert, true) => Some(Color32::from_rgb(32, 104, 62)),
        (ChangeTag::Insert, false) => Some(Color32::from_rgb(160, 226, 174)),
        (ChangeTag::Delete, true) => Some(Color32::from_rgb(132, 44, 48)),
        (ChangeTag::Delete, false) => Some(Color32::from_rgb(250, 172, 172)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two programs as long as a record takes them, with nothing but words in common: the library alone would look for half a
    /// second what they have in common.
    #[test]
    fn texts_of_any_length_are_compared_at_once() {
        let text = |step: u32| {
            let words = (0..11_000_u32).map(|at| format!("w{}", at.wrapping_mul(step) % 997));
            let words: Vec<String> = words.collect();
            let lines = words.chunks(40).map(|line| line.join(" ") + "\n");
            lines.collect::<String>()
        };
        let (before, after) = (text(7_919), text(104_729));
        let context = egui::Context::default();
        let mut quickest = Duration::MAX;
        for _ in 0..3 {
            let mut difference = Difference::default();
            let _ = context.run_ui(egui::RawInput::default(), |ui| {
                (difference.before, difference.after) = (before.clone(), after.clone());
                let begin = Instant::now();
                difference.compare(ui);
                quickest = quickest.min(begin.elapsed());
            });
            assert_eq!(difference.added + difference.removed, difference.lines.len());
        }
        assert!(quickest < Duration::from_millis(100), "{quickest:?}");
    }
}
