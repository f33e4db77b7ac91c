//! Reads quantities out of a world's readings.

use std::ops::Range;

use mujoco_rs::prelude::MjtObjBase;

use crate::readings::{Contact, Readings};
use crate::source::{Meaning, Object, Part, Place, Quantity, Side};

impl Readings {
    /// Writes a quantity into `out` (`[quantity.components]`). Panics when `out` has another length.
    pub(crate) fn read(&self, quantity: &Quantity, out: &mut [f64]) {
        assert_eq!(out.len(), quantity.components, "room for exactly the quantity");
        self.read_in_world(&quantity.place, out);
        if let Some(body) = quantity.relative_to {
            self.express_in(body, quantity.meaning, out);
        }
    }

    fn read_in_world(&self, place: &Place, out: &mut [f64]) {
        let data = &self.data;
        match place {
            Place::Objects(part, objects) => {
                for (object, out) in objects.iter().zip(out.chunks_exact_mut(part.size())) {
                    self.read_object(*object, *part, out);
                }
            }
            Place::SubtreeCom(bodies) => {
                for (body, out) in bodies.iter().zip(out.chunks_exact_mut(3)) {
                    out.copy_from_slice(&data.subtree_com()[*body]);
                }
            }
            Place::Qpos(ranges) => gather(data.qpos(), ranges, out),
            Place::Qvel(ranges) => gather(data.qvel(), ranges, out),
            Place::Limits(joints) => {
                for (joint, out) in joints.iter().zip(out.chunks_exact_mut(2)) {
                    out.copy_from_slice(&self.model.jnt_range()[*joint]);
                }
            }
            Place::Sensors(ranges) => gather(data.sensordata(), ranges, out),
            Place::ActuatorForces(ranges) => gather(data.actuator_force(), ranges, out),
            Place::ContactForces(bodies) => {
                for (body, out) in bodies.iter().zip(out.chunks_exact_mut(3)) {
                    let force = self.contact_force(|contact, side| self.is_on(contact, side, Side::Body(*body)));
                    out.copy_from_slice(&force);
                }
            }
            Place::ContactForceBetween([on, by]) => {
                let force = self.contact_force(|contact, side| {
                    self.is_on(contact, side, *on) && self.is_on(contact, 1 - side, *by)
                });
                out.copy_from_slice(&force);
            }
            Place::Contact([one, other]) => {
                let touches = |contact: &Contact| {
                    [0, 1]
                        .into_iter()
                        .any(|side| self.is_on(contact, side, *one) && self.is_on(contact, 1 - side, *other))
                };
                out[0] = f64::from(self.contacts.iter().any(touches));
            }
            Place::Jacobian { site, dofs } => self.read_jacobian(*site, dofs, out),
        }
    }

    fn read_object(&self, object: Object, part: Part, out: &mut [f64]) {
        match part {
            Part::Position => out.copy_from_slice(&self.position(object)),
            Part::Quaternion => out.copy_from_slice(&self.quaternion(object)),
            Part::Pose => {
                out[..3].copy_from_slice(&self.position(object));
                out[3..].copy_from_slice(&self.quaternion(object));
            }
            Part::LinearVelocity => out.copy_from_slice(&self.velocity(object)[3..]),
            Part::AngularVelocity => out.copy_from_slice(&self.velocity(object)[..3]),
        }
    }

    fn position(&self, object: Object) -> [f64; 3] {
        match object {
            Object::Body(body) => self.data.xpos()[body],
            Object::Site(site) => self.data.site_xpos()[site],
            Object::Geom(geom) => self.data.geom_xpos()[geom],
        }
    }

    fn quaternion(&self, object: Object) -> [f64; 4] {
        let (body, local) = match object {
            Object::Body(body) => return self.data.xquat()[body],
            Object::Site(site) => (self.model.site_bodyid()[site], self.model.site_quat()[site]),
            Object::Geom(geom) => (self.model.geom_bodyid()[geom], self.model.geom_quat()[geom]),
        };
        // Through the body's quaternion and not the site's matrix, which knows no sign: so it never jumps.
        product(self.data.xquat()[body as usize], local)
    }

    /// 6 numbers of an object's frame: angular, then linear velocity, in the world.
    fn velocity(&self, object: Object) -> [f64; 6] {
        let (kind, id) = match object {
            // XBODY is the frame of the body itself; BODY would be that of its inertia.
            Object::Body(body) => (MjtObjBase::mjOBJ_XBODY, body),
            Object::Site(site) => (MjtObjBase::mjOBJ_SITE, site),
            Object::Geom(geom) => (MjtObjBase::mjOBJ_GEOM, geom),
        };
        self.data.object_velocity(kind, id, false)
    }

