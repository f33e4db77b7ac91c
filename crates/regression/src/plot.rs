//! The difference as a picture: what moved first, then and now, how the difference grows, and the reward terms.
//!
//! Plain SVG: every CI service and every browser shows it, and a text editor too.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use crate::comparison::kind_name;
use crate::golden::{Kind, Series};
use crate::{Comparison, Golden};

const WIDTH: f64 = 860.0;
const PANEL: f64 = 190.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;
/// Blue and orange that people with any colour vision tell apart.
const EXPECTED: &str = "#2b6cb0";
const GOT: &str = "#dd6b20";
/// Most panels with terms.
const MOST_TERMS: usize = 5;

/// Draws a comparison in which a series moved; nothing where no series did.
pub fn plot(expected: &Golden, got: &Golden, comparison: &Comparison) -> Option<String> {
    let first = comparison.first.as_ref()?;
    let dt_secs = expected.provenance.control_dt_secs;
    let several = |series: &Series| {
        let same = |other: &&Series| (other.kind, &other.name) == (series.kind, &series.name);
        expected.series.iter().filter(same).any(|other| other.component > 0)
    };
    let find = |golden: &'_ Golden, wanted: &Series| {
        let key = |series: &Series| (series.kind, series.name.clone(), series.component, series.env);
        golden.series.iter().find(|series| key(series) == key(wanted)).cloned()
    };
    // Where only a fitness or the state moved there is still the total of that environment to look at.
    let shown = expected
        .series
        .iter()
        .find(|series| {
            Some(series.env) == first.env
                && series.label(!several(series)) == first.name
                && kind_name(series.kind) == first.kind
        })
        .or_else(|| {
            expected
                .series
                .iter()
                .find(|series| series.kind == Kind::Total && Some(series.env) == first.env)
        })?;
    let mut panels = vec![
        Panel::curves(shown, &find(got, shown)?, dt_secs, !several(shown)),
        Panel::difference(shown, &find(got, shown)?, dt_secs, first.allowed),
    ];
    let terms = expected
        .series
        .iter()
        .filter(|series| series.env == shown.env && *series != shown);
    let terms = terms.filter(|series| matches!(series.kind, Kind::Term | Kind::Total));
    for term in terms
        .filter(|term| find(got, term).is_some_and(|now| now.values != term.values))
        .take(MOST_TERMS)
    {
        panels.push(Panel::curves(term, &find(got, term)?, dt_secs, true));
    }
    let title = format!("{}: expected (golden) and got", expected.rollout);
    Some(document(&title, &panels, first.time_secs.unwrap_or(0.0)))
}

/// One diagram over time.
struct Panel {
    title: String,
    /// Colour, and `(time, value)`; a value that is no number is a gap.
    curves: Vec<(&'static str, Vec<(f64, f64)>)>,
    /// Values are powers of ten.
    logarithmic: bool,
    /// A level to mark, such as what is allowed.
    level: Option<f64>,
}

impl Panel {
    fn curves(then: &Series, now: &Series, dt_secs: f64, single: bool) -> Self {
        let curve = |series: &Series| thinned(series, &series.values, dt_secs);
        let what = match then.kind {
            Kind::Total => "total reward".to_owned(),
            kind => format!("{} {}", kind_name(kind), then.label(single)),
        };
        Self {
            title: format!("{what}, environment {}", then.env),
            curves: vec![(EXPECTED, curve(then)), (GOT, curve(now))],
            logarithmic: false,
            level: None,
        }
    }

