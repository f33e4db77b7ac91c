//! What the robot should do, and what a reward may read.

use std::sync::Arc;

use carrot_reward_interface::Variable;
use egui::{Align, Color32, Label, Response, RichText, Role, TextStyle, Ui, Vec2, WidgetInfo};

use super::{Command, See, empty};
use crate::timeline::Layout;

/// The task panel.
#[derive(Default)]
pub struct TaskPanel {
    filter: String,
}

impl TaskPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let open = see.task.map(|task| task.choice.id.clone()).unwrap_or_default();
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Task");
            let shown = if open.is_empty() { "opening…" } else { &open };
            let combo = egui::ComboBox::from_id_salt("task").selected_text(shown).width(180.0);
            let combo = combo.show_ui(ui, |ui| {
                for id in see.tasks {
                    if ui.selectable_label(*id == open, id).clicked() && *id != open {
                        see.commands.push(Command::OpenTask(id.clone()));
                    }
                }
            });
            combo.response.labelled_by(label.id);
        });
        if let Some(refused) = see.refused {
            ui.colored_label(ui.visuals().error_fg_color, refused);
        }
        let Some(task) = see.task else {
            if see.refused.is_none() {
                empty(ui, "The task is being opened.", "This takes a moment.");
            }
            return;
        };
        let task = &task.bench.task;
        ui.add_space(4.0);
        ui.label(egui::RichText::new(&task.instruction).size(16.0));
        let dt = task.control_dt_secs();
        ui.weak(format!(
            "{} · {:.0} actions a second · an episode is {} steps, {:.0} s",
            task.model.engine(),
            1.0 / dt,
            task.horizon,
            task.horizon as f64 * dt,
        ));
        ui.separator();
        ui.horizontal(|ui| {
            let label = ui.strong("A reward may read");
            let filter = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("filter")
                .desired_width(120.0);
            let response = ui.add(filter).labelled_by(label.id);
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter variables"));
        });
        let (moment, layout) = {
            let timeline = see.stage.timeline();
            let moment = match see.cursor {
                Some(step) => timeline.at(step),
                None => timeline.newest(),
            };
            (moment.cloned(), Arc::clone(&timeline.layout))
        };
        let columns = Columns::of(ui, &task.schema.variables, &layout);
        columns.titles(ui);
        let wanted = self.filter.to_lowercase();
        let fits = |text: &str| text.to_lowercase().contains(&wanted);
        let variables = task.schema.variables.iter();
        let variables = variables.filter(|variable| fits(&variable.name) || fits(&variable.doc));
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for (row, variable) in variables.enumerate() {
                let values = moment
                    .as_ref()
                    .and_then(|moment| moment.variable(&layout, &variable.name));
                let fill = match row % 2 {
                    0 => ui.visuals().faint_bg_color,
                    _ => Color32::TRANSPARENT,
                };
                egui::Frame::new().fill(fill).show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    columns.row(ui, variable, values.unwrap_or_default());
                });
            }
        });
    }
}

/// Numbers of a variable that are shown; the others are in its hover.
const SHOWN: usize = 4;

/// The least width in which a description stands beside its variable, points; else it stands below.
const BESIDE: f32 = 220.0;

/// The widths of the columns, points. They depend on the task and not on the numbers, so that nothing moves when these change.
struct Columns {
    name: f32,
    now: f32,
    unit: f32,
    /// What is left for the description.
    words: f32,
}

impl Columns {
    fn of(ui: &Ui, variables: &[Variable], layout: &Layout) -> Self {
        let letters = |count: usize| width(ui, TextStyle::Monospace, &"0".repeat(count));
        let names = variables.iter().map(|variable| variable.name.chars().count());
        let sizes = layout.iter().map(|(_, range)| range.len());
        let now = match sizes.max().unwrap_or(1) {
            1 => "-000.000".len(),
            // Brackets, a space between two, and the ellipsis.
            size => size.min(SHOWN) * "-00.000 ".len() + if size > SHOWN { 3 } else { 1 },
        };
        let unit = |variable: &Variable| width(ui, TextStyle::Body, variable.unit.as_deref().unwrap_or_default());
        let whole = ui.available_width();
        let name = letters(names.max().unwrap_or(0)).min(0.4 * whole);
        let now = letters(now).min(0.4 * whole);
        let unit = variables
            .iter()
            .map(unit)
            .fold(width(ui, TextStyle::Body, "unit"), f32::max);
        let gaps = 3.0 * ui.spacing().item_spacing.x;
        Self {
            name,
            now,
            unit,
            words: whole - name - now - unit - gaps,
        }
    }

    fn titles(&self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            cell(ui, self.name, Label::new(RichText::new("variable").weak()));
            cell(ui, self.now, Label::new(RichText::new("now").weak()));
            cell(ui, self.unit, Label::new(RichText::new("unit").weak()));
            if self.words >= BESIDE {
                ui.weak("what it is");
            }
        });
    }

    fn row(&self, ui: &mut Ui, variable: &Variable, values: &[f64]) {
        let beside = self.words >= BESIDE;
        ui.horizontal_top(|ui| {
            let name = RichText::new(&variable.name).monospace();
            cell(ui, self.name, Label::new(name).truncate());
            let shown = Label::new(RichText::new(numbers(values)).monospace()).truncate();
            let now = cell(ui, self.now, shown.show_tooltip_when_elided(false));
            if values.len() > 1 {
                now.on_hover_ui(|ui| _ = ui.monospace(all(values)));
            }
            cell(ui, self.unit, Label::new(variable.unit.as_deref().unwrap_or_default()));
            if beside {
                ui.vertical(|ui| ui.label(&variable.doc));
            }
        });
        if !beside {
            let below = egui::Margin {
                left: 12,
                bottom: 3,
                ..egui::Margin::ZERO
            };
            egui::Frame::new()
                .inner_margin(below)
                .show(ui, |ui| ui.label(&variable.doc));
        }
    }
}

fn width(ui: &Ui, style: TextStyle, text: &str) -> f32 {
    let font = style.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, Color32::WHITE);
    galley.size().x.ceil()
}

/// A label of a fixed width, whatever it says.
fn cell(ui: &mut Ui, width: f32, label: Label) -> Response {
    let size = Vec2::new(width, ui.text_style_height(&TextStyle::Body));
    let cell = ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(Align::Min), |ui| {
        ui.set_width(width);
        ui.add(label)
    });
    cell.inner
}

/// Every number with its place, a few in a line.
fn all(values: &[f64]) -> String {
    let lines = values.chunks(SHOWN).enumerate().map(|(line, values)| {
        let values = values.iter().map(|value| format!("{value:>10.4}"));
        format!("{:>3}:{}", line * SHOWN, values.collect::<String>())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A few numbers in a few letters.
pub(crate) fn numbers(values: &[f64]) -> String {
    let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{value:.3}")).collect();
    let more = if values.len() > SHOWN { " …" } else { "" };
    match values.len() {
        0 => String::new(),
        1 => shown[0].clone(),
        _ => format!("[{}{more}]", shown.join(" ")),
    }
}
