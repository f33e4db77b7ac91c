//! The painter of image snapshots gives what the rules of egui's own painter give, worked out by hand.

mod support;

use eframe::egui;
use egui::epaint::{Mesh, Vertex};
use egui::{Color32, ColorImage, Rect, TextureHandle, TextureOptions, Theme, pos2, vec2};
use egui_kittest::Harness;
use image::RgbaImage;

/// What a frame of `width` × `height` points shows, drawn by `draw` on black.
fn picture(width: f32, height: f32, draw: impl Fn(&egui::Painter)) -> RgbaImage {
    let window = Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height));
    let mut harness = support::harness([width, height], Theme::Dark).build_ui(|ui| {
        let painter = ui.ctx().layer_painter(egui::LayerId::background());
        painter.rect_filled(window, 0.0, Color32::BLACK);
        draw(&painter);
    });
    harness.render().unwrap()
}

fn grey(image: &RgbaImage) -> Vec<Vec<u8>> {
    let rows = image.rows();
    rows.map(|row| row.map(|pixel| pixel.0[0]).collect()).collect()
}

/// Plain triangles, without the soft edge that egui gives to shapes.
fn triangles(corners: &[[f32; 2]], color: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for &[x, y] in corners {
        mesh.indices.push(mesh.vertices.len() as u32);
        let uv = egui::epaint::WHITE_UV;
        mesh.vertices.push(Vertex {
            pos: pos2(x, y),
            uv,
            color,
        });
    }
    mesh
}

/// A rectangle of two triangles that shows the whole of a texture.
fn quad(rect: Rect, texture: &TextureHandle) -> Mesh {
    let mut mesh = Mesh::with_texture(texture.id());
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    mesh.add_rect_with_uv(rect, whole, Color32::WHITE);
    mesh
}

#[test]
fn a_rectangle_fills_its_pixels_and_no_other() {
    let image = picture(6.0, 4.0, |painter| {
        let rect = Rect::from_min_max(pos2(1.0, 1.0), pos2(4.0, 3.0));
        let corners = [
            rect.left_top(),
            rect.right_top(),
            rect.left_bottom(),
            rect.right_top(),
            rect.right_bottom(),
            rect.left_bottom(),
        ];
        let corners = corners.map(|corner| [corner.x, corner.y]);
        painter.add(triangles(&corners, Color32::WHITE));
    });
    assert_eq!(
        grey(&image),
        [
            [0, 0, 0, 0, 0, 0],
            [0, 255, 255, 255, 0, 0],
            [0, 255, 255, 255, 0, 0],
            [0, 0, 0, 0, 0, 0]
        ]
    );
}

#[test]
fn half_transparent_colours_lie_over_each_other() {
    // Premultiplied 128 of white over black: 128. Again: 128 + 128 · (1 − 128/255) = 191.7.
    // Red at full strength and no alpha adds: premultiplied light, as egui's text uses it.
    let half = Color32::from_rgba_premultiplied(128, 128, 128, 128);
    let image = picture(3.0, 1.0, |painter| {
        let square = |from: f32| {
            [
                [from, 0.0],
                [3.0, 0.0],
                [from, 1.0],
                [3.0, 0.0],
                [3.0, 1.0],
                [from, 1.0],
            ]
        };
        painter.add(triangles(&square(0.0), half));
        painter.add(triangles(&square(1.0), half));
        painter.add(triangles(&square(2.0), Color32::from_rgba_premultiplied(100, 0, 0, 0)));
    });
    let pixels: Vec<[u8; 4]> = image.pixels().map(|pixel| pixel.0).collect();
    assert_eq!(
        pixels,
        [[128, 128, 128, 255], [192, 192, 192, 255], [255, 192, 192, 255]]
    );
}

