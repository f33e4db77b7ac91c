//! The card about what the pointer rests on: mistakes with their repair, what a word means, the slider of a number.

use std::time::Duration;

use carrot_reward_compiler::assist::{self, Hover};
use eframe::egui::{Area, Button, Frame, Order, Pos2, Rect, Role, Ui, Vec2, WidgetInfo};

use super::sheet::Sheet;
use super::sliders::Sliders;
use super::{EditorEvent, EditorInput, findings};

/// What the pointer rests on; nothing, most of the time.
#[derive(Default)]
pub(super) struct Card {
    about: Option<About>,
}

/// A place in the text, and what there is to tell about it.
struct About {
    byte: usize,
    /// Where the text was. When it scrolls, the place is no longer under the pointer.
    origin: Pos2,
    anchor: Rect,
    card: Rect,
    /// What the word is, for the program's variables and the library's functions.
    word: Option<Hover>,
}

impl Card {
    pub(super) fn close(&mut self) {
        self.about = None;
    }

    /// Shows the card where there is something to tell. Gives the finding whose repair was asked for.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        sheet: &Sheet,
        pointer: Option<Pos2>,
        input: &mut EditorInput<'_>,
        sliders: &mut Sliders,
        events: &mut Vec<EditorEvent>,
    ) -> Option<usize> {
        if !sliders.is_held_by_pointer() {
            self.follow(ui, sheet, pointer, input, sliders);
        }
        let about = self.about.as_mut()?;
        let byte = about.byte;
        let mut here = (0..input.findings.len()).filter(|&at| {
            let bytes = sheet.page.bytes_of_finding(&input.findings[at]);
            bytes.contains(&byte)
        });
        let here: Vec<usize> = here.by_ref().collect();
        let line = sheet.page.line_of_byte(byte) as u32 + 1;
        let stop = input.line_marks.iter().find(|(marked, _)| *marked == line);
        let constant = sliders.without_bar(byte);
        if here.is_empty() && constant.is_none() && stop.is_none() && about.word.is_none() {
            self.about = None;
            return None;
        }
        let mut fix = None;
        let area = Area::new(ui.scope_id().with("card"))
            .order(Order::Foreground)
            .fixed_pos(about.anchor.left_bottom() + Vec2::new(0.0, 3.0))
            .constrain(true)
            .accessible_name("about this place")
            .show(ui.ctx(), |ui| {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.set_max_width(420.0);
                    for at in here {
                        if mistake(ui, sheet, input, at) {
                            fix = Some(at);
                        }
                    }
                    if let Some(word) = &about.word {
                        explain(ui, word);
                    }
                    if let Some((_, why)) = stop {
                        ui.colored_label(sheet.palette.error, "stopped here while it ran");
                        ui.label(why);
                    }
                    if let Some((at, constant)) = constant.and_then(|at| Some((at, sliders.get(at)?))) {
                        let label = format!("here: {}, line {}", constant.name, constant.line);
                        ui.label(&constant.name);
                        sliders.slider(ui, at, &label, 200.0, input.text, events);
                    }
                });
            });
        about.card = area.response.rect;
        fix
    }

    /// Opens the card where the pointer has come to rest, and closes it when the pointer has left.
    fn follow(&mut self, ui: &Ui, sheet: &Sheet, pointer: Option<Pos2>, input: &EditorInput<'_>, sliders: &Sliders) {
        let pos = ui.input(|input| input.pointer.hover_pos());
        let stays = self.about.as_ref().is_some_and(|about| {
            // The card begins where the word ends, so the pointer can go from one to the other.
            let near = [about.anchor, about.card.expand(4.0)];
            about.origin == sheet.origin && pos.is_some_and(|pos| near.iter().any(|rect| rect.contains(pos)))
        });
        if stays {
            return;
        }
        self.about = None;
        let Some(pos) = pointer.filter(|_| !ui.input(|input| input.pointer.any_down())) else {
            return;
        };
        if ui.input(|input| input.pointer.time_since_last_movement() > 0.25) {
            self.about = About::under(pos, sheet, input, sliders);
        } else {
            ui.ctx().request_repaint_after(Duration::from_millis(260));
        }
    }
}

impl About {
    /// What is under the pointer, if there is something to tell about it.
    fn under(pos: Pos2, sheet: &Sheet, input: &EditorInput<'_>, sliders: &Sliders) -> Option<Self> {
        let page = &sheet.page;
        let at = sheet.galley.cursor_from_pos(pos - sheet.origin).index.0;
        let line = page.line_of_char(at);
        let (_, row) = sheet.row(line)?;
        if pos.y > row.bottom() || pos.x > row.right() + 4.0 {
            return None;
        }
        let byte = page.byte_of_char(at);
        let hit = input
            .findings
            .iter()
            .map(|finding| page.bytes_of_finding(finding))
            .find(|bytes| bytes.contains(&byte));
        let constant = sliders.without_bar(byte).and_then(|at| sliders.get(at));
        let constant = constant.map(|constant| constant.range.clone());
        // A mistake or a number speaks for itself.
        let word = match constant.is_none() && hit.is_none() {
            true => assist::hover(page.text(), byte, input.schema),
            false => None,
        };
        // A stop concerns its whole line.
        let number = line as u32 + 1;
        let is_marked = input.line_marks.iter().any(|(marked, _)| *marked == number);
        let marked = is_marked.then(|| page.bytes_of_line(line));
        let bytes = constant
            .or(hit)
            .or(word.as_ref().map(|word| word.range.clone()))
            .or(marked)?;
        let (left, right) = sheet.columns(line, &page.chars(bytes.clone()))?;
        Some(Self {
            byte: byte.clamp(bytes.start, bytes.end.saturating_sub(1).max(bytes.start)),
            origin: sheet.origin,
            anchor: Rect::from_x_y_ranges(left..=right.max(left + 4.0), row.y_range()),
            card: Rect::NOTHING,
            word,
        })
    }
}

/// A finding in full. True if its repair was asked for.
fn mistake(ui: &mut Ui, sheet: &Sheet, input: &EditorInput<'_>, at: usize) -> bool {
    let finding = &input.findings[at];
    let title = format!("{}[{}]", findings::word(finding.severity), finding.code);
    ui.colored_label(findings::color(finding.severity, &sheet.palette), title);
    ui.label(&finding.message);
    if let Some(help) = &finding.help {
        ui.weak(help);
    }
    let Some(repair) = &finding.fix else { return false };
    let button = ui.add_enabled(input.is_current, Button::new(&repair.title));
    let label = format!("Fix here: {}", repair.title);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, input.is_current, &label));
    button.clicked()
}

fn explain(ui: &mut Ui, word: &Hover) {
    ui.monospace(&word.title);
    if !word.detail.is_empty() {
        ui.weak(&word.detail);
    }
    if !word.doc.is_empty() {
        ui.label(&word.doc);
    }
}
