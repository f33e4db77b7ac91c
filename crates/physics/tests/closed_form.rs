//! Both engines against what can be worked out by hand.

use std::f64::consts::{FRAC_PI_2, PI};

use carrot_physics::{Engine, Model, Physics, Source};

/// Gravity of MuJoCo's default, m/s².
const G: f64 = 9.81;

/// A model for one engine, from the inside of `<mujoco>`.
fn model(inside: &str, engine: Engine) -> Model {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.xml");
    std::fs::write(&path, format!("<mujoco>{inside}</mujoco>")).unwrap();
    Model::load(&path, engine).unwrap_or_else(|error| panic!("{engine}: {error}"))
}

/// Steps without control and gives the value of the first coordinate after each step.
fn trace(world: &mut dyn Physics, steps: usize) -> Vec<f64> {
    let step = |_| {
        world.step(&[], 1).unwrap();
        world.state().0[0]
    };
    (0..steps).map(step).collect()
}

fn check(engine: Engine, what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1e-9),
        "{engine}: {what} is {found}, where {expected} within {tolerance:e} is right"
    );
}

/// Both integrate velocity first, then position: after n steps of h the fall is g h² n (n + 1) / 2.
#[test]
fn free_fall() {
    for engine in Engine::ALL {
        let inside = r#"<option timestep="0.002"/><worldbody><body pos="0 0 10"><freejoint/>
            <geom size="0.1" pos="0.3 0 0.2" contype="0" conaffinity="0"/></body></worldbody>"#;
        let mut world = model(inside, engine).world();
        trace(world.as_mut(), 500);
        check(
            engine,
            "the fall",
            10.0 - world.state().0[2],
            G * 4e-6 * 500.0 * 501.0 / 2.0,
            1e-9,
        );
        check(engine, "the speed", -world.state().1[2], G * 1.0, 1e-9);
        check(engine, "the time", world.time_secs(), 1.0, 1e-9);
    }
}

/// Period 2π √(I / (m g l)), times 1.18034 when it swings by 90° (complete elliptic integral K(sin 45°) / (π/2)).
#[test]
fn pendulum() {
    // A point of 2 kg at 0.5 m: the inertia about the hinge is 0.5 + 0.01 kg m².
    let inside = r#"<option timestep="0.001"/><worldbody><body><joint axis="0 1 0"/>
        <inertial mass="2" pos="0 0 -0.5" diaginertia="0.01 0.01 0.01"/></body></worldbody>"#;
    let small = 2.0 * PI * (0.51_f64 / (2.0 * G * 0.5)).sqrt();
    for engine in Engine::ALL {
        for (amplitude, period) in [(0.02, small), (FRAC_PI_2, small * 1.180_340_599)] {
            let mut world = model(inside, engine).world();
            world.set_state(&[amplitude], &[0.0]);
            let angles = trace(world.as_mut(), 8000);
            check(engine, "the period", mean_period(&angles) * 0.001, period, 1e-3);
            let largest = angles[4000..].iter().copied().fold(0.0, f64::max);
            check(engine, "the amplitude after 4 s", largest, amplitude, 2e-3);
        }
    }
}

/// Steps from one downward crossing of zero to the next, on average.
fn mean_period(values: &[f64]) -> f64 {
    let crossings: Vec<f64> = values
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] > 0.0 && pair[1] <= 0.0)
        .map(|(index, pair)| index as f64 + pair[0] / (pair[0] - pair[1]))
        .collect();
    (crossings[crossings.len() - 1] - crossings[0]) / (crossings.len() - 1) as f64
}

