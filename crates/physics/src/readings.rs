//! What a world shows, the same for both engines.
//!
//! Whichever engine moved the world, its coordinates lie in one `MjData` and every quantity is read from there: a number
//! cannot mean one thing under MuJoCo and another under Rapier. What does not follow from the coordinates, the contacts
//! and forces of the last physics step, is put in by the engine that made them.

use std::sync::Arc;

use mujoco_rs::prelude::{MjData, MjModel, MjtObjBase, MjtWarning};

use crate::library::{catching, set_constants};
use crate::variation::{self, Factors, VariedParts};
use crate::{Divergence, Push, Scene};

/// Beyond this MuJoCo calls a number bad (`mjMAXVAL`).
pub(crate) const LARGEST: f64 = 1e10;

/// Room made beforehand for contacts of a step, so that stepping allocates nothing.
const USUAL_CONTACTS: usize = 128;

/// Two geoms that touched in the last physics step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contact {
    /// Ids of the geoms; negative for a flexible body, which has no geom.
    pub(crate) geoms: [i32; 2],
    /// Force on the second geom by the first, in the world, N.
    pub(crate) force: [f64; 3],
}

impl Contact {
    /// How many numbers a contact is in a snapshot.
    const SIZE: usize = 5;

    fn numbers(&self) -> [f64; Self::SIZE] {
        let [x, y, z] = self.force;
        [f64::from(self.geoms[0]), f64::from(self.geoms[1]), x, y, z]
    }

    fn from_numbers(numbers: &[f64]) -> Self {
        Self {
            geoms: [numbers[0] as i32, numbers[1] as i32],
            force: [numbers[2], numbers[3], numbers[4]],
        }
    }
}

/// Everything of a world that can be read.
pub(crate) struct Readings {
    pub(crate) model: Arc<MjModel>,
    pub(crate) data: MjData<Arc<MjModel>>,
    /// Contacts of the last physics step.
    pub(crate) contacts: Vec<Contact>,
    /// Why the present variation of the model is none that can be simulated.
    unusable: Option<String>,
}

impl Readings {
    /// Readings of a model at its initial state; nothing is computed yet.
    pub(crate) fn new(model: &Arc<MjModel>) -> Self {
        Self {
            model: Arc::clone(model),
            data: MjData::new(Arc::clone(model)),
            contacts: Vec::with_capacity(USUAL_CONTACTS),
            unusable: None,
        }
    }

    /// Makes the model a variation of `original`. The state must be reset before anything else. Where MuJoCo cannot compute
    /// what follows from the new masses, [`Readings::bounded`] says so until the next variation.
    pub(crate) fn vary(&mut self, original: &Arc<MjModel>, parts: &VariedParts, factors: &Factors) {
        let Self { model, data, .. } = self;
        // While the data rests on the original, nobody else holds the copy, and it may be changed.
        *model = Arc::clone(original);
        let mut copy = data.swap_model(Arc::clone(original));
        if Arc::ptr_eq(&copy, original) {
            copy = Arc::new((**original).clone());
        }
        let changed = Arc::get_mut(&mut copy).expect("the world alone holds its copy");
        variation::apply(changed, original, parts, factors);
        let constants = catching(|| set_constants(changed, data));
        data.swap_model(Arc::clone(&copy));
        *model = copy;
        self.unusable = constants
            .err()
            .map(|words| format!("MuJoCo cannot vary the model: {words}"));
    }

