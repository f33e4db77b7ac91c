//! Reward terms and the total against time: lines, or the share of each in the whole.

use egui::{Color32, Role, Ui, WidgetInfo};
use egui_plot::{FilledArea, Line, LineStyle, Plot, PlotPoints, VLine};

use super::{Command, See, curves, empty, task::numbers};
use crate::action::Action;
use crate::timeline::{Moment, Timeline};

/// Points that a line is drawn through at most; a longer episode is thinned.
const POINTS: usize = 600;

/// Height of a plot that is still of use, points; in a smaller panel one scrolls to it.
const SMALLEST_PLOT: f32 = 120.0;

/// Changes that follow each other within this time are one.
const ONE_DRAG_SECS: f64 = 0.5;

/// The terms panel.
#[derive(Default)]
pub struct TermsPanel {
    shares: bool,
    hidden: std::collections::BTreeSet<String>,
    variable: Option<String>,
    /// The step under the pointer, of which the values are shown.
    under: Option<usize>,
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
            Seen::of(&timeline, see.cursor, self.under, self.variable.as_deref())
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
            self.plots(ui, &seen, (whole - above).max(SMALLEST_PLOT))
        });
        if let Some(step) = clicked.inner {
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
                ui.weak(format!("at {:.2} s", seen.looked_at as f64 * seen.dt));
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
                ui.strong(format!("total\u{a0}{total:.3}"));
            }
        });
        // One line whether there is something to say or not: nothing moves when it comes.
        let remarks = seen.remarks().join("  ");
        let line = egui::RichText::new(if remarks.is_empty() { " " } else { &remarks });
        ui.add(egui::Label::new(line.color(ui.visuals().warn_fg_color)).truncate());
        if let (Some(name), Some(values)) = (&self.variable, &seen.variable_at) {
            ui.add(
                egui::Label::new(egui::RichText::new(format!("{name} = {}", numbers(values))).monospace()).truncate(),
            );
        }
    }

    /// Draws the terms and, below, the variable on a scale of its own; gives the step that was clicked at.
    fn plots(&mut self, ui: &mut Ui, seen: &Seen, height: f32) -> Option<usize> {
        let below = if seen.variable.is_empty() { 0.0 } else { 0.4 };
        let height = height - ui.spacing().item_spacing.y;
        let dark = ui.visuals().dark_mode;
        let strong = if dark { Color32::WHITE } else { Color32::BLACK };
        let mut lines = Vec::new();
        if !self.shares {
            for (index, name) in seen.names.iter().enumerate() {
                if !self.hidden.contains(name) {
                    let line = Line::new(name.clone(), seen.points(&seen.terms[index]));
                    lines.push(line.color(colour(index, dark)).width(1.5));
                }
            }
            lines.push(Line::new("total", seen.points(&seen.totals)).color(strong).width(2.0));
        }
        let areas = match self.shares {
            true => seen.areas(&self.hidden, dark),
            false => Vec::new(),
        };
        let room = height * (1.0 - below);
        let terms = seen.plot(ui, "Plot of the reward terms", room, self.shares, lines, areas);
        let name = self.variable.as_deref().unwrap_or_default();
        let components = seen.variable.iter().zip(0..).map(|(values, index)| {
            let line = Line::new(format!("{name}[{index}]"), seen.points(values));
            line.color(colour(index, dark)).width(1.5)
        });
        let variable = (below > 0.0).then(|| {
            let title = format!("Plot of {name}");
            seen.plot(ui, &title, height * below, false, components.collect(), Vec::new())
        });
        let pointed = variable.map_or(terms, |variable| Pointed {
            under: terms.under.or(variable.under),
            clicked: terms.clicked.or(variable.clicked),
        });
        self.under = pointed.under;
        pointed.clicked
    }
}

/// What the pointer is at in a plot, as steps of the episode.
#[derive(Clone, Copy)]
struct Pointed {
    under: Option<usize>,
    clicked: Option<usize>,
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
    /// The step whose values are shown.
    looked_at: usize,
    /// Total and terms there.
    at: Option<(f64, Vec<f64>)>,
}