    /// Adds up the forces of contacts on the sides (0 or 1) that `counts`.
    fn contact_force(&self, counts: impl Fn(&Contact, usize) -> bool) -> [f64; 3] {
        let mut total = [0.0; 3];
        for contact in &self.contacts {
            for (side, sign) in [-1.0, 1.0].into_iter().enumerate() {
                if counts(contact, side) {
                    total
                        .iter_mut()
                        .zip(contact.force)
                        .for_each(|(total, part)| *total += sign * part);
                }
            }
        }
        total
    }

    /// Whether a side of a contact is this geom, or one of this body's.
    fn is_on(&self, contact: &Contact, side: usize, expected: Side) -> bool {
        // Negative for a flexible body, which has no geom.
        let Ok(geom) = usize::try_from(contact.geoms[side]) else {
            return false;
        };
        match expected {
            Side::Geom(expected) => geom == expected,
            Side::Body(body) => self.model.geom_bodyid()[geom] as usize == body,
        }
    }

    /// Columns of the translational Jacobian of a site, from the motion axes of its degrees of freedom.
    fn read_jacobian(&self, site: usize, dofs: &[Option<usize>], out: &mut [f64]) {
        let root = self.model.body_rootid()[self.model.site_bodyid()[site] as usize] as usize;
        let (point, centre) = (self.data.site_xpos()[site], self.data.subtree_com()[root]);
        let offset: [f64; 3] = std::array::from_fn(|axis| point[axis] - centre[axis]);
        for (column, dof) in dofs.iter().enumerate() {
            let velocity = dof.map_or([0.0; 3], |dof| {
                let [rx, ry, rz, x, y, z] = self.data.cdof()[dof];
                let [ox, oy, oz] = offset;
                [x + ry * oz - rz * oy, y + rz * ox - rx * oz, z + rx * oy - ry * ox]
            });
            for (axis, value) in velocity.into_iter().enumerate() {
                out[axis * dofs.len() + column] = value;
            }
        }
    }

    /// From the world's frame into a body's.
    fn express_in(&self, body: usize, meaning: Meaning, out: &mut [f64]) {
        let (origin, quaternion) = (self.data.xpos()[body], self.data.xquat()[body]);
        let world_from_body = self.data.xmat()[body];
        let turned = |[x, y, z]: [f64; 3]| -> [f64; 3] {
            std::array::from_fn(|axis| {
                world_from_body[axis] * x + world_from_body[3 + axis] * y + world_from_body[6 + axis] * z
            })
        };
        let direction = |vector: &mut [f64]| vector.copy_from_slice(&turned([vector[0], vector[1], vector[2]]));
        let position = |point: &mut [f64]| {
            let from_origin = std::array::from_fn(|axis| point[axis] - origin[axis]);
            point.copy_from_slice(&turned(from_origin));
        };
        let orientation = |values: &mut [f64]| {
            let [w, x, y, z] = quaternion;
            let local = product([w, -x, -y, -z], [values[0], values[1], values[2], values[3]]);
            values.copy_from_slice(&local);
        };
        match meaning {
            Meaning::Position => out.chunks_exact_mut(3).for_each(position),
            Meaning::Direction => out.chunks_exact_mut(3).for_each(direction),
            Meaning::Quaternion => out.chunks_exact_mut(4).for_each(orientation),
            Meaning::Pose => out.chunks_exact_mut(7).for_each(|pose| {
                let (point, values) = pose.split_at_mut(3);
                position(point);
                orientation(values);
            }),
            Meaning::Jacobian => {
                let columns = out.len() / 3;
                for column in 0..columns {
                    let place = |axis: usize| axis * columns + column;
                    let local = turned([out[place(0)], out[place(1)], out[place(2)]]);
                    local
                        .into_iter()
                        .enumerate()
                        .for_each(|(axis, value)| out[place(axis)] = value);
                }
            }
            Meaning::Number | Meaning::Truth | Meaning::Constant => {}
        }
    }
}

/// Product of two quaternions, scalar first: the second rotation, then the first.
fn product([aw, ax, ay, az]: [f64; 4], [bw, bx, by, bz]: [f64; 4]) -> [f64; 4] {
    [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
}

fn gather(values: &[f64], ranges: &[Range<usize>], out: &mut [f64]) {
    let mut filled = 0;
    for range in ranges {
        out[filled..filled + range.len()].copy_from_slice(&values[range.clone()]);
        filled += range.len();
    }
}
