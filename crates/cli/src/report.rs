//! The report of a search: one HTML file with everything inside, readable without a network.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carrot_reward_search::Retrained;
use carrot_run_record::{Candidate, Outcome, Program};

use crate::commands::runs::outcome_line;

/// What the report shows.
pub struct Report<'a> {
    /// Task id and instruction.
    pub task: (&'a str, &'a str),
    /// Who wrote the programs, seed, and how much was spent, one line each.
    pub facts: &'a [(String, String)],
    /// All candidates in order.
    pub candidates: &'a [Candidate],
    /// Label and source of the winner.
    pub winner: (String, &'a str),
    /// The best of the search, trained on further seeds to choose the winner.
    pub finalists: &'a [Retrained],
    /// Fitness of the retrained winner and of the retrained human reward, per seed.
    pub comparison: &'a [Retrained],
    /// The film, as GIF bytes.
    pub film: Option<Vec<u8>>,
}

impl Report<'_> {
    /// Writes the report.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, self.html())
    }

    fn html(&self) -> String {
        let (task, instruction) = self.task;
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>Carrot: {task}</title>\n<style>{STYLE}</style>\n<h1>{task}</h1>\n<p class=\"lead\">{instruction}</p>\n",
            task = escape(task),
            instruction = escape(instruction)
        );
        if let Some(film) = &self.film {
            let _ = writeln!(
                html,
                "<img alt=\"The winner's policy\" src=\"data:image/gif;base64,{}\">",
                STANDARD.encode(film)
            );
        }
        html += "<table class=\"facts\">\n";
        for (name, value) in self.facts {
            let _ = writeln!(html, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
        }
        html += "</table>\n";
        retrained_table(&mut html, "Finalists on further seeds", self.finalists);
        retrained_table(
            &mut html,
            "Winner and human reward, trained again on fresh seeds",
            self.comparison,
        );
        let _ = write!(html, "<h2>Fitness by generation</h2>\n{}\n", self.chart());
        let _ = write!(
            html,
            "<h2>Winner: {}</h2>\n<pre><code>{}</code></pre>\n",
            escape(&self.winner.0),
            escape(self.winner.1)
        );
        html += "<h2>Candidates</h2>\n";
        for candidate in self.candidates {
            self.candidate(&mut html, candidate);
        }
        html += "</html>\n";
        html
    }

    fn candidate(&self, html: &mut String, candidate: &Candidate) {
        let source = match &candidate.program {
            Program::Source { text, .. } => text.clone(),
            Program::Wasm { file, object } => format!("{file}: WASM module {object}"),
        };
        let _ = write!(
            html,
            "<details><summary><b>{}</b> {}</summary><p>{}</p><pre><code>{}</code></pre>",
            candidate.name(),
            escape(&outcome_line(&candidate.outcome)),
            escape(&candidate.note),
            escape(&source)
        );
        if let Outcome::Evaluated(evaluated) = &candidate.outcome {
            let _ = write!(
                html,
                "<pre>{}</pre>",
                escape(&carrot_reward_search::reflection::reflect(evaluated))
            );
        }
        if let Outcome::Rejected { diagnostics } = &candidate.outcome {
            let drawn = carrot_reward_compiler::render(diagnostics, &source, false);
            let _ = write!(html, "<pre>{}</pre>", escape(&drawn));
        }
        *html += "</details>\n";
    }

    /// Fitness of every evaluated candidate against its generation, with the best so far as a line.
    fn chart(&self) -> String {
        let points: Vec<(u32, f64)> = self
            .candidates
            .iter()
            .filter_map(|candidate| match &candidate.outcome {
                Outcome::Evaluated(evaluated) => Some((candidate.generation, evaluated.evaluation.fitness)),
                _ => None,
            })
            .collect();
        let Some(last) = points.iter().map(|point| point.0).max() else {
            return "<p>No candidate was evaluated.</p>".to_owned();
        };
        let (low, high) = points.iter().fold((0.0_f64, f64::MIN), |(low, high), point| {
            (low.min(point.1), high.max(point.1))
        });
        let (width, height, margin) = (640.0, 240.0, 48.0);
        let x = |generation: u32| margin + (width - 2.0 * margin) * f64::from(generation) / f64::from(last.max(1));
        let y = |fitness: f64| height - 28.0 - (height - 48.0) * (fitness - low) / (high - low).max(1e-12);
        let mut svg =
            format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Fitness by generation\">");
        for tick in [low, (low + high) / 2.0, high] {
            let _ = write!(
                svg,
                "<line x1=\"{margin}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"grid\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.2}</text>",
                width - margin,
                margin - 6.0,
                y(tick) + 4.0,
                y = y(tick)
            );
        }
        let mut best = f64::MIN;
        let mut path = String::new();
        for generation in 0..=last {
            best = points
                .iter()
                .filter(|point| point.0 == generation)
                .fold(best, |best, point| best.max(point.1));
            if best > f64::MIN {
                let _ = write!(path, "{:.1},{:.1} ", x(generation), y(best));
            }
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{generation}</text>",
                x(generation),
                height - 8.0
            );
        }
        let _ = write!(svg, "<polyline points=\"{}\" class=\"best\"/>", path.trim_end());
        for (generation, fitness) in points {
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
                x(generation),
                y(fitness)
            );
        }
        svg + "</svg><p>One dot per candidate, generation by generation from left to right; the line is the best so far.</p>"
    }
}

fn retrained_table(html: &mut String, title: &str, rewards: &[Retrained]) {
    if rewards.is_empty() {
        return;
    }
    let _ = writeln!(
        html,
        "<h2>{title}</h2>\n<table><tr><th>reward</th><th>fitness, mean ± sd</th><th>per seed</th></tr>"
    );
    for reward in rewards {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        let per_seed: Vec<String> = reward.fitness.iter().copied().map(number).collect();
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{} ± {}</td><td>{}</td></tr>",
            escape(&reward.name),
            number(reward.mean),
            number(reward.sd),
            per_seed.join(", ")
        );
    }
    *html += "</table>\n";
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
h1{margin-bottom:0}.lead{font-size:1.2rem;margin-top:.2rem}img{max-width:100%;border-radius:6px}\
table{border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top}\
pre{background:#f6f6f4;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere;border-radius:6px;font-size:.85rem;line-height:1.4}summary{cursor:pointer;padding:.2rem 0}\
svg{width:100%;max-width:640px;font:12px system-ui,sans-serif}.grid{stroke:#ddd}.best{fill:none;stroke:#e8710a;stroke-width:2}circle{fill:#e8710a;fill-opacity:.55}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_program_cannot_become_markup() {
        let report = Report {
            task: ("hopper/<b>", "a & b"),
            facts: &[("seed".into(), "<script>".into())],
            candidates: &[],
            winner: ("g0c0".into(), "</pre><script>alert(1)</script>"),
            finalists: &[],
            comparison: &[],
            film: None,
        };
        let html = report.html();
        assert!(
            !html.contains("<script>") && html.contains("hopper/&lt;b&gt;"),
            "{html}"
        );
    }
}
