//! A candidate's training at about ten moments: fitness, and each term of the reward.

use carrot_run_record::{Candidate, Evaluated, Outcome};
use egui::Ui;
use egui_plot::{Legend, Line, Plot, PlotPoints, Points};

use crate::panels::search::grouped;

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
    let height = (ui.available_height() - 12.0) / 2.0;
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

fn plot(ui: &mut Ui, name: &str, height: f32, lines: Vec<(String, Vec<[f64; 2]>)>) {
    let plot = Plot::new(name)
        .height(height.max(90.0))
        .legend(Legend::default())
        .allow_scroll(false)
        .x_axis_label("Steps")
        .y_axis_label(name)
        .y_axis_min_width(36.0)
        .x_axis_formatter(|mark, _| steps(mark.value));
    let shown = plot.show(ui, |plot| {
        for (name, points) in lines {
            plot.line(Line::new(name.clone(), PlotPoints::from(points.clone())).width(1.5));
            if points.len() == 1 {
                plot.points(Points::new(name, PlotPoints::from(points)).radius(3.0));
            }
        }
    });
    shown.response.accessible_name(name);
}

/// `20k`, `1.5M`.
fn steps(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}
