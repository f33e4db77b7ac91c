//! Which geoms may touch, and how rough and bouncy they are to each other: MuJoCo's rules, asked by Rapier.
//!
//! MuJoCo decides by contype and conaffinity, by kinship in the body tree and by `<exclude>`; it takes the rougher
//! surface and mixes softness. Rapier decides by bits of its own and averages. Here everything is worked out once per
//! model, as a table over pairs of geoms, and Rapier looks it up in its hooks.

use std::f64::consts::PI;

use mujoco_rs::prelude::{MjModel, MjtDisableBit};
use rapier3d_f64::prelude::{
    ActiveHooks, ColliderHandle, ColliderSet, ContactModificationContext, PairFilterContext, PhysicsHooks, SolverFlags,
};

/// What two geoms are to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    friction: f64,
    restitution: f64,
}

/// The table. Colliders carry the id of their geom as user data.
pub(super) struct Pairs {
    geoms: usize,
    /// `[geom, geom]`, symmetric; `None` where the geoms go through each other.
    table: Vec<Option<Pair>>,
}

impl Pairs {
    /// What Rapier must ask about every collider.
    pub(super) const HOOKS: ActiveHooks = ActiveHooks::FILTER_CONTACT_PAIRS.union(ActiveHooks::MODIFY_SOLVER_CONTACTS);

    pub(super) fn new(model: &MjModel) -> Self {
        let geoms = model.ffi().ngeom as usize;
        let mut pairs = Self {
            geoms,
            table: vec![None; geoms * geoms],
        };
        let off = MjtDisableBit::mjDSBL_CONTACT as i32 | MjtDisableBit::mjDSBL_CONSTRAINT as i32;
        if model.opt().disableflags & off != 0 {
            return pairs;
        }
        for first in 0..geoms {
            for second in first + 1..geoms {
                if may_touch(model, first, second) {
                    pairs.set(first, second, mixed(model, first, second));
                }
            }
        }
        // Pairs that the model names touch whatever the rules say, with the friction given there.
        for pair in 0..model.ffi().npair as usize {
            let geom = |ids: &[i32]| ids[pair] as usize;
            let named = Pair {
                friction: sliding(model.pair_dim()[pair], model.pair_friction()[pair][0]),
                restitution: restitution(model.pair_solref()[pair]),
            };
            pairs.set(geom(model.pair_geom1()), geom(model.pair_geom2()), named);
        }
        pairs
    }

    /// Whether a geom can touch anything at all.
    pub(super) fn collides(&self, geom: usize) -> bool {
        self.table[geom * self.geoms..][..self.geoms]
            .iter()
            .any(Option::is_some)
    }

    fn set(&mut self, first: usize, second: usize, pair: Pair) {
        self.table[first * self.geoms + second] = Some(pair);
        self.table[second * self.geoms + first] = Some(pair);
    }

    fn get(&self, colliders: &ColliderSet, first: ColliderHandle, second: ColliderHandle) -> Option<Pair> {
        let geom = |handle| colliders.get(handle).map(|collider| collider.user_data as usize);
        self.table[geom(first)? * self.geoms + geom(second)?]
    }
}

impl PhysicsHooks for Pairs {
    fn filter_contact_pair(&self, context: &PairFilterContext) -> Option<SolverFlags> {
        self.get(context.colliders, context.collider1, context.collider2)
            .map(|_| SolverFlags::default())
    }

    fn modify_solver_contacts(&self, context: &mut ContactModificationContext) {
        let pair = self.get(context.colliders, context.collider1, context.collider2);
        if let (Some(pair), Some(contacts)) = (pair, context.rigid_mut()) {
            *contacts.friction = pair.friction;
            *contacts.restitution = pair.restitution;
        }
    }
}

