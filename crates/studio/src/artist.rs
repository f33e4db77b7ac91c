//! The thread that draws MuJoCo's pictures, so that the window never waits for one.
//!
//! ```text
//! window ──show(slot, request)──▶ newest request of each slot ──▶ artist: Renderer ──▶ Picture ──wake──▶ window: picture(slot)
//! ```
//!
//! A picture takes milliseconds on a GPU and up to a third of a second on a software driver. So requests are replaced, never
//! queued, and the thread has a lower priority than the window. Its OpenGL context is its own, not the window's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use carrot_physics::{DrawOptions, Eye, Model, Quality, Renderer, Scene, Selection, View};
use egui::{Color32, ColorImage};

use crate::priority;
use crate::worker::lock;

/// How long drawing rests after an error, such as that there is no OpenGL.
const RETRY: Duration = Duration::from_secs(3);

/// How long nothing must have changed before a quick picture is replaced by a careful one.
const SETTLED: Duration = Duration::from_secs(1);

/// A careful picture that takes no longer than this is drawn at once.
const AT_ONCE_MS: f64 = 12.0;

/// Longest side of a picture, in pixels; a larger one is drawn smaller and stretched by whoever shows it.
const LONGEST: usize = 2048;

/// Most renderers kept: two models, quick and careful.
const RENDERERS: usize = 4;

/// Where a picture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The live world.
    Viewport,
    /// The first of two rollouts side by side.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Every slot.
    pub const ALL: [Self; 3] = [Self::Viewport, Self::A, Self::B];
}

/// How careful a picture is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Care {
    /// Quick while things move; with shadows, reflections and smooth edges once they stand still, or always where the driver is
    /// fast enough for that.
    #[default]
    Adaptive,
    /// Always the same.
    Always(Quality),
}

/// What to draw.
#[derive(Clone)]
pub struct DrawRequest {
    /// The model.
    pub model: Model,
    /// Its state.
    pub scene: Arc<Scene>,
    /// From where it is seen.
    pub view: View,
    /// What is drawn beside bodies.
    pub options: DrawOptions,
    /// How careful.
    pub care: Care,
    /// Width and height in pixels; nothing is drawn where one is zero.
    pub size: [usize; 2],
    /// Whatever the caller wants to know the picture by, such as the step of a rollout.
    pub stamp: u64,
}

impl DrawRequest {
    /// Whether both give the same picture.
    fn looks_like(&self, other: &Self) -> bool {
        self.model.is(&other.model)
            && (Arc::ptr_eq(&self.scene, &other.scene) || self.scene == other.scene)
            && (self.view, self.options, self.care, self.size) == (other.view, other.options, other.care, other.size)
    }
}

/// A finished picture.
pub struct Picture {
    /// The pixels.
    pub image: Arc<ColorImage>,
    /// What it shows.
    pub of: DrawRequest,
    /// Connects places in it with places in the world.
    pub eye: Eye,
    /// Counts the pictures of all slots, from 1.
    pub number: u64,
    /// How long it took.
    pub drawn_in_ms: f64,
    /// How careful it was drawn.
    pub quality: Quality,
}

/// An answer to a question about a place in a picture: what is there, or why nobody can tell.
pub type Answer = Result<Option<Selection>, String>;

/// The drawing thread. Dropping it ends the thread after the picture that it is at.
pub struct Artist {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    /// Something is to be done.
    work: Condvar,
    /// What was done.
    wall: Mutex<Wall>,
}

/// What is to be done.
#[derive(Default)]
struct Desk {
    requests: [Option<DrawRequest>; Slot::ALL.len()],
    questions: Vec<(DrawRequest, [f64; 2], Sender<Answer>)>,
    closing: bool,
}

/// What was done.
#[derive(Default)]
struct Wall {
    pictures: [Option<Arc<Picture>>; Slot::ALL.len()],
    errors: [Option<String>; Slot::ALL.len()],
}

impl Artist {
    /// Starts the thread. `wake` is called on it when there is something new to show.
    pub fn start(wake: impl Fn() + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let at_work = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("artist".into()).spawn(move || {
            // The driver's own threads are started from here and inherit it.
            priority::yield_to_the_window();
            Easel::new(&at_work, &wake).work();
        });
        if let Err(cause) = &thread {
            let words = format!("no thread to draw on: {cause}");
            lock(&shared.wall).errors = std::array::from_fn(|_| Some(words.clone()));
        }
        Self {
            shared,
            thread: thread.ok(),
        }
    }

    /// Asks for a picture, instead of what was asked for the slot before and is not drawn yet. Never waits for drawing.
    pub fn show(&self, slot: Slot, request: DrawRequest) {
        lock(&self.shared.desk).requests[slot as usize] = Some(request);
        self.shared.work.notify_one();
    }

    /// The last picture of a slot. It stays when a later one fails.
    pub fn picture(&self, slot: Slot) -> Option<Arc<Picture>> {
        lock(&self.shared.wall).pictures[slot as usize].clone()
    }

