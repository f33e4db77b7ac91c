//! Pictures of a world by MuJoCo's own renderer, without a screen.

use std::sync::Arc;

use mujoco_rs::mujoco_c::{mjtFrame, mjtVisFlag};
use mujoco_rs::prelude::{MjData, MjModel, MjtCamera, MjtJoint, MjvCamera, MjvOption, MjvPerturb, MjvScene};

use crate::canvas::{self, Canvas};
use crate::library::{self, Stage};
use crate::naming::{self, Kind};
use crate::readings::LARGEST;
use crate::{DrawOptions, Eye, Frame, Lens, Model, PhysicsError, Pull, Push, Quality, Scene, Selection, View};

/// Longest side of a picture in pixels, which every software driver can draw.
const LONGEST: usize = 4096;

/// Shapes of a scene beside the model's geoms: contacts with their forces, and some for each body.
const DECORATIONS: usize = 1000;
const DECORATIONS_OF_BODY: usize = 10;

/// Colour of what pushes from outside.
const PUSH_RGBA: [f32; 4] = [1.0, 0.6, 0.1, 1.0];

/// Draws worlds of one model, headless.
pub struct Renderer {
    canvas: Canvas,
    scene: MjvScene,
    data: MjData<Arc<MjModel>>,
    /// Camera of the model that [`Renderer::draw`] uses, if it is not to be a free one.
    fixed: Option<usize>,
    /// Body that a following view goes along with.
    followed: Option<usize>,
    lens: Lens,
    quality: Quality,
    eye: Eye,
}

impl Renderer {
    /// A renderer with its own GL context; it stays on the thread that made it. `camera` names a camera of the model;
    /// absent, a free camera looks at the model from the side and goes along with a robot that can travel.
    ///
    /// `width` and `height`: 1 to 4,096 pixels, whatever buffer size the model states.
    ///
    /// Errors: [`PhysicsError::Draw`] when there is no GL context, [`PhysicsError::Unknown`] for the camera.
    pub fn new(model: &Model, width: usize, height: usize, camera: Option<&str>) -> Result<Self, PhysicsError> {
        let fixed = camera
            .map(|name| naming::id(&model.compiled, Kind::Camera, name))
            .transpose()?;
        Ok(Self {
            fixed,
            ..Self::with_quality(model, (width, height), Quality::Full)?
        })
    }

    /// A renderer for [`Renderer::draw_view`]; `size` is width and height, as in [`Renderer::new`].
    ///
    /// Errors: [`PhysicsError::Draw`] when there is no GL context.
    pub fn with_quality(model: &Model, size: (usize, usize), quality: Quality) -> Result<Self, PhysicsError> {
        check_size(size)?;
        // A copy of the model, so that the buffer can have just the size asked for.
        let mut copy = MjModel::clone(&model.compiled);
        copy.vis_mut().global.offwidth = size.0 as i32;
        copy.vis_mut().global.offheight = size.1 as i32;
        if quality == Quality::Fast {
            let quality = &mut copy.vis_mut().quality;
            quality.offsamples = 0;
            // A software driver takes long for corners, too; MuJoCo's own numbers are 28 and 16.
            quality.numslices = quality.numslices.min(16);
            quality.numstacks = quality.numstacks.min(8);
        }
        let copy = Arc::new(copy);
        let canvas = Canvas::new(&copy).map_err(PhysicsError::Draw)?;
        let (n_geoms, n_bodies) = (copy.ffi().ngeom as usize, copy.ffi().nbody as usize);
        let mut scene = MjvScene::new(&copy, n_geoms + DECORATIONS + DECORATIONS_OF_BODY * n_bodies);
        canvas::set_costly(&mut scene, quality == Quality::Full);
        let lens = model.lens();
        Ok(Self {
            canvas,
            scene,
            followed: traveller(&copy),
            data: MjData::new(copy),
            fixed: None,
            eye: model.default_view().eye([0.0; 3], &lens),
            lens,
            quality,
        })
    }

    /// Makes the next pictures larger or smaller, without a new GL context.
    ///
    /// Errors: [`PhysicsError::Draw`] for a size that [`Renderer::new`] refuses, or that the driver does; then a new renderer is
    /// needed.
    pub fn resize(&mut self, size: (usize, usize)) -> Result<(), PhysicsError> {
        check_size(size)?;
        self.canvas.resize(size).map_err(PhysicsError::Draw)
    }

    /// Width and height of the next pictures.
    pub fn size(&self) -> (usize, usize) {
        self.canvas.size()
    }

