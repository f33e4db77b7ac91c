//! How long pictures take: `cargo run --workspace --example time_pictures -- MODEL.xml…`. Processor time is that of all
//! threads of the driver; unlike the time on the clock it is the same on a busy machine.

use std::path::Path;
use std::time::Instant;

use carrot_physics::{DrawOptions, Engine, Model, Quality, Renderer, Scene};

const PICTURES: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let model = Model::load(Path::new(&path), Engine::Mujoco)?;
        for size in [(640, 480), (960, 720)] {
            for quality in [Quality::Full, Quality::Fast] {
                println!(
                    "{path} {}x{} {quality:?}: {}",
                    size.0,
                    size.1,
                    run(&model, size, quality)?
                );
            }
        }
    }
    Ok(())
}

fn run(model: &Model, size: (usize, usize), quality: Quality) -> Result<String, Box<dyn std::error::Error>> {
    let scene = Scene::at(model.world().state().0);
    let mut view = model.default_view();
    let started = Instant::now();
    let mut renderer = Renderer::with_quality(model, size, quality)?;
    renderer.draw_view(&scene, &view, &DrawOptions::default())?;
    let first_ms = started.elapsed().as_secs_f64() * 1e3;
    let processor = processor_secs()?;
    let mut times_ms = Vec::new();
    for _ in 0..PICTURES {
        view.orbit(0.01, 0.0);
        let started = Instant::now();
        renderer.draw_view(&scene, &view, &DrawOptions::default())?;
        times_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let processor_ms = (processor_secs()? - processor) * 1e3 / PICTURES as f64;
    times_ms.sort_by(f64::total_cmp);
    let median_ms = times_ms[PICTURES / 2];
    let started = Instant::now();
    renderer.resize((size.0 + 32, size.1))?;
    renderer.draw_view(&scene, &view, &DrawOptions::default())?;
    let resized_ms = started.elapsed().as_secs_f64() * 1e3;
    Ok(format!(
        "median {median_ms:.1} ms, {processor_ms:.1} ms of processor time; the first {first_ms:.0} ms; after a resize {resized_ms:.1} ms"
    ))
}

/// Processor time of this process so far, in hundredths of a second.
fn processor_secs() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("an unknown format of /proc/self/stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}
