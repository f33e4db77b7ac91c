//! The door to libmujoco: its messages stay off the terminal and its errors become values.
//!
//! MuJoCo by itself prints warnings, appends them to `MUJOCO_LOG.TXT` in the current folder, and ends the process on an
//! error such as a full stack. Here a log handler drops the warnings, which are also counted in `mjData` where
//! [`crate::Physics::step`] looks, and an error unwinds to the call that met it. MuJoCo passes an error on without holding any
//! state of its own, so that a handler may leave by unwinding or `longjmp`; only the `mjData` at hand is left unusable until
//! it is reset.

// The only unsafe code of this crate beside `canvas`.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Once};

use mujoco_rs::mujoco_c::{mj_deleteModel, mj_version, mjData, mjModel};
use mujoco_rs::prelude::{MjData, MjModel};

/// The first fields of `mjLogMessage`, which are all that is read here.
#[repr(C)]
struct LogMessage {
    level: c_int,
    topic: c_int,
    subject: [c_char; 1024],
}

/// `mjLOG_ERROR`: MuJoCo expects the handler of such a message not to return.
const LEVEL_ERROR: c_int = 3;

/// `mjfLogHandler`. SAFETY: to be called with a pointer to a message, as MuJoCo does.
type LogHandler = unsafe extern "C-unwind" fn(*const LogMessage);

// mujoco-rs declares these as functions that never unwind; the error handler below does.
// SAFETY: names and types are those of `mujoco.h` 3.17.0, and no other version is accepted.
unsafe extern "C-unwind" {
    fn mju_setLogHandler(handler: Option<LogHandler>) -> Option<LogHandler>;
    fn mj_loadXML(path: *const c_char, vfs: *const c_void, error: *mut c_char, error_len: c_int) -> *mut mjModel;
    fn mj_step(model: *const mjModel, data: *mut mjData);
    fn mj_step1(model: *const mjModel, data: *mut mjData);
    fn mj_step2(model: *const mjModel, data: *mut mjData);
    fn mj_forward(model: *const mjModel, data: *mut mjData);
    fn mj_fwdKinematics(model: *const mjModel, data: *mut mjData);
    fn mj_transmission(model: *const mjModel, data: *mut mjData);
    fn mj_fwdVelocity(model: *const mjModel, data: *mut mjData);
    fn mj_fwdActuation(model: *const mjModel, data: *mut mjData);
    fn mj_sensorPos(model: *const mjModel, data: *mut mjData);
    fn mj_sensorVel(model: *const mjModel, data: *mut mjData);
    fn mj_sensorAcc(model: *const mjModel, data: *mut mjData);
    // Exported, and in no header: makes what follows from `tree_asleep` agree with it.
    fn mj_updateSleep(model: *const mjModel, data: *mut mjData);
    fn mj_solveM(model: *const mjModel, data: *mut mjData, solutions: *mut f64, rows: *const f64, n_rows: c_int);
    fn mj_setConst(model: *mut mjModel, data: *mut mjData);
    fn mj_makeData(model: *const mjModel) -> *mut mjData;
    fn mj_deleteData(data: *mut mjData);
}

/// What an error of MuJoCo unwinds with.
struct MujocoError(String);

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Installs the log handler. Every path into MuJoCo starts here, because nothing is possible without a model.
pub(crate) fn initialise() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `on_message` has the signature MuJoCo expects and lives as long as the program. `Once` holds back every
        // other thread that would load a model, and no thread uses MuJoCo before it has loaded one.
        unsafe { mju_setLogHandler(Some(on_message)) };
    });
}

unsafe extern "C-unwind" fn on_message(message: *const LogMessage) {
    // SAFETY: MuJoCo passes a pointer to a message that is valid during the call.
    let message = unsafe { &*message };
    if message.level != LEVEL_ERROR {
        return;
    }
    // SAFETY: MuJoCo ends the subject with a zero inside its 1024 bytes.
    let subject = unsafe { CStr::from_ptr(message.subject.as_ptr()) };
    let text = one_line(subject);
    if CATCHING.get() {
        // Not `panic!`: this is an error to report, not a bug of ours to print.
        resume_unwind(Box::new(MujocoError(text)));
    }
    eprintln!("MuJoCo cannot go on: {text}");
    std::process::exit(3);
}

