//! Findings in the text, beside it and below it.

use std::ops::Range;

use carrot_reward_interface::{Diagnostic, Severity};
use eframe::egui::{self, Color32, Galley, Painter, Pos2, Role, Stroke, Ui, Vec2, WidgetInfo};

use super::highlight::Palette;
use super::lines::Lines;

/// `error`, as messages begin.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The line by which a finding is listed, and by which tests and screen readers know it.
pub(super) fn headline(finding: &Diagnostic) -> String {
    format!(
        "{}[{}] line {} column {}: {}",
        word(finding.severity),
        finding.code,
        finding.span.line,
        finding.span.column,
        finding.message
    )
}

pub(super) fn color(severity: Severity, palette: &Palette) -> Color32 {
    match severity {
        Severity::Error => palette.error,
        Severity::Warning => palette.warning,
        Severity::Note => palette.note,
    }
}

/// The bytes that a finding is about, at least one character wide where the text has one.
pub(super) fn bytes(finding: &Diagnostic, text: &str, lines: &Lines) -> Range<usize> {
    let found = lines.bytes_of_span(text, &finding.span);
    if !found.is_empty() {
        return found;
    }
    let after = text[found.start..].chars().next().filter(|c| *c != '\n');
    match (after, text[..found.start].chars().next_back()) {
        (Some(c), _) => found.start..found.start + c.len_utf8(),
        (None, Some(c)) => found.start - c.len_utf8()..found.start,
        (None, None) => found,
    }
}

/// A wavy line under a stretch of the text.
pub(super) fn underline(
    painter: &Painter,
    galley: &Galley,
    origin: Pos2,
    chars: Range<usize>,
    lines: &Lines,
    color: Color32,
) {
    let (first, last) = (lines.line_of_char(chars.start), lines.line_of_char(chars.end));
    // A finding about a whole function is marked in its first lines; the rest would only be unrest.
    for line in first..=last.min(first + 3) {
        let Some(row) = galley.rows.get(line) else { break };
        let start = lines.char_of_line(line);
        let column = |at: usize| row.x_offset(at.saturating_sub(start).into());
        let left = row.pos.x + column(chars.start.max(start));
        let right = match line == last {
            true => row.pos.x + column(chars.end),
            false => row.pos.x + row.size.x,
        };
        let y = origin.y + row.pos.y + row.size.y - 2.0;
        wave(painter, origin.x + left, origin.x + right.max(left + 6.0), y, color);
    }
}

fn wave(painter: &Painter, left: f32, right: f32, y: f32, color: Color32) {
    const STEP: f32 = 2.5;
    let steps = ((right - left) / STEP).ceil().max(2.0) as usize;
    let points = (0..=steps)
        .map(|step| {
            let up = if step % 2 == 0 { 1.2 } else { -1.2 };
            Pos2::new((left + step as f32 * STEP).min(right), y + up)
        })
        .collect();
    painter.line(points, Stroke::new(1.3, color));
}

/// What the person asks for in the list of findings.
pub(super) enum Asked {
    Show(usize),
    Fix(usize),
}

/// The findings, one below the other: the line jumps there, the button repairs.
pub(super) fn list(
    ui: &mut Ui,
    findings: &[Diagnostic],
    current: Option<usize>,
    can_fix: bool,
    palette: &Palette,
) -> Option<Asked> {
    let mut asked = None;
    for (at, finding) in findings.iter().enumerate() {
        ui.horizontal_wrapped(|ui| {
            dot(ui, color(finding.severity, palette));
            let title = headline(finding);
            let row = ui.selectable_label(current == Some(at), &title);
            row.widget_info(|| WidgetInfo::labeled(Role::Button, true, &title));
            let row = match &finding.help {
                Some(help) => row.on_hover_text(help),
                None => row,
            };
            if row.clicked() {
                asked = Some(Asked::Show(at));
            }
            if let Some(fix) = &finding.fix {
                let name = format!("Fix: {}", fix.title);
                let button = ui.add_enabled(can_fix, egui::Button::new(&name).small());
                let label = format!("{name}, line {}", finding.span.line);
                button.widget_info(|| WidgetInfo::labeled(Role::Button, can_fix, &label));
                if button.on_hover_text("Ctrl+. at the finding").clicked() {
                    asked = Some(Asked::Fix(at));
                }
            } else if let Some(help) = &finding.help {
                ui.weak(help);
            }
        });
    }
    asked
}

fn dot(ui: &mut Ui, color: Color32) {
    let height = ui.text_style_height(&egui::TextStyle::Body);
    let (rect, _) = ui.allocate_exact_size(Vec2::new(8.0, height), egui::Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color);
}
