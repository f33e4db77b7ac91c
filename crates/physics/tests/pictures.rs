//! Pictures show what is there, where it is; files hold what was drawn.

use std::fs::File;
use std::path::Path;

use carrot_physics::{Engine, Frame, Model, PhysicsError, Renderer, write_gif, write_png};

/// A red ball that may go anywhere above a grey floor, seen by a fixed camera from the front: x to the right, z up.
const SCENE: &str = r#"<mujoco>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.6 0.7 0.8" rgb2="0.2 0.3 0.4" width="64" height="64"/>
    <texture name="floor" type="2d" builtin="checker" rgb1="0.3 0.3 0.3" rgb2="0.4 0.4 0.4" width="256" height="256"/>
    <material name="floor" texture="floor" texrepeat="8 8" reflectance="0.1"/>
  </asset>
  <worldbody>
    <light pos="0 -1 4" dir="0 0.2 -1"/>
    <camera name="front" pos="0 -4 1" xyaxes="1 0 0 0 0 1"/>
    <geom type="plane" size="20 20 1" material="floor"/>
    <body name="ball" pos="0 0 1"><freejoint/><geom size="0.2" rgba="0.9 0.1 0.1 1"/></body>
  </worldbody>
</mujoco>"#;

fn scene() -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, SCENE).unwrap();
    Model::load(&path, Engine::Mujoco).unwrap()
}

fn ball_at(x: f64, z: f64) -> [f64; 7] {
    [x, 0.0, z, 1.0, 0.0, 0.0, 0.0]
}

/// Mean column and row of the red pixels, as shares of width and height, and how many there are.
fn red_centre(frame: &Frame) -> (f64, f64, usize) {
    let pixels = frame.rgb.chunks_exact(3).enumerate();
    let is_red = |p: &[u8]| p[0] > 90 && p[1] < p[0] / 2 && p[2] < p[0] / 2;
    let red: Vec<usize> = pixels
        .filter(|(_, pixel)| is_red(pixel))
        .map(|(index, _)| index)
        .collect();
    let mean = |coordinate: &dyn Fn(usize) -> usize| {
        red.iter().map(|&index| coordinate(index) as f64 + 0.5).sum::<f64>() / red.len() as f64
    };
    let column = mean(&|index| index % frame.width) / frame.width as f64;
    let row = mean(&|index| index / frame.width) / frame.height as f64;
    (column, row, red.len())
}

#[test]
fn a_mocap_body_is_drawn_where_it_was_placed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    let text = SCENE.replace(
        "<body name=\"ball\" pos=\"0 0 1\"><freejoint/>",
        "<body name=\"ball\" mocap=\"true\">",
    );
    assert_ne!(text, SCENE);
    std::fs::write(&path, text).unwrap();
    let model = Model::load(&path, Engine::Mujoco).unwrap();
    let mut world = model.world();
    let mut renderer = Renderer::new(&model, 320, 240, Some("front")).unwrap();
    let mut column_at = |x: f64| {
        world.place_mocap(model.mocap("ball").unwrap(), [x, 0.0, 1.0]);
        renderer.place_mocap(world.mocap_positions());
        red_centre(&renderer.draw(&[]).unwrap()).0
    };
    // As below: 4.418 m of width.
    for x in [0.0, 1.0, -1.0] {
        let column = column_at(x);
        assert!((column - (0.5 + x / 4.418)).abs() < 0.01, "{x}: {column}");
    }
}

#[test]
fn a_body_is_drawn_where_it_is() {
    let mut renderer = Renderer::new(&scene(), 320, 240, Some("front")).unwrap();
    // The camera is 4 m away and sees 45° of height: 2·4·tan(22.5°) = 3.314 m, at 4:3 4.418 m of width.
    let (wide, high) = (4.418, 3.314);
    for (x, z) in [(0.0, 1.0), (1.0, 1.0), (-1.0, 1.5), (0.5, 0.6)] {
        let frame = renderer.draw(&ball_at(x, z)).unwrap();
        assert_eq!((frame.width, frame.height, frame.rgb.len()), (320, 240, 3 * 320 * 240));
        let (column, row, count) = red_centre(&frame);
        assert!(
            (column - (0.5 + x / wide)).abs() < 0.01,
            "ball at x = {x} m drawn at column {column}"
        );
        assert!(
            (row - (0.5 - (z - 1.0) / high)).abs() < 0.02,
            "ball at z = {z} m drawn at row {row}"
        );
        // A disc of radius 0.2 m is 3.1 % of the picture's height squared on 4:3, somewhat less in the shade.
        assert!((400..1000).contains(&count), "{count} red pixels");
    }
}

