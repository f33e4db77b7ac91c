//! A push from outside does what Newton says, what MuJoCo's own `simulate` does, and nothing once it is over.

use carrot_physics::{Engine, Model, Physics, Pull, Push, Source};

const FREE: &str = r#"<mujoco><option timestep="0.002" gravity="0 0 0"/><worldbody>
  <body name="box" pos="0 0 1"><freejoint/><geom type="box" size=".2 .1 .05" mass="MASS"/></body></worldbody></mujoco>"#;

const HINGED: &str = r#"<mujoco><option timestep="0.002"/><worldbody><geom type="plane" size="5 5 1"/>
  <body name="a" pos="0 0 1"><freejoint/><geom type="box" size=".2 .1 .05" mass="3"/>
    <body name="b" pos="0.3 0 0"><joint axis="0 1 0" damping="0.2"/>
      <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03" mass=".5"/></body></body></worldbody></mujoco>"#;

const RESTING: &str = r#"<mujoco><option timestep="0.002"><flag sleep="enable"/></option><worldbody>
  <geom type="plane" size="5 5 1"/>
  <body pos="0 0 .1"><freejoint/><geom type="box" size=".2 .2 .1" mass="2"/></body>
  <body pos="3 0 .1"><freejoint/><geom type="box" size=".2 .2 .1" mass="2"/></body></worldbody></mujoco>"#;

fn model(text: &str, engine: Engine) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, text).unwrap();
    Model::load(&path, engine).unwrap()
}