    /// Why the last picture asked for could not be drawn; it is tried again from time to time.
    pub fn error(&self, slot: Slot) -> Option<String> {
        lock(&self.shared.wall).errors[slot as usize].clone()
    }

    /// Takes a slot's picture away.
    pub fn clear(&self, slot: Slot) {
        lock(&self.shared.desk).requests[slot as usize] = None;
        let mut wall = lock(&self.shared.wall);
        wall.pictures[slot as usize] = None;
        wall.errors[slot as usize] = None;
    }

    /// Asks what is at a place of a picture: shares of width and height, from the left and from the top. The answer comes
    /// before the next picture.
    pub fn select(&self, of: &DrawRequest, at: [f64; 2]) -> Receiver<Answer> {
        let (sender, receiver) = channel();
        lock(&self.shared.desk).questions.push((of.clone(), at, sender));
        self.shared.work.notify_one();
        receiver
    }
}

impl Drop for Artist {
    fn drop(&mut self) {
        lock(&self.shared.desk).closing = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // Whatever became of it, it is over.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Easel<'a> {
    shared: &'a Shared,
    wake: &'a dyn Fn(),
    /// Most recently used last.
    renderers: Vec<(Model, Renderer)>,
    slots: [SlotState; Slot::ALL.len()],
    /// When OpenGL may be tried again.
    retry_at: Option<Instant>,
    n_pictures: u64,
    /// How long a careful picture took of late, for each pixel.
    careful_ms_per_pixel: Option<f64>,
}

/// What the thread knows of a slot.
#[derive(Default)]
struct SlotState {
    /// What its picture shows, or would show if it had not failed.
    done: Option<DrawRequest>,
    /// When it may be tried again after an error.
    retry_at: Option<Instant>,
    /// When a quick picture was drawn that a careful one may replace.
    quick_since: Option<Instant>,
}

/// One thing to do.
enum Task {
    Draw(usize, DrawRequest, Quality),
    Answer(DrawRequest, [f64; 2], Sender<Answer>),
}

impl<'a> Easel<'a> {
    fn new(shared: &'a Shared, wake: &'a dyn Fn()) -> Self {
        Self {
            shared,
            wake,
            renderers: Vec::new(),
            slots: Default::default(),
            retry_at: None,
            n_pictures: 0,
            careful_ms_per_pixel: None,
        }
    }

    fn work(mut self) {
        let mut next_slot = 0;
        while let Some(task) = self.next(next_slot) {
            match task {
                Task::Answer(of, at, sender) => {
                    let (answer, _) =
                        self.with_renderer(&of, Quality::Fast, |renderer| renderer.select(&of.scene, &of.view, at));
                    // Whoever asked may have gone.
                    let _ = sender.send(answer);
                }
                Task::Draw(slot, request, quality) => {
                    next_slot = slot + 1;
                    self.draw(slot, request, quality);
                }
            }
            (self.wake)();
        }
    }