#[test]
fn triangles_that_share_an_edge_cover_each_pixel_once() {
    // Fans around points on pixel centres, on corners and at odd places: where an edge is drawn twice a pixel is lighter
    // than 128, where it is left out a pixel is dark.
    let half = Color32::from_rgba_premultiplied(128, 128, 128, 128);
    for centre in [[8.5, 8.5], [8.0, 8.0], [3.3, 11.7], [0.5, 8.5], [7.123, 7.124]] {
        let rim = [
            [0.0, 0.0],
            [5.5, 0.0],
            [16.0, 0.0],
            [16.0, 7.25],
            [16.0, 16.0],
            [8.5, 16.0],
            [0.0, 16.0],
            [0.0, 3.75],
        ];
        let fan = (0..rim.len()).flat_map(|at| [centre, rim[at], rim[(at + 1) % rim.len()]]);
        let fan: Vec<[f32; 2]> = fan.collect();
        let image = picture(16.0, 16.0, |painter| {
            painter.add(triangles(&fan, half));
        });
        assert!(
            grey(&image).iter().flatten().all(|&pixel| pixel == 128),
            "around {centre:?}: {:?}",
            grey(&image)
        );
    }
}

#[test]
fn a_pixel_on_an_edge_belongs_to_the_triangle_right_of_it_and_below() {
    // Both lines of the cross run through pixel centres; four squares in four colours meet there.
    let square = |left: f32, top: f32| {
        [
            [left, top],
            [left + 2.0, top],
            [left, top + 2.0],
            [left + 2.0, top],
            [left + 2.0, top + 2.0],
            [left, top + 2.0],
        ]
    };
    let image = picture(3.0, 3.0, |painter| {
        for (left, top, grey) in [(-0.5, -0.5, 10), (1.5, -0.5, 20), (-0.5, 1.5, 30), (1.5, 1.5, 40)] {
            painter.add(triangles(&square(left, top), Color32::from_gray(grey)));
        }
    });
    assert_eq!(grey(&image), [[10, 20, 20], [30, 40, 40], [30, 40, 40]]);
}

#[test]
fn colours_run_evenly_between_corners() {
    let image = picture(4.0, 1.0, |painter| {
        let mut mesh = triangles(
            &[[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]],
            Color32::WHITE,
        );
        for vertex in &mut mesh.vertices {
            vertex.color = Color32::from_gray(if vertex.pos.x == 0.0 { 0 } else { 200 });
        }
        painter.add(mesh);
    });
    // Pixel centres at 1/8, 3/8, 5/8 and 7/8 of the way.
    assert_eq!(grey(&image), [[25, 75, 125, 175]]);
}

#[test]
fn text_stays_within_its_clip_rectangle() {
    let clip = Rect::from_min_max(pos2(10.2, 6.4), pos2(40.7, 14.6));
    let draw = |clip: Rect| {
        picture(80.0, 24.0, move |painter| {
            let font = egui::FontId::proportional(14.0);
            let painter = painter.with_clip_rect(clip);
            painter.text(
                pos2(2.0, 2.0),
                egui::Align2::LEFT_TOP,
                "Hello clip",
                font,
                Color32::WHITE,
            );
        })
    };
    let (whole, clipped) = (draw(Rect::EVERYTHING), draw(clip));
    let mut inked = 0;
    for (x, y, pixel) in clipped.enumerate_pixels() {
        // 10.2 → 10, 6.4 → 6, 40.7 → 41, 14.6 → 15.
        if (10..41).contains(&x) && (6..15).contains(&y) {
            assert_eq!(pixel, whole.get_pixel(x, y), "at {x}, {y}");
            inked += usize::from(pixel.0[0] > 128);
        } else {
            assert_eq!(pixel.0, [0, 0, 0, 255], "at {x}, {y}");
        }
    }
    assert!(inked > 20, "only {inked} pixels of text are there");
}

/// A frame with one 2 × 1 texture, black and 200.
fn with_texture(width: f32, options: TextureOptions, shown: [f32; 2]) -> Vec<u8> {
    let image = ColorImage::new([2, 1], vec![Color32::BLACK, Color32::from_gray(200)]);
    let mut texture: Option<TextureHandle> = None;
    let mut harness = support::harness([width, 1.0], Theme::Dark).build_ui(move |ui| {
        let texture = texture.get_or_insert_with(|| ui.ctx().load_texture("two", image.clone(), options));
        let mut mesh = Mesh::with_texture(texture.id());
        let uv = Rect::from_min_max(pos2(shown[0], 0.0), pos2(shown[1], 1.0));
        mesh.add_rect_with_uv(
            Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 1.0)),
            uv,
            Color32::WHITE,
        );
        ui.ctx().layer_painter(egui::LayerId::background()).add(mesh);
    });
    grey(&harness.render().unwrap()).remove(0)
}