/// Friction takes μ g from the speed: it stops after v² / (2 μ g).
#[test]
fn sliding_with_friction() {
    for engine in Engine::ALL {
        let free = ("<freejoint/>", [2.0, 0.0, 0.0, 0.0, 0.0, 0.0].as_slice());
        let jointed = (
            r#"<joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>"#,
            [2.0, 0.0].as_slice(),
        );
        for (own, floor, friction, (joints, speed)) in
            [(0.4, 0.1, 0.4, free), (0.2, 0.3, 0.3, free), (0.4, 0.1, 0.4, jointed)]
        {
            let inside = format!(
                r#"<option timestep="0.002" cone="elliptic" impratio="10"/><worldbody>
                <geom type="plane" size="5 5 1" friction="{floor}"/>
                <body pos="0 0 0.05">{joints}<geom type="box" size="0.2 0.2 0.05" friction="{own}"/></body></worldbody>"#
            );
            let mut world = model(&inside, engine).world();
            trace(world.as_mut(), 250);
            let at_rest = world.state().0.to_vec();
            world.set_state(&at_rest, speed);
            let along = trace(world.as_mut(), 600);
            let stopped = along[along.len() - 1] - at_rest[0];
            check(engine, "the way", stopped, 4.0 / (2.0 * friction * G), 0.02);
            assert!(
                world.state().1[0].abs() < 1e-3,
                "{engine}: still at {} m/s",
                world.state().1[0]
            );
        }
    }
}

/// A spring and a damper that cannot pull give back exp(−ζ/√(1−ζ²) · atan2(2ζ√(1−ζ²), 2ζ²−1)) of the speed: MuJoCo
/// because that is what its contact is, Rapier because this coefficient is what it is told.
#[test]
fn bouncing_sphere() {
    for engine in Engine::ALL {
        for (stiffness, damping) in [(2e6, 0.0), (2e6, 600.0), (2e6, 1500.0)] {
            // Hard enough that gravity and depth matter little; impedance 1, so that the contact is the spring alone.
            let inside = format!(
                r#"<option timestep="0.00001"/><default><geom solref="-{stiffness} -{damping}" solimp="0.9999 0.9999 0.001"/></default>
                <worldbody><geom type="plane" size="1 1 1"/>
                <body pos="0 0 1.1"><freejoint/><geom size="0.1"/></body></worldbody>"#
            );
            let ratio = damping / (2.0 * f64::sqrt(stiffness));
            let root = (1.0 - ratio * ratio).sqrt();
            let restitution = (-ratio / root * (2.0 * ratio * root).atan2(2.0 * ratio * ratio - 1.0)).exp();
            let mut world = model(&inside, engine).world();
            let mut apex = 0.0_f64;
            let mut touched = false;
            for _ in 0..100_000 {
                world.step(&[], 1).unwrap();
                let (height, speed) = (world.state().0[2], world.state().1[2]);
                touched |= height < 0.15 && speed > 0.0;
                if touched {
                    apex = apex.max(height - 0.1);
                    if speed < 0.0 {
                        break;
                    }
                }
            }
            check(
                engine,
                "the height of the bounce",
                apex,
                restitution * restitution,
                0.03,
            );
        }
    }
}

/// x(t) = x₀ e^(−γt) (cos ωt + γ/ω sin ωt) with γ = c / 2m and ω² = k/m − γ².
#[test]
fn damped_oscillator() {
    let (mass, stiffness, damping): (f64, f64, f64) = (2.0, 50.0, 1.0);
    let inside = format!(
        r#"<option timestep="0.0005" gravity="0 0 0"/><worldbody><body>
        <joint type="slide" axis="1 0 0" stiffness="{stiffness}" damping="{damping}"/>
        <geom size="0.1" mass="{mass}"/></body></worldbody>"#
    );
    let decay = damping / (2.0 * mass);
    let omega = (stiffness / mass - decay * decay).sqrt();
    for engine in Engine::ALL {
        let mut world = model(&inside, engine).world();
        world.set_state(&[0.3], &[0.0]);
        for (step, found) in trace(world.as_mut(), 8000).into_iter().enumerate() {
            let time = (step + 1) as f64 * 0.0005;
            let expected = 0.3 * (-decay * time).exp() * ((omega * time).cos() + decay / omega * (omega * time).sin());
            assert!(
                (found - expected).abs() < 1e-3,
                "{engine}: {found} at {time} s, not {expected}"
            );
        }
    }
}

