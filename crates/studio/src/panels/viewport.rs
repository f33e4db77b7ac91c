//! The robot: its picture, the clock, and what moves it.

use egui::{Ui, WidgetInfo};

use super::{Command, See, button, empty};
use crate::action::Action;
use crate::stage::Order;

/// The viewport panel.
#[derive(Default)]
pub struct ViewportPanel;

impl ViewportPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let (first, last) = {
            let timeline = see.stage.timeline();
            let first = timeline.moments.first().map_or(0, |moment| moment.step);
            (first, timeline.newest().map(|moment| moment.step))
        };
        let Some(last) = last else {
            empty(ui, "No robot yet.", "It appears as soon as the reward compiles.");
            return;
        };
        ui.horizontal_wrapped(|ui| {
            let word = if see.status.running { "Pause" } else { "Play" };
            button(ui, see, word, Action::PlayPause, true);
            button(ui, see, "Step", Action::StepOnce, true);
            button(ui, see, "Restart", Action::Restart, true);
            button(ui, see, "Another start", Action::AnotherStart, true);
            ui.weak(format!("{} · {:.2}× real time", see.status.drive, see.status.real_time));
        });
        let mut step = see.cursor.unwrap_or(last);
        let slider = egui::Slider::new(&mut step, first..=last.max(first + 1)).show_value(false);
        let response = ui.add(slider);
        response.widget_info(|| WidgetInfo::slider(true, step as f64, "Step of the episode"));
        if response.changed() {
            see.want(Command::Stage(Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
    }

    /// An action of the camera.
    pub fn act(&mut self, _action: Action) -> bool {
        false
    }
}
