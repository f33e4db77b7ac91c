//! From where a world is looked at, and what a mouse does to that.
//!
//! Everything here is plain data and arithmetic: who shows pictures turns a view without asking the thread that draws. How
//! mouse movements count is as in MuJoCo's `simulate`: as shares of the picture's height.

use serde::{Deserialize, Serialize};

/// How far from the horizon a view may be tilted, degrees: straight up or down has no sideways.
const STEEPEST_DEG: f64 = 89.0;

/// Nearest and farthest distance, in extents of the model.
const DISTANCES: [f64; 2] = [0.01, 100.0];

/// A free camera: where it looks, from which side, how far away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Direction of looking seen from above: 0 along x, 90 along y.
    pub azimuth_deg: f64,
    /// Direction of looking against the horizon; below it where negative, so that one looks down.
    pub elevation_deg: f64,
    /// From the eye to [`View::lookat`].
    pub distance_m: f64,
    /// The point in the middle of the picture, m, in the world. With [`View::follow`], x and y count from the centre of mass
    /// of the robot.
    pub lookat: [f64; 3],
    /// Goes along with a robot that can travel, but stays at its height, so that a jump is seen.
    pub follow: bool,
}

/// What a view needs to know of a model, see [`Model::lens`](crate::Model::lens).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Height of the picture as an angle.
    pub fovy_deg: f64,
    /// Size of the model.
    pub extent_m: f64,
}

impl View {
    /// Turns round the point looked at: a mouse that moves right by `dx` and down by `dy` picture heights.
    pub fn orbit(&mut self, dx: f64, dy: f64) {
        let turned = self.azimuth_deg - 180.0 * dx;
        self.azimuth_deg = turned - 360.0 * (turned / 360.0).round();
        self.elevation_deg = (self.elevation_deg - 180.0 * dy).clamp(-STEEPEST_DEG, STEEPEST_DEG);
    }

    /// Moves the point looked at in the plane of the picture, so that it stays under a mouse that moves right by `dx` and down
    /// by `dy` picture heights.
    pub fn pan(&mut self, dx: f64, dy: f64, lens: &Lens) {
        let height = 2.0 * self.distance_m * lens.half_height();
        let [_, right, up] = self.axes();
        for axis in 0..3 {
            self.lookat[axis] += height * (dy * up[axis] - dx * right[axis]);
        }
    }

    /// Comes nearer for a positive `amount`: a mouse that moves down by so many picture heights, or a twentieth for a notch of
    /// the wheel.
    pub fn zoom(&mut self, amount: f64, lens: &Lens) {
        let step = (1.0 + self.distance_m / lens.extent_m / 3.0).ln() * 9.0 * lens.extent_m;
        let [nearest, farthest] = DISTANCES.map(|extents| extents * lens.extent_m);
        self.distance_m = (self.distance_m - step * amount).clamp(nearest, farthest);
    }

    /// The same picture, going along with the robot from now on, or no longer. `robot`: where its centre of mass is.
    pub fn set_follow(&mut self, follow: bool, robot: [f64; 3]) {
        let sign = f64::from(self.follow) - f64::from(follow);
        self.lookat[0] += sign * robot[0];
        self.lookat[1] += sign * robot[1];
        self.follow = follow;
    }

    /// The eye of this view, when the centre of mass of the robot is at `robot`.
    pub fn eye(&self, robot: [f64; 3], lens: &Lens) -> Eye {
        let mut lookat = self.lookat;
        if self.follow {
            lookat[0] += robot[0];
            lookat[1] += robot[1];
        }
        let [forward, right, up] = self.axes();
        Eye {
            position: std::array::from_fn(|axis| lookat[axis] - self.distance_m * forward[axis]),
            forward,
            right,
            up,
            half_height: lens.half_height(),
            robot,
        }
    }

    /// Forward, right and up.
    fn axes(&self) -> [[f64; 3]; 3] {
        let (sin_a, cos_a) = self.azimuth_deg.to_radians().sin_cos();
        let (sin_e, cos_e) = self.elevation_deg.to_radians().sin_cos();
        [
            [cos_e * cos_a, cos_e * sin_a, sin_e],
            [sin_a, -cos_a, 0.0],
            [-sin_e * cos_a, -sin_e * sin_a, cos_e],
        ]
    }
}

impl Lens {
    /// Half the height of what is seen one metre away, m.
    fn half_height(&self) -> f64 {
        (0.5 * self.fovy_deg).to_radians().tan()
    }
}

/// A view in the world: what connects a place in the picture with places in the world.
///
/// A place in the picture is `[x, y]`: shares of width and height, from the left and from the top.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Eye {
    /// Where it is, m.
    pub position: [f64; 3],
    /// Where it looks; with the next two, unit vectors at right angles.
    pub forward: [f64; 3],
    /// To the right in the picture.
    pub right: [f64; 3],
    /// Up in the picture.
    pub up: [f64; 3],
    /// Half the height of what it sees one metre away, m.
    pub half_height: f64,
    /// Centre of mass of the robot that a view may follow, m; zeros where none can travel.
    pub robot: [f64; 3],
}

