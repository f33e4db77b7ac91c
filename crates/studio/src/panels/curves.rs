//! What all plots share: names above them instead of over the curves, and axes with enough numbers to read a value.

use egui::{Color32, RichText, Ui};
use egui_plot::{AxisHints, Plot, uniform_grid_spacer};

/// Gives a plot a y axis that has numbers also where it is low: at steps of 1, 2 or 5 times a power of ten, whichever are the first to
/// leave room for them.
pub(super) fn with_y_axis(plot: Plot<'_>) -> Plot<'_> {
    let axis = AxisHints::new_y()
        .label_spacing(14.0..=24.0)
        .min_thickness(36.0)
        .formatter(|mark, _| {
            let digits = (-mark.step_size.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{:.digits$}", mark.value)
        });
    plot.custom_y_axes(vec![axis])
        .y_grid_spacer(uniform_grid_spacer(|grid| {
            // The recommended step leaves room for lines alone.
            let step = round_step(4.0 * grid.base_step_size);
            [step, 10.0 * step, 100.0 * step]
        }))
}

/// The smallest of 1, 2 or 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(least)
}

/// What is drawn in which colour, in a line above the plot. A legend of the plot's own lies over its curves.
pub(super) fn legend<'a>(ui: &mut Ui, title: &str, curves: impl IntoIterator<Item = (&'a str, Color32)>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(title);
        for (name, colour) in curves {
            ui.label(RichText::new(format!("— {name}")).color(colour));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.07, 0.1), (0.011, 0.02), (3.0, 5.0), (5.0, 5.0), (60.0, 100.0)] {
            assert!((round_step(least) - step).abs() < 1e-12 * step, "{least}");
        }
    }
}