    fn difference(then: &Series, now: &Series, dt_secs: f64, allowed: f64) -> Self {
        let differences: Vec<f64> = then
            .values
            .iter()
            .zip(&now.values)
            .map(|(then, now)| (now - then).abs())
            .collect();
        let points = thinned(then, &differences, dt_secs);
        // Where there is no difference there is no logarithm either, and the line has a gap.
        let logarithm = |value: f64| if value > 0.0 { value.log10() } else { f64::NAN };
        let points = points.into_iter().map(|(time, value)| (time, logarithm(value)));
        Self {
            title: "size of the difference".into(),
            curves: vec![(GOT, points.collect())],
            logarithmic: true,
            level: (allowed > 0.0).then(|| allowed.log10()),
        }
    }
}

/// Points of a series over time, at most about two per pixel: of each stretch the least and the largest.
fn thinned(series: &Series, values: &[f64], dt_secs: f64) -> Vec<(f64, f64)> {
    let offset = usize::from(series.kind != Kind::Variable);
    let point = |index: usize| ((index + offset) as f64 * dt_secs, values[index]);
    let stretch = values.len().div_ceil(WIDTH as usize);
    if stretch <= 2 {
        return (0..values.len()).map(point).collect();
    }
    let starts = (0..values.len()).step_by(stretch);
    let extremes = starts.flat_map(|start| {
        let range = start..(start + stretch).min(values.len());
        let by_value = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
        let (least, largest) = (range.clone().min_by(by_value), range.max_by(by_value));
        let mut both = [least.unwrap_or(start), largest.unwrap_or(start)];
        both.sort_unstable();
        both
    });
    extremes.map(point).collect()
}

fn document(title: &str, panels: &[Panel], first_secs: f64) -> String {
    let height = TOP + panels.len() as f64 * PANEL + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut svg,
        (LEFT, 22.0),
        "start",
        "#1a202c",
        &format!("{title}; the dashed line is the first difference"),
    );
    for (x, colour, label) in [(WIDTH - 190.0, EXPECTED, "expected"), (WIDTH - 90.0, GOT, "got")] {
        line(&mut svg, [x, 18.0, x + 22.0, 18.0], colour, "stroke-width=\"2.5\"");
        text(&mut svg, (x + 28.0, 22.0), "start", "#1a202c", label);
    }
    let times = panels.iter().flat_map(|panel| {
        panel
            .curves
            .iter()
            .flat_map(|curve| curve.1.iter().map(|point| point.0))
    });
    let end_secs = times.fold(first_secs, f64::max).max(f64::MIN_POSITIVE);
    for (index, panel) in panels.iter().enumerate() {
        let is_last = index + 1 == panels.len();
        draw(
            &mut svg,
            panel,
            TOP + index as f64 * PANEL,
            end_secs,
            first_secs,
            is_last,
        );
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, panel: &Panel, top: f64, end_secs: f64, first_secs: f64, is_last: bool) {
    let (upper, lower) = (top + 24.0, top + PANEL - BOTTOM);
    let values = panel
        .curves
        .iter()
        .flat_map(|curve| curve.1.iter().map(|point| point.1))
        .chain(panel.level);
    let (least, largest) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, largest), value| {
        (least.min(value), largest.max(value))
    });
    let (least, largest) = match least <= largest {
        false => (0.0, 1.0),
        // A flat curve gets room on both sides.
        true if largest - least <= 1e-12 * least.abs().max(1e-300) => {
            let room = if least == 0.0 { 1.0 } else { 0.5 * least.abs() };
            (least - room, largest + room)
        }
        true => (least - 0.06 * (largest - least), largest + 0.06 * (largest - least)),
    };
    let x = |time: f64| LEFT + time / end_secs * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| lower - (value - least) / (largest - least) * (lower - upper);
    text(svg, (LEFT, top + 14.0), "start", "#1a202c", &panel.title);
    for tick in ticks(least, largest, 4) {
        line(
            svg,
            [LEFT, y(tick), WIDTH - RIGHT, y(tick)],
            "#e2e8f0",
            "stroke-width=\"1\"",
        );
        let label = match panel.logarithmic {
            true if tick.fract() != 0.0 => continue,
            true => format!("1e{tick}"),
            false => number(tick, largest - least),
        };
        text(svg, (LEFT - 8.0, y(tick) + 4.0), "end", "#4a5568", &label);
    }
    for tick in ticks(0.0, end_secs, 8) {
        line(
            svg,
            [x(tick), lower, x(tick), lower + 4.0],
            "#718096",
            "stroke-width=\"1\"",
        );
        text(
            svg,
            (x(tick), lower + 17.0),
            "middle",
            "#4a5568",
            &number(tick, end_secs),
        );
    }
    if is_last {
        text(svg, (WIDTH - RIGHT, lower + 29.0), "end", "#4a5568", "time in s");
    }
    line(
        svg,
        [LEFT, lower, WIDTH - RIGHT, lower],
        "#718096",
        "stroke-width=\"1\"",
    );
    line(svg, [LEFT, upper, LEFT, lower], "#718096", "stroke-width=\"1\"");
    let at = x(first_secs);
    line(
        svg,
        [at, upper, at, lower],
        "#718096",
        "stroke-width=\"1\" stroke-dasharray=\"4 3\"",
    );
    if let Some(level) = panel.level {
        line(
            svg,
            [LEFT, y(level), WIDTH - RIGHT, y(level)],
            "#2f855a",
            "stroke-width=\"1.5\" stroke-dasharray=\"8 3\"",
        );
        text(svg, (WIDTH - RIGHT - 4.0, y(level) - 4.0), "end", "#2f855a", "allowed");
    }
    for (index, (colour, points)) in panel.curves.iter().enumerate() {
        // The golden lies under what is there now, and is broader, so that both are seen where they agree.
        let width = if index == 0 && panel.curves.len() > 1 { 3.5 } else { 1.5 };
        for piece in points.split(|point| point.1.is_nan()).filter(|piece| !piece.is_empty()) {
            // A single point is a line to itself: a dot.
            let ends = piece.iter().chain(piece.last().filter(|_| piece.len() == 1));
            let points: Vec<String> = ends
                .map(|&(time, value)| format!("{:.1},{:.1}", x(time), y(value)))
                .collect();
            _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" \
                 stroke-linecap=\"round\"/>",
                points.join(" ")
            );
        }
    }
}