    /// What a snapshot holds beside the state: outcomes of the last step that cannot be recomputed from it.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = f64> {
        let contacts = self.contacts.iter().flat_map(Contact::numbers);
        let data = &self.data;
        data.sensordata()
            .iter()
            .chain(data.actuator_force())
            .copied()
            .chain(contacts)
    }

    /// Puts back what [`Readings::outcomes`] gave. Panics when it was of another model.
    pub(crate) fn set_outcomes(&mut self, values: &[f64]) {
        let fixed = self.data.sensordata().len() + self.data.actuator_force().len();
        assert!(
            values.len() >= fixed && (values.len() - fixed).is_multiple_of(Contact::SIZE),
            "a snapshot of the same model"
        );
        let (sensors, rest) = values.split_at(self.data.sensordata().len());
        let (actuators, contacts) = rest.split_at(self.data.actuator_force().len());
        self.data.sensordata_mut().copy_from_slice(sensors);
        self.data.actuator_force_mut().copy_from_slice(actuators);
        self.contacts.clear();
        self.contacts
            .extend(contacts.chunks_exact(Contact::SIZE).map(Contact::from_numbers));
    }

    /// Every position and velocity is a number of reasonable size, and the model one that can be simulated. Errors: names the
    /// first that is not.
    pub(crate) fn bounded(&self) -> Result<(), Divergence> {
        if let Some(words) = &self.unusable {
            return Err(self.divergence(words.clone()));
        }
        // All is well nearly always, and without an early exit that is one vector loop.
        let fine = |values: &[f64]| values.iter().fold(true, |fine, value| fine & (value.abs() <= LARGEST));
        if fine(self.data.qpos()) & fine(self.data.qvel()) {
            return Ok(());
        }
        let bad = |values: &[f64]| values.iter().position(|value| value.is_nan() || value.abs() > LARGEST);
        let message = match (bad(self.data.qpos()), bad(self.data.qvel())) {
            (None, None) => return Ok(()),
            (Some(index), _) => self.bad_number("QPOS", index, self.model.jnt_qposadr()),
            (None, Some(dof)) => self.bad_number("QVEL", dof, self.model.jnt_dofadr()),
        };
        Err(self.divergence(message))
    }

    /// No warning of MuJoCo's, which only counts them and goes on. Errors: the first.
    pub(crate) fn warned(&self) -> Result<(), Divergence> {
        match self.data.warning().iter().position(|warning| warning.number > 0) {
            None => Ok(()),
            Some(kind) => Err(self.divergence(self.warning_text(kind))),
        }
    }

    fn warning_text(&self, kind: usize) -> String {
        let model = &self.model;
        let info = self.data.warning()[kind].lastinfo as usize;
        const INERTIA: usize = MjtWarning::mjWARN_INERTIA as usize;
        const CONTACTS: usize = MjtWarning::mjWARN_CONTACTFULL as usize;
        const CONSTRAINTS: usize = MjtWarning::mjWARN_CNSTRFULL as usize;
        const QPOS: usize = MjtWarning::mjWARN_BADQPOS as usize;
        const QVEL: usize = MjtWarning::mjWARN_BADQVEL as usize;
        const QACC: usize = MjtWarning::mjWARN_BADQACC as usize;
        match kind {
            INERTIA => format!(
                "inertia matrix too close to singular at DOF {info}{}",
                self.joint_at(info, model.jnt_dofadr())
            ),
            CONTACTS => "no memory for more contacts; raise <size memory=…/> in the model".to_owned(),
            CONSTRAINTS => "no memory for more constraints; raise <size memory=…/> in the model".to_owned(),
            QPOS => self.bad_number("QPOS", info, model.jnt_qposadr()),
            QVEL => self.bad_number("QVEL", info, model.jnt_dofadr()),
            QACC => self.bad_number("QACC", info, model.jnt_dofadr()),
            _ => format!("Nan, Inf or huge value in CTRL of actuator {info}"),
        }
    }

    /// The push to apply from now on: none for one that does nothing, so that the world goes on just as without.
    ///
    /// # Panics
    /// If the model has no such body.
    pub(crate) fn accept(&self, push: Option<Push>) -> Option<Push> {
        let n_bodies = self.model.ffi().nbody as usize;
        let push = push.filter(|push| !push.is_nothing())?;
        assert!(
            push.body < n_bodies,
            "body {} of a model that has {n_bodies}",
            push.body
        );
        Some(push)
    }

    /// What a picture of the present state shows.
    pub(crate) fn scene(&self, push: Option<Push>) -> Scene {
        Scene {
            qpos: self.data.qpos().to_vec(),
            qvel: self.data.qvel().to_vec(),
            ctrl: self.data.ctrl().to_vec(),
            act: self.data.act().to_vec(),
            mocap: self.data.mocap_pos().to_vec(),
            push,
            selected: None,
        }
    }

    /// A divergence noticed now.
    pub(crate) fn divergence(&self, message: String) -> Divergence {
        Divergence {
            message,
            time_secs: self.data.time(),
        }
    }

    /// Puts controls in. Errors: the first that is no number.
    pub(crate) fn take_controls(&mut self, ctrl: &[f64]) -> Result<(), Divergence> {
        if let Some(index) = ctrl.iter().position(|value| !value.is_finite()) {
            return Err(self.divergence(format!("control {index} is {}", ctrl[index])));
        }
        self.data.ctrl_mut().copy_from_slice(ctrl);
        Ok(())
    }

    /// In MuJoCo's words: a number that is no number of reasonable size, and the joint it belongs to.
    pub(crate) fn bad_number(&self, array: &str, index: usize, joint_starts: &[i32]) -> String {
        let unit = if array == "QPOS" { "index" } else { "DOF" };
        format!(
            "Nan, Inf or huge value in {array} at {unit} {index}{}",
            self.joint_at(index, joint_starts)
        )
    }

    /// ` (joint …)`, where the joint has a name.
    fn joint_at(&self, index: usize, joint_starts: &[i32]) -> String {
        let joint = joint_starts.iter().rposition(|&start| start as usize <= index);
        let name = joint.and_then(|joint| self.model.id_to_name(MjtObjBase::mjOBJ_JOINT, joint));
        name.map(|name| format!(" (joint `{name}`)")).unwrap_or_default()
    }
}
