//! Times `Physics::step` against a bare `mj_step` loop on the same model: `cargo run -p carrot-physics
//! --example step_overhead -- envs/hopper/model.xml [SUBSTEPS]`. Both run in turns in one process; the ratio is what counts.

use std::path::Path;
use std::time::Instant;

use carrot_physics::{Engine, Model};
use mujoco_rs::prelude::{MjData, MjModel, MjtDisableBit};

const CONTROL_STEPS: usize = 100;
const ROUNDS: usize = 501;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: step_overhead MODEL.xml [SUBSTEPS]")?;
    let substeps: usize = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let model = Model::load(Path::new(&path), Engine::Mujoco)?;
    let mut world = model.world();
    let mut reference = MjModel::from_xml(&path)?;
    reference.opt_mut().disableflags |= MjtDisableBit::mjDSBL_AUTORESET as i32;
    let mut bare = MjData::new(&reference);

    let controls = bare.ctrl().len();
    let control = |step: usize| -> Vec<f64> { (0..controls).map(|i| 0.3 * ((step + i) as f64 * 0.7).sin()).collect() };
    let controls: Vec<Vec<f64>> = (0..CONTROL_STEPS).map(control).collect();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        world.reset();
        let start = Instant::now();
        for ctrl in &controls {
            world.step(ctrl, substeps)?;
        }
        let ours = start.elapsed();
        bare.reset();
        let start = Instant::now();
        for ctrl in &controls {
            bare.ctrl_mut().copy_from_slice(ctrl);
            (0..substeps).for_each(|_| bare.step());
        }
        ratios.push(start.elapsed().as_secs_f64() / ours.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "speed against bare mj_step: median {:.3}, from {:.3} to {:.3} ({ROUNDS} rounds of {CONTROL_STEPS} x {substeps} steps)",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
    Ok(())
}
