//! Pictures from any view: what is where in them, what is drawn beside bodies, and what is under a place.

use carrot_physics::{
    DrawOptions, Engine, Eye, Frame, Model, Pull, Push, Quality, Renderer, Scene, Selection, View, write_png,
};

/// A red ball and a green box that hangs on it, above a grey floor; nothing else has a colour.
const SCENE: &str = r#"<mujoco>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.6 0.7 0.8" rgb2="0.2 0.3 0.4" width="64" height="64"/>
  </asset>
  <worldbody>
    <light pos="0 -1 4" dir="0 0.2 -1"/>
    <geom name="floor" type="plane" size="20 20 1" rgba="0.4 0.4 0.4 1"/>
    <body name="ball" pos="0 0 0.2"><freejoint/><geom size="0.2" mass="2" rgba="0.9 0.1 0.1 1"/>
      <body pos="0 0 0.6"><joint axis="1 0 0" stiffness="5"/>
        <geom type="box" size="0.1 0.1 0.1" mass="0.5" rgba="0.1 0.8 0.1 1"/></body></body>
  </worldbody>
  <actuator><motor joint="hinge" name="m" ctrlrange="-1 1"/></actuator>
</mujoco>"#;

const SIZE: (usize, usize) = (320, 240);
const ASPECT: f64 = 320.0 / 240.0;

fn model(engine: Engine) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, SCENE.replace("<joint axis", "<joint name=\"hinge\" axis")).unwrap();
    Model::load(&path, engine).unwrap()
}

/// Ball at a place, the box above it.
fn at(x: f64, y: f64, z: f64) -> Scene {
    Scene::at(&[x, y, z, 1.0, 0.0, 0.0, 0.0, 0.0])
}

fn view(azimuth_deg: f64, elevation_deg: f64) -> View {
    View {
        azimuth_deg,
        elevation_deg,
        distance_m: 4.0,
        lookat: [0.0, 0.0, 0.5],
        follow: false,
    }
}

/// Mean place of pixels of a kind and their number.
fn centre(frame: &Frame, is: impl Fn(&[u8]) -> bool) -> ([f64; 2], usize) {
    let pixels = frame.rgb.chunks_exact(3).enumerate();
    let found: Vec<usize> = pixels.filter(|(_, pixel)| is(pixel)).map(|(index, _)| index).collect();
    let mean = |share: &dyn Fn(usize) -> f64| found.iter().map(|&index| share(index)).sum::<f64>() / found.len() as f64;
    let x = mean(&|index| ((index % frame.width) as f64 + 0.5) / frame.width as f64);
    let y = mean(&|index| ((index / frame.width) as f64 + 0.5) / frame.height as f64);
    ([x, y], found.len())
}

fn red(pixel: &[u8]) -> bool {
    pixel[0] > 60 && pixel[1] < pixel[0] / 2 && pixel[2] < pixel[0] / 2
}

fn green(pixel: &[u8]) -> bool {
    pixel[1] > 60 && pixel[0] < pixel[1] / 2 && pixel[2] < pixel[1] / 2
}

fn differing(a: &Frame, b: &Frame) -> usize {
    let pairs = a.rgb.chunks_exact(3).zip(b.rgb.chunks_exact(3));
    pairs.filter(|(a, b)| a != b).count()
}

fn near(a: [f64; 2], b: [f64; 2]) -> bool {
    (a[0] - b[0]).abs() < 0.015 && (a[1] - b[1]).abs() < 0.02
}

