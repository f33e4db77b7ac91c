//! Reward terms and the total against time: lines, or the share of each in the whole.

use egui::{Color32, Role, Ui, WidgetInfo};
use egui_plot::{FilledArea, Line, Plot, PlotPoints, VLine};

use super::{Command, See, empty, task::numbers};
use crate::action::Action;
use crate::timeline::{Moment, Timeline};

/// Points that a line is drawn through at most; a longer episode is thinned.
const POINTS: usize = 600;

/// Height of a plot that is still of use, points; in a smaller panel one scrolls to it.
const SMALLEST_PLOT: f32 = 120.0;

/// The terms panel.
#[derive(Default)]
pub struct TermsPanel {
    shares: bool,
    hidden: std::collections::BTreeSet<String>,
    variable: Option<String>,
}

impl TermsPanel {
    /// Draws terms as shares of the total, or as lines again.
    pub fn toggle_shares(&mut self) {
        self.shares ^= true;
    }

    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let seen = {
            let timeline = see.stage.timeline();
            Seen::of(&timeline, see.cursor, self.variable.as_deref())
        };
        if seen.steps.is_empty() {
            empty(
                ui,
                "No rewards yet.",
                "Once the robot moves, every term of the reward is drawn here against time.",
            );
            return;
        }
        let whole = ui.available_height();
        let scroll = egui::ScrollArea::vertical().auto_shrink(false);
        let clicked = scroll.show(ui, |ui| {
            self.controls(ui, see, &seen);
            let above = ui.cursor().top() - ui.max_rect().top();
            self.plot(ui, &seen, (whole - above).max(SMALLEST_PLOT))
        });
        if let Some(time) = clicked.inner {
            let step = (time / seen.dt).round().max(0.0) as usize;
            see.want(Command::Stage(crate::stage::Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
    }

    fn controls(&mut self, ui: &mut Ui, see: &mut See<'_>, seen: &Seen) {
        ui.horizontal_wrapped(|ui| {
            for (shares, name) in [(false, "Lines"), (true, "Shares")] {
                ui.selectable_value(&mut self.shares, shares, name)
                    .on_hover_text(Action::Shares.hint(ui.ctx()));
            }
            let names: Vec<&str> = match see.task {
                Some(task) => task
                    .bench
                    .task
                    .schema
                    .variables
                    .iter()
                    .map(|v| v.name.as_str())
                    .collect(),
                None => Vec::new(),
            };
            let shown = self.variable.clone().unwrap_or_else(|| "no variable".into());
            let combo = egui::ComboBox::from_id_salt("variable")
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.variable, None, "no variable");
                    for name in names {
                        ui.selectable_value(&mut self.variable, Some(name.to_owned()), name);
                    }
                });
            combo
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Variable to draw"));
            if seen.at.is_some() {
                ui.weak(format!("at {:.2} s", seen.time(seen.cursor)));
            }
        });
        ui.horizontal_wrapped(|ui| {
            for (index, name) in seen.names.iter().enumerate() {
                let mut on = !self.hidden.contains(name);
                let value = seen.at.as_ref().and_then(|(_, terms)| terms.get(index));
                let text = match value {
                    Some(value) => format!("{name} {value:.3}"),
                    None => name.clone(),
                };
                let text = egui::RichText::new(text).color(colour(index, ui.visuals().dark_mode));
                let toggle = ui.checkbox(&mut on, text);
                toggle.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, format!("Term {name}")));
                let share = seen.shares[index];
                toggle.on_hover_text(format!("{:.0} % of the size of all terms so far", share * 100.0));
                if on {
                    self.hidden.remove(name);
                } else {
                    self.hidden.insert(name.clone());
                }
            }
            if let Some((total, _)) = &seen.at {
                ui.strong(format!("total {total:.3}"));
            }
        });
        for remark in seen.remarks() {
            ui.colored_label(ui.visuals().warn_fg_color, remark);
        }
        if let (Some(name), Some(values)) = (&self.variable, &seen.variable_at) {
            ui.monospace(format!("{name} = {}", numbers(values)));
        }
    }

    /// Draws; gives the time that was clicked at.
    fn plot(&self, ui: &mut Ui, seen: &Seen, height: f32) -> Option<f64> {
        let dark = ui.visuals().dark_mode;
        let cursor = seen.time(seen.cursor);
        let mut plot = Plot::new(("terms", self.shares))
            .x_axis_label("s")
            .height(height)
            .allow_scroll(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
            .show_crosshair(true)
            .include_x(0.0)
            .include_x(seen.time(seen.steps.len().saturating_sub(1)).max(1.0));
        if self.shares {
            plot = plot.include_y(0.0).include_y(1.0);
        }
        let shown = plot.show(ui, |plot| {
            if self.shares {
                for area in seen.areas(&self.hidden, dark) {
                    plot.add(area);
                }
            } else {
                for (index, name) in seen.names.iter().enumerate() {
                    if !self.hidden.contains(name) {
                        let line = Line::new(name.clone(), seen.points(&seen.terms[index]));
                        plot.line(line.color(colour(index, dark)).width(1.5));
                    }
                }
                let strong = if dark { Color32::WHITE } else { Color32::BLACK };
                plot.line(Line::new("total", seen.points(&seen.totals)).color(strong).width(2.0));
                for (index, values) in seen.variable.iter().enumerate() {
                    let line = Line::new(format!("variable {index}"), seen.points(values));
                    plot.line(line.color(Color32::GRAY).width(1.0));
                }
            }
            for change in &seen.changes {
                plot.vline(VLine::new("another reward or mover", *change).color(Color32::from_gray(128)));
            }
            plot.vline(
                VLine::new("cursor", cursor)
                    .color(Color32::from_rgb(230, 126, 34))
                    .width(1.5),
            );
            plot.pointer_coordinate().map(|point| point.x)
        });
        shown
            .response
            .widget_info(|| WidgetInfo::labeled(Role::Image, true, "Plot of the reward terms"));
        shown.response.clicked().then_some(shown.inner).flatten()
    }
}

