//! Geoms as Rapier's shapes.

use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::Arc;

use mujoco_rs::prelude::{MjModel, MjtGeomBase, MjtObjBase};
use rapier3d_f64::math::{Pose, Rotation, Vector};
use rapier3d_f64::prelude::SharedShape;

use super::limits::refuse;
use super::pairs::Pairs;

/// Rings and corners per ring of the polyhedron that stands for an ellipsoid.
const ELLIPSOID: (usize, usize) = (13, 24);

/// For each geom that can touch something its shape, and the pose of the shape in the geom's frame.
pub(super) type Shapes = Arc<[Option<(SharedShape, Pose)>]>;

/// Errors: one sentence naming a geom that Rapier has no shape for.
pub(super) fn shapes(model: &MjModel, pairs: &Pairs) -> Result<Shapes, String> {
    let of_geom = |geom| {
        if !pairs.collides(geom) {
            return Ok(None);
        }
        match shape(model, geom) {
            Ok(found) => Ok(Some(found)),
            Err(what) => refuse(model, MjtObjBase::mjOBJ_GEOM, geom, &format!("is {what}")),
        }
    };
    (0..model.ffi().ngeom as usize).map(of_geom).collect()
}

/// The shape of a geom, and its pose in the geom's own frame.
///
/// Errors: what the geom is, where Rapier has nothing for it.
fn shape(model: &MjModel, geom: usize) -> Result<(SharedShape, Pose), String> {
    let [a, b, c] = model.geom_size()[geom];
    let upright = |shape| Ok((shape, Pose::IDENTITY));
    match model.geom_type()[geom] {
        MjtGeomBase::mjGEOM_PLANE => upright(SharedShape::halfspace(Vector::Z)),
        MjtGeomBase::mjGEOM_SPHERE => upright(SharedShape::ball(a)),
        MjtGeomBase::mjGEOM_CAPSULE => upright(SharedShape::capsule_z(b, a)),
        // Rapier's cylinder stands along y.
        MjtGeomBase::mjGEOM_CYLINDER => Ok((
            SharedShape::cylinder(b, a),
            Pose::from_rotation(Rotation::from_rotation_x(FRAC_PI_2)),
        )),
        MjtGeomBase::mjGEOM_BOX => upright(SharedShape::cuboid(a, b, c)),
        MjtGeomBase::mjGEOM_ELLIPSOID => upright(hull(&ellipsoid([a, b, c]))?),
        // MuJoCo too collides with the hull only.
        MjtGeomBase::mjGEOM_MESH => upright(hull(&vertices(model, geom))?),
        MjtGeomBase::mjGEOM_HFIELD => Err("a height field".to_owned()),
        _ => Err("a signed distance field".to_owned()),
    }
}

fn hull(points: &[Vector]) -> Result<SharedShape, String> {
    SharedShape::convex_hull(points).ok_or_else(|| "a mesh without volume".to_owned())
}

fn vertices(model: &MjModel, geom: usize) -> Vec<Vector> {
    let mesh = model.geom_dataid()[geom] as usize;
    let first = model.mesh_vertadr()[mesh] as usize;
    let count = model.mesh_vertnum()[mesh] as usize;
    let vertices = &model.mesh_vert()[first..first + count];
    let vector = |[x, y, z]: &[f32; 3]| Vector::new(f64::from(*x), f64::from(*y), f64::from(*z));
    vertices.iter().map(vector).collect()
}

/// Points on an ellipsoid, poles included.
fn ellipsoid(radii: [f64; 3]) -> Vec<Vector> {
    let (rings, corners) = ELLIPSOID;
    let mut points = vec![Vector::new(0.0, 0.0, radii[2]), Vector::new(0.0, 0.0, -radii[2])];
    for ring in 1..rings {
        let (sin, cos) = (PI * ring as f64 / rings as f64).sin_cos();
        for corner in 0..corners {
            let (y, x) = (2.0 * PI * corner as f64 / corners as f64).sin_cos();
            points.push(Vector::new(radii[0] * sin * x, radii[1] * sin * y, radii[2] * cos));
        }
    }
    points
}
