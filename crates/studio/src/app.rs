//! The window.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::studio::{Studio, StudioError, StudioOptions};

struct App {
    studio: Studio,
    /// The run that was open last.
    run: Arc<Mutex<PathBuf>>,
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.studio.ui(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.studio.close();
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = self.studio.run_dir();
    }
}

/// Opens the window and stays until it is closed. Gives the folder of the run that was open then.
///
/// Errors: [`StudioError`], also where there is no display or no OpenGL.
pub fn run(options: StudioOptions) -> Result<PathBuf, StudioError> {
    let viewport = egui::ViewportBuilder::default()
        .with_app_id("carrot")
        .with_title("Carrot studio")
        .with_inner_size([1400.0, 900.0])
        .with_min_inner_size([640.0, 400.0]);
    let native = eframe::NativeOptions {
        viewport,
        ..eframe::NativeOptions::default()
    };
    let run = Arc::new(Mutex::new(PathBuf::new()));
    let theirs = Arc::clone(&run);
    let outcome = eframe::run_native(
        "Carrot studio",
        native,
        Box::new(|context| {
            let ctx = context.egui_ctx.clone();
            let studio = Studio::new(options, move || ctx.request_repaint())?;
            Ok(Box::new(App { studio, run: theirs }))
        }),
    );
    match outcome {
        Ok(()) => Ok(run.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        Err(eframe::Error::AppCreation(error)) => {
            let error = error.downcast::<StudioError>();
            match error {
                Ok(error) => Err(*error),
                Err(other) => Err(StudioError::Window(other.to_string())),
            }
        }
        Err(error) => Err(StudioError::Window(format!(
            "no window could be opened: {error}; a display is needed (DISPLAY or WAYLAND_DISPLAY), and OpenGL 2.1 or later, which \
                 software drivers have: apt-get install libgl1 libgl1-mesa-dri libegl1; without a display, `xvfb-run carrot studio`"
        ))),
    }
}