impl Eye {
    /// Where a point appears in a picture of this `aspect` (width over height); none where it is behind the eye. It may be
    /// outside the picture.
    pub fn project(&self, point: [f64; 3], aspect: f64) -> Option<[f64; 2]> {
        let from_eye = difference(point, self.position);
        let depth = dot(from_eye, self.forward);
        (depth > 0.0).then(|| {
            let scale = 0.5 / (depth * self.half_height);
            let [x, y] = [self.right, self.up].map(|axis| scale * dot(from_eye, axis));
            [0.5 + x / aspect, 0.5 - y]
        })
    }

    /// The direction from the eye to a place in the picture; one metre deep.
    pub fn ray(&self, at: [f64; 2], aspect: f64) -> [f64; 3] {
        let x = (2.0 * at[0] - 1.0) * self.half_height * aspect;
        let y = (1.0 - 2.0 * at[1]) * self.half_height;
        std::array::from_fn(|axis| self.forward[axis] + x * self.right[axis] + y * self.up[axis])
    }

    /// The point at a place in the picture that is as deep as `point`: where a mouse that took hold of `point` drags it.
    pub fn drag(&self, point: [f64; 3], at: [f64; 2], aspect: f64) -> [f64; 3] {
        let depth = dot(difference(point, self.position), self.forward);
        let ray = self.ray(at, aspect);
        std::array::from_fn(|axis| self.position[axis] + depth * ray[axis])
    }
}

fn difference(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENS: Lens = Lens {
        fovy_deg: 45.0,
        extent_m: 1.3,
    };

    fn view(distance_m: f64) -> View {
        View {
            azimuth_deg: 30.0,
            elevation_deg: -25.0,
            distance_m,
            lookat: [1.0, 2.0, 3.0],
            follow: false,
        }
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    /// Figures by `mjv_moveCamera` of MuJoCo 3.17.0, for a mouse that moved by (0.1, 0.07).
    #[test]
    fn a_mouse_does_what_it_does_in_simulate() {
        let mut turned = view(2.0);
        turned.orbit(0.1, 0.07);
        assert!(
            close(&[turned.azimuth_deg, turned.elevation_deg], &[12.0, -37.6]),
            "{turned:?}"
        );
        for (distance, expected) in [(0.5, 0.401_205_678), (2.0, 1.660_953_822), (40.0, 38.017_251_969)] {
            let mut zoomed = view(distance);
            zoomed.zoom(0.07, &LENS);
            assert!(close(&[zoomed.distance_m], &[expected]), "{distance}: {zoomed:?}");
        }
        // `simulate` moves along the vertical; at the horizon the picture's plane is vertical, too.
        let mut moved = View {
            elevation_deg: 0.0,
            ..view(2.0)
        };
        moved.pan(0.1, 0.07, &LENS);
        let expected = [1.0 - 0.082_842_71, 2.0 + 0.143_487_78, 3.0 + 0.115_979_79];
        assert!(close(&moved.lookat, &expected), "{moved:?}");
    }

    #[test]
    fn no_mouse_leads_astray() {
        let mut view = view(2.0);
        for _ in 0..1000 {
            view.orbit(5.3, -100.0);
            view.zoom(-100.0, &LENS);
        }
        assert!(
            view.azimuth_deg.abs() <= 180.0 && close(&[view.elevation_deg], &[89.0]),
            "{view:?}"
        );
        assert!(close(&[view.distance_m], &[130.0]), "{view:?}");
        view.zoom(1e6, &LENS);
        assert!(close(&[view.distance_m], &[0.013]), "{view:?}");
    }

    #[test]
    fn what_is_panned_stays_under_the_mouse() {
        let before = view(2.0);
        let mut after = before;
        after.pan(0.2, -0.1, &LENS);
        let aspect = 1.5;
        let shown = after.eye([0.0; 3], &LENS).project(before.lookat, aspect).unwrap();
        assert!(close(&shown, &[0.5 + 0.2 / aspect, 0.5 - 0.1]), "{shown:?}");
    }

    #[test]
    fn a_place_in_the_picture_leads_to_the_world_and_back() {
        let robot = [3.0, -1.0, 0.4];
        let mut view = View {
            follow: true,
            ..view(3.0)
        };
        let eye = view.eye(robot, &LENS);
        assert_eq!(
            eye.project([4.0, 1.0, 3.0], 1.5).map(|at| close(&at, &[0.5, 0.5])),
            Some(true)
        );
        for at in [[0.5, 0.5], [0.1, 0.9], [1.2, -0.3]] {
            let point = eye.drag([3.5, 0.0, 1.0], at, 1.5);
            let back = eye.project(point, 1.5).unwrap();
            assert!(close(&back, &at), "{at:?} {back:?}");
        }
        let behind = eye.drag(
            std::array::from_fn(|axis| eye.position[axis] - eye.forward[axis]),
            [0.5, 0.5],
            1.5,
        );
        assert_eq!(eye.project(behind, 1.5), None);
        // Letting go of the robot changes nothing in the picture.
        view.set_follow(false, robot);
        assert!(close(&view.eye(robot, &LENS).position, &eye.position) && !view.follow);
        view.set_follow(true, robot);
        assert!(close(&view.eye(robot, &LENS).position, &eye.position) && view.follow);
    }
}
