//! What the robot should do, and what a reward may read.

use std::sync::Arc;

use egui::{Role, TextWrapMode, Ui, WidgetInfo};

use super::{Command, See, empty};

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
        egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
            egui::Grid::new("variables")
                .num_columns(4)
                .striped(true)
                .show(ui, |ui| {
                    for title in ["variable", "now", "unit", "what it is"] {
                        ui.weak(title);
                    }
                    ui.end_row();
                    let wanted = self.filter.to_lowercase();
                    let fits = |text: &str| text.to_lowercase().contains(&wanted);
                    for variable in &task.schema.variables {
                        if !(fits(&variable.name) || fits(&variable.doc)) {
                            continue;
                        }
                        ui.monospace(&variable.name);
                        let values = moment
                            .as_ref()
                            .and_then(|moment| moment.variable(&layout, &variable.name));
                        ui.monospace(values.map(numbers).unwrap_or_default());
                        ui.label(variable.unit.as_deref().unwrap_or_default());
                        ui.label(&variable.doc);
                        ui.end_row();
                    }
                });
        });
    }
}

/// A few numbers in a few letters.
pub(crate) fn numbers(values: &[f64]) -> String {
    let shown: Vec<String> = values.iter().take(4).map(|value| format!("{value:.3}")).collect();
    let more = if values.len() > 4 { " …" } else { "" };
    match values.len() {
        1 => shown[0].clone(),
        _ => format!("[{}{more}]", shown.join(" ")),
    }
}
