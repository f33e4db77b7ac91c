//! Findings in the text, beside it and below it.

use carrot_reward_interface::{Diagnostic, Severity};
use eframe::egui::{self, Color32, Painter, Pos2, Role, Stroke, Ui, Vec2, WidgetInfo};

use super::highlight::Palette;
use super::sheet::Sheet;

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

/// A wavy line under what each finding is about.
pub(super) fn underline(painter: &Painter, sheet: &Sheet, findings: &[Diagnostic]) {
    for finding in findings {
        let chars = sheet.page.chars(sheet.page.bytes_of_finding(finding));
        let (first, last) = (sheet.page.line_of_char(chars.start), sheet.page.line_of_char(chars.end));
        // A finding about a whole function is marked in its first lines; the rest would only be unrest.
        for line in first..=last.min(first + 3) {
            let place = sheet.row(line).zip(sheet.columns(line, &chars));
            let Some(((_, row), (left, right))) = place else { break };
            let color = color(finding.severity, &sheet.palette);
            wave(painter, left, right.max(left + 6.0), row.bottom() - 2.0, color);
        }
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
        ui.horizontal_top(|ui| {
            dot(ui, color(finding.severity, palette));
            // Further lines begin where the first one does.
            ui.vertical(|ui| {
                ui.horizontal_wrapped(|ui| {
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
                })
            });
        });
    }
    asked
}

fn dot(ui: &mut Ui, color: Color32) {
    let height = ui.spacing().interact_size.y;
    let (rect, _) = ui.allocate_exact_size(Vec2::new(8.0, height), egui::Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color);
}