/// Round numbers between two bounds, about `count` of them.
fn ticks(least: f64, largest: f64, count: usize) -> Vec<f64> {
    let rough = (largest - least) / count as f64;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|&step| step >= rough).unwrap_or(10.0 * power);
    let first = (least / step).ceil() as i64;
    let last = (largest / step).floor() as i64;
    (first..=last.min(first + 50))
        .map(|index| index as f64 * step)
        .collect()
}

/// A tick's label, with the digits that a range needs.
fn number(value: f64, range: f64) -> String {
    if value != 0.0 && (range < 1e-3 || value.abs() >= 1e5) {
        return format!("{value:.2e}");
    }
    let digits = (1.0 - range.log10().floor()).clamp(0.0, 5.0) as usize;
    format!("{value:.digits$}")
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, style: &str) {
    _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" {style}/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>",
        escape(words)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(-3.2, 7.1, 4), [0.0, 5.0]);
        assert_eq!(number(0.25, 1.0), "0.2");
        assert_eq!(number(1.5e-7, 1e-6), "1.50e-7");
    }

    #[test]
    fn long_series_keep_their_extremes() {
        let mut values = vec![0.0; 100_000];
        values[54_321] = 7.0;
        values[54_322] = -7.0;
        let series = Series {
            kind: Kind::Variable,
            name: "x".into(),
            component: 0,
            env: 0,
            values: Vec::new(),
        };
        let points = thinned(&series, &values, 0.01);
        assert!(points.len() <= 2 * WIDTH as usize, "{}", points.len());
        for extreme in [(543.21, 7.0), (543.22, -7.0)] {
            assert!(points.contains(&extreme), "{extreme:?}");
        }
    }
}
