//! Steps models in both engines and says how fast, and where they end.
//!
//! `cargo run --workspace --example both_engines -- STEPS MODEL.xml…`; controls change every 20 steps, at random, the
//! same in both engines. `docs/engines.md` quotes it.

use std::path::Path;
use std::time::Instant;

use carrot_physics::{Engine, Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let steps: usize = arguments.next().ok_or("how many steps?")?.parse()?;
    for path in arguments {
        for engine in Engine::ALL {
            let line = match Model::load(Path::new(&path), engine) {
                Ok(model) => run(&model, steps),
                Err(error) => error.to_string(),
            };
            println!("{:<7} {path}: {line}", engine.to_string());
        }
    }
    Ok(())
}

fn run(model: &Model, steps: usize) -> String {
    let mut world = model.world();
    let ranges = model.control_ranges();
    let mut random = 1_u64;
    let mut next = || {
        // Knuth's linear congruence; its upper bits suffice for a demonstration.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 40) as f64 / (1 << 24) as f64
    };
    let mut ctrl = vec![0.0; ranges.len()];
    let mut started = Instant::now();
    // The best of many stretches: what other programs take of the machine is not the engine's.
    let stretch = (steps / 50).max(1);
    let mut rate = 0.0_f64;
    let mut fastest = 0.0_f64;
    for step in 0..steps {
        if step > 0 && step % stretch == 0 {
            rate = rate.max(stretch as f64 / started.elapsed().as_secs_f64());
            started = Instant::now();
        }
        if step % 20 == 0 {
            for (value, [low, high]) in ctrl.iter_mut().zip(&ranges) {
                *value = low.max(-1.0) + next() * (high.min(1.0) - low.max(-1.0));
            }
        }
        if let Err(divergence) = world.step(&ctrl, 1) {
            return format!("after {step} steps: {divergence}");
        }
        let speeds = world.state().1.iter().map(|speed| speed.abs());
        fastest = speeds.fold(fastest, f64::max);
    }
    let (qpos, _) = world.state();
    let shown: Vec<String> = qpos.iter().take(4).map(|value| format!("{value:.3}")).collect();
    format!(
        "{rate:.0} steps/s; fastest coordinate {fastest:.1}; ends at [{}, …]",
        shown.join(", ")
    )
}