    /// Waits for the next thing to do; slots take turns, from `first` on. None when the thread is to end.
    fn next(&mut self, first: usize) -> Option<Task> {
        let mut desk = lock(&self.shared.desk);
        loop {
            if desk.closing {
                return None;
            }
            if !desk.questions.is_empty() {
                let (of, at, sender) = desk.questions.remove(0);
                return Some(Task::Answer(of, at, sender));
            }
            let now = Instant::now();
            let mut wait_until: Option<Instant> = None;
            let mut careful = None;
            for offset in 0..self.slots.len() {
                let slot = (first + offset) % self.slots.len();
                let Some(request) = &desk.requests[slot] else {
                    self.slots[slot] = SlotState::default();
                    continue;
                };
                match self.due(slot, request, now) {
                    Due::Never => {}
                    Due::At(time) if time > now => {
                        wait_until = Some(wait_until.map_or(time, |earlier| earlier.min(time)));
                    }
                    Due::At(_) if self.slots[slot].quick_since.is_some() && self.is_done(slot, request) => {
                        careful = careful.or(Some(slot));
                    }
                    Due::At(_) => return Some(Task::Draw(slot, request.clone(), self.quality(request))),
                }
            }
            if let Some(slot) = careful
                && let Some(request) = &desk.requests[slot]
            {
                return Some(Task::Draw(slot, request.clone(), Quality::Full));
            }
            desk = match wait_until {
                None => self.shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = self.shared.work.wait_timeout(desk, time - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn is_done(&self, slot: usize, request: &DrawRequest) -> bool {
        let done = self.slots[slot].done.as_ref();
        done.is_some_and(|done| done.looks_like(request))
    }

    /// When a slot's request is to be drawn: `now` at the earliest.
    fn due(&self, slot: usize, request: &DrawRequest, now: Instant) -> Due {
        if request.size.contains(&0) {
            return Due::Never;
        }
        let state = &self.slots[slot];
        if self.is_done(slot, request) {
            let again = state.retry_at.or(state.quick_since.map(|since| since + SETTLED));
            return again.map_or(Due::Never, Due::At);
        }
        let failed_with_this_model = |done: &DrawRequest| done.model.is(&request.model);
        let retry_at = state
            .retry_at
            .filter(|_| state.done.as_ref().is_some_and(failed_with_this_model));
        Due::At(retry_at.max(self.retry_at).unwrap_or(now))
    }

    fn quality(&self, request: &DrawRequest) -> Quality {
        match request.care {
            Care::Always(quality) => quality,
            Care::Adaptive => {
                let pixels = fitting(request.size).iter().product::<usize>() as f64;
                let fast = self.careful_ms_per_pixel.is_some_and(|ms| ms * pixels <= AT_ONCE_MS);
                if fast { Quality::Full } else { Quality::Fast }
            }
        }
    }

    fn draw(&mut self, slot: usize, request: DrawRequest, quality: Quality) {
        let started = Instant::now();
        let (drawn, fresh) = self.with_renderer(&request, quality, |renderer| {
            let frame = renderer.draw_view(&request.scene, &request.view, &request.options)?;
            Ok((frame, renderer.eye()))
        });
        // Millions of pixels: before the window's mutex is taken, since a thread of low priority may be interrupted here.
        let drawn = drawn.map(|(frame, eye)| {
            let pixels = frame.rgb.chunks_exact(3);
            let pixels = pixels.map(|pixel| Color32::from_rgb(pixel[0], pixel[1], pixel[2]));
            (ColorImage::new([frame.width, frame.height], pixels.collect()), eye)
        });
        let drawn_in_ms = started.elapsed().as_secs_f64() * 1e3;
        let state = &mut self.slots[slot];
        if lock(&self.shared.desk).requests[slot].is_none() {
            return; // Cleared in the meantime.
        }
        let before = match drawn {
            Ok((image, eye)) => {
                // A renderer's first picture is slow for reasons of its own.
                if quality == Quality::Full && !fresh {
                    let per_pixel = drawn_in_ms / image.pixels.len() as f64;
                    self.careful_ms_per_pixel = Some(
                        self.careful_ms_per_pixel
                            .map_or(per_pixel, |old| 0.5 * (old + per_pixel)),
                    );
                }
                self.n_pictures += 1;
                let rough = quality == Quality::Fast && request.care == Care::Adaptive;
                state.quick_since = rough.then(Instant::now);
                state.retry_at = None;
                let picture = Arc::new(Picture {
                    image: Arc::new(image),
                    of: request.clone(),
                    eye,
                    number: self.n_pictures,
                    drawn_in_ms,
                    quality,
                });
                let mut wall = lock(&self.shared.wall);
                wall.errors[slot] = None;
                wall.pictures[slot].replace(picture)
            }
            Err(words) => {
                state.quick_since = None;
                state.retry_at = Some(Instant::now() + RETRY);
                lock(&self.shared.wall).errors[slot] = Some(words);
                None
            }
        };
        drop(before); // with the mutex released
        state.done = Some(request);
    }

    /// Works with the renderer of a request's model, which is made if there is none; says also whether it was. After an error
    /// it is thrown away.
    fn with_renderer<T>(
        &mut self,
        request: &DrawRequest,
        quality: Quality,
        work: impl FnOnce(&mut Renderer) -> Result<T, carrot_physics::PhysicsError>,
    ) -> (Result<T, String>, bool) {
        let [width, height] = fitting(request.size);
        let of_request =
            |(model, renderer): &(Model, Renderer)| model.is(&request.model) && renderer.quality() == quality;
        let found = self.renderers.iter().position(of_request);
        let fresh = found.is_none();
        let renderer = match found {
            Some(index) => Ok(self.renderers.remove(index).1),
            None => {
                if self.renderers.len() == RENDERERS {
                    self.renderers.remove(0);
                }
                caught(|| Renderer::with_quality(&request.model, (width, height), quality))
            }
        };
        self.retry_at = renderer.is_err().then(|| Instant::now() + RETRY);
        let mut renderer = match renderer {
            Ok(renderer) => renderer,
            Err(words) => return (Err(words), fresh),
        };
        let result = caught(|| {
            renderer.resize((width, height))?;
            work(&mut renderer)
        });
        if result.is_ok() {
            self.renderers.push((request.model.clone(), renderer));
        }
        (result, fresh)
    }
}

/// When something is to be done.
enum Due {
    Never,
    At(Instant),
}

/// The size in which a picture is drawn: that asked for, or smaller in both directions alike.
fn fitting(size: [usize; 2]) -> [usize; 2] {
    let longest = size[0].max(size[1]);
    match longest > LONGEST {
        true => size.map(|side| (side as f64 * LONGEST as f64 / longest as f64).round().max(1.0) as usize),
        false => size,
    }
}

/// A mistake of ours must not leave the window without pictures for good.
fn caught<T>(work: impl FnOnce() -> Result<T, carrot_physics::PhysicsError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("drawing this picture failed unexpectedly; the log says where".to_owned()),
    }
}
