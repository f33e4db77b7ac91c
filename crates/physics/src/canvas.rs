//! Where MuJoCo draws: an OpenGL context without window or screen, and MuJoCo's buffers in it.
//!
//! mujoco-rs has an offscreen renderer too, but its size and its scene stay as they were made, and a driver that refuses a
//! buffer ends the process. Here a canvas changes its size without a new context, and what a driver refuses is an error.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use glutin::api::egl::context::PossiblyCurrentContext;
use glutin::api::egl::device::Device;
use glutin::api::egl::display::Display;
use glutin::api::egl::surface::Surface;
use glutin::config::{ConfigSurfaceTypes, ConfigTemplateBuilder};
use glutin::context::{ContextApi, ContextAttributesBuilder, GlProfile, Version};
use glutin::error::ErrorKind;
use glutin::prelude::{GlDisplay, NotCurrentGlContext, PossiblyCurrentGlContext};
use glutin::surface::{PbufferSurface, SurfaceAttributesBuilder};
use mujoco_rs::mujoco_c::{
    mjModel, mjr_defaultContext, mjr_freeContext, mjr_setBuffer, mjrContext, mjrRect, mjtFontScale, mjtFramebuffer,
    mjtGeom, mjtRndFlag, mjvScene,
};
use mujoco_rs::prelude::{MjModel, MjvScene};

use crate::library::catching;

// mujoco-rs declares these as functions that never unwind; our error handler does, see `library`.
// SAFETY: names and types are those of `mujoco.h` 3.17.0, and no other version is accepted.
unsafe extern "C-unwind" {
    fn mjr_makeContext(model: *const mjModel, context: *mut mjrContext, font_scale: c_int);
    fn mjr_resizeOffscreen(width: c_int, height: c_int, context: *mut mjrContext);
    fn mjr_render(viewport: mjrRect, scene: *mut mjvScene, context: *const mjrContext);
    fn mjr_readPixels(rgb: *mut u8, depth: *mut f32, viewport: mjrRect, context: *const mjrContext);
}

/// MuJoCo counts its contexts without a lock.
static MAKING: Mutex<()> = Mutex::new(());

/// An offscreen picture and what draws it. It stays on the thread that made it.
pub(crate) struct Canvas {
    mujoco: Box<mjrContext>,
    gl: PossiblyCurrentContext,
    surface: Surface<PbufferSurface>,
    size: (usize, usize),
    /// The last picture, as OpenGL has it: from the bottom row up.
    upside_down: Vec<u8>,
}

impl Canvas {
    /// A canvas with the model's meshes and textures, as large as the model's offscreen buffer.
    ///
    /// Errors: one line, with the driver's words.
    pub(crate) fn new(model: &MjModel) -> Result<Self, String> {
        let global = &model.vis().global;
        let size = (global.offwidth as usize, global.offheight as usize);
        let (gl, surface) = open().map_err(|error| {
            format!(
                "no OpenGL through EGL ({error}); a software driver suffices: apt-get install libegl1 libgl1 libegl-mesa0 \
                 libgl1-mesa-dri"
            )
        })?;
        let mut mujoco = Box::<mjrContext>::new_uninit();
        let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        catching(|| {
            // SAFETY: the context is written in full by the first call; an OpenGL context was just made current.
            unsafe {
                mjr_defaultContext(mujoco.as_mut_ptr());
                mjr_makeContext(model.ffi(), mujoco.as_mut_ptr(), mjtFontScale::mjFONTSCALE_100 as c_int);
                mjr_setBuffer(mjtFramebuffer::mjFB_OFFSCREEN as c_int, mujoco.as_mut_ptr());
            }
        })?;
        Ok(Self {
            // SAFETY: as above.
            mujoco: unsafe { mujoco.assume_init() },
            gl,
            surface,
            size,
            upside_down: Vec::new(),
        })
    }

    /// Width and height.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Makes it larger or smaller. Errors: the driver's words; the canvas must then be made anew.
    pub(crate) fn resize(&mut self, size: (usize, usize)) -> Result<(), String> {
        if self.size != size {
            self.enter()?;
            let mujoco = self.mujoco.as_mut();
            // SAFETY: the context was made for the OpenGL context that is current now.
            catching(|| unsafe { mjr_resizeOffscreen(size.0 as c_int, size.1 as c_int, mujoco) })?;
            self.size = size;
        }
        Ok(())
    }

