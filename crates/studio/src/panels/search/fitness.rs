//! Fitness over the generations: every candidate with its interval, and the best so far.

use std::collections::BTreeMap;

use egui::Ui;
use egui_plot::{Line, MarkerShape, Plot, PlotPoint, PlotPoints, Points};

use crate::panels::{See, curves};

/// Shows the plot in the space that is left.
pub(super) fn show(ui: &mut Ui, see: &See<'_>) {
    let rows = &see.run.overview.rows;
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    for row in rows {
        *places.entry(row.id.0).or_default() += 1;
    }
    // Candidates of one generation lie beside each other, in their order.
    let across = |generation: u32, place: usize| {
        let share = (place as f64 + 0.5) / places[&generation] as f64 - 0.5;
        f64::from(generation) + 0.7 * share
    };
    let mut means = Vec::new();
    let mut intervals = Vec::new();
    let mut best_so_far: Vec<[f64; 2]> = Vec::new();
    let mut chosen = None;
    for row in rows {
        let Some(fitness) = row.fitness else { continue };
        let x = across(row.id.0, row.place);
        means.push([x, fitness.mean]);
        if let Some(half) = fitness.half_width {
            intervals.push([[x, fitness.mean - half], [x, fitness.mean + half]]);
        }
        let best = best_so_far.last().map_or(f64::NEG_INFINITY, |last| last[1]);
        if fitness.mean > best {
            if best.is_finite() {
                best_so_far.push([x, best]);
            }
            best_so_far.push([x, fitness.mean]);
        }
        if see.selected == Some(row.id) {
            chosen = Some((row.name.clone(), [x, fitness.mean]));
        }
    }
    let Some(&[_, best]) = best_so_far.last() else {
        ui.label("No candidate was evaluated to the end yet; the table says why.");
        return;
    };
    let end = means.last().map_or(0.0, |last| last[0]);
    best_so_far.push([end, best]);
    let colours = [ui.visuals().text_color(), ui.visuals().weak_text_color()];
    let accent = ui.visuals().hyperlink_color;
    let names = [
        ("best so far", accent),
        ("candidates", colours[0]),
        ("95 % interval", colours[1]),
    ];
    curves::legend(ui, "Fitness:", names);
    let plot = Plot::new("fitness over generations")
        .allow_scroll(false)
        .x_axis_label("Generation")
        .x_grid_spacer(egui_plot::uniform_grid_spacer(|_| [10.0, 1.0, 1.0]))
        .x_axis_formatter(|mark, _| format!("g{:.0}", mark.value));
    let shown = curves::with_y_axis(plot).show(ui, |plot| {
        for ends in intervals {
            plot.line(
                Line::new("95 % interval", PlotPoints::from(ends.to_vec()))
                    .color(colours[1])
                    .width(1.0)
                    .allow_band(false),
            );
        }
        plot.line(
            Line::new("Best so far", PlotPoints::from(best_so_far))
                .color(accent)
                .width(1.5)
                .allow_band(false), // a step up is no band
        );
        plot.points(
            Points::new("Candidates", PlotPoints::from(means))
                .color(colours[0])
                .radius(3.0),
        );
        if let Some((name, at)) = chosen {
            let ring = Points::new(name, PlotPoints::Owned(vec![PlotPoint::new(at[0], at[1])]));
            plot.points(ring.color(accent).shape(MarkerShape::Diamond).radius(7.0));
        }
    });
    shown.response.accessible_name("Fitness over the generations");
}
