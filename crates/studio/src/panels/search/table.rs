//! Candidates as a table that can be sorted by each of its columns.

use std::sync::Arc;

use egui::Ui;

use crate::overview::{Overview, Row};
use crate::panels::list::{Column, Done, List, Row as Shown};
use crate::panels::{Command, Panel, See};
use crate::watcher::RunView;

const COLUMNS: [Column; 6] = [
    column(
        "Candidate",
        108.0,
        "Generation and place within it; the best has the highest fitness, and yours was written in the editor",
    ),
    column(
        "Fitness",
        116.0,
        "The task's own measure, mean over the episodes of one evaluation ± 1.96 standard errors; or why there is none, with its \
         code. It tells how well this trained policy is known; another training with another seed may differ by more.",
    ),
    column("Success", 62.0, "Share of episodes in which the task was achieved"),
    column(
        "People",
        130.0,
        "What was said of this program: rank from comparisons, ratings, comments",
    ),
    column("How it came about", 320.0, ""),
    column("Proposer", 96.0, "Who wrote it"),
];

const fn column(title: &'static str, width: f32, hover: &'static str) -> Column {
    Column { title, width, hover }
}

/// The table.
#[derive(Default)]
pub(super) struct Table {
    list: List,
    /// Column, and largest first.
    by: (usize, bool),
    /// Places of the rows in the order that they are shown in, and what it was made for.
    order: Vec<usize>,
    of: Option<(Arc<RunView>, (usize, bool))>,
}

impl Table {
    /// Shows it in the space that is left.
    pub(super) fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        self.sort(see.run);
        let overview = &see.run.overview;
        let chosen = see.selected.and_then(|id| overview.place_of(id));
        let chosen = chosen.and_then(|place| self.order.iter().position(|&other| other == place));
        let (height, order) = (ui.available_height(), &self.order);
        let weak = ui.visuals().weak_text_color();
        let bad = ui.visuals().error_fg_color;
        let done = self.list.show(
            ui,
            "Table of candidates",
            &COLUMNS,
            Some(self.by),
            order.len(),
            chosen,
            height,
            |at| {
                let row = &overview.rows[order[at]];
                let is_best = overview.best == Some(order[at]);
                (row.id, shown(row, is_best, weak, bad))
            },
        );
        let select = |at: usize| Command::Select(Some(overview.rows[order[at]].id));
        match done {
            Some(Done::Chosen(at)) => see.commands.push(select(at)),
            Some(Done::Opened(at)) => see.commands.extend([select(at), Command::Focus(Panel::Candidate)]),
            Some(Done::Sorted(by)) => {
                // Figures are wanted from the best down, words from A to Z.
                let first = matches!(by, 1..=3);
                self.by = (by, if self.by.0 == by { !self.by.1 } else { first });
            }
            None => {}
        }
    }

    fn sort(&mut self, run: &Arc<RunView>) {
        if self
            .of
            .as_ref()
            .is_some_and(|(of, by)| Arc::ptr_eq(of, run) && *by == self.by)
        {
            return;
        }
        self.order = sorted(&run.overview, self.by);
        self.of = Some((Arc::clone(run), self.by));
    }
}

/// Places in the order of a column. Among equals the earlier one comes first; what has no value comes last.
fn sorted(overview: &Overview, (by, largest_first): (usize, bool)) -> Vec<usize> {
    let rows = &overview.rows;
    let number = |row: &Row| match by {
        1 => row.fitness.map(|estimate| estimate.mean),
        2 => row.success,
        // A better rank is larger; ratings decide where there is none.
        3 => {
            let rated = row.said.good as f64 - row.said.bad as f64;
            let spoken = row.said != Default::default();
            spoken.then(|| row.said.rank.map_or(rated / 1e3, |rank| 1e3 - rank as f64))
        }
        _ => None,
    };
    let words = |row: &Row| match by {
        1 => row.outcome.clone(),
        4 => row.note.clone(),
        5 => row.proposer.clone(),
        _ => String::new(),
    };
    let keys: Vec<(Option<f64>, String)> = rows.iter().map(|row| (number(row), words(row))).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        let ((x, u), (y, v)) = (&keys[a], &keys[b]);
        let compared = match (x, y) {
            (Some(x), Some(y)) => x.total_cmp(y),
            (x, y) if x.is_some() != y.is_some() => return y.is_some().cmp(&x.is_some()),
            _ if by == 0 => a.cmp(&b),
            _ => u.cmp(v),
        };
        let compared = if largest_first { compared.reverse() } else { compared };
        compared.then(a.cmp(&b))
    });
    order
}

fn shown(row: &Row, is_best: bool, weak: egui::Color32, bad: egui::Color32) -> Shown {
    let mut name = row.name.clone();
    if row.proposer == "human" {
        name += " yours";
    }
    if is_best {
        name += " best";
    }
    let fitness = row.fitness.map_or(row.outcome.clone(), |fitness| fitness.to_string());
    let success = row
        .success
        .map_or("–".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    let said = row.said.to_string();
    let mut spoken = format!("{}: ", row.name);
    if is_best {
        spoken += "the best, ";
    }
    spoken += &match row.fitness {
        Some(_) => format!("fitness {fitness}, success {success}"),
        None => row.outcome.clone(),
    };
    for part in [&said, &row.proposer] {
        if !part.is_empty() {
            spoken += &format!(", {part}");
        }
    }
    Shown {
        spoken,
        hover: row.note.clone(),
        cells: vec![
            (name, None),
            (fitness, (row.fitness.is_none()).then_some(bad)),
            (success, None),
            (said, None),
            (row.note.clone(), Some(weak)),
            (row.proposer.clone(), None),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::{Estimate, Said};

    #[test]
    fn every_column_sorts_and_what_has_no_value_is_last() {
        let row = |index: u32, fitness: Option<f64>, outcome: &str, rank: Option<usize>, good: usize| Row {
            id: (0, index),
            fitness: fitness.map(|mean| Estimate { mean, half_width: None }),
            success: fitness.map(|mean| mean / 10.0),
            outcome: outcome.into(),
            said: Said {
                rank,
                good,
                ..Said::default()
            },
            ..Row::default()
        };
        let overview = Overview {
            rows: vec![
                row(0, Some(1.0), "evaluated", None, 1),
                row(1, None, "rejected syntax", None, 0),
                row(2, Some(3.0), "evaluated", Some(2), 0),
                row(3, Some(2.0), "evaluated", Some(1), 0),
            ],
            ..Overview::default()
        };
        for (by, expected) in [
            ((0, false), [0, 1, 2, 3]),
            ((0, true), [3, 2, 1, 0]),
            ((1, true), [2, 3, 0, 1]),
            ((1, false), [0, 3, 2, 1]),
            ((2, true), [2, 3, 0, 1]),
            ((3, true), [3, 2, 0, 1]),
        ] {
            assert_eq!(sorted(&overview, by), expected, "{by:?}");
        }
    }
}