/// What is drawn, taken out of the timeline so that the stage need not wait.
struct Seen {
    names: Vec<String>,
    dt: f64,
    steps: Vec<usize>,
    totals: Vec<f64>,
    /// `[terms][steps]`.
    terms: Vec<Vec<f64>>,
    /// Mean share of each term in the sum of all sizes.
    shares: Vec<f64>,
    /// Smallest and largest value of each term.
    ranges: Vec<[f64; 2]>,
    /// `[numbers][steps]`.
    variable: Vec<Vec<f64>>,
    variable_at: Option<Vec<f64>>,
    changes: Vec<f64>,
    /// Place of the cursor in `steps`.
    cursor: usize,
    /// Total and terms there.
    at: Option<(f64, Vec<f64>)>,
}

impl Seen {
    fn of(timeline: &Timeline, cursor: Option<usize>, variable: Option<&str>) -> Self {
        let names = timeline.terms().to_vec();
        let since = timeline.terms_since();
        let judged =
            |moment: &&Moment| moment.step >= since && moment.total.is_some() && moment.terms.len() == names.len();
        let moments: Vec<&Moment> = timeline.moments.iter().filter(judged).collect();
        let every = moments.len().div_ceil(POINTS).max(1);
        let thinned: Vec<&Moment> = moments.iter().copied().step_by(every).collect();
        let term = |index: usize| -> Vec<f64> { thinned.iter().map(|moment| moment.terms[index]).collect() };
        let terms: Vec<Vec<f64>> = (0..names.len()).map(term).collect();
        let sizes: Vec<f64> = terms
            .iter()
            .map(|values| values.iter().map(|v| v.abs()).sum())
            .collect();
        let whole: f64 = sizes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let low_high = |values: &Vec<f64>| {
            values
                .iter()
                .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| {
                    [low.min(*v), high.max(*v)]
                })
        };
        let looked_at = match cursor {
            Some(step) => timeline.at(step),
            None => timeline.newest(),
        };
        let numbers = variable.map_or(0, |name| {
            thinned
                .first()
                .and_then(|first| timeline.variable(first, name))
                .map_or(0, <[f64]>::len)
        });
        let component = |index: usize| -> Vec<f64> {
            let name = variable.unwrap_or_default();
            let at = |moment: &&Moment| timeline.variable(moment, name).and_then(|v| v.get(index)).copied();
            thinned.iter().map(|moment| at(moment).unwrap_or(f64::NAN)).collect()
        };
        let steps: Vec<usize> = thinned.iter().map(|moment| moment.step).collect();
        let cursor_step = looked_at.map_or(0, |moment| moment.step);
        Self {
            dt: timeline.control_dt_secs,
            totals: thinned.iter().map(|moment| moment.total.unwrap_or(f64::NAN)).collect(),
            shares: sizes.iter().map(|size| size / whole).collect(),
            ranges: terms.iter().map(low_high).collect(),
            variable: (0..numbers.min(4)).map(component).collect(),
            variable_at: looked_at
                .zip(variable)
                .and_then(|(moment, name)| Some(timeline.variable(moment, name)?.to_vec())),
            changes: timeline
                .stretches
                .iter()
                .filter(|change| change.step > 1)
                .map(|change| change.step as f64 * timeline.control_dt_secs)
                .collect(),
            cursor: steps
                .partition_point(|step| *step < cursor_step)
                .min(steps.len().saturating_sub(1)),
            at: looked_at
                .filter(|moment| judged(moment))
                .and_then(|moment| Some((moment.total?, moment.terms.clone()))),
            steps,
            terms,
            names,
        }
    }

    fn time(&self, place: usize) -> f64 {
        self.steps.get(place).map_or(0.0, |step| *step as f64 * self.dt)
    }

    fn points(&self, values: &[f64]) -> PlotPoints<'static> {
        let points = values
            .iter()
            .enumerate()
            .map(|(place, value)| [self.time(place), *value]);
        PlotPoints::new(points.collect())
    }

    /// The share of each term in the sum of all sizes, one on top of the other.
    fn areas(&self, hidden: &std::collections::BTreeSet<String>, dark: bool) -> Vec<FilledArea> {
        let times: Vec<f64> = (0..self.steps.len()).map(|place| self.time(place)).collect();
        let shown: Vec<usize> = (0..self.names.len())
            .filter(|&index| !hidden.contains(&self.names[index]))
            .collect();
        let whole: Vec<f64> = (0..times.len())
            .map(|place| shown.iter().map(|&index| self.terms[index][place].abs()).sum::<f64>())
            .collect();
        let mut below = vec![0.0; times.len()];
        let mut areas = Vec::new();
        for index in shown {
            let above: Vec<f64> = (0..times.len())
                .map(|place| match whole[place] > 0.0 {
                    true => below[place] + self.terms[index][place].abs() / whole[place],
                    false => below[place],
                })
                .collect();
            let area = FilledArea::new(self.names[index].clone(), &times, &below, &above);
            areas.push(area.fill_color(colour(index, dark).gamma_multiply(0.6)));
            below = above;
        }
        areas
    }

    /// What stands out in the episode so far.
    fn remarks(&self) -> Vec<String> {
        if self.steps.len() < 20 {
            return Vec::new();
        }
        let mut remarks = Vec::new();
        for (index, name) in self.names.iter().enumerate() {
            let [low, high] = self.ranges[index];
            if low == 0.0 && high == 0.0 {
                remarks.push(format!("`{name}` is 0 in every step: nothing earns it so far."));
            } else if high - low <= 1e-6 * high.abs().max(low.abs()) {
                remarks.push(format!(
                    "`{name}` is the same in every step: it asks for nothing but a long episode."
                ));
            } else if self.shares[index] > 0.8 && self.names.len() > 2 {
                remarks.push(format!(
                    "`{name}` drowns the others: {:.0} % of all.",
                    self.shares[index] * 100.0
                ));
            }
        }
        remarks
    }
}

/// Colours that are told apart by people who see colours differently (after Okabe and Ito), dark enough for a light window.
pub(crate) fn colour(index: usize, dark: bool) -> Color32 {
    const COLOURS: [[u8; 3]; 8] = [
        [86, 180, 233],
        [230, 159, 0],
        [0, 158, 115],
        [204, 121, 167],
        [213, 94, 0],
        [0, 114, 178],
        [240, 228, 66],
        [148, 148, 148],
    ];
    let [r, g, b] = COLOURS[index % COLOURS.len()];
    match dark {
        true => Color32::from_rgb(r, g, b),
        false => Color32::from_rgb(r / 4 * 3, g / 4 * 3, b / 4 * 3),
    }
}