#[test]
fn drawing_twice_gives_the_same_picture() {
    let mut renderer = Renderer::new(&scene(), 200, 100, Some("front")).unwrap();
    let first = renderer.draw(&ball_at(0.3, 1.2)).unwrap();
    let other = renderer.draw(&ball_at(0.4, 1.2)).unwrap();
    assert_ne!(first, other);
    assert_eq!(renderer.draw(&ball_at(0.3, 1.2)).unwrap(), first);
}

#[test]
fn without_a_camera_the_view_goes_along() {
    let mut renderer = Renderer::new(&scene(), 160, 120, None).unwrap();
    let start = red_centre(&renderer.draw(&ball_at(0.0, 1.0)).unwrap());
    let far = red_centre(&renderer.draw(&ball_at(12.0, 1.0)).unwrap());
    assert!((start.0 - far.0).abs() < 0.01 && start.2 > 20, "{start:?} {far:?}");
    // Height is not followed, so a jump is seen.
    let high = red_centre(&renderer.draw(&ball_at(12.0, 1.2)).unwrap());
    assert!(high.1 < far.1 - 0.01, "{far:?} {high:?}");
}

#[test]
fn pictures_may_be_larger_than_the_models_buffer() {
    // MJCF's default buffer is 640 x 480.
    let frame = Renderer::new(&scene(), 900, 700, Some("front"))
        .unwrap()
        .draw(&ball_at(0.0, 1.0))
        .unwrap();
    assert_eq!(frame.rgb.len(), 3 * 900 * 700);
    let (column, row, count) = red_centre(&frame);
    assert!((column - 0.5).abs() < 0.01 && (row - 0.5).abs() < 0.02 && count > 3000);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let model = scene();
    let error = |result: Result<Renderer, PhysicsError>| result.err().expect("refused").to_string();
    assert!(error(Renderer::new(&model, 0, 100, None)).contains("0 x 100 pixels"));
    assert!(error(Renderer::new(&model, 100, 4097, None)).contains("1 to 4096"));
    let unknown = error(Renderer::new(&model, 10, 10, Some("fornt")));
    assert_eq!(unknown, "the model has no camera named `fornt`; did you mean `front`?");
    let mut renderer = Renderer::new(&model, 10, 10, None).unwrap();
    let refused = renderer.draw(&[0.0; 3]).unwrap_err().to_string();
    assert_eq!(refused, "cannot draw: 3 positions for a model that has 7");
    let refused = renderer.draw(&ball_at(f64::NAN, 0.0)).unwrap_err().to_string();
    assert_eq!(refused, "cannot draw: position 0 is NaN");
}

#[test]
fn threads_draw_side_by_side() {
    let model = scene();
    let draw = || {
        Renderer::new(&model, 64, 48, Some("front"))
            .unwrap()
            .draw(&ball_at(0.2, 1.0))
            .unwrap()
    };
    let alone = draw();
    let together: Vec<Frame> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(together.iter().all(|frame| *frame == alone));
}

#[test]
fn png_keeps_every_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ball.png");
    let frame = Renderer::new(&scene(), 60, 40, None)
        .unwrap()
        .draw(&ball_at(0.0, 1.0))
        .unwrap();
    write_png(&path, &frame).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap()))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(
        (info.width, info.height, info.color_type),
        (60, 40, png::ColorType::Rgb)
    );
    assert_eq!(pixels, frame.rgb);
}