impl Seen {
    /// `under`: the step at the pointer.
    fn of(timeline: &Timeline, cursor: Option<usize>, under: Option<usize>, variable: Option<&str>) -> Self {
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
        let at = |step: Option<usize>| match step {
            Some(step) => timeline.at(step),
            None => timeline.newest(),
        };
        let looked_at = at(under.or(cursor));
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
        let cursor_step = at(cursor).map_or(0, |moment| moment.step);
        Self {
            dt: timeline.control_dt_secs,
            totals: thinned.iter().map(|moment| moment.total.unwrap_or(f64::NAN)).collect(),
            shares: sizes.iter().map(|size| size / whole).collect(),
            ranges: terms.iter().map(low_high).collect(),
            variable: (0..numbers.min(4)).map(component).collect(),
            variable_at: looked_at
                .zip(variable)
                .and_then(|(moment, name)| Some(timeline.variable(moment, name)?.to_vec())),
            changes: changes(timeline),
            looked_at: looked_at.map_or(0, |moment| moment.step),
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

    /// One plot against the time of the episode, with the cursor.
    fn plot(
        &self,
        ui: &mut Ui,
        title: &str,
        height: f32,
        shares: bool,
        lines: Vec<Line<'_>>,
        areas: Vec<FilledArea>,
    ) -> Pointed {
        let strong = ui.visuals().strong_text_color();
        let last = self.time(self.steps.len().saturating_sub(1));
        let mut plot = Plot::new((title, shares))
            .height(height)
            .link_axis(egui::Id::unique("plots of the reward terms"), [true, false])
            .allow_scroll(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
            .show_crosshair(true)
            .x_axis_formatter(|mark, _| format!("{} s", mark.value))
            .include_x(0.0)
            // In steps, so that the scale does not change with every moment.
            .include_x(last.max(1.0).log2().ceil().exp2());
        if shares {
            plot = plot.include_y(0.0).include_y(1.0);
        }
        let shown = curves::with_y_axis(plot).show(ui, |plot| {
            for area in areas {
                plot.add(area);
            }
            for line in lines {
                plot.line(line);
            }
            for change in &self.changes {
                let mark = VLine::new("another reward or mover", *change);
                plot.vline(mark.color(Color32::from_rgb(230, 126, 34)).width(1.0));
            }
            let cursor = VLine::new("cursor", self.time(self.cursor)).style(LineStyle::dashed_dense());
            plot.vline(cursor.color(strong).width(1.5));
            plot.pointer_coordinate().map(|point| point.x)
        });
        let response = shown.response;
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, title));
        // Right of the curve there is nothing to look at yet.
        let (first, last) = (
            self.steps.first().copied().unwrap_or(0),
            self.steps.last().copied().unwrap_or(0),
        );
        let step = shown.inner.map(|time| (time / self.dt).round().max(0.0) as usize);
        let under = step.filter(|_| response.hovered()).map(|step| step.clamp(first, last));
        Pointed {
            under,
            clicked: under.filter(|_| response.clicked()),
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

/// When another reward or mover came, s: of a slider that is dragged only the end.
fn changes(timeline: &Timeline) -> Vec<f64> {
    let mut times: Vec<f64> = Vec::new();
    for change in timeline.stretches.iter().filter(|change| change.step > 1) {
        let time = change.step as f64 * timeline.control_dt_secs;
        match times.last_mut() {
            Some(last) if time - *last < ONE_DRAG_SECS => *last = time,
            _ => times.push(time),
        }
    }
    times
}

/// Colours that are told apart by people who see colours differently (after Okabe and Ito), dark enough for a light window.
pub(crate) fn colour(index: usize, dark: bool) -> Color32 {
    const COLOURS: [[u8; 3]; 12] = [
        [86, 180, 233],
        [230, 159, 0],
        [0, 158, 115],
        [204, 121, 167],
        [213, 94, 0],
        [0, 114, 178],
        [240, 228, 66],
        [148, 148, 148],
        [150, 120, 230],
        [160, 210, 110],
        [255, 150, 150],
        [110, 200, 200],
    ];
    let [r, g, b] = COLOURS[index % COLOURS.len()];
    match dark {
        true => Color32::from_rgb(r, g, b),
        false => Color32::from_rgb(r / 4 * 3, g / 4 * 3, b / 4 * 3),
    }
}