    /// Draws a scene: RGB, row by row from the top. Errors: the driver's words.
    ///
    /// # Panics
    /// If the scene is of another model than the canvas.
    pub(crate) fn draw(&mut self, scene: &mut MjvScene) -> Result<Vec<u8>, String> {
        self.enter()?;
        let (width, height) = self.size;
        let viewport = mjrRect {
            left: 0,
            bottom: 0,
            width: width as c_int,
            height: height as c_int,
        };
        self.upside_down.resize(3 * width * height, 0);
        let (pixels, context) = (self.upside_down.as_mut_ptr(), self.mujoco.as_ref());
        catching(|| {
            // SAFETY: the context was made for the OpenGL context that is current now, and for the scene's model; there is
            // room for three bytes of each pixel of the viewport, and MuJoCo packs rows without gaps.
            unsafe {
                mjr_render(viewport, scene.ffi_mut(), context);
                mjr_readPixels(pixels, std::ptr::null_mut(), viewport, context);
            }
        })?;
        let mut picture = Vec::with_capacity(self.upside_down.len());
        self.upside_down
            .rchunks_exact(3 * width)
            .for_each(|row| picture.extend_from_slice(row));
        Ok(picture)
    }

    /// Several canvases may share a thread.
    fn enter(&self) -> Result<(), String> {
        self.gl.make_current(&self.surface).map_err(|error| error.to_string())
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        if self.enter().is_ok() {
            let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the context was made for the OpenGL context that is current now, and nobody uses it any more.
            unsafe { mjr_freeContext(self.mujoco.as_mut()) };
        }
    }
}

/// What a scene draws at the cost of drawing everything once more.
pub(crate) fn set_costly(scene: &mut MjvScene, on: bool) {
    // SAFETY: flags are numbers without invariants.
    let flags = unsafe { &mut scene.ffi_mut().flags };
    flags[mjtRndFlag::mjRND_SHADOW as usize] = on.into();
    flags[mjtRndFlag::mjRND_REFLECTION as usize] = on.into();
}

/// Adds a shape between two points to what a scene shows: a capsule, or an arrow of that radius. Without room for it, nothing.
pub(crate) fn add_connector(scene: &mut MjvScene, arrow: bool, radius: f64, ends: [[f64; 3]; 2], rgba: [f32; 4]) {
    let shape = if arrow {
        mjtGeom::mjGEOM_ARROW
    } else {
        mjtGeom::mjGEOM_CAPSULE
    };
    // SAFETY: these shapes refer to nothing of the model.
    if let Ok(geom) = unsafe { scene.try_create_geom(shape, None, None, None, Some(rgba)) } {
        geom.connect(radius, ends[0], ends[1]);
    }
}

/// An OpenGL context on the first device that gives one, current on this thread.
fn open() -> Result<(PossiblyCurrentContext, Surface<PbufferSurface>), String> {
    let devices = Device::query_devices().map_err(|error| match error.error_kind() {
        ErrorKind::NotFound => "EGL was not found".to_owned(),
        _ => error.to_string(),
    })?;
    let mut refused = "there is no device".to_owned();
    for device in devices {
        match open_on(&device) {
            Ok(opened) => return Ok(opened),
            Err(error) => refused = error.to_string(),
        }
    }
    Err(refused)
}

fn open_on(device: &Device) -> glutin::error::Result<(PossiblyCurrentContext, Surface<PbufferSurface>)> {
    // SAFETY: EGL gave this device; its default display needs no native one.
    let display = unsafe { Display::with_device(device, None)? };
    let wanted = ConfigTemplateBuilder::new()
        .with_surface_type(ConfigSurfaceTypes::PBUFFER)
        .with_alpha_size(0)
        .with_depth_size(24)
        .with_stencil_size(8)
        .build();
    // SAFETY: nothing of the template is a native handle.
    let config = unsafe { display.find_configs(wanted)? }.next();
    let config = config.ok_or(ErrorKind::BadConfig)?;
    // What MuJoCo draws with.
    let attributes = ContextAttributesBuilder::new()
        .with_profile(GlProfile::Compatibility)
        .with_context_api(ContextApi::OpenGl(Some(Version::new(2, 0))))
        .build(None);
    // MuJoCo draws into buffers of its own; this surface is only there for the context to be current.
    let least = SurfaceAttributesBuilder::<PbufferSurface>::new().build(NonZero::<u32>::MIN, NonZero::<u32>::MIN);
    // SAFETY: context and surface are made for the configuration's own display, without native handles.
    let (context, surface) = unsafe {
        (
            display.create_context(&config, &attributes)?,
            display.create_pbuffer_surface(&config, &least)?,
        )
    };
    Ok((context.make_current(&surface)?, surface))
}
