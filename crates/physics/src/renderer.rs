//! Pictures of a world by MuJoCo's own renderer, without a screen.

use std::sync::Arc;

use mujoco_rs::prelude::{MjData, MjModel, MjtJoint, MjvCamera};
use mujoco_rs::renderer::MjRenderer;

use crate::library::{self, Stage};
use crate::naming::{self, Kind};
use crate::{Frame, Model, PhysicsError};

/// Longest side of a picture in pixels, which every software driver can draw.
const LONGEST: usize = 4096;

/// Draws worlds of one model, headless.
pub struct Renderer {
    mujoco: MjRenderer,
    data: MjData<Arc<MjModel>>,
    /// Body that the camera goes along with, keeping its height.
    followed: Option<usize>,
    size: (usize, usize),
}

impl Renderer {
    /// A renderer with its own GL context; it stays on the thread that made it. `camera` names a camera of the model;
    /// absent, a free camera looks at the model from the side and goes along with a robot that can travel.
    ///
    /// `width` and `height`: 1 to 4,096 pixels, whatever buffer size the model states.
    ///
    /// Errors: [`PhysicsError::Draw`] when there is no GL context, [`PhysicsError::Unknown`] for the camera.
    pub fn new(model: &Model, width: usize, height: usize, camera: Option<&str>) -> Result<Self, PhysicsError> {
        if ![width, height].iter().all(|side| (1..=LONGEST).contains(side)) {
            return Err(PhysicsError::Draw(format!(
                "a picture of {width} x {height} pixels; each side may have 1 to {LONGEST}"
            )));
        }
        let fixed = camera
            .map(|name| naming::id(&model.compiled, Kind::Camera, name))
            .transpose()?;
        // A copy of the model, so that the buffer can have just the size asked for.
        let mut copy = MjModel::clone(&model.compiled);
        copy.vis_mut().global.offwidth = width as i32;
        copy.vis_mut().global.offheight = height as i32;
        let copy = Arc::new(copy);
        let camera = fixed.map_or_else(|| side_view(&copy), MjvCamera::new_fixed);
        let mujoco = MjRenderer::builder()
            .width(width as u32)
            .height(height as u32)
            .camera(camera)
            .build(&copy)
            .map_err(|error| draw_error(&error))?;
        let followed = if fixed.is_none() { traveller(&copy) } else { None };
        Ok(Self {
            mujoco,
            data: MjData::new(copy),
            followed,
            size: (width, height),
        })
    }

    /// Puts the mocap bodies where [`Physics::mocap_positions`](crate::Physics::mocap_positions) says they are, for the next
    /// pictures; until then they stand where the model has them.
    ///
    /// # Panics
    /// If they are not as many as the model has.
    pub fn place_mocap(&mut self, positions: &[[f64; 3]]) {
        self.data.mocap_pos_mut().copy_from_slice(positions);
    }

    /// Draws the generalised positions `qpos`.
    ///
    /// Errors: [`PhysicsError::Draw`], also for positions that are no numbers or not as many as the model has.
    pub fn draw(&mut self, qpos: &[f64]) -> Result<Frame, PhysicsError> {
        self.place(qpos).map_err(PhysicsError::Draw)?;
        if let Some(body) = self.followed {
            let [x, y, _] = self.data.subtree_com()[body];
            let lookat = &mut self.mujoco.camera_mut().lookat;
            (lookat[0], lookat[1]) = (x, y);
        }
        self.mujoco
            .sync_data(&mut self.data)
            .map_err(|error| draw_error(&error))?;
        self.mujoco.render().map_err(|error| draw_error(&error))?;
        let (width, height) = self.size;
        let rgb = self.mujoco.rgb_flat().unwrap_or_default().to_vec();
        Ok(Frame { width, height, rgb })
    }

    fn place(&mut self, qpos: &[f64]) -> Result<(), String> {
        let expected = self.data.qpos().len();
        if qpos.len() != expected {
            return Err(format!("{} positions for a model that has {expected}", qpos.len()));
        }
        if let Some(index) = qpos.iter().position(|value| !value.is_finite()) {
            return Err(format!("position {index} is {}", qpos[index]));
        }
        self.data.qpos_mut().copy_from_slice(qpos);
        library::catching(|| library::run(&mut self.data, Stage::Kinematics))
    }
}

/// A free camera that sees the whole model, from the side and a little from above.
fn side_view(model: &MjModel) -> MjvCamera {
    let mut camera = MjvCamera::new_free(model);
    camera.azimuth = 90.0;
    camera.elevation = -12.0;
    camera
}

/// The heaviest part of the model that can go anywhere: its root moves freely or along an unlimited slide.
fn traveller(model: &MjModel) -> Option<usize> {
    let mass = model.body_subtreemass();
    let roots = (1..model.ffi().nbody as usize).filter(|&body| model.body_parentid()[body] == 0);
    roots
        .filter(|&body| travels(model, body))
        .max_by(|&a, &b| mass[a].total_cmp(&mass[b]))
}

fn travels(model: &MjModel, body: usize) -> bool {
    let joints = model
        .jnt_bodyid()
        .iter()
        .enumerate()
        .filter(|(_, owner)| **owner as usize == body);
    joints.into_iter().any(|(joint, _)| match model.jnt_type()[joint] {
        MjtJoint::mjJNT_FREE => true,
        MjtJoint::mjJNT_SLIDE => !model.jnt_limited()[joint],
        _ => false,
    })
}

/// The whole chain of causes, and what to do about it.
fn draw_error(error: &dyn std::error::Error) -> PhysicsError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    PhysicsError::Draw(format!(
        "no OpenGL through EGL ({}); a software driver suffices: apt-get install libegl1 libgl1 libegl-mesa0 libgl1-mesa-dri",
        words.join(": ")
    ))
}