/// Runs `call`; an error of MuJoCo inside it becomes `Err` with MuJoCo's words, and whatever data MuJoCo was working on
/// must then be reset.
pub(crate) fn catching<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    CATCHING.set(outer);
    result.map_err(|cause: Box<dyn Any + Send>| match cause.downcast::<MujocoError>() {
        Ok(error) => error.0,
        Err(other) => resume_unwind(other),
    })
}

/// Which part of MuJoCo's pipeline to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `mj_step`: everything from the present state, then integrate.
    Step,
    /// `mj_step1`: what follows from positions and velocities.
    Step1,
    /// `mj_step2`: forces and accelerations, then integrate; valid only after `Step1`.
    Step2,
    /// `mj_forward`: everything from the present state, without integrating.
    Forward,
    /// `mj_fwdKinematics`: where everything is; enough for drawing.
    Kinematics,
    /// What follows from positions and velocities and needs neither contacts nor a solver: kinematics, transmissions,
    /// velocities, passive forces.
    Moved,
    /// `mj_fwdActuation`: forces of actuators; valid only after `Moved`.
    Actuation,
    /// Every sensor; valid only after `Moved`, with accelerations put in.
    Sensors,
}

/// Runs one stage, inside [`catching`].
pub(crate) fn run(data: &mut MjData<Arc<MjModel>>, stage: Stage) {
    let model: *const mjModel = data.model().ffi();
    // SAFETY: the pointer is handed to MuJoCo only, which keeps the invariants of the structure.
    let data: *mut mjData = unsafe { data.ffi_mut() };
    // SAFETY: both pointers are valid, belong together (`MjData` holds its model) and are not used by anyone else during
    // the call: the data is borrowed mutably, the model is never changed while it is shared.
    unsafe {
        match stage {
            Stage::Step => mj_step(model, data),
            Stage::Step1 => {
                // With `<flag energy="enable"/>` MuJoCo takes the kinetic energy of the step before for the present one,
                // since it evaluates sensors first; unmarked, it is computed for them.
                (*data).flg_energyvel = false;
                mj_step1(model, data);
            }
            Stage::Step2 => mj_step2(model, data),
            Stage::Forward => mj_forward(model, data),
            Stage::Kinematics => mj_fwdKinematics(model, data),
            Stage::Moved => {
                // MuJoCo notes what it has computed already for this state; these are notes about the last one.
                (*data).flg_energypos = false;
                (*data).flg_energyvel = false;
                (*data).flg_subtreevel = false;
                mj_fwdKinematics(model, data);
                mj_transmission(model, data);
                mj_fwdVelocity(model, data);
            }
            Stage::Actuation => mj_fwdActuation(model, data),
            Stage::Sensors => {
                (*data).flg_rnepost = false;
                mj_sensorPos(model, data);
                mj_sensorVel(model, data);
                mj_sensorAcc(model, data);
            }
        }
    }
}

/// Says which trees of bodies sleep, as `tree_asleep` does. Panics when the length is another model's.
pub(crate) fn lull(data: &mut MjData<Arc<MjModel>>, asleep: &[f64]) {
    // SAFETY: the values are what MuJoCo itself had there for the same model: counters, or links between its own trees.
    let trees = unsafe { data.tree_asleep_mut() };
    assert_eq!(trees.len(), asleep.len(), "a snapshot of the same model");
    trees
        .iter_mut()
        .zip(asleep)
        .for_each(|(tree, &since)| *tree = since as i32);
    let model: *const mjModel = data.model().ffi();
    // SAFETY: as in `run`.
    unsafe { mj_updateSleep(model, data.ffi_mut()) };
}

/// Gain parameters of every actuator.
pub(crate) fn gains_mut(model: &mut MjModel) -> &mut [[f64; GAINS]] {
    // SAFETY: numbers of fixed, affine and muscle gains are free of invariants, and no others are written.
    unsafe { model.actuator_gainprm_mut() }
}

const GAINS: usize = mujoco_rs::mujoco_c::mjNGAIN as usize;

