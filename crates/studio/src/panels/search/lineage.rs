//! Where each candidate comes from: a row for each generation, a line from each parent to its child.

use egui::epaint::CubicBezierShape;
use egui::{Align2, Color32, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2};

use crate::overview::{Overview, Row};
use crate::panels::{Command, Panel, See};

/// From node to node.
const PITCH: [f32; 2] = [70.0, 54.0];
/// A node.
const NODE: [f32; 2] = [60.0, 24.0];
const MARGIN: f32 = 8.0;

/// Shows the tree in the space that is left.
pub(super) fn show(ui: &mut Ui, see: &mut See<'_>) {
    let overview = &see.run.overview;
    let rounds = overview.rows.last().map_or(0, |row| row.id.0 as usize + 1);
    let widest = overview.rows.iter().map(|row| row.place + 1).max().unwrap_or(0);
    let size = vec2(widest as f32 * PITCH[0], rounds as f32 * PITCH[1]) + 2.0 * vec2(MARGIN, MARGIN);
    ui.weak("A line leads from each parent to its child. ▲ best, × not evaluated, ● by a person or from a file; the fuller a node, the fitter.");
    ScrollArea::both()
        .id_salt("lineage")
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            ui.set_min_size(size);
            let origin = ui.min_rect().min + vec2(MARGIN, MARGIN);
            let row_of = |y: f32| ((y - MARGIN) / PITCH[1]).floor().max(0.0) as u32;
            let sight = row_of(viewport.top())..=row_of(viewport.bottom());
            lines(ui, see, origin, &sight);
            let range = fitness_range(overview);
            let from = overview.rows.partition_point(|row| row.id.0 < *sight.start());
            let to = overview.rows.partition_point(|row| row.id.0 <= *sight.end());
            for at in from..to {
                let row = &overview.rows[at];
                let rect = Rect::from_min_size(corner(origin, row), NODE.into());
                if !ui.is_rect_visible(rect) {
                    continue;
                }
                let response = ui.interact(rect, ui.scope_id().with(("node", row.id)), Sense::click());
                let is_chosen = see.selected == Some(row.id);
                let spoken = spoken(overview, row);
                response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, &spoken));
                let lit = is_chosen || response.hovered() || response.has_focus();
                node(ui, rect, row, overview.best == Some(at), lit, share(row, range));
                if response.clicked() {
                    see.commands.push(Command::Select(Some(row.id)));
                }
                if response.double_clicked() {
                    see.commands.push(Command::Focus(Panel::Candidate));
                }
                response.on_hover_text(hover(row));
            }
        });
}

fn corner(origin: Pos2, row: &Row) -> Pos2 {
    origin + vec2(row.place as f32 * PITCH[0], row.id.0 as f32 * PITCH[1])
}

/// Lines of which a part is in sight; those of the chosen candidate stand out.
fn lines(ui: &Ui, see: &See<'_>, origin: Pos2, sight: &std::ops::RangeInclusive<u32>) {
    let rows = &see.run.overview.rows;
    let quiet = Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.7));
    let strong = Stroke::new(2.0, ui.visuals().hyperlink_color);
    for row in rows.iter().filter(|row| row.id.0 >= *sight.start()) {
        for parent in row.parents.iter().map(|&parent| &rows[parent]) {
            if parent.id.0 > *sight.end() {
                continue;
            }
            let is_chosen = see.selected.is_some_and(|id| id == row.id || id == parent.id);
            let from = corner(origin, parent) + vec2(NODE[0] / 2.0, NODE[1]);
            let mut to = corner(origin, row) + vec2(NODE[0] / 2.0, 0.0);
            let mut bend = vec2(0.0, (to.y - from.y).abs() / 2.0);
            if row.id.0 == parent.id.0 {
                // A repair stands in the row of what it repairs: the line runs below both.
                to.y += NODE[1];
                bend = vec2(0.0, (PITCH[1] - NODE[1]) / 1.5);
                let points = [from, from + bend, to + bend, to];
                ui.painter().add(curve(points, if is_chosen { strong } else { quiet }));
                continue;
            }
            let points = [from, from + bend, to - bend, to];
            ui.painter().add(curve(points, if is_chosen { strong } else { quiet }));
        }
    }
}

fn curve(points: [Pos2; 4], stroke: Stroke) -> CubicBezierShape {
    CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, stroke)
}

fn node(ui: &Ui, rect: Rect, row: &Row, is_best: bool, lit: bool, share: Option<f32>) {
    let visuals = ui.visuals();
    let painter = ui.painter();
    painter.rect_filled(rect, 5.0, visuals.extreme_bg_color);
    if let Some(share) = share {
        let full = Rect::from_min_size(rect.min, vec2(rect.width() * share.max(0.08), rect.height()));
        painter.rect_filled(full, 5.0, visuals.hyperlink_color.gamma_multiply(0.35));
    }
    let edge = match (lit, share) {
        (true, _) => Stroke::new(2.0, visuals.hyperlink_color),
        (_, None) => Stroke::new(1.0, visuals.error_fg_color),
        _ => Stroke::new(1.0, visuals.weak_text_color()),
    };
    painter.rect_stroke(rect, 5.0, edge, StrokeKind::Inside);
    let mark = match () {
        () if is_best => "▲",
        () if share.is_none() => "×",
        () if is_persons(row) => "●",
        () => "",
    };
    let font = TextStyle::Small.resolve(ui.style());
    let text = format!("{} {mark}", row.name);
    painter.text(
        rect.center(),
        Align2::CENTER_CENTER,
        text.trim_end(),
        font,
        visuals.text_color(),
    );
}

fn is_persons(row: &Row) -> bool {
    row.proposer == "human" || row.proposer == "file"
}

fn fitness_range(overview: &Overview) -> (f64, f64) {
    let means = overview
        .rows
        .iter()
        .filter_map(|row| row.fitness.map(|fitness| fitness.mean));
    means.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), mean| {
        (least.min(mean), most.max(mean))
    })
}

/// Where a candidate stands between the least and the most fit.
fn share(row: &Row, (least, most): (f64, f64)) -> Option<f32> {
    let fitness = row.fitness?.mean;
    Some(if most > least {
        ((fitness - least) / (most - least)) as f32
    } else {
        1.0
    })
}

fn spoken(overview: &Overview, row: &Row) -> String {
    let parents: Vec<&str> = row
        .parents
        .iter()
        .map(|&parent| overview.rows[parent].name.as_str())
        .collect();
    match parents[..] {
        [] => format!("Lineage of {}: a beginning", row.name),
        _ => format!("Lineage of {}: from {}", row.name, parents.join(" and ")),
    }
}

fn hover(row: &Row) -> String {
    let result = match row.fitness {
        Some(fitness) => format!("fitness {fitness}"),
        None => row.outcome.clone(),
    };
    [
        format!("{}: {result}", row.name),
        row.proposer.clone(),
        row.note.clone(),
    ]
    .join("\n")
    .trim_end()
    .to_owned()
}