/// MuJoCo's rule for two geoms that no `<pair>` names.
fn may_touch(model: &MjModel, first: usize, second: usize) -> bool {
    let (contype, conaffinity) = (model.geom_contype(), model.geom_conaffinity());
    if contype[first] & conaffinity[second] == 0 && contype[second] & conaffinity[first] == 0 {
        return false;
    }
    let body = |geom: usize| model.geom_bodyid()[geom] as usize;
    let weld = |body: usize| model.body_weldid()[body] as usize;
    let (one, other) = (weld(body(first)), weld(body(second)));
    if one == other {
        return false;
    }
    let above = |body: usize| weld(model.body_parentid()[body] as usize);
    let kin = one != 0 && other != 0 && (one == above(other) || other == above(one));
    if kin && model.opt().disableflags & MjtDisableBit::mjDSBL_FILTERPARENT as i32 == 0 {
        return false;
    }
    let signature = |a: usize, b: usize| ((a as i32) << 16) + b as i32;
    let (a, b) = (body(first), body(second));
    let excluded = |other: &i32| *other == signature(a, b) || *other == signature(b, a);
    !model.exclude_signature().iter().any(excluded)
}

/// MuJoCo's mixture of two geoms' parameters: those of the higher priority, else the larger friction and mixed softness.
fn mixed(model: &MjModel, first: usize, second: usize) -> Pair {
    let priority = model.geom_priority();
    if priority[first] != priority[second] {
        let winner = if priority[first] > priority[second] {
            first
        } else {
            second
        };
        return Pair {
            friction: sliding(model.geom_condim()[winner], model.geom_friction()[winner][0]),
            restitution: restitution(model.geom_solref()[winner]),
        };
    }
    let condim = model.geom_condim()[first].max(model.geom_condim()[second]);
    let friction = model.geom_friction()[first][0].max(model.geom_friction()[second][0]);
    let [one, other] = [first, second].map(|geom| model.geom_solref()[geom]);
    let solref = if one[0] > 0.0 && other[0] > 0.0 {
        let [weight, counterweight] = [first, second].map(|geom| model.geom_solmix()[geom].max(1e-15));
        let share = weight / (weight + counterweight);
        std::array::from_fn(|index| share * one[index] + (1.0 - share) * other[index])
    } else {
        std::array::from_fn(|index| one[index].min(other[index]))
    };
    Pair {
        friction: sliding(condim, friction),
        restitution: restitution(solref),
    }
}

/// A contact of one dimension has no friction.
fn sliding(condim: i32, friction: f64) -> f64 {
    if condim == 1 { 0.0 } else { friction }
}

/// Velocity after over velocity before the impact of a spring and damper that cannot pull, for MuJoCo's `solref`:
/// (time constant, damping ratio), or (−stiffness, −damping) where negative.
///
/// Source: T. Schwager, T. Pöschel, "Coefficient of restitution and linear-dashpot model revisited", 2007, equation 21;
/// with damping ratio ζ it is exp(−ζ/√(1−ζ²) · atan2(2ζ√(1−ζ²), 2ζ²−1)), and e⁻² at ζ = 1.
fn restitution(solref: [f64; 2]) -> f64 {
    let ratio = if solref[0] > 0.0 {
        solref[1]
    } else {
        -solref[1] / (2.0 * (-solref[0]).max(1e-15).sqrt())
    };
    if ratio <= 0.0 {
        return 1.0;
    }
    let root = (1.0 - ratio * ratio).abs().sqrt();
    let phase = if root < 1e-6 {
        // The limit of phase / root.
        return (-2.0 * ratio).exp();
    } else if ratio < 1.0 {
        let angle = (2.0 * ratio * root).atan2(2.0 * ratio * ratio - 1.0);
        debug_assert!((0.0..=PI).contains(&angle));
        angle
    } else {
        (2.0 * ratio * root / (2.0 * ratio * ratio - 1.0)).atanh()
    };
    (-ratio / root * phase).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restitution_of_springs_and_dampers() {
        for (solref, expected) in [
            ([0.02, 0.0], 1.0),
            ([0.02, 1.0], (-2.0_f64).exp()),
            // 2ζ² − 1 = 0, so the phase is π/2.
            ([0.02, 0.5_f64.sqrt()], (-PI / 2.0).exp()),
            // Overdamped: 1 / (ratio of the two roots) to the power they make; ζ = 5/4 has the roots 2 and 1/2.
            ([0.02, 1.25], (-1.25 / 0.75 * (15.0_f64 / 17.0).atanh()).exp()),
            // Stiffness 100, damping 20: ζ = 1.
            ([-100.0, -20.0], (-2.0_f64).exp()),
            ([-1000.0, 0.0], 1.0),
        ] {
            let found = restitution(solref);
            assert!((found - expected).abs() < 1e-6, "{solref:?}: {found}, not {expected}");
        }
    }
}
