//! `mj_step` and nothing else: what stepping worlds costs at least.
//!
//! A benchmark that compares with another program's figures compares machines; this loop runs in the same process, on the
//! same model, and plays the same states.

use std::sync::Arc;

use mujoco_rs::prelude::{MjData, MjModel};

use crate::library::{Stage, run};
use crate::world::STATE;
use crate::{Model, Snapshot};

/// A MuJoCo simulation without any check, reading or protection.
pub struct BareWorld {
    data: MjData<Arc<MjModel>>,
}

impl BareWorld {
    /// A world at the model's initial state.
    pub fn new(model: &Model) -> Self {
        Self {
            data: MjData::new(Arc::clone(&model.compiled)),
        }
    }

    /// `mj_resetData`, then these positions and velocities.
    pub fn begin(&mut self, qpos: &[f64], qvel: &[f64]) {
        self.data.reset();
        self.data.qpos_mut().copy_from_slice(qpos);
        self.data.qvel_mut().copy_from_slice(qvel);
    }

    /// Stands where a snapshot of MuJoCo does.
    ///
    /// # Panics
    /// If the snapshot is of another model.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let state = &snapshot.numbers[..self.data.model().state_size(STATE)];
        self.data.reset();
        self.data
            .set_state(state, STATE)
            .expect("a snapshot holds what MuJoCo itself wrote");
    }

    /// `mj_step` so many times with `ctrl`.
    pub fn step(&mut self, ctrl: &[f64], substeps: usize) {
        self.data.ctrl_mut().copy_from_slice(ctrl);
        for _ in 0..substeps {
            run(&mut self.data, Stage::Step);
        }
    }

    /// Generalised positions.
    pub fn qpos(&self) -> &[f64] {
        self.data.qpos()
    }
}
