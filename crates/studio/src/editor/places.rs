//! Where the parts of the editor stand in the room that there is.

use eframe::egui::{Rect, Ui, UiBuilder};

/// The editor's parts.
pub(super) struct Places {
    pub(super) tools: Rect,
    pub(super) text: Rect,
    pub(super) constants: Rect,
    pub(super) findings: Rect,
}

/// From this width on the constants stand beside the text.
const WIDE: f32 = 560.0;
const GAP: f32 = 6.0;

impl Places {
    /// The room alone decides: nothing moves under the hand when a finding or a number comes or goes.
    pub(super) fn of(room: Rect, ui: &Ui) -> Self {
        let row = ui.spacing().interact_size.y + ui.spacing().item_spacing.y;
        let (tools, rest) = room.split_top_bottom_at_y(room.top() + row);
        // The caret's line, and so many of findings; in a narrow editor a finding takes several lines.
        let lines = if room.width() >= WIDE { 3.0 } else { 4.0 };
        let list = (row * (1.0 + lines)).min(rest.height() * 0.3);
        let (above, findings) = rest.split_top_bottom_at_y(rest.bottom() - list);
        let (text, constants) = if room.width() >= WIDE {
            let width = (room.width() * 0.3).clamp(180.0, 300.0);
            above.split_left_right_at_x(above.right() - width)
        } else {
            above.split_top_bottom_at_y(above.bottom() - above.height() * 0.35)
        };
        let is_beside = constants.top() == text.top();
        let constants = match is_beside {
            true => constants.with_min_x(constants.left() + GAP),
            false => constants.with_min_y(constants.top() + GAP),
        };
        Self {
            tools,
            text,
            constants,
            findings: findings.with_min_y(findings.top() + GAP),
        }
    }
}

/// Shows a part in its place and nowhere else.
pub(super) fn part(ui: &mut Ui, name: &str, rect: Rect, show: impl FnOnce(&mut Ui)) {
    let builder = UiBuilder::new().id_salt(name).max_rect(rect);
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        show(ui);
    });
}
