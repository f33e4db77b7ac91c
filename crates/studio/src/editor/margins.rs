//! What is drawn under the letters and beside them: the caret's line, places found, brackets, numbers of the lines.

use carrot_reward_interface::Diagnostic;
use eframe::egui::{Align2, Pos2, Rect, Shape, Stroke, TextStyle, Ui, Vec2};

use super::find::Find;
use super::page::Page;
use super::sheet::Sheet;
use super::{findings, keys};

/// Room for the mark beside a number.
const MARK: f32 = 12.0;

/// How wide the numbers of a page's lines are, with the marks beside them.
pub(super) fn gutter_width(ui: &Ui, page: &Page) -> f32 {
    let font = TextStyle::Monospace.resolve(ui.style());
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
    let digits = page.count().to_string().len().max(2);
    (digits as f32 * digit + MARK + 12.0).min(120.0)
}

/// What lies under the letters: the caret's line, what was searched for, the brackets at the caret. `caret` is the
/// character that it stands before, while the text has the keyboard.
pub(super) fn below(sheet: &Sheet, caret: Option<usize>, find: Option<&Find>) -> Vec<Shape> {
    let (page, palette) = (&sheet.page, &sheet.palette);
    let mut shapes = Vec::new();
    let filled = |rect: Rect, color| Shape::rect_filled(rect, 2.0, color);
    if let Some(caret) = caret
        && let Some((_, row)) = sheet.row(page.line_of_char(caret))
    {
        let line = Rect::from_x_y_ranges(sheet.clip.x_range(), row.y_range());
        shapes.push(filled(line, palette.current_line));
        if let Some((a, b)) = keys::matching_brackets(page.text(), page.byte_of_char(caret)) {
            shapes.extend([a, b].map(|at| filled(sheet.rect_of(at..at + 1), palette.bracket)));
        }
    }
    if let Some(find) = find {
        let places = find.places(page.text());
        let here = find.current(&places);
        shapes.extend(places.into_iter().map(|bytes| {
            let color = match here.as_ref() == Some(&bytes) {
                true => palette.found_here,
                false => palette.found,
            };
            filled(sheet.rect_of(bytes), color)
        }));
    }
    shapes
}

/// Numbers of the lines, and marks beside those with a finding or a stop. They stay where they are when the text scrolls
/// sideways.
pub(super) fn gutter(
    ui: &Ui,
    sheet: &Sheet,
    width: f32,
    caret: Option<usize>,
    found: &[Diagnostic],
    stops: &[(u32, String)],
) {
    let (clip, palette) = (sheet.clip, &sheet.palette);
    let column = Rect::from_min_size(clip.min, Vec2::new(width - 4.0, clip.height()));
    let painter = ui.painter_at(column);
    painter.rect_filled(column, 0.0, palette.background);
    let font = TextStyle::Monospace.resolve(ui.style());
    let current = caret.map(|caret| sheet.page.line_of_char(caret));
    for line in 0..sheet.galley.rows.len() {
        let Some((_, row)) = sheet.row(line) else { break };
        if row.top() > clip.bottom() || row.bottom() < clip.top() {
            continue;
        }
        let number = line as u32 + 1;
        let color = match current == Some(line) {
            true => ui.visuals().strong_text_color(),
            false => palette.line_number,
        };
        let middle = row.center().y;
        let right = Pos2::new(column.right() - 6.0, middle);
        painter.text(right, Align2::RIGHT_CENTER, number.to_string(), font.clone(), color);
        let mark = Pos2::new(column.left() + 7.0, middle);
        let worst = found
            .iter()
            .filter(|finding| finding.span.line == number)
            .min_by_key(|finding| finding.severity as u8);
        if let Some(finding) = worst {
            painter.circle_filled(mark, 4.0, findings::color(finding.severity, palette));
        } else if stops.iter().any(|(line, _)| *line == number) {
            let size = 4.5;
            let diamond = [(0.0, -size), (size, 0.0), (0.0, size), (-size, 0.0)];
            let points = diamond.map(|(x, y)| mark + Vec2::new(x, y)).to_vec();
            painter.add(Shape::convex_polygon(points, palette.error, Stroke::NONE));
        }
    }
}