/// Pictures as a viewer shows them one after the other, each with its hundredths of a second.
fn play(path: &Path) -> Vec<(Vec<u8>, u16)> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(File::open(path).unwrap()).unwrap();
    let width = usize::from(decoder.width());
    let mut canvas = vec![0; 3 * width * usize::from(decoder.height())];
    let mut shown = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        for (index, pixel) in frame
            .buffer
            .chunks_exact(4)
            .enumerate()
            .filter(|(_, pixel)| pixel[3] != 0)
        {
            let x = usize::from(frame.left) + index % usize::from(frame.width);
            let y = usize::from(frame.top) + index / usize::from(frame.width);
            canvas[3 * (y * width + x)..][..3].copy_from_slice(&pixel[..3]);
        }
        shown.push((canvas.clone(), frame.delay));
    }
    shown
}

#[test]
fn a_gif_of_few_colours_keeps_every_pixel_and_the_time() {
    let frames: Vec<Frame> = (0..10)
        .map(|step| {
            let color = |x: usize, y: usize| {
                if x == step && y == 3 {
                    [255, 0, 0]
                } else {
                    [10 * y as u8, 20, 30]
                }
            };
            let rgb = (0..8).flat_map(|y| (0..12).flat_map(move |x| color(x, y))).collect();
            Frame {
                width: 12,
                height: 8,
                rgb,
            }
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dot.gif");
    write_gif(&path, &frames, 1.0 / 30.0).unwrap();
    let shown = play(&path);
    assert_eq!(shown.len(), 10);
    assert!(
        shown
            .iter()
            .zip(&frames)
            .all(|((pixels, _), frame)| *pixels == frame.rgb)
    );
    let delays: Vec<u16> = shown.iter().map(|(_, delay)| *delay).collect();
    assert_eq!(delays, [3, 4, 3, 3, 4, 3, 3, 4, 3, 3]);
    // A viewer cannot show 125 pictures a second; fewer of them last as long.
    write_gif(&path, &frames, 0.008).unwrap();
    assert_eq!(play(&path).iter().map(|(_, delay)| u32::from(*delay)).sum::<u32>(), 8);
}

#[test]
fn a_gif_of_a_drawing_is_faithful_and_small() {
    let mut renderer = Renderer::new(&scene(), 320, 240, None).unwrap();
    let draw = |step: i32| renderer.draw(&ball_at(0.06 * f64::from(step), 1.0)).unwrap();
    let frames: Vec<Frame> = (0..50).map(draw).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ball.gif");
    write_gif(&path, &frames, 0.04).unwrap();
    let shown = play(&path);
    assert_eq!(shown.len(), 50);
    assert!(shown.iter().all(|(_, delay)| *delay == 4));
    for ((pixels, _), frame) in shown.iter().zip(&frames) {
        let errors = pixels.iter().zip(&frame.rgb).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = errors.sum::<f64>() / pixels.len() as f64;
        assert!(mean < 3.0, "mean colour error {mean} of 255");
    }
    // 2 s of a moving floor; a 5 s rollout must stay below 3 MB.
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 1_200_000, "{bytes} bytes");
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let frame = Frame {
        width: 2,
        height: 1,
        rgb: vec![0; 6],
    };
    let small = Frame {
        width: 1,
        height: 1,
        rgb: vec![0; 3],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    let cases: [(&[Frame], f64, &str); 4] = [
        (&[], 0.1, "at least one frame"),
        (&[frame.clone(), small], 0.1, "the same size"),
        (std::slice::from_ref(&frame), f64::NAN, "must be positive"),
        (
            &[Frame {
                rgb: vec![0; 5],
                ..frame.clone()
            }],
            0.1,
            "three bytes",
        ),
    ];
    for (frames, secs, expected) in cases {
        let message = write_gif(&path, frames, secs).unwrap_err().to_string();
        assert!(message.contains("picture: ") && message.contains(expected), "{message}");
    }
    assert!(
        write_png(
            &path,
            &Frame {
                rgb: vec![0; 5],
                ..frame.clone()
            }
        )
        .is_err()
    );
    let nowhere = folder.path().join("no/such/folder.png");
    assert!(
        write_png(&nowhere, &frame)
            .unwrap_err()
            .to_string()
            .contains("folder.png: ")
    );
}