fn free(mass_kg: f64, engine: Engine) -> Box<dyn Physics> {
    model(&FREE.replace("MASS", &mass_kg.to_string()), engine).world()
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

fn bits(world: &dyn Physics) -> Vec<u64> {
    let (qpos, qvel) = world.state();
    qpos.iter().chain(qvel).map(|value| value.to_bits()).collect()
}

fn force(body: usize, at_local: [f64; 3], force: [f64; 3]) -> Push {
    Push {
        body,
        at_local,
        pull: Pull::Force(force),
    }
}

#[test]
fn momentum_grows_by_force_and_time() {
    for engine in Engine::ALL {
        let mut world = free(3.0, engine);
        // At the centre of mass: 6 N for 0.1 s on 3 kg.
        world.push(Some(force(1, [0.0; 3], [6.0, -3.0, 1.5])));
        world.step(&[], 50).unwrap();
        let expected = [0.2, -0.1, 0.05, 0.0, 0.0, 0.0];
        assert!(
            close(world.state().1, &expected, 1e-9),
            "{engine}: {:?}",
            world.state().1
        );
        // Let go, it flies on.
        world.push(None);
        world.step(&[], 50).unwrap();
        assert!(
            close(world.state().1, &expected, 1e-9),
            "{engine}: {:?}",
            world.state().1
        );
    }
}

#[test]
fn a_push_beside_the_middle_turns() {
    for engine in Engine::ALL {
        let mut world = free(3.0, engine);
        // 6 N at a lever of 0.2 m along x, for one step of 2 ms; about z the box has m/12·(0.4² + 0.2²) = 0.05 kg·m².
        world.push(Some(force(1, [0.2, 0.0, 0.0], [0.0, 6.0, 0.0])));
        world.step(&[], 1).unwrap();
        let expected = [0.0, 0.004, 0.0, 0.0, 0.0, 0.048];
        assert!(
            close(world.state().1, &expected, 1e-9),
            "{engine}: {:?}",
            world.state().1
        );
    }
}

/// The whole of a jointed body gains what one part of it is pushed with.
#[test]
fn a_pushed_part_takes_the_rest_along() {
    let text = HINGED.replace(
        "<option timestep=\"0.002\"/>",
        "<option timestep=\"0.002\" gravity=\"0 0 0\"/>",
    );
    for engine in Engine::ALL {
        let model = model(&text, engine);
        let mut world = model.world();
        world.push(Some(force(2, [0.3, 0.0, 0.0], [0.0, 0.0, 7.0])));
        world.step(&[], 50).unwrap();
        // 0.1 s of 7 N on 3.5 kg; the velocity is that of the last step.
        let com = model.quantity(&Source::SubtreeCom("a".into())).unwrap();
        let mut places = [[0.0; 3]; 2];
        for place in &mut places {
            world.read(&com, place);
            world.step(&[], 1).unwrap();
        }
        let velocity: Vec<f64> = (0..3).map(|axis| (places[1][axis] - places[0][axis]) / 0.002).collect();
        assert!(close(&velocity, &[0.0, 0.0, 0.2], 5e-3), "{engine}: {velocity:?}");
    }
}

/// Figures by MuJoCo 3.17.0: `mj_step1`, the force of `mjv_applyPerturbForce` or another on the point, `mj_step2`, 200 times.
#[test]
fn pulling_is_what_it_is_in_simulate() {
    let spring = Pull::Spring {
        to: [0.7, -0.1, 1.2],
        mass_kg: 1.176_333_141_028_373_3,
    };
    let cases: [(Pull, [f64; 8], [f64; 7]); 2] = [
        (
            spring,
            [
                0.5695992334882375,
                0.0015746343279950848,
                0.5754285298469355,
                0.6823798087285674,
                0.2927638458447828,
                -0.6570135482542473,
                0.13030857460696782,
                -0.0942592383072176,
            ],
            [
                2.298313022851947,
                -0.2663886431655429,
                -1.665352539584513,
                3.878593488244532,
                -2.9667752705620267,
                3.8284377919767976,
                -0.20683600304402885,
            ],
        ),
        (
            Pull::Force([4.0, -3.0, 20.0]),
            [
                0.24029751742326785,
                0.04307687715140754,
                0.7304506667701931,
                0.06660117252123054,
                0.36778847738490916,
                -0.507814209389762,
                0.7761576183118598,
                -0.028818896444955167,
            ],
            [
                0.7690146522039507,
                -0.11523653126777496,
                -1.1399317804981528,
                8.41295469475167,
                2.5889594488438665,
                4.544027570442234,
                0.0814336928671492,
            ],
        ),
    ];
    let model = model(HINGED, Engine::Mujoco);
    for (pull, qpos, qvel) in cases {
        let mut world = model.world();
        world.begin(model.initial_qpos(), &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
        world.push(Some(Push {
            body: 2,
            at_local: [0.1, 0.02, -0.01],
            pull,
        }));
        world.step(&[], 120).unwrap();
        world.step(&[], 80).unwrap();
        let state = world.state();
        assert!(
            close(state.0, &qpos, 1e-9) && close(state.1, &qvel, 1e-9),
            "{pull:?}: {state:?}"
        );
    }
}

#[test]
fn a_spring_feels_alike_whatever_it_pulls() {
    for engine in Engine::ALL {
        let path = |mass_kg: f64| {
            let mut world = free(mass_kg, engine);
            world.push(Some(Push {
                body: 1,
                at_local: [0.1, 0.0, 0.0],
                pull: Pull::Spring {
                    to: [0.5, 0.3, 1.4],
                    // What is felt is in proportion.
                    mass_kg,
                },
            }));
            let mut seen = Vec::new();
            for _ in 0..60 {
                world.step(&[], 10).unwrap();
                seen.extend_from_slice(world.state().0);
            }
            seen
        };
        let (light, heavy) = (path(1.0), path(50.0));
        assert!(close(&light, &heavy, 1e-6), "{engine}");
        // 1.2 s later it is held where it is pulled to, up to a swing.
        let end: Vec<f64> = heavy[heavy.len() - 7..heavy.len() - 4].to_vec();
        assert!(close(&end, &[0.5, 0.3, 1.4], 0.15), "{engine}: {end:?}");
    }
}

/// Something that leaves a world as it was.
type End<'a> = &'a dyn Fn(&mut dyn Physics);

#[test]
fn what_ends_a_push_leaves_no_trace() {
    let resting_push = force(1, [0.0; 3], [5.0, 0.0, 0.0]);
    for engine in Engine::ALL {
        let model = model(HINGED, engine);
        let free_run = |end: End| {
            let mut world = model.world();
            end(world.as_mut());
            world.step(&[], 30).unwrap();
            bits(world.as_ref())
        };
        let untouched = free_run(&|_| ());
        let ends: [(&str, End); 6] = [
            ("no push", &|world| world.push(None)),
            ("a zero force", &|world| {
                world.push(Some(resting_push));
                world.push(Some(force(1, [0.1; 3], [0.0; 3])));
            }),
            ("a push that was never stepped", &|world| {
                world.push(Some(resting_push));
                world.push(None);
            }),
            ("a reset", &|world| {
                world.push(Some(resting_push));
                world.step(&[], 7).unwrap();
                world.reset();
            }),
            ("a new episode", &|world| {
                world.push(Some(resting_push));
                world.step(&[], 7).unwrap();
                let (qpos, qvel) = (model.initial_qpos().to_vec(), vec![0.0; 7]);
                world.begin(&qpos, &qvel);
            }),
            ("a restored snapshot", &|world| {
                let before = world.snapshot();
                world.push(Some(resting_push));
                world.step(&[], 7).unwrap();
                world.restore(&before);
            }),
        ];
        for (what, end) in ends {
            assert_eq!(free_run(end), untouched, "{engine}, {what}");
        }
        let mut pushed = model.world();
        pushed.push(Some(resting_push));
        pushed.step(&[], 30).unwrap();
        assert_ne!(bits(pushed.as_ref()), untouched, "{engine}");
        // A snapshot taken amid a push is of the state alone; pushed again, the future repeats.
        let mut other = model.world();
        other.restore(&pushed.snapshot());
        assert_eq!(other.scene().push, None);
        assert_eq!(pushed.scene().push, Some(resting_push));
        other.push(Some(resting_push));
        for world in [&mut pushed, &mut other] {
            world.step(&[], 30).unwrap();
        }
        assert_eq!(bits(pushed.as_ref()), bits(other.as_ref()), "{engine}");
    }
}

#[test]
fn who_sleeps_is_woken_by_a_push_and_nobody_else_is() {
    let model = model(RESTING, Engine::Mujoco);
    let mut world = model.world();
    world.step(&[], 1000).unwrap();
    let asleep = world.state().0.to_vec();
    world.step(&[], 10).unwrap();
    assert_eq!(world.state().0, asleep, "nobody moves any more");
    // Friction is 1: 2 kg slide at more than 20 N.
    world.push(Some(force(1, [0.0; 3], [40.0, 0.0, 0.0])));
    world.step(&[], 100).unwrap();
    let now = world.state().0;
    assert!(now[0] > asleep[0] + 0.05, "{now:?}");
    assert_eq!(now[7..], asleep[7..]);
}

#[test]
fn a_push_that_is_no_number_is_a_divergence() {
    for engine in Engine::ALL {
        let mut world = free(1.0, engine);
        world.push(Some(force(1, [0.0; 3], [f64::NAN, 0.0, 0.0])));
        let error = world.step(&[], 3).unwrap_err();
        assert!(error.message.contains("Nan"), "{engine}: {error}");
        world.reset();
        world.step(&[], 3).unwrap();
    }
}

#[test]
#[should_panic(expected = "body 9 of a model that has 2")]
fn a_body_that_there_is_not_is_a_mistake() {
    free(1.0, Engine::Mujoco).push(Some(force(9, [0.0; 3], [1.0, 0.0, 0.0])));
}
