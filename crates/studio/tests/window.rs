//! A script drives a real window, and the painter of snapshots draws what that window shows.
//!
//! This test is its own program twice: the test itself, and the window that it starts on a screen of Xvfb. A window must
//! be made by a program's first thread, which the usual test harness keeps for itself.

mod support;

use std::path::Path;
use std::process::{ExitCode, Output};
use std::time::{Duration, Instant};

use carrot_studio::script::{Driver, Script};
use eframe::egui;
use egui_kittest::TestRenderer;
use support::display::Display;
use support::painter::Painter;
use support::playground::Playground;

/// Names the script that the window performs; where it is set, this program is the window.
const SCRIPT: &str = "CARROT_TEST_SCRIPT";
const SIZE: [f32; 2] = [480.0, 400.0];

fn main() -> ExitCode {
    match std::env::var(SCRIPT) {
        Ok(script) => show_window(&script),
        Err(_) => {
            let display = Display::start();
            for (name, test) in TESTS {
                println!("test {name} ...");
                test(&display);
                println!("test {name} ... ok");
            }
            ExitCode::SUCCESS
        }
    }
}

type Test = fn(&Display);

const TESTS: [(&str, Test); 3] = [
    ("a_script_operates_a_real_window", a_script_operates_a_real_window),
    ("a_failing_script_ends_the_window", a_failing_script_ends_the_window),
    (
        "the_painter_draws_what_the_window_shows",
        the_painter_draws_what_the_window_shows,
    ),
];

fn a_script_operates_a_real_window(display: &Display) {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        click "Add one"
        wait "Clicked 1 times"
        wait "Late news" 5s
        click "Row 31"
        drag "slider:Speed" to 0.8
        click "Note"
        type "Grüße"
        expect-value "Note" "Grüße"
        size 600 450
        screenshot "DIR/window.png"
        screenshot "DIR/slider.png" of "slider:Speed"
        report "DIR/report.json"
        quit"#;
    let output = perform(display, folder.path(), script);
    assert!(output.status.success(), "{}", text(&output));
    let picture = image::open(folder.path().join("window.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (600, 450));
    let slider = image::open(folder.path().join("slider.png")).unwrap();
    assert!(
        (50..600).contains(&slider.width()) && (5..60).contains(&slider.height()),
        "{slider:?}"
    );
    assert!(folder.path().join("report.json").exists());
}

fn a_failing_script_ends_the_window(display: &Display) {
    let folder = tempfile::tempdir().unwrap();
    let output = perform(display, folder.path(), "click \"Add one\"\nexpect \"Ad one\"");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let message = text(&output);
    for part in ["test.steps:2: expect \"Ad one\"", "did you mean \"button:Add one\"?"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(folder.path().join("failed.png").exists());
}

fn the_painter_draws_what_the_window_shows(display: &Display) {
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{theme:?}").to_lowercase();
        let script = format!("theme {name}\nwait \"Late news\"\nsleep 0.5s\nscreenshot \"DIR/window.png\"\nquit");
        let output = perform(display, folder.path(), &script);
        assert!(output.status.success(), "{}", text(&output));
        let shown = image::open(folder.path().join("window.png")).unwrap().to_rgba8();

        let drawn = draw(theme);
        assert_eq!(shown.dimensions(), drawn.dimensions());
        let differences: Vec<u8> = shown.iter().zip(drawn.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
        let mean = differences.iter().map(|&difference| f64::from(difference)).sum::<f64>() / differences.len() as f64;
        let most = differences.iter().max().unwrap();
        let seen = differences.iter().filter(|&&difference| difference > 8).count();
        println!("  {name}: channels differ by {mean:.4} of 255 on average, by {most} at most, {seen} by more than 8");
        // The window adds noise of up to one step against banding; the painter does not.
        if mean > 0.5 || seen > differences.len() / 1000 {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
            shown.save(kept.join("shown.png")).unwrap();
            drawn.save(kept.join("drawn.png")).unwrap();
            panic!(
                "the painter draws something else; see shown.png and drawn.png in {}",
                kept.display()
            );
        }
    }
}

/// The playground in the painter's hand. Not through a harness, which would put a margin around it.
fn draw(theme: egui::Theme) -> image::RgbaImage {
    let ctx = egui::Context::default();
    ctx.set_theme(theme);
    let (mut playground, mut painter) = (Playground::default(), Painter::default());
    let start = Instant::now();
    loop {
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, SIZE.into())),
            time: Some(start.elapsed().as_secs_f64()),
            ..Default::default()
        };
        let mut output = ctx.run_ui(input, |ui| playground.ui(ui));
        painter.handle_delta(&mut output.textures_delta);
        // By then the late news is there and nothing moves.
        if start.elapsed() > Duration::from_millis(800) {
            return painter.render(&ctx, &output).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn perform(display: &Display, folder: &Path, script: &str) -> Output {
    let script = script.replace("DIR", &folder.display().to_string());
    let mut window = display.command(std::env::current_exe().unwrap());
    let window = window.env(SCRIPT, script).current_dir(folder);
    window.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// The window: the playground, performed on by a script; ends with 1 and a message if that fails.
fn show_window(script: &str) -> ExitCode {
    let script = Script::parse("test.steps", script).unwrap();
    let (driver, outcome) = Driver::new(script, "failed.png".into(), || serde_json::json!({}));
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size(SIZE),
        ..Default::default()
    };
    let app = Box::new(|context: &eframe::CreationContext<'_>| {
        context.egui_ctx.add_plugin(driver);
        Ok(Box::new(Window(Playground::default())) as Box<dyn eframe::App>)
    });
    eframe::run_native("playground", options, app).unwrap();
    match outcome.get() {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(message)) => {
            eprintln!("{message}");
            ExitCode::from(1)
        }
        None => panic!("the window was closed before its script's end"),
    }
}

struct Window(Playground);

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }
}