#[test]
fn a_texture_is_sampled_as_its_options_say() {
    let mixed = TextureOptions {
        magnification: egui::TextureFilter::Nearest,
        ..TextureOptions::LINEAR
    };
    for (name, options, shown, values) in [
        // Pixel centres at 0.25, 0.75, 1.25, 1.75 texels; texel centres at 0.5 and 1.5.
        ("linear", TextureOptions::LINEAR, [0.0, 1.0], vec![0, 50, 150, 200]),
        ("nearest", TextureOptions::NEAREST, [0.0, 1.0], vec![0, 0, 200, 200]),
        ("clamp", TextureOptions::NEAREST, [-0.5, 1.5], vec![0, 0, 200, 200]),
        (
            "repeat",
            TextureOptions::NEAREST_REPEAT,
            [-0.5, 1.5],
            vec![200, 0, 200, 0],
        ),
        (
            "mirror",
            TextureOptions::NEAREST_MIRRORED_REPEAT,
            [0.0, 2.0],
            vec![0, 200, 200, 0],
        ),
        // Enlarged: nearest. Shrunk to one pixel with its centre between the texels: their mean.
        ("enlarged", mixed, [0.0, 1.0], vec![0, 0, 200, 200]),
        ("shrunk", mixed, [0.0, 1.0], vec![100]),
    ] {
        assert_eq!(with_texture(values.len() as f32, options, shown), values, "{name}");
    }
}

#[test]
fn a_texture_changes_in_part_and_is_forgotten_after_its_last_frame() {
    struct Shown {
        texture: Option<TextureHandle>,
        frame: usize,
    }
    let state = Shown {
        texture: None,
        frame: 0,
    };
    let draw = |ui: &mut egui::Ui, shown: &mut Shown| {
        let texture = shown.texture.get_or_insert_with(|| {
            let image = ColorImage::filled([4, 2], Color32::from_gray(7));
            ui.ctx().load_texture("changing", image, TextureOptions::NEAREST)
        });
        let painter = ui.ctx().layer_painter(egui::LayerId::background());
        painter.add(quad(Rect::from_min_size(pos2(0.0, 0.0), vec2(4.0, 2.0)), texture));
        match shown.frame {
            1 => texture.set_partial(
                [1, 1],
                ColorImage::filled([2, 1], Color32::from_gray(9)),
                TextureOptions::NEAREST,
            ),
            // Dropped while the frame at hand still shows it.
            2 => shown.texture = None,
            _ => {}
        }
    };
    let mut harness: Harness<Shown> = support::harness([4.0, 2.0], Theme::Dark).build_ui_state(draw, state);
    let mut show = |frame: usize| {
        harness.state_mut().frame = frame;
        harness.step();
        grey(&harness.render().unwrap())
    };
    assert_eq!(show(0), [[7, 7, 7, 7], [7, 7, 7, 7]]);
    assert_eq!(show(1), [[7, 7, 7, 7], [7, 9, 9, 7]]);
    assert_eq!(show(2), [[7, 7, 7, 7], [7, 9, 9, 7]]);
    assert_eq!(show(3), [[7, 7, 7, 7], [7, 7, 7, 7]]);
}

#[test]
fn a_paint_callback_is_refused() {
    let mut harness = support::harness([10.0, 10.0], Theme::Dark).build_ui(|ui| {
        ui.painter().add(egui::epaint::PaintCallback {
            rect: ui.max_rect(),
            callback: std::sync::Arc::new(()),
        });
    });
    let refusal = harness.render().unwrap_err();
    assert!(refusal.contains("paint callback"), "{refusal}");
}

#[test]
fn one_of_everything_looks_as_recorded() {
    use egui_kittest::kittest::Queryable;
    let mut results = egui_kittest::SnapshotResults::new();
    for theme in [Theme::Dark, Theme::Light] {
        let mut harness = support::harness([320.0, 400.0], theme).build_ui_state(
            |ui, playground: &mut support::playground::Playground| playground.ui(ui),
            support::playground::Playground::default(),
        );
        while harness.query_by_label("Late news").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            harness.step();
        }
        harness.run_steps(2);
        harness.snapshot(format!("playground_{theme:?}").to_lowercase());
        results.extend(harness.take_snapshot_results());
    }
}
