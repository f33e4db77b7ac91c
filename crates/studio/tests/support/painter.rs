//! Draws egui's output on the CPU, so that image snapshots are the same on every machine.
//!
//! A picture from a graphics driver differs from machine to machine in its last bits, and a test machine may have no driver
//! at all. The rules here are those of egui's own OpenGL painter, with integer arithmetic for what is covered:
//!
//! - colours stay in gamma space; vertex colour times texel, premultiplied: `pixel = source + pixel · (1 − source alpha)`;
//! - a pixel belongs to a triangle that holds its centre; on an edge between two triangles it belongs to one of them,
//!   which corners rounded to 1/256 pixel and the top-left rule decide, so that no seam is blended twice or left out;
//! - clip rectangles are rounded to whole pixels.
//!
//! Two things are left out on purpose: dithering, which the real painter adds against banding, and mipmaps, which the
//! studio does not use. A paint callback would draw with OpenGL itself, so it is an error.

use std::collections::BTreeMap;

use eframe::egui;
use egui::epaint::{ClippedPrimitive, ImageData, ImageDelta, Mesh, Primitive, Vertex};
use egui::{
    Color32, Context, FullOutput, Rect, TextureFilter, TextureId, TextureOptions, TextureWrapMode, TexturesDelta,
};
use image::{Rgba, RgbaImage};

/// Parts of a pixel to which corners are rounded; graphics cards use the same.
const SUBPIXELS: i64 = 256;

/// A renderer for `egui_kittest::HarnessBuilder::renderer`.
#[derive(Default)]
pub struct Painter {
    textures: BTreeMap<TextureId, Texture>,
    /// Textures that went out of use; the frame at hand may still show them.
    outgoing: Vec<TextureId>,
}

impl egui_kittest::TestRenderer for Painter {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for id in self.outgoing.drain(..) {
            self.textures.remove(&id);
        }
        for (id, changes) in delta.set.drain() {
            for change in changes {
                self.set(id, &change);
            }
        }
        self.outgoing.extend(delta.free.drain());
    }

    /// The frame as the window would show it, on the theme's background.
    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let pixels_per_point = ctx.pixels_per_point();
        let size = ctx.content_rect().size() * pixels_per_point;
        let background = ctx.global_style().visuals.panel_fill;
        let mut canvas = Canvas::new(size.x.round() as usize, size.y.round() as usize, background);
        let primitives = ctx.tessellate(output.shapes.clone(), pixels_per_point);
        for ClippedPrimitive { clip_rect, primitive } in &primitives {
            match primitive {
                Primitive::Mesh(mesh) => {
                    let texture = self
                        .textures
                        .get(&mesh.texture_id)
                        .ok_or_else(|| format!("the frame shows {:?}, which was never set", mesh.texture_id))?;
                    let clip = canvas.clip(*clip_rect, pixels_per_point);
                    canvas.mesh(mesh, texture, &clip, pixels_per_point);
                }
                Primitive::Callback(callback) => {
                    return Err(format!("a paint callback at {:?} needs OpenGL", callback.rect));
                }
            }
        }
        Ok(canvas.image())
    }
}

impl Painter {
    fn set(&mut self, id: TextureId, change: &ImageDelta) {
        let ImageData::Color(image) = &change.image;
        let Some([left, top]) = change.pos else {
            let texture = Texture {
                size: image.size,
                texels: image.pixels.clone(),
                options: change.options,
            };
            self.textures.insert(id, texture);
            return;
        };
        let texture = self.textures.get_mut(&id).expect("a part is set after the whole");
        texture.options = change.options;
        for (row, texels) in image.pixels.chunks_exact(image.width()).enumerate() {
            let start = (top + row) * texture.size[0] + left;
            texture.texels[start..start + texels.len()].copy_from_slice(texels);
        }
    }
}

struct Texture {
    size: [usize; 2],
    /// Premultiplied, in gamma space, row by row from the top.
    texels: Vec<Color32>,
    options: TextureOptions,
}

