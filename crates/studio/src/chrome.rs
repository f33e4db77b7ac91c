//! What is around the panels: the bars above and below, the tiles that hold the panels, colours and sizes.

use std::ops::RangeInclusive;

use egui::{Rect, Ui};
use egui_tiles::UiResponse;

use crate::accessible_tree;
use crate::action::Action;
use crate::layout::Layout;
use crate::look;
use crate::panels::{Panel, Panels, See, button};
use crate::session::AppState;

/// What the upper bar shows besides what every panel sees.
pub struct TopBar<'a> {
    /// `<env>/<task>`.
    pub task: &'a str,
    /// There is something to take back.
    pub undoable: bool,
    /// There is something to make again.
    pub redoable: bool,
    /// What a first run needs to know is to be shown.
    pub hints: bool,
}

/// Shows the upper bar.
pub fn top_bar(ui: &mut Ui, see: &mut See<'_>, bar: &TopBar<'_>) {
    egui::Panel::top("bar").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.strong("Carrot");
            ui.label(format!("{} · {}", bar.task, see.run_name));
            ui.separator();
            button(ui, see, "Commands…", Action::Palette, true);
            button(ui, see, "Undo", Action::Undo, bar.undoable);
            button(ui, see, "Redo", Action::Redo, bar.redoable);
            button(ui, see, "New session", Action::NewSession, true);
            button(ui, see, "Light or dark", Action::ToggleTheme, true);
        });
        if bar.hints {
            hints(ui, see);
        }
    });
}

/// What a first run needs to know; three lines and no dialog.
fn hints(ui: &mut Ui, see: &mut See<'_>) {
    ui.separator();
    for hint in [
        "1. The robot follows the reward on the left: drag one of its numbers and watch what changes.",
        "2. Say what you think in the Feedback panel; it is in the next prompt.",
        "3. Start the search: it writes better rewards. Ctrl+Shift+P finds everything.",
    ] {
        ui.label(hint);
    }
    button(ui, see, "Got it", Action::Hints, true);
}

/// What is wrong with the studio itself, one sentence each.
#[derive(Default)]
pub struct Troubles {
    /// Why what is entered is not kept.
    pub unkept: Option<String>,
    /// Threads that stopped before their time.
    pub broken: Vec<String>,
}

/// Shows the lower bar, with what there is to tell.
pub fn bottom_bar<'a>(ui: &mut Ui, see: &See<'_>, troubles: &Troubles, notices: impl Iterator<Item = &'a str>) {
    egui::Panel::bottom("status").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let error = ui.visuals().error_fg_color;
            for words in &troubles.broken {
                ui.colored_label(error, words);
            }
            if let Some(words) = &troubles.unkept {
                ui.colored_label(error, format!("what you enter is not kept: {words}"));
            }
            if let Some(trouble) = see.trouble {
                ui.colored_label(error, format!("not recorded yet: {trouble}"));
            }
            if let Some(stop) = &see.status.stop {
                ui.colored_label(error, stop.to_string());
            }
            if let Some(trouble) = &see.status.trouble {
                ui.colored_label(error, trouble);
            }
            match see.compiled.errors() {
                0 if see.compiled.works => {
                    ui.weak(format!("compiled in {:.1} ms", see.compiled.took.as_secs_f64() * 1e3))
                }
                0 => ui.weak("compiling"),
                1 => ui.colored_label(error, "1 error; the last reward that compiled is on the stage"),
                errors => ui.colored_label(
                    error,
                    format!("{errors} errors; the last reward that compiled is on the stage"),
                ),
            };
            if let Some(last) = see.status.latencies.last() {
                ui.weak(format!("new plan after {:.0} ms", last.as_secs_f64() * 1e3));
            }
            for notice in notices {
                ui.separator();
                ui.label(notice);
            }
        });
    });
}

/// Where the panels were shown in this frame.
pub struct Tiled {
    place: Rect,
    panes: Vec<Rect>,
}

impl Tiled {
    /// Names what egui and its tiles leave without a name. Call it when all of the frame has been shown.
    pub fn name_handles(&self, ctx: &egui::Context) {
        accessible_tree::name_handles(ctx, self.place, &self.panes);
    }
}

/// Shows the panels in their tiles.
pub fn panels(ui: &mut Ui, layout: &mut Layout, panels: &mut Panels, see: &mut See<'_>) -> Tiled {
    let shown = egui::CentralPanel::default().show(ui, |ui| {
        let mut tiles = Tiles {
            panels,
            see,
            panes: Vec::new(),
            edited: false,
        };
        let place = ui.max_rect();
        layout.show(&mut tiles, ui);
        let Tiles { panes, edited, .. } = tiles;
        if edited {
            layout.note_change();
        }
        Tiled { place, panes }
    });
    shown.inner
}

struct Tiles<'a, 'b> {
    panels: &'a mut Panels,
    see: &'a mut See<'b>,
    /// Where panes were shown in this frame.
    panes: Vec<Rect>,
    edited: bool,
}

impl egui_tiles::Behavior<Panel> for Tiles<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: egui_tiles::TileId, panel: &mut Panel) -> UiResponse {
        // Named, so that a screen reader says where one is, and a script can say which of two buttons it means.
        let pane = egui::UiBuilder::new()
            .accessibility_label(panel.title())
            .accessibility_role(egui::Role::Pane);
        ui.scope_builder(pane, |ui| {
            accessible_tree::place(ui, ui.max_rect());
            self.panes.push(ui.max_rect());
            egui::Frame::NONE
                .inner_margin(6.0)
                .show(ui, |ui| self.panels.show(*panel, ui, self.see));
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, panel: &Panel) -> egui::WidgetText {
        panel.title().into()
    }

    fn on_edit(&mut self, _action: egui_tiles::EditAction) {
        self.edited = true;
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..egui_tiles::SimplificationOptions::default()
        }
    }
}

/// How small and how large everything can be made.
pub const ZOOM: RangeInclusive<f32> = 0.5..=3.0;

/// Fonts, colours and sizes, as the person wants them.
#[derive(Default)]
pub struct Dress {
    has_fonts: bool,
}

impl Dress {
    /// Puts them on.
    pub fn put_on(&mut self, ctx: &egui::Context, app: &AppState) {
        if !std::mem::replace(&mut self.has_fonts, true) {
            look::install(ctx);
        }
        let theme = match app.theme.as_deref() {
            Some("light") => egui::ThemePreference::Light,
            Some("dark") => egui::ThemePreference::Dark,
            _ => egui::ThemePreference::System,
        };
        if ctx.options(|options| options.theme_preference) != theme {
            ctx.set_theme(theme);
        }
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        if let Some(zoom) = app.zoom.filter(|zoom| zoom.is_finite()) {
            ctx.set_zoom_factor(zoom.clamp(*ZOOM.start(), *ZOOM.end()));
        }
    }
}