#[test]
fn a_body_is_where_the_eye_says_and_is_hit_there() {
    let mut renderer = Renderer::with_quality(&model(Engine::Mujoco), SIZE, Quality::Fast).unwrap();
    let cases = [
        (view(90.0, -12.0), [0.0, 0.0]),
        (view(30.0, -40.0), [0.5, 0.3]),
        (view(-120.0, -5.0), [-0.4, 0.6]),
        (view(10.0, -80.0), [0.3, -0.4]),
        (
            View {
                follow: true,
                ..view(60.0, -20.0)
            },
            [7.0, -5.0],
        ),
    ];
    for (view, [x, y]) in cases {
        let scene = at(x, y, 0.2);
        let frame = renderer.draw_view(&scene, &view, &DrawOptions::default()).unwrap();
        let eye: Eye = renderer.eye();
        let boxed = eye.project([x, y, 0.8], ASPECT).unwrap();
        let (shown, count) = centre(&frame, green);
        // The light falls on some of its faces more than on others.
        assert!(
            count > 30 && near(shown, boxed),
            "{view:?}: {boxed:?}, drawn at {shown:?} with {count} pixels"
        );
        let hit: Selection = renderer.select(&scene, &view, boxed).unwrap().expect("the box");
        assert_eq!((hit.body, hit.name.as_str()), (2, "body 2"));
        // The surface of the box, seen from its own frame; the world's axes are its own here.
        let from_body = [hit.point_world[0] - x, hit.point_world[1] - y, hit.point_world[2] - 0.8];
        let agree = from_body.iter().zip(hit.point_local).all(|(a, b)| (a - b).abs() < 1e-9);
        let on_surface = hit
            .point_local
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        assert!(agree && (on_surface - 0.1).abs() < 1e-6, "{hit:?}");
        assert!(near(eye.project(hit.point_world, ASPECT).unwrap(), boxed), "{hit:?}");
    }
}

#[test]
fn sky_and_floor_are_told_from_bodies() {
    let mut renderer = Renderer::with_quality(&model(Engine::Mujoco), SIZE, Quality::Fast).unwrap();
    let (scene, view) = (at(0.0, 0.0, 0.2), view(90.0, -12.0));
    assert_eq!(renderer.select(&scene, &view, [0.5, 0.02]).unwrap(), None);
    let floor = renderer.select(&scene, &view, [0.5, 0.95]).unwrap().unwrap();
    assert_eq!((floor.body, floor.name.as_str(), floor.mass_kg), (0, "world", 0.0));
    assert!(floor.point_world[2].abs() < 1e-9, "{floor:?}");
    // Worked by hand: at its centre alone a body of 2.5 kg would feel like 2.5 kg; its joint lets a part give way.
    let eye = renderer.eye();
    let ball = eye.project([0.0, 0.0, 0.2], ASPECT).unwrap();
    let ball = renderer.select(&scene, &view, ball).unwrap().unwrap();
    assert_eq!(ball.name, "ball");
    assert!(ball.mass_kg > 0.5 && ball.mass_kg < 2.5, "{ball:?}");
}

#[test]
fn without_options_it_is_the_picture_of_always() {
    let model = model(Engine::Mujoco);
    let scene = at(3.0, 1.0, 0.4);
    let always = Renderer::new(&model, SIZE.0, SIZE.1, None)
        .unwrap()
        .draw(&scene.qpos)
        .unwrap();
    let mut renderer = Renderer::with_quality(&model, (50, 60), Quality::Full).unwrap();
    renderer
        .draw_view(
            &at(0.0, 0.0, 1.0),
            &view(0.0, -60.0),
            &DrawOptions {
                contacts: true,
                ..Default::default()
            },
        )
        .unwrap();
    renderer.resize(SIZE).unwrap();
    let drawn = renderer
        .draw_view(&scene, &model.default_view(), &DrawOptions::default())
        .unwrap();
    assert!(drawn == always, "{} pixels differ", differing(&drawn, &always));
    // And what a scene says beside positions is not to be seen without the options that show it.
    let moving = Scene {
        qvel: vec![1.0; 7],
        ctrl: vec![0.5],
        ..scene
    };
    let drawn = renderer
        .draw_view(&moving, &model.default_view(), &DrawOptions::default())
        .unwrap();
    assert!(drawn == always, "{} pixels differ", differing(&drawn, &always));
}

