//! Draws a model in its initial state: `cargo run -p carrot-physics --example draw_model -- MODEL.xml OUT.png [CAMERA]`.

use std::path::Path;

use carrot_physics::{Engine, Model, Renderer, write_png};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, picture, camera @ ..] = &arguments[..] else {
        return Err("usage: draw_model MODEL.xml OUT.png [CAMERA]".into());
    };
    let model = Model::load(Path::new(model), Engine::Mujoco)?;
    let mut renderer = Renderer::new(&model, 640, 480, camera.first().map(String::as_str))?;
    let frame = renderer.draw(model.world().state().0)?;
    Ok(write_png(Path::new(picture), &frame)?)
}