impl Texture {
    /// The colour at `u`, `v` (0 to 1 from the top left), each channel from 0 to 255.
    fn sample(&self, u: f32, v: f32, filter: TextureFilter) -> [f32; 4] {
        let (x, y) = (u * self.size[0] as f32, v * self.size[1] as f32);
        match filter {
            TextureFilter::Nearest => self.texel(x.floor() as i64, y.floor() as i64),
            TextureFilter::Linear => {
                let (x, y) = (x - 0.5, y - 0.5);
                let (left, top) = (x.floor(), y.floor());
                let (right_share, bottom_share) = (x - left, y - top);
                let (column, row) = (left as i64, top as i64);
                let top = mix(self.texel(column, row), self.texel(column + 1, row), right_share);
                let bottom = mix(
                    self.texel(column, row + 1),
                    self.texel(column + 1, row + 1),
                    right_share,
                );
                mix(top, bottom, bottom_share)
            }
        }
    }

    fn texel(&self, column: i64, row: i64) -> [f32; 4] {
        let [width, height] = self.size;
        let column = wrap(column, width, self.options.wrap_mode);
        let row = wrap(row, height, self.options.wrap_mode);
        self.texels[row * width + column].to_array().map(f32::from)
    }
}

fn mix(a: [f32; 4], b: [f32; 4], share_of_b: f32) -> [f32; 4] {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share_of_b)
}

fn wrap(index: i64, size: usize, mode: TextureWrapMode) -> usize {
    let size = size as i64;
    let index = match mode {
        TextureWrapMode::ClampToEdge => index.clamp(0, size - 1),
        TextureWrapMode::Repeat => index.rem_euclid(size),
        TextureWrapMode::MirroredRepeat => {
            let index = index.rem_euclid(2 * size);
            index.min(2 * size - 1 - index)
        }
    };
    index as usize
}

/// Whole pixels, `right` and `bottom` excluded.
struct Clip {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 4]>,
}

impl Canvas {
    fn new(width: usize, height: usize, background: Color32) -> Self {
        Self {
            width,
            height,
            pixels: vec![background.to_array(); width * height],
        }
    }

    fn clip(&self, rect: Rect, pixels_per_point: f32) -> Clip {
        let whole = |points: f32, from: usize, to: usize| {
            // Through i64: a clip rectangle may be endless.
            ((points * pixels_per_point).round() as i64).clamp(from as i64, to as i64) as usize
        };
        let left = whole(rect.min.x, 0, self.width);
        let top = whole(rect.min.y, 0, self.height);
        Clip {
            left,
            top,
            right: whole(rect.max.x, left, self.width),
            bottom: whole(rect.max.y, top, self.height),
        }
    }

    fn mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: &Clip, pixels_per_point: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let corners = [corners[0], corners[1], corners[2]].map(|index| mesh.vertices[index as usize]);
            if let Some(triangle) = Triangle::new(corners, pixels_per_point) {
                self.triangle(&triangle, texture, clip);
            }
        }
    }

    fn triangle(&mut self, triangle: &Triangle, texture: &Texture, clip: &Clip) {
        let filter = triangle.filter(texture);
        let (columns, rows) = triangle.bounds(clip);
        for row in rows {
            for column in columns.clone() {
                let Some(weights) = triangle.weights(column, row) else {
                    continue;
                };
                let [u, v] = triangle.uv(weights);
                let texel = texture.sample(u, v, filter);
                let tint = triangle.colour(weights);
                let source = std::array::from_fn(|channel| texel[channel] * tint[channel] / 255.0);
                let pixel = &mut self.pixels[row * self.width + column];
                *pixel = blend(source, *pixel);
            }
        }
    }

    fn image(self) -> RgbaImage {
        RgbaImage::from_fn(self.width as u32, self.height as u32, |column, row| {
            Rgba(self.pixels[row as usize * self.width + column as usize])
        })
    }
}

/// `source` over `pixel`, both premultiplied, channels from 0 to 255.
fn blend(source: [f32; 4], pixel: [u8; 4]) -> [u8; 4] {
    let rest = 1.0 - source[3] / 255.0;
    std::array::from_fn(|channel| {
        let sum = source[channel] + f32::from(pixel[channel]) * rest;
        sum.round().clamp(0.0, 255.0) as u8
    })
}

/// A triangle with its corners in the order that makes its area positive.
struct Triangle {
    corners: [Vertex; 3],
    /// Corners in parts of a pixel.
    at: [[i64; 2]; 3],
    /// Twice the area, in parts of a pixel squared.
    area: i64,
}