    /// How much care its pictures get.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// Puts the mocap bodies where [`Physics::mocap_positions`](crate::Physics::mocap_positions) says they are, for the next
    /// calls of [`Renderer::draw`]; until then they stand where the model has them.
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
        put("position", self.data.qpos_mut(), qpos).map_err(PhysicsError::Draw)?;
        library::catching(|| library::run(&mut self.data, Stage::Kinematics)).map_err(PhysicsError::Draw)?;
        let mut camera = match self.fixed {
            Some(camera) => MjvCamera::new_fixed(camera),
            None => self.camera(&default_view(self.data.model())),
        };
        let (options, perturbation) = (MjvOption::default(), MjvPerturb::default());
        self.scene.update(&mut self.data, &options, &perturbation, &mut camera);
        self.shown()
    }

    /// Draws a scene as seen from `view`, whatever camera [`Renderer::new`] was given.
    ///
    /// Errors: [`PhysicsError::Draw`], also for a scene with numbers that are none, or not as many as the model has.
    pub fn draw_view(&mut self, scene: &Scene, view: &View, options: &DrawOptions) -> Result<Frame, PhysicsError> {
        let stage = if options.need_forces() {
            Stage::Forward
        } else {
            Stage::Kinematics
        };
        self.place(scene, stage).map_err(PhysicsError::Draw)?;
        let perturbation = MjvPerturb {
            select: scene.selected.map_or(0, |body| body as i32),
            ..MjvPerturb::default()
        };
        let mut camera = self.camera(view);
        self.scene
            .update(&mut self.data, &visible(*options), &perturbation, &mut camera);
        if let Some(push) = &scene.push {
            self.show_push(push);
        }
        self.shown()
    }

    /// The eye of the last picture or selection by a view.
    pub fn eye(&self) -> Eye {
        self.eye
    }

    /// What is at a place of the picture that [`Renderer::draw_view`] would make of the scene: shares of width and height, from
    /// the left and from the top. None for the sky, and for what has no body, such as a skin.
    ///
    /// Errors: as there.
    pub fn select(&mut self, scene: &Scene, view: &View, at: [f64; 2]) -> Result<Option<Selection>, PhysicsError> {
        self.place(scene, Stage::Step1).map_err(PhysicsError::Draw)?;
        let mut camera = self.camera(view);
        let options = MjvOption::default();
        self.scene
            .update(&mut self.data, &options, &MjvPerturb::default(), &mut camera);
        let (width, height) = self.size();
        let aspect = width as f64 / height as f64;
        let found = self
            .scene
            .find_selection(&mut self.data, &options, aspect, at[0], 1.0 - at[1]);
        let Some(body) = found.body_id else {
            return Ok(None);
        };
        let (origin, turned) = (self.data.xpos()[body], self.data.xmat()[body]);
        let point_local = std::array::from_fn(|column| {
            (0..3)
                .map(|row| turned[3 * row + column] * (found.point[row] - origin[row]))
                .sum()
        });
        Ok(Some(Selection {
            body,
            name: naming::body(self.data.model(), body),
            point_world: found.point,
            point_local,
            mass_kg: library::felt_mass(&mut self.data, body, found.point),
        }))
    }

    /// Puts a state in and computes what follows from it, as far as `stage`.
    fn place(&mut self, scene: &Scene, stage: Stage) -> Result<(), String> {
        let n_bodies = self.data.model().ffi().nbody as usize;
        let bodies = scene.selected.into_iter().chain(scene.push.map(|push| push.body));
        if let Some(body) = bodies.into_iter().find(|body| *body >= n_bodies) {
            return Err(format!("body {body} of a model that has {n_bodies}"));
        }
        self.data.reset();
        put("position", self.data.qpos_mut(), &scene.qpos)?;
        put_some("velocity", self.data.qvel_mut(), &scene.qvel)?;
        put_some("control", self.data.ctrl_mut(), &scene.ctrl)?;
        put_some("activation", self.data.act_mut(), &scene.act)?;
        put_some(
            "mocap coordinate",
            self.data.mocap_pos_mut().as_flattened_mut(),
            scene.mocap.as_flattened(),
        )?;
        library::catching(|| {
            let data = &mut self.data;
            if let (Some(push), Stage::Forward) = (&scene.push, stage) {
                library::run(data, Stage::Step1);
                data.xfrc_applied_mut()[push.body] = push.wrench(data);
            }
            library::run(data, stage);
        })
    }

    fn camera(&mut self, view: &View) -> MjvCamera {
        let robot = self.followed.map_or([0.0; 3], |body| self.data.subtree_com()[body]);
        self.eye = view.eye(robot, &self.lens);
        let mut lookat = view.lookat;
        if view.follow {
            lookat[0] += robot[0];
            lookat[1] += robot[1];
        }
        MjvCamera {
            type_: MjtCamera::mjCAMERA_FREE as i32,
            lookat,
            distance: view.distance_m,
            azimuth: view.azimuth_deg,
            elevation: view.elevation_deg,
            ..MjvCamera::default()
        }
    }

    /// A spring is a line to where it pulls; a force is an arrow, a third of the model's size where it equals its weight on Earth.
    fn show_push(&mut self, push: &Push) {
        let model = self.data.model();
        let (radius, weight) = (0.1 * model.stat().meansize, 9.81 * model.body_subtreemass()[0]);
        let point = push.point(&self.data);
        let (arrow, radius, end) = match push.pull {
            Pull::Spring { to, .. } => (false, radius, to),
            Pull::Force(force) => {
                let per_newton = model.stat().extent / (3.0 * weight.max(f64::MIN_POSITIVE));
                let end = std::array::from_fn(|axis| point[axis] + per_newton * force[axis]);
                (true, 2.0 * radius, end)
            }
        };
        canvas::add_connector(&mut self.scene, arrow, radius, [point, end], PUSH_RGBA);
    }

    fn shown(&mut self) -> Result<Frame, PhysicsError> {
        let (width, height) = self.canvas.size();
        let rgb = self.canvas.draw(&mut self.scene).map_err(PhysicsError::Draw)?;
        Ok(Frame { width, height, rgb })
    }
}

