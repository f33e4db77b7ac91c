//! The drawing thread draws what was asked last, answers about places in pictures, and survives what goes wrong.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use carrot_physics::{DrawOptions, Engine, Model, Quality, Scene};
use carrot_studio::artist::{Artist, Care, DrawRequest, Picture, Slot};

/// Long enough for a software driver on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn model(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../envs/{name}/model.xml"));
    Model::load(&path, Engine::Mujoco).unwrap()
}

fn request(model: &Model, stamp: u64) -> DrawRequest {
    DrawRequest {
        model: model.clone(),
        scene: Arc::new(Scene::at(model.initial_qpos())),
        view: model.default_view(),
        options: DrawOptions::default(),
        care: Care::Always(Quality::Fast),
        size: [160, 120],
        stamp,
    }
}

fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn picture(artist: &Artist, slot: Slot, stamp: u64) -> Arc<Picture> {
    wait("picture", || {
        artist.picture(slot).filter(|picture| picture.of.stamp == stamp)
    })
}

#[test]
fn the_newest_request_of_each_slot_is_drawn() {
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    let artist = Artist::start(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let (quadruped, humanoid) = (model("quadruped"), model("humanoid"));
    assert!(artist.picture(Slot::Viewport).is_none());
    let asked_in = (1..=50).map(|stamp| {
        let mut asked = request(&quadruped, stamp);
        asked.view.orbit(0.01 * stamp as f64, 0.0);
        let started = Instant::now();
        artist.show(Slot::Viewport, asked);
        started.elapsed()
    });
    let mut asked_in: Vec<Duration> = asked_in.collect();
    asked_in.sort();
    // One or two may be of a machine that is busy with something else.
    let (usual, slow) = (asked_in[25], asked_in[47]);
    assert!(
        usual < Duration::from_millis(5) && slow < Duration::from_millis(50),
        "asking waits for drawing: {asked_in:?}"
    );
    artist.show(Slot::A, request(&humanoid, 7));
    let live = picture(&artist, Slot::Viewport, 50);
    let other = picture(&artist, Slot::A, 7);
    assert!(artist.picture(Slot::B).is_none() && artist.error(Slot::Viewport).is_none());
    assert!(live.number <= 51, "{} pictures", live.number);
    assert_eq!((live.image.size, other.image.size), ([160, 120], [160, 120]));
    assert_ne!(live.image.pixels, other.image.pixels);
    assert!(live.drawn_in_ms > 0.0 && woken.load(Ordering::Relaxed) > 0);
    artist.clear(Slot::A);
    assert!(artist.picture(Slot::A).is_none());
}

#[test]
fn what_looks_the_same_is_not_drawn_again() {
    let artist = Artist::start(|| ());
    let cartpole = model("cartpole");
    artist.show(Slot::Viewport, request(&cartpole, 1));
    let first = picture(&artist, Slot::Viewport, 1);
    for stamp in 2..20 {
        artist.show(Slot::Viewport, request(&cartpole, stamp));
    }
    // Another slot's picture comes after whatever the first slot would still have had.
    artist.show(Slot::B, request(&cartpole, 20));
    let last = picture(&artist, Slot::B, 20);
    assert_eq!((first.number, last.number), (1, 2));
    assert_eq!(first.image, last.image);
}

#[test]
fn any_size_is_drawn_or_left_alone() {
    let artist = Artist::start(|| ());
    let cartpole = model("cartpole");
    let sizes = [
        ([200, 100], [200, 100]),
        ([1, 1], [1, 1]),
        ([201, 101], [201, 101]),
        ([8000, 1000], [2048, 256]),
        ([3, 9000], [1, 2048]),
        ([202, 102], [202, 102]),
    ];
    for (stamp, (size, drawn)) in (1..).zip(sizes) {
        let asked = DrawRequest {
            size,
            ..request(&cartpole, stamp)
        };
        artist.show(Slot::Viewport, asked);
        assert_eq!(picture(&artist, Slot::Viewport, stamp).image.size, drawn);
        artist.show(
            Slot::Viewport,
            DrawRequest {
                size: [0, 500],
                ..request(&cartpole, 0)
            },
        );
    }
    assert_eq!(artist.error(Slot::Viewport), None);
}

#[test]
fn what_stands_still_gets_a_careful_picture() {
    let artist = Artist::start(|| ());
    let quadruped = model("quadruped");
    let asked = DrawRequest {
        care: Care::Adaptive,
        ..request(&quadruped, 1)
    };
    artist.show(Slot::Viewport, asked);
    assert_eq!(picture(&artist, Slot::Viewport, 1).quality, Quality::Fast);
    let careful = wait("careful picture", || {
        artist
            .picture(Slot::Viewport)
            .filter(|picture| picture.quality == Quality::Full)
    });
    assert_eq!((careful.number, careful.of.stamp), (2, 1));
}

#[test]
fn what_cannot_be_drawn_is_an_error_and_the_next_picture_comes() {
    let artist = Artist::start(|| ());
    let (cartpole, quadruped) = (model("cartpole"), model("quadruped"));
    artist.show(Slot::Viewport, request(&cartpole, 1));
    picture(&artist, Slot::Viewport, 1);
    let broken = DrawRequest {
        scene: Arc::new(Scene::at(&[f64::NAN, 0.0])),
        ..request(&cartpole, 2)
    };
    artist.show(Slot::Viewport, broken);
    let words = wait("error", || artist.error(Slot::Viewport));
    assert_eq!(words, "cannot draw: position 0 is NaN");
    assert_eq!(
        artist.picture(Slot::Viewport).unwrap().of.stamp,
        1,
        "the last picture stays"
    );
    // Another model is drawn at once, this one when the rest is over.
    let started = Instant::now();
    artist.show(Slot::Viewport, request(&quadruped, 3));
    picture(&artist, Slot::Viewport, 3);
    assert_eq!(artist.error(Slot::Viewport), None);
    artist.show(Slot::Viewport, request(&cartpole, 4));
    picture(&artist, Slot::Viewport, 4);
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_place_in_a_picture_is_asked_about() {
    let artist = Artist::start(|| ());
    let quadruped = model("quadruped");
    artist.show(Slot::Viewport, request(&quadruped, 1));
    let shown = picture(&artist, Slot::Viewport, 1);
    let aspect = 160.0 / 120.0;
    // The view follows the robot, so that its centre of mass is in the middle from left to right.
    let at = shown.eye.project(shown.eye.robot, aspect).unwrap();
    assert!((at[0] - 0.5).abs() < 1e-6 && (0.2..0.8).contains(&at[1]), "{at:?}");
    let answer = artist.select(&shown.of, at).recv_timeout(PATIENCE).unwrap();
    let selection = answer.unwrap().expect("the robot");
    assert_eq!(selection.name, "base");
    assert!((1.0..13.0).contains(&selection.mass_kg), "{selection:?}");
    let sky = artist.select(&shown.of, [0.5, 0.01]).recv_timeout(PATIENCE).unwrap();
    assert_eq!(sky, Ok(None));
    // An artist that ends in between leaves no one waiting.
    let unanswered = artist.select(&shown.of, at);
    drop(artist);
    let _ = unanswered.recv_timeout(PATIENCE);
}