/// A picture for whoever wants to look: set `CARROT_PICTURES` to a folder.
fn keep(name: &str, frame: &Frame) {
    if let Some(folder) = std::env::var_os("CARROT_PICTURES") {
        write_png(&std::path::Path::new(&folder).join(format!("{name}.png")), frame).unwrap();
    }
}

#[test]
fn each_option_adds_something_of_its_own() {
    let options: [(&str, DrawOptions); 6] = [
        (
            "contacts",
            DrawOptions {
                contacts: true,
                ..Default::default()
            },
        ),
        (
            "forces",
            DrawOptions {
                contact_forces: true,
                transparent: true,
                ..Default::default()
            },
        ),
        (
            "frames",
            DrawOptions {
                frames: true,
                ..Default::default()
            },
        ),
        (
            "joints",
            DrawOptions {
                joints: true,
                ..Default::default()
            },
        ),
        (
            "inertia",
            DrawOptions {
                inertia: true,
                ..Default::default()
            },
        ),
        (
            "transparent",
            DrawOptions {
                transparent: true,
                ..Default::default()
            },
        ),
    ];
    for engine in Engine::ALL {
        let model = model(engine);
        let mut world = model.world();
        world.step(&[0.0], 300).unwrap();
        let scene = world.scene();
        let mut renderer = Renderer::with_quality(&model, SIZE, Quality::Full).unwrap();
        let view = View {
            distance_m: 2.5,
            ..view(70.0, -15.0)
        };
        let plain = renderer.draw_view(&scene, &view, &DrawOptions::default()).unwrap();
        let mut seen = vec![plain.clone()];
        for (name, options) in options {
            let frame = renderer.draw_view(&scene, &view, &options).unwrap();
            keep(&format!("{engine}-{name}"), &frame);
            let count = differing(&plain, &frame);
            assert!(
                (20..SIZE.0 * SIZE.1 / 2).contains(&count),
                "{engine} {name}: {count} pixels"
            );
            assert!(!seen.contains(&frame), "{engine} {name}");
            seen.push(frame);
        }
        assert!(
            renderer.draw_view(&scene, &view, &DrawOptions::default()).unwrap() == plain,
            "{engine}"
        );
    }
}

#[test]
fn contact_forces_are_those_of_the_state() {
    let model = model(Engine::Mujoco);
    let mut renderer = Renderer::with_quality(&model, SIZE, Quality::Full).unwrap();
    // The arrow is inside the ball.
    let glass = DrawOptions {
        transparent: true,
        ..Default::default()
    };
    let forces = DrawOptions {
        contact_forces: true,
        ..glass
    };
    let view = View {
        distance_m: 2.5,
        ..view(70.0, -15.0)
    };
    let mut shown = |scene: &Scene| {
        let plain = renderer.draw_view(scene, &view, &glass).unwrap();
        let frame = renderer.draw_view(scene, &view, &forces).unwrap();
        differing(&plain, &frame)
    };
    // Sunk in by a little, as a ball at rest is.
    let resting = at(0.0, 0.0, 0.199);
    let in_the_air = at(0.0, 0.0, 0.3);
    assert!(shown(&resting) > 20 && shown(&in_the_air) == 0);
    // What leaves is not held, what is pushed down is held harder.
    let leaving = Scene {
        qvel: vec![0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0],
        ..resting.clone()
    };
    assert_eq!(shown(&leaving), 0);
    // Beside the middle, so that the arrow of the push does not hide the other.
    let pull = Pull::Force([40.0, 0.0, -60.0]);
    let pushed = Scene {
        push: Some(Push {
            body: 1,
            at_local: [0.0; 3],
            pull,
        }),
        ..resting.clone()
    };
    assert!(
        4 * shown(&pushed) > 5 * shown(&resting),
        "{} {}",
        shown(&pushed),
        shown(&resting)
    );
}

