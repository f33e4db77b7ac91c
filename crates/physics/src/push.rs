//! A push from outside, as by a hand: it acts on a point of a body while a world steps.

use std::sync::Arc;

use mujoco_rs::prelude::{MjData, MjModel, MjtObjBase};
use serde::{Deserialize, Serialize};

/// Stiffness of [`Pull::Spring`] per kilogram, 1/s²: a point held a metre away is accelerated by ten times gravity.
const STIFFNESS: f64 = 100.0;

/// Damping per kilogram, 1/s: half of what would stop a single mass without swinging over.
const DAMPING: f64 = 10.0;

/// A force on a point of a body.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// The body, as in [`Selection::body`](crate::Selection).
    pub body: usize,
    /// The point, m, in the body's frame; it goes along with the body.
    pub at_local: [f64; 3],
    /// The force.
    pub pull: Pull,
}

/// What a push does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// A force in the world, N.
    Force([f64; 3]),
    /// A spring to a point of the world, as between a mouse and what it drags, with the stiffness and damping of MuJoCo's
    /// `simulate`, but without its damping of twist: `F = m·(100/s²·(to − p) − 10/s·v)`. With the mass that is felt at the point (see
    /// [`Selection::mass_kg`](crate::Selection)) a heavy robot follows a mouse as a light one does.
    Spring {
        /// Where the point is pulled to, m.
        to: [f64; 3],
        /// The mass m.
        mass_kg: f64,
    },
}

impl Push {
    /// Whether it does nothing, so that the world may be left alone.
    pub(crate) fn is_nothing(&self) -> bool {
        match self.pull {
            Pull::Force(force) => force == [0.0; 3],
            Pull::Spring { mass_kg, .. } => mass_kg == 0.0,
        }
    }

    /// Where it acts, m, in the world. Valid once positions are computed.
    pub(crate) fn point(&self, data: &MjData<Arc<MjModel>>) -> [f64; 3] {
        let (origin, turned) = (data.xpos()[self.body], data.xmat()[self.body]);
        std::array::from_fn(|row| {
            let offset: f64 = (0..3)
                .map(|column| turned[3 * row + column] * self.at_local[column])
                .sum();
            origin[row] + offset
        })
    }

    /// Its force, N, in the world. Valid once velocities are computed.
    pub(crate) fn force(&self, data: &MjData<Arc<MjModel>>) -> [f64; 3] {
        match self.pull {
            Pull::Force(force) => force,
            Pull::Spring { to, mass_kg } => {
                let point = self.point(data);
                let velocity = self.velocity(data, point);
                std::array::from_fn(|axis| mass_kg * (STIFFNESS * (to[axis] - point[axis]) - DAMPING * velocity[axis]))
            }
        }
    }

    /// Force and torque on the body's centre of mass, as MuJoCo's `xfrc_applied` has them.
    pub(crate) fn wrench(&self, data: &MjData<Arc<MjModel>>) -> [f64; 6] {
        let force = self.force(data);
        let point = self.point(data);
        let arm: [f64; 3] = std::array::from_fn(|axis| point[axis] - data.xipos()[self.body][axis]);
        let [fx, fy, fz] = force;
        let [tx, ty, tz] = cross(arm, force);
        [fx, fy, fz, tx, ty, tz]
    }

    fn velocity(&self, data: &MjData<Arc<MjModel>>, point: [f64; 3]) -> [f64; 3] {
        let [wx, wy, wz, vx, vy, vz] = data.object_velocity(MjtObjBase::mjOBJ_XBODY, self.body, false);
        let arm: [f64; 3] = std::array::from_fn(|axis| point[axis] - data.xpos()[self.body][axis]);
        let turning = cross([wx, wy, wz], arm);
        std::array::from_fn(|axis| [vx, vy, vz][axis] + turning[axis])
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
