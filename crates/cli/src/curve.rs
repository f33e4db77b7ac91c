//! A training as tables: how the task went, how every reward term went, how the optimiser fared, and what stands out.

use carrot_environment::Checkpoint;
use carrot_reward_search::reflection::observations;
use carrot_run_record::Evaluated;

/// Everything that an evaluated training says about itself. `judged` says that there is a task, whose fitness means something.
pub fn told(evaluated: &Evaluated, judged: bool) -> String {
    let mut parts = vec![task(&evaluated.checkpoints)];
    if evaluated.checkpoints.iter().any(|at| !at.diagnostics.is_empty()) {
        parts.push(optimiser(&evaluated.checkpoints));
    }
    if !evaluated.terms.is_empty() {
        parts.push(terms(&evaluated.terms, &evaluated.checkpoints));
    }
    let found = observations(evaluated, judged);
    if !found.is_empty() {
        let lines = found.iter().map(|line| format!("\n- {line}"));
        parts.push(format!("What stands out:{}", lines.collect::<String>()));
    }
    parts.join("\n\n")
}

/// One row per checkpoint: fitness, success and length of the episodes that ended, and the mean reward.
fn task(checkpoints: &[Checkpoint]) -> String {
    let mut text = "     steps    fitness  success   length   shortest  longest   reward/step".to_owned();
    let fixed = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    for at in checkpoints {
        let [shortest, longest] = match at.episode_lengths {
            Some(ends) => ends.map(|steps| steps.to_string()),
            None => ["-".into(), "-".into()],
        };
        text += &format!(
            "\n{:>10} {:>10} {:>8} {:>8} {:>10} {:>8} {:>13}",
            at.steps,
            fixed(at.fitness, 3),
            fixed(at.success_rate, 2),
            fixed(at.episode_length, 0),
            shortest,
            longest,
            short(at.reward)
        );
    }
    text
}

/// One row per checkpoint with the optimiser's own figures.
fn optimiser(checkpoints: &[Checkpoint]) -> String {
    let names: Vec<&str> = match checkpoints.iter().find(|at| !at.diagnostics.is_empty()) {
        Some(at) => at.diagnostics.iter().map(|(name, _)| name.as_str()).collect(),
        None => Vec::new(),
    };
    let width = |name: &str| name.len().max(9);
    let mut text = "     steps".to_owned();
    for name in &names {
        text += &format!("  {name:>0$}", width(name));
    }
    for at in checkpoints {
        text += &format!("\n{:>10}", at.steps);
        for name in &names {
            let value = at.diagnostics.iter().find(|(known, _)| known == name);
            let shown = value.map_or("-".into(), |(_, value)| short(*value));
            text += &format!("  {shown:>0$}", width(name));
        }
    }
    text
}

/// One row per reward term, over the whole training: mean, smallest and largest value of a step, and the last mean.
fn terms(names: &[String], checkpoints: &[Checkpoint]) -> String {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(18);
    let mut text = format!(
        "{:<width$} {:>11} {:>11} {:>11} {:>11}",
        "reward term", "mean", "min", "max", "last mean"
    );
    let row =
        |name: &str, mean: &dyn Fn(&Checkpoint) -> Option<f64>, range: &dyn Fn(&Checkpoint) -> Option<[f64; 2]>| {
            let ranges = checkpoints.iter().filter_map(range);
            let ends = ranges.reduce(|one, other| [one[0].min(other[0]), one[1].max(other[1])]);
            let last = checkpoints.last().and_then(mean);
            format!(
                "\n{name:<width$} {:>11} {:>11} {:>11} {:>11}",
                shown(mean_of_all(checkpoints, mean)),
                shown(ends.map(|ends| ends[0])),
                shown(ends.map(|ends| ends[1])),
                shown(last)
            )
        };
    for (index, name) in names.iter().enumerate() {
        text += &row(name, &|at| at.terms.get(index).copied(), &|at| {
            at.term_ranges.get(index).copied()
        });
    }
    text + &row("total", &|at| Some(at.reward), &|at| at.reward_range)
}

/// The mean per step over the whole training: checkpoints need not be equally long.
fn mean_of_all(checkpoints: &[Checkpoint], mean: &dyn Fn(&Checkpoint) -> Option<f64>) -> Option<f64> {
    let (mut steps, mut sum, mut before) = (0, 0.0, 0);
    for at in checkpoints {
        let own = at.steps.saturating_sub(before);
        before = at.steps;
        if let Some(mean) = mean(at) {
            steps += own;
            sum += mean * own as f64;
        }
    }
    (steps > 0).then(|| sum / steps as f64)
}

fn shown(value: Option<f64>) -> String {
    value.map_or("-".into(), short)
}

/// Three or four significant digits, without an exponent where it reads well.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let power = if size == 0.0 { 0.0 } else { size.log10().floor() };
    format!(
        "{value:.0$}",
        (if power < 0.0 { 2.0 - power } else { 3.0 - power }).max(0.0) as usize
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_in_rows() {
        let at = |steps, mean: f64, range, reward_range| Checkpoint {
            steps,
            reward: mean - 0.5,
            terms: vec![mean, -0.5],
            term_ranges: range,
            reward_range,
            ..Checkpoint::default()
        };
        let names = ["forward".to_owned(), "effort".to_owned()];
        // 100 steps with mean 1 and 300 with mean 2: 1.75.
        let checkpoints = [
            at(100, 1.0, vec![[-1.0, 3.0], [-0.5, -0.5]], Some([-1.5, 2.5])),
            at(400, 2.0, vec![[0.5, 12345.0], [-0.5, -0.5]], Some([0.0, 12344.5])),
        ];
        let expected = "\
reward term               mean         min         max   last mean
forward                  1.750      -1.000       12345       2.000
effort                  -0.500      -0.500      -0.500      -0.500
total                    1.250      -1.500       12344       1.500";
        assert_eq!(terms(&names, &checkpoints), expected);
        // A record from before ranges were kept.
        let old = terms(&names[..1], &[at(100, 1.0, Vec::new(), None)]);
        assert!(
            old.contains("forward                  1.000           -           -       1.000"),
            "{old}"
        );
    }

    #[test]
    fn figures_have_four_digits() {
        for (value, expected) in [
            (0.0, "0.000"),
            (0.25, "0.250"),
            (0.002_134, "0.00213"),
            (-12.345, "-12.35"),
            (999_999.4, "999999"),
            (1e6, "1.00e6"),
            (-0.000_25, "-2.50e-4"),
            (1e290, "1.00e290"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