#[test]
fn a_push_and_a_selection_are_seen() {
    let model = model(Engine::Mujoco);
    let mut renderer = Renderer::with_quality(&model, SIZE, Quality::Full).unwrap();
    let view = view(90.0, -12.0);
    let plain = at(0.0, 0.0, 0.2);
    let mut draw = |scene: &Scene| renderer.draw_view(scene, &view, &DrawOptions::default()).unwrap();
    let nothing = draw(&plain);
    let orange = |pixel: &[u8]| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        r > 120 && 3 * g > r && 5 * g < 4 * r && 2 * b < g
    };
    let push = |pull| Scene {
        push: Some(Push {
            body: 2,
            at_local: [0.1, 0.0, 0.0],
            pull,
        }),
        ..plain.clone()
    };
    // Seen along y, x points to the right: a force along x, and a spring to the upper right.
    let force = draw(&push(Pull::Force([40.0, 0.0, 0.0])));
    let spring = draw(&push(Pull::Spring {
        to: [1.0, 0.0, 1.3],
        mass_kg: 0.5,
    }));
    let shining = draw(&Scene {
        selected: Some(1),
        ..plain.clone()
    });
    keep("force", &force);
    keep("spring", &spring);
    keep("selected", &shining);
    assert_eq!(centre(&nothing, orange).1, 0);
    let (place, count) = centre(&force, orange);
    assert!(count > 20 && place[0] > 0.53, "{place:?} {count}");
    let (higher, count) = centre(&spring, orange);
    assert!(
        count > 20 && higher[0] > 0.55 && higher[1] < place[1] - 0.02,
        "{higher:?} {count}"
    );
    let brightness = |frame: &Frame| {
        let ball = frame
            .rgb
            .chunks_exact(3)
            .filter(|pixel| red(pixel))
            .map(|pixel| f64::from(pixel[0]));
        let (sum, count) = ball.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        sum / count
    };
    assert!(
        brightness(&shining) > brightness(&nothing) + 10.0,
        "{} {}",
        brightness(&shining),
        brightness(&nothing)
    );
}

#[test]
fn a_fast_picture_shows_the_same_bodies() {
    let model = model(Engine::Mujoco);
    let (scene, view) = (at(0.2, 0.0, 0.3), view(60.0, -30.0));
    let places = [Quality::Full, Quality::Fast].map(|quality| {
        let mut renderer = Renderer::with_quality(&model, SIZE, quality).unwrap();
        let frame = renderer.draw_view(&scene, &view, &DrawOptions::default()).unwrap();
        centre(&frame, green).0
    });
    assert!(near(places[0], places[1]), "{places:?}");
}

#[test]
fn scenes_of_another_model_are_refused() {
    let mut renderer = Renderer::with_quality(&model(Engine::Mujoco), SIZE, Quality::Fast).unwrap();
    let fine = at(0.0, 0.0, 0.3);
    let cases = [
        (Scene::at(&[0.0; 3]), "3 positions for a model that has 8"),
        (
            Scene {
                qvel: vec![0.0; 2],
                ..fine.clone()
            },
            "2 velocities for a model that has 7",
        ),
        (
            Scene {
                ctrl: vec![f64::NAN],
                ..fine.clone()
            },
            "control 0 is NaN",
        ),
        (
            Scene {
                mocap: vec![[0.0; 3]],
                ..fine.clone()
            },
            "3 mocap coordinates for a model that has 0",
        ),
        (
            Scene {
                selected: Some(3),
                ..fine.clone()
            },
            "body 3 of a model that has 3",
        ),
        (at(1e11, 0.0, 0.0), "position 0 is 100000000000"),
    ];
    for (scene, expected) in cases {
        let view = view(0.0, 0.0);
        let error = renderer.draw_view(&scene, &view, &DrawOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot draw: {expected}"));
        assert!(renderer.select(&scene, &view, [0.5, 0.5]).is_err());
    }
    assert!(renderer.resize((0, 5)).is_err() && renderer.size() == SIZE);
    renderer
        .draw_view(&fine, &view(0.0, 0.0), &DrawOptions::default())
        .unwrap();
}
