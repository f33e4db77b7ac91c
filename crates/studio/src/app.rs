//! The window.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::frame_times::FrameTimes;
use crate::script::{Driver, Outcome, Script};
use crate::studio::{Studio, StudioError, StudioOptions};
use crate::worker::lock;

/// How soon a frame shows what threads have done: together, so that they do not make a frame each where no display paces them.
const SOON: Duration = Duration::from_millis(14);

/// What is left when the window is gone.
#[derive(Default)]
struct Rest {
    /// The run that was open last.
    run: PathBuf,
    /// What a script may report.
    report: Value,
    /// Why closing lost something.
    lost: Option<StudioError>,
}

struct App {
    studio: Studio,
    rest: Arc<Mutex<Rest>>,
    scripted: bool,
    started: Instant,
    /// From the start to the end of the first frame, s.
    first_frame_secs: Option<f64>,
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.studio.ui(ui);
        self.first_frame_secs
            .get_or_insert_with(|| self.started.elapsed().as_secs_f64());
        if self.scripted {
            let mut report = self.studio.report();
            report["first_frame_secs"] = json!(self.first_frame_secs);
            lock(&self.rest).report = report;
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        let lost = self.studio.close().err();
        let mut rest = lock(&self.rest);
        rest.run = self.studio.run_dir();
        rest.lost = lost;
    }
}

/// Opens the window and stays until it is closed. Gives the folder of the run that was open then.
///
/// Errors: [`StudioError`], also where there is no display or no OpenGL, and where a script fails.
pub fn run(options: StudioOptions) -> Result<PathBuf, StudioError> {
    let started = Instant::now();
    let script = options.script.as_deref();
    let failure_picture = script.map_or_else(PathBuf::new, |path| path.with_extension("failed.png"));
    let script = script.map(read_script).transpose()?;
    let frame_times = FrameTimes::default();
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_app_id("carrot")
            .with_title("Carrot studio")
            .with_inner_size([1400.0, 900.0])
            .with_min_inner_size([640.0, 400.0]),
        ..eframe::NativeOptions::default()
    };
    let rest = Arc::new(Mutex::new(Rest::default()));
    let theirs = Arc::clone(&rest);
    let reported = Arc::clone(&rest);
    let (driver, outcome) = match script {
        Some(script) => {
            let frame_times = frame_times.clone();
            let report = move || {
                let mut report = lock(&reported).report.clone();
                report["frame_times"] = frame_times.report();
                report
            };
            let (driver, outcome) = Driver::new(script, failure_picture, report);
            (Some(driver), outcome)
        }
        None => (None, Outcome::default()),
    };
    let is_driven = driver.is_some();
    let window = eframe::run_native(
        "Carrot studio",
        native,
        Box::new(move |context| {
            let ctx = context.egui_ctx.clone();
            let scripted = driver.is_some();
            if let Some(driver) = driver {
                ctx.add_plugin(driver);
            }
            ctx.add_plugin(frame_times.plugin());
            let mut studio = Studio::new(options, move || ctx.request_repaint_after(SOON))?;
            studio.measured_by(frame_times);
            Ok(Box::new(App {
                studio,
                rest: theirs,
                scripted,
                started,
                first_frame_secs: None,
            }))
        }),
    );
    window.map_err(refused)?;
    if let Some(lost) = lock(&rest).lost.take() {
        return Err(lost);
    }
    match outcome.get() {
        Some(Err(message)) => Err(StudioError::Script(message)),
        None if is_driven => Err(StudioError::Script(
            "the window was closed before the script's end".into(),
        )),
        Some(Ok(())) | None => Ok(lock(&rest).run.clone()),
    }
}

fn read_script(path: &Path) -> Result<Script, StudioError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| StudioError::Script(format!("{name}: {error}")))?;
    Script::parse(&name, &text).map_err(StudioError::Script)
}

fn refused(error: eframe::Error) -> StudioError {
    let window = |error: &dyn std::fmt::Display| {
        StudioError::Window(format!(
            "no window could be opened: {error}; a display is needed (DISPLAY or WAYLAND_DISPLAY), and OpenGL 2.1 or later, which software \
             drivers have: apt-get install libgl1 libgl1-mesa-dri libegl1; without a display, `xvfb-run carrot studio`"
        ))
    };
    match error {
        eframe::Error::AppCreation(error) => match error.downcast::<StudioError>() {
            Ok(error) => *error,
            Err(error) => window(&error),
        },
        error => window(&error),
    }
}