/// A position actuator with gain kp that carries a weight rests m g / kp below its target; its force is the weight.
#[test]
fn position_actuator_carries_a_weight() {
    let inside = r#"<option timestep="0.002"/><worldbody><body><joint name="lift" type="slide" axis="0 0 1"/>
        <geom size="0.1" mass="3"/></body></worldbody>
        <actuator><position joint="lift" kp="500" kv="60"/></actuator>"#;
    for engine in Engine::ALL {
        let model = model(inside, engine);
        let force = model.quantity(&Source::ActuatorForce).unwrap();
        let mut world = model.world();
        world.step(&[0.4], 3000).unwrap();
        check(engine, "the height", world.state().0[0], 0.4 - 3.0 * G / 500.0, 1e-6);
        let mut found = [0.0];
        world.read(&force, &mut found);
        check(engine, "the force", found[0], 3.0 * G, 1e-6);
    }
}

/// A velocity servo so stiff that an explicit step would explode (kv h / m = 20) reaches its speed.
#[test]
fn stiff_velocity_servo() {
    let inside = r#"<option timestep="0.01" integrator="implicitfast" gravity="0 0 0"/><worldbody><body>
        <joint name="slide" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/></body></worldbody>
        <actuator><velocity joint="slide" kv="2000"/></actuator>"#;
    for engine in Engine::ALL {
        let mut world = model(inside, engine).world();
        world.step(&[0.7], 200).unwrap();
        check(engine, "the speed", world.state().1[0], 0.7, 1e-6);
    }
}

/// Dry friction of 2 N stops 1 kg from 1 m/s after 0.25 m, and holds against less than 2 N.
#[test]
fn dry_friction_in_a_joint() {
    let inside = r#"<option timestep="0.001" gravity="0 0 0"/><worldbody><body>
        <joint name="slide" type="slide" axis="1 0 0" frictionloss="2"/><geom size="0.1" mass="1"/></body></worldbody>
        <actuator><motor joint="slide"/></actuator>"#;
    for engine in Engine::ALL {
        let mut world = model(inside, engine).world();
        world.set_state(&[0.0], &[1.0]);
        world.step(&[0.0], 1000).unwrap();
        check(engine, "the way", world.state().0[0], 0.25, 0.01);
        let before = world.state().0[0];
        world.step(&[1.9], 1000).unwrap();
        assert!(
            (world.state().0[0] - before).abs() < 0.01,
            "{engine}: crept to {}",
            world.state().0[0]
        );
    }
}

/// A weight on a joint at its limit: the joint stays there.
#[test]
fn limits_hold() {
    let inside = r#"<worldbody><body><joint type="hinge" axis="0 1 0" range="-45 30" limited="true"/>
        <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0"/></body></worldbody>"#;
    for engine in Engine::ALL {
        let mut world = model(inside, engine).world();
        world.step(&[], 2000).unwrap();
        check(engine, "the angle", world.state().0[0], PI / 6.0, 0.03);
        assert!(
            world.state().1[0].abs() < 1e-3,
            "{engine}: moves at {}",
            world.state().1[0]
        );
    }
}

/// Contacts carry the weight, and push against the slide.
#[test]
fn contact_forces() {
    let inside = r#"<option cone="elliptic" impratio="10"/><worldbody><geom type="plane" size="5 5 1"/>
        <body name="block" pos="0 0 0.05"><freejoint/><geom type="box" size="0.2 0.2 0.05" mass="2" friction="0.5"/></body></worldbody>"#;
    for engine in Engine::ALL {
        let model = model(inside, engine);
        let quantity = model.quantity(&Source::ContactForce("block".into())).unwrap();
        let mut world = model.world();
        let mut force = [0.0; 3];
        world.step(&[], 500).unwrap();
        world.read(&quantity, &mut force);
        check(engine, "the weight", force[2], 2.0 * G, 0.01);
        let at_rest = world.state().0.to_vec();
        world.set_state(&at_rest, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        // MuJoCo's contact hops when a slide begins, so that only the sum of the pushes is known: the momentum.
        let mut impulse = 0.0;
        for _ in 0..300 {
            world.step(&[], 1).unwrap();
            world.read(&quantity, &mut force);
            impulse += force[0] * 0.002;
        }
        check(engine, "the push of friction", impulse, -2.0 * 1.0, 0.02);
    }
}