/// Computes again what MuJoCo derives from the masses of `model`, inside [`catching`]. `data` belongs to a model of the same
/// sizes; it is left to be reset.
pub(crate) fn set_constants(model: &mut MjModel, data: &mut MjData<Arc<MjModel>>) {
    // SAFETY: both structures are borrowed mutably, and MuJoCo keeps their invariants; it uses the data as room to work in,
    // which is large enough because the sizes agree.
    unsafe { mj_setConst(model.ffi_mut(), data.ffi_mut()) };
}

/// The mass that a force feels which moves a point of a body, kg: over all directions, the harmonic mean of force per
/// acceleration; 0 for what cannot move. Valid after [`Stage::Step1`].
pub(crate) fn felt_mass(data: &mut MjData<Arc<MjModel>>, body: usize, point: [f64; 3]) -> f64 {
    const DIRECTIONS: usize = 3;
    // Acceleration of the point by a unit force is J M⁻¹ Jᵀ.
    let (jacobian, _) = data.jac(true, false, &point, body);
    let mut solved = vec![0.0; jacobian.len()];
    let model: *const mjModel = data.model().ffi();
    // SAFETY: as in `run`; both arrays have a row of `nv` numbers for each direction.
    unsafe {
        mj_solveM(
            model,
            data.ffi_mut(),
            solved.as_mut_ptr(),
            jacobian.as_ptr(),
            DIRECTIONS as c_int,
        );
    }
    let per_newton: f64 = jacobian.iter().zip(&solved).map(|(a, b)| a * b).sum();
    if per_newton > 0.0 {
        DIRECTIONS as f64 / per_newton
    } else {
        0.0
    }
}

/// Makes room for a world of this model, and frees it again: a model that wants more memory than there is, is found while it
/// loads, and later worlds can be made without fear.
///
/// Errors: MuJoCo's words.
pub(crate) fn try_room(model: &MjModel) -> Result<(), String> {
    let model: *const mjModel = model.ffi();
    catching(|| {
        // SAFETY: the model is valid; the data was just made, nobody else has it, and null is accepted.
        unsafe {
            let data = mj_makeData(model);
            let made = !data.is_null();
            mj_deleteData(data);
            made
        }
    })
    .and_then(|made| {
        made.then_some(())
            .ok_or_else(|| "there is not enough memory for a world".to_owned())
    })
}

/// Loads MJCF.
///
/// Errors: MuJoCo's words in full.
pub(crate) fn load(path: &Path) -> Result<MjModel, String> {
    let Some(text) = path.to_str().filter(|text| !text.contains('\0')) else {
        return Err("the path is not valid UTF-8".to_owned());
    };
    MjModel::from_xml(text).map_err(|error| {
        let words = full_load_error(text).unwrap_or_else(|| error.to_string());
        match words.contains("'package:/") {
            true => format!(
                "{words}; MuJoCo knows no ROS packages: write paths from the file's own folder for `package://…`"
            ),
            false => words,
        }
    })
}

/// Loads once more for the words alone: mujoco-rs keeps only the first 99 bytes, which often end before the line number.
fn full_load_error(path: &str) -> Option<String> {
    let path = std::ffi::CString::new(path).ok()?;
    let mut message = [0 as c_char; 2048];
    // SAFETY: the path ends with a zero; the buffer is as long as stated, and MuJoCo ends its words with a zero.
    let model = unsafe {
        mj_loadXML(
            path.as_ptr(),
            std::ptr::null(),
            message.as_mut_ptr(),
            message.len() as c_int,
        )
    };
    if !model.is_null() {
        // SAFETY: the model was just made and nobody else has it.
        unsafe { mj_deleteModel(model) };
    }
    // SAFETY: zero-terminated, as above; the buffer started as zeros.
    let message = unsafe { CStr::from_ptr(message.as_ptr()) }
        .to_string_lossy()
        .trim()
        .to_owned();
    (!message.is_empty()).then_some(message)
}

fn one_line(words: &CStr) -> String {
    words.to_string_lossy().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Version of the loaded library as one number, 3017000 for 3.17.0.
pub(crate) fn version() -> u32 {
    // SAFETY: returns a constant.
    unsafe { mj_version() as u32 }
}