impl Model {
    /// A view of the whole model, from the side and a little from above, that goes along with a robot which can travel.
    pub fn default_view(&self) -> View {
        default_view(&self.compiled)
    }

    /// What a [`View`] needs to know of the model.
    pub fn lens(&self) -> Lens {
        Lens {
            fovy_deg: f64::from(self.compiled.vis().global.fovy),
            extent_m: self.compiled.stat().extent,
        }
    }
}

fn default_view(model: &MjModel) -> View {
    let camera = MjvCamera::new_free(model);
    let follow = traveller(model).is_some_and(|body| is_most_of_what_moves(model, body));
    let [x, y, z] = camera.lookat;
    // From there the model is as high as the picture.
    let fills = 0.5 * model.stat().extent / (0.5 * f64::from(model.vis().global.fovy)).to_radians().tan();
    View {
        azimuth_deg: 90.0,
        elevation_deg: -12.0,
        // What travels also jumps and stretches, and its pictures may be wide and low.
        distance_m: if follow { 1.3 * camera.distance } else { fills },
        lookat: if follow { [0.0, 0.0, z] } else { [x, y, z] },
        follow,
    }
}

fn check_size((width, height): (usize, usize)) -> Result<(), PhysicsError> {
    if [width, height].iter().all(|side| (1..=LONGEST).contains(side)) {
        return Ok(());
    }
    Err(PhysicsError::Draw(format!(
        "a picture of {width} x {height} pixels; each side may have 1 to {LONGEST}"
    )))
}

/// Copies numbers of one kind. Errors: how many there should be, or which is none.
fn put(what: &str, to: &mut [f64], from: &[f64]) -> Result<(), String> {
    if from.len() != to.len() {
        let plural = what
            .strip_suffix('y')
            .map_or(format!("{what}s"), |stem| format!("{stem}ies"));
        return Err(format!("{} {plural} for a model that has {}", from.len(), to.len()));
    }
    if let Some(index) = from.iter().position(|value| value.is_nan() || value.abs() > LARGEST) {
        return Err(format!("{what} {index} is {}", from[index]));
    }
    to.copy_from_slice(from);
    Ok(())
}

/// The same for numbers that may be absent altogether.
fn put_some(what: &str, to: &mut [f64], from: &[f64]) -> Result<(), String> {
    if from.is_empty() { Ok(()) } else { put(what, to, from) }
}

/// MuJoCo's words for what is to be seen.
fn visible(options: DrawOptions) -> MjvOption {
    let mut visible = MjvOption::default();
    let flags = [
        (mjtVisFlag::mjVIS_CONTACTPOINT, options.contacts),
        (mjtVisFlag::mjVIS_CONTACTFORCE, options.contact_forces),
        (mjtVisFlag::mjVIS_JOINT, options.joints),
        (mjtVisFlag::mjVIS_INERTIA, options.inertia),
        (mjtVisFlag::mjVIS_TRANSPARENT, options.transparent),
    ];
    for (flag, on) in flags {
        visible.flags[flag as usize] = on.into();
    }
    if options.frames {
        visible.frame = mjtFrame::mjFRAME_BODY as i32;
    }
    visible
}

/// The heaviest part of the model that can go anywhere: its root moves freely or along an unlimited slide.
fn traveller(model: &MjModel) -> Option<usize> {
    let mass = model.body_subtreemass();
    let roots = (1..model.ffi().nbody as usize).filter(|&body| model.body_parentid()[body] == 0);
    roots
        .filter(|&body| travels(model, body))
        .max_by(|&a, &b| mass[a].total_cmp(&mass[b]))
}

/// Whether a part of the model is its robot, and not a thing that the robot handles.
fn is_most_of_what_moves(model: &MjModel, body: usize) -> bool {
    let bodies = model.body_mass().iter().zip(model.body_weldid());
    let moving: f64 = bodies.filter(|(_, weld)| **weld != 0).map(|(mass, _)| mass).sum();
    model.body_subtreemass()[body] >= 0.5 * moving
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
