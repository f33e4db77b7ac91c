//! A small window with one of everything, for the tests of scripts and of the painter.

use std::time::{Duration, Instant};

use eframe::egui;
use egui::{Button, Color32, ColorImage, Slider, TextureHandle, TextureOptions, UiBuilder};

/// What the window edits.
#[derive(Default)]
pub struct Playground {
    pub clicks: u32,
    pub double_clicks: u32,
    pub menu_picks: u32,
    pub text: String,
    pub speed: f64,
    pub height: f64,
    pub is_checked: bool,
    pub rows_clicked: Vec<usize>,
    pub resets: [u32; 2],
    pub dragged: f32,
    pub undos: u32,
    started: Option<Instant>,
    picture: Option<TextureHandle>,
}

impl Playground {
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        egui::Frame::central_panel(ui.style()).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            self.controls(ui);
            self.picture(ui);
            for (index, name) in ["Left panel", "Right panel"].into_iter().enumerate() {
                let panel = UiBuilder::new()
                    .accessibility_label(name)
                    .accessibility_role(egui::Role::Pane);
                ui.scope_builder(panel, |ui| {
                    carrot_studio::accessible_tree::place(ui, ui.max_rect());
                    if ui.button("Reset").clicked() {
                        self.resets[index] += 1;
                    }
                });
            }
            egui::ScrollArea::vertical().max_height(60.0).show(ui, |ui| {
                for row in 0..40 {
                    if ui.button(format!("Row {row}")).clicked() {
                        self.rows_clicked.push(row);
                    }
                }
            });
        });
    }

    fn controls(&mut self, ui: &mut egui::Ui) {
        ui.heading("Playground");
        ui.horizontal(|ui| {
            let add = ui.button("Add one");
            self.clicks += u32::from(add.clicked());
            self.double_clicks += u32::from(add.double_clicked());
            add.context_menu(|ui| {
                if ui.button("Add ten").clicked() {
                    self.menu_picks += 1;
                    ui.close();
                }
            });
            ui.label(format!("Clicked {} times", self.clicks));
            ui.add_enabled(false, Button::new("Never"));
            ui.checkbox(&mut self.is_checked, "Checked");
        });
        let started = *self.started.get_or_insert_with(Instant::now);
        if started.elapsed() > Duration::from_millis(300) {
            ui.label("Late news");
        } else {
            ui.label("Early news");
            ui.request_repaint_after(Duration::from_millis(20));
        }
        ui.text_edit_singleline(&mut self.text).accessible_name("Note");
        ui.add(Slider::new(&mut self.speed, 0.0..=10.0).text("Speed"));
        ui.add(
            Slider::new(&mut self.height, 0.0..=1.0)
                .vertical()
                .show_value(false)
                .text("Height"),
        );
    }

    fn picture(&mut self, ui: &mut egui::Ui) {
        let picture = self.picture.get_or_insert_with(|| {
            let texel = |index: usize| Color32::from_rgb((index % 16 * 16) as u8, (index / 16 * 16) as u8, 128);
            let image = ColorImage::new([16, 16], (0..256).map(texel).collect());
            ui.load_texture("picture", image, TextureOptions::LINEAR)
        });
        let image = egui::Image::new(&*picture)
            .maintain_aspect_ratio(false)
            .fit_to_exact_size(egui::vec2(90.0, 40.0));
        let response = ui.add(image.alt_text("Picture").sense(egui::Sense::drag()));
        self.dragged += response.drag_delta().x;
        let undo = egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, egui::Key::Z);
        self.undos += u32::from(ui.input_mut(|input| input.consume_shortcut(&undo)));
    }
}
