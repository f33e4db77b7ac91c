//! How long pictures take: `cargo run --workspace --example time_pictures -- MODEL.xml…`; `docs/studio.md` quotes it.

use std::path::Path;
use std::time::Instant;

use carrot_physics::{DrawOptions, Engine, Model, Quality, Renderer, Scene};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let model = Model::load(Path::new(&path), Engine::Mujoco)?;
        let scene = Scene::at(model.world().state().0);
        let mut view = model.default_view();
        for size in [(640, 480), (960, 720)] {
            for quality in [Quality::Full, Quality::Fast] {
                let started = Instant::now();
                let mut renderer = Renderer::with_quality(&model, size, quality)?;
                renderer.draw_view(&scene, &view, &DrawOptions::default())?;
                let first = started.elapsed().as_secs_f64() * 1e3;
                let mut times: Vec<f64> = (0..60)
                    .map(|_| {
                        view.orbit(0.01, 0.0);
                        let started = Instant::now();
                        let frame = renderer.draw_view(&scene, &view, &DrawOptions::default());
                        let elapsed = started.elapsed().as_secs_f64() * 1e3;
                        frame.map(|_| elapsed)
                    })
                    .collect::<Result<_, _>>()?;
                times.sort_by(f64::total_cmp);
                let started = Instant::now();
                renderer.resize((size.0 + 32, size.1))?;
                renderer.draw_view(&scene, &view, &DrawOptions::default())?;
                let resized = started.elapsed().as_secs_f64() * 1e3;
                println!(
                    "{path} {}x{} {quality:?}: first {first:.1} ms, then median {:.1} ms, 90th percentile {:.1} ms; after a resize {resized:.1} ms",
                    size.0,
                    size.1,
                    times[times.len() / 2],
                    times[times.len() * 9 / 10]
                );
            }
        }
    }
    Ok(())
}
