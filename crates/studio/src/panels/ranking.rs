//! Whom people prefer, how surely, and where that is not what fitness says.

use egui::{Color32, Pos2, Rect, Sense, Stroke, Ui, Vec2};

use super::{Command, See};
use crate::opinion::Ranked;

/// Size of the bar that shows a strength, points.
const BAR: Vec2 = Vec2::new(84.0, 14.0);

/// Shows the ranking; nothing where nobody has compared or rated anything.
pub(super) fn show(ui: &mut Ui, see: &mut See<'_>) {
    let ranked = &see.run.opinion.ranked;
    if ranked.is_empty() {
        ui.weak("No ranking yet. Compare two candidates, or call a behaviour good or bad.");
        return;
    }
    let ends = ranked.iter().flat_map(|ranked| ranked.of.standing.interval);
    let reach = ends.fold(1.0_f64, |reach, end| reach.max(end.abs()));
    let mut wanted = None;
    egui::ScrollArea::horizontal().id_salt("ranking").show(ui, |ui| {
        ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
        egui::Grid::new("ranking").num_columns(7).striped(true).show(ui, |ui| {
            for title in ["", "Preferred", "Strength", "Fitness", "Verdicts", "Good", "Bad"] {
                ui.weak(title);
            }
            ui.end_row();
            for (place, row) in ranked.iter().enumerate() {
                ui.weak(format!("{}.", place + 1));
                let name = ui.selectable_label(
                    see.selected == row.of.candidate && row.of.candidate.is_some(),
                    &row.of.name,
                );
                if name.clicked() && row.of.candidate.is_some() {
                    wanted = row.of.candidate;
                }
                bar(ui, row, reach);
                let fitness = row.of.fitness.map(|(mean, _)| format!("{mean:.3}"));
                ui.label(fitness.unwrap_or_else(|| "–".into()));
                for count in [row.of.standing.comparisons, row.of.ratings.0, row.of.ratings.1] {
                    ui.label(count.to_string());
                }
                ui.end_row();
            }
        });
    });
    for row in ranked {
        if let Some(other) = &row.against {
            let text = format!(
                "People prefer {} to {other}, which has the higher fitness: the fitness may miss what they care about.",
                row.of.name
            );
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
    }
    if let Some(candidate) = wanted {
        see.want(Command::Select(Some(candidate)));
    }
}

/// A strength with its 95 % interval, 0 in the middle.
fn bar(ui: &mut Ui, row: &Ranked, reach: f64) {
    let (rect, response) = ui.allocate_exact_size(BAR, Sense::hover());
    let standing = row.of.standing;
    let [low, high] = standing.interval;
    let at = |strength: f64| {
        let share = (strength / reach).clamp(-1.0, 1.0) as f32;
        egui::lerp(rect.left()..=rect.right(), 0.5 + 0.5 * share)
    };
    let painter = ui.painter();
    let visuals = ui.visuals();
    let middle = rect.center().x;
    let faint: Color32 = visuals.weak_text_color();
    painter.vline(middle, rect.y_range(), Stroke::new(1.0, faint));
    let inside = Rect::from_min_max(
        Pos2::new(at(low), rect.top() + 4.0),
        Pos2::new(at(high), rect.bottom() - 4.0),
    );
    painter.rect_filled(inside, 2.0, visuals.selection.bg_fill);
    painter.vline(
        at(standing.strength),
        rect.y_range(),
        Stroke::new(2.0, visuals.strong_text_color()),
    );
    response.on_hover_text(format!(
        "{:+.2}, between {low:+.2} and {high:+.2} with 95 % certainty. One that stands 1 higher than another is chosen over it in 73 % \
         of the cases.",
        standing.strength
    ));
}