impl Triangle {
    /// `None` where there is nothing to fill.
    fn new(mut corners: [Vertex; 3], pixels_per_point: f32) -> Option<Self> {
        let place = |vertex: &Vertex| {
            [vertex.pos.x, vertex.pos.y].map(|points| (points * pixels_per_point * SUBPIXELS as f32).round() as i64)
        };
        let area = |at: &[[i64; 2]; 3]| edge(at[0], at[1], at[2]);
        let mut at = [0, 1, 2].map(|corner| place(&corners[corner]));
        if area(&at) < 0 {
            corners.swap(1, 2);
            at.swap(1, 2);
        }
        let area = area(&at);
        (area != 0).then_some(Self { corners, at, area })
    }

    /// Columns and rows of pixels that may be covered.
    fn bounds(&self, clip: &Clip) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |axis: usize, from: usize, to: usize| {
            let places = self.at.map(|corner| corner[axis]);
            let least = places.into_iter().min().expect("three corners").div_euclid(SUBPIXELS);
            let most = places.into_iter().max().expect("three corners").div_euclid(SUBPIXELS) + 1;
            let start = least.clamp(from as i64, to as i64);
            start as usize..most.clamp(start, to as i64) as usize
        };
        (range(0, clip.left, clip.right), range(1, clip.top, clip.bottom))
    }

    /// How near the pixel's centre is to each corner; the three add up to one. `None` outside.
    fn weights(&self, column: usize, row: usize) -> Option<[f32; 3]> {
        let centre = [column, row].map(|index| index as i64 * SUBPIXELS + SUBPIXELS / 2);
        let mut weights = [0.0; 3];
        for (corner, weight) in weights.iter_mut().enumerate() {
            let (from, to) = (self.at[(corner + 1) % 3], self.at[(corner + 2) % 3]);
            let inside = edge(from, to, centre);
            if inside < 0 || (inside == 0 && !is_top_or_left(from, to)) {
                return None;
            }
            *weight = (inside as f64 / self.area as f64) as f32;
        }
        Some(weights)
    }

    fn uv(&self, weights: [f32; 3]) -> [f32; 2] {
        let sum = |of: fn(&Vertex) -> f32| (0..3).map(|corner| weights[corner] * of(&self.corners[corner])).sum();
        [sum(|vertex| vertex.uv.x), sum(|vertex| vertex.uv.y)]
    }

    /// Channels from 0 to 255.
    fn colour(&self, weights: [f32; 3]) -> [f32; 4] {
        let colours = self.corners.map(|vertex| vertex.color.to_array());
        std::array::from_fn(|channel| {
            (0..3)
                .map(|corner| weights[corner] * f32::from(colours[corner][channel]))
                .sum()
        })
    }

    /// The texture is shrunk where a step of one pixel passes more than one texel.
    fn filter(&self, texture: &Texture) -> TextureFilter {
        let options = texture.options;
        if options.magnification == options.minification {
            return options.magnification;
        }
        let [a, b, c] = self.corners;
        let pixels = |corner: usize, axis: usize| (self.at[corner][axis] - self.at[0][axis]) as f32 / SUBPIXELS as f32;
        let area = self.area as f32 / (SUBPIXELS * SUBPIXELS) as f32;
        let texels_per_pixel = |of: fn(&Vertex) -> f32, size: usize| {
            let (along_b, along_c) = ((of(&b) - of(&a)) * size as f32, (of(&c) - of(&a)) * size as f32);
            [
                (along_b * pixels(2, 1) - along_c * pixels(1, 1)) / area,
                (along_c * pixels(1, 0) - along_b * pixels(2, 0)) / area,
            ]
        };
        let [across_u, down_u] = texels_per_pixel(|vertex| vertex.uv.x, texture.size[0]);
        let [across_v, down_v] = texels_per_pixel(|vertex| vertex.uv.y, texture.size[1]);
        let step = (across_u.hypot(across_v)).max(down_u.hypot(down_v));
        if step > 1.0 {
            options.minification
        } else {
            options.magnification
        }
    }
}

/// Twice the area of the triangle `a`, `b`, `c`; positive where the three run clockwise on the screen.
fn edge(a: [i64; 2], b: [i64; 2], c: [i64; 2]) -> i64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Whether a clockwise triangle owns the pixels exactly on this edge.
fn is_top_or_left(from: [i64; 2], to: [i64; 2]) -> bool {
    to[1] < from[1] || (to[1] == from[1] && to[0] > from[0])
}
