//! A candidate's training at about ten moments: fitness, and each term of the reward.

use carrot_run_record::{Candidate, Evaluated, Outcome};
use egui::Ui;
use egui_plot::{Line, Plot, PlotPoints, Points};

use crate::panels::curves;
use crate::panels::search::grouped;
use crate::panels::terms::colour;

/// Shows the plots in the space that is left.
pub(super) fn show(ui: &mut Ui, candidate: &Candidate) {
    let Outcome::Evaluated(evaluated) = &candidate.outcome else {
        ui.label("It was not trained: the Source page says why.");
        return;
    };
    let evaluation = &evaluated.evaluation;
    let faults: u64 = evaluated.checkpoints.iter().map(|checkpoint| checkpoint.faults).sum();
    let mut words = format!(
        "{} steps of training, then {} episodes of {:.0} steps on average",
        grouped(evaluated.steps),
        evaluation.episodes,
        evaluation.episode_length
    );
    match faults {
        0 => {}
        1 => words += "; in one episode the simulation diverged",
        faults => words += &format!("; in {faults} episodes the simulation diverged"),
    }
    ui.label(words);
    let height = ui.available_height() / 2.0;
    let fitness: Vec<[f64; 2]> = evaluated
        .checkpoints
        .iter()
        .filter_map(|checkpoint| Some([checkpoint.steps as f64, checkpoint.fitness?]))
        .collect();
    match fitness.is_empty() {
        true => _ = ui.label("No episode ended during the training, so there is no fitness to plot."),
        false => plot(ui, "Fitness in training", height, vec![("fitness".to_owned(), fitness)]),
    }
    plot(ui, "Terms in training, mean per step", height, terms(evaluated));
}

fn terms(evaluated: &Evaluated) -> Vec<(String, Vec<[f64; 2]>)> {
    let terms = evaluated.terms.iter().enumerate();
    terms
        .map(|(at, name)| {
            let points = evaluated.checkpoints.iter();
            let points = points.filter_map(|checkpoint| Some([checkpoint.steps as f64, *checkpoint.terms.get(at)?]));
            (name.clone(), points.collect())
        })
        .collect()
}

fn plot(ui: &mut Ui, title: &str, height: f32, lines: Vec<(String, Vec<[f64; 2]>)>) {
    let dark = ui.visuals().dark_mode;
    let top = ui.cursor().top();
    let names = lines
        .iter()
        .zip(0..)
        .map(|((name, _), at)| (name.as_str(), colour(at, dark)));
    curves::legend(ui, title, names.filter(|_| lines.len() > 1));
    let plot = Plot::new(title)
        .height((height - (ui.cursor().top() - top)).max(90.0))
        .allow_scroll(false)
        .x_axis_label("Steps")
        .x_axis_formatter(|mark, _| steps(mark.value));
    let shown = curves::with_y_axis(plot).show(ui, |plot| {
        for ((name, points), at) in lines.into_iter().zip(0..) {
            let colour = colour(at, dark);
            if points.len() == 1 {
                plot.points(
                    Points::new(name.clone(), PlotPoints::from(points.clone()))
                        .radius(3.0)
                        .color(colour),
                );
            }
            plot.line(Line::new(name, PlotPoints::from(points)).width(1.5).color(colour));
        }
    });
    shown.response.accessible_name(format!("Plot: {title}"));
}

/// `20k`, `1.5M`.
fn steps(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}
