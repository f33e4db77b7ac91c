//! How long the window's thread works on each frame, and the overlay that shows it (F12).
//!
//! A frame's time runs from the moment at which egui takes the input to the moment at which drawing begins: the panels, what the
//! studio does besides, layout, text and triangles. Drawing itself, and waiting for the screen, are left out: they are the graphics
//! driver's, and with a driver in software they are many times the rest. It is time on the clock and not the processor's: where
//! other threads take the processor away, that is in it, as a person would feel it. eframe's own `cpu_usage` counts drawing too.
//!
//! The beginning is known from egui's input hook. For the end, a paint callback of one pixel is put below everything else: it is
//! called when the first thing is drawn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eframe::egui;
use eframe::egui_glow::CallbackFn;
use egui::epaint::PaintCallback;
use egui::{Align2, Color32, Context, LayerId, RawInput, Rect, Role, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Frames that are remembered.
const REMEMBERED: usize = 10_000;
/// Frames that the overlay's graph shows.
const SHOWN: usize = 240;
/// No frame should take longer.
pub const LIMIT: Duration = Duration::from_millis(50);
/// How often the overlay's figures change: faster than this nobody reads them.
const READABLE: Duration = Duration::from_millis(500);

/// The times of the last frames. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct FrameTimes(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    /// When each began and how long it took, newest last.
    frames: VecDeque<(Instant, Duration)>,
    /// All frames since the start.
    count: u64,
    over_limit: u64,
    first_began: Option<Instant>,
    first_shown_at: Option<SystemTime>,
    /// Begun and not yet drawn.
    begun: Option<Instant>,
}

/// What a number of times come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Times, of frames for instance, that the figures are of.
    pub count: usize,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// 999 of 1,000 took no longer.
    pub p999: Duration,
    /// The longest.
    pub max: Duration,
}

impl Summary {
    /// Of these times. All are zero where there are none.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        Self {
            count: times.len(),
            p50: percentile(&times, 500),
            p95: percentile(&times, 950),
            p99: percentile(&times, 990),
            p999: percentile(&times, 999),
            max: times.last().copied().unwrap_or_default(),
        }
    }
}

/// The smallest of the sorted times that at least so many of a thousand do not exceed (nearest rank).
fn percentile(sorted: &[Duration], per_thousand: usize) -> Duration {
    let rank = (sorted.len() * per_thousand).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

impl FrameTimes {
    /// The plugin that measures the frames of a window that eframe draws with OpenGL.
    #[must_use]
    pub fn plugin(&self) -> impl egui::Plugin {
        Measure(self.clone())
    }

    /// Notes a frame.
    pub fn record(&self, began: Instant, took: Duration) {
        let mut ring = self.ring();
        if ring.frames.len() == REMEMBERED {
            ring.frames.pop_front();
        }
        ring.frames.push_back((began, took));
        ring.count += 1;
        ring.over_limit += u64::from(took > LIMIT);
        ring.first_began.get_or_insert(began);
        ring.first_shown_at.get_or_insert_with(SystemTime::now);
    }

    /// What the remembered frames come to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(self.ring().frames.iter().map(|(_, took)| *took))
    }

    /// For reports: counts, percentiles, the longest frames with when they were, and when the first was shown.
    #[must_use]
    pub fn report(&self) -> serde_json::Value {
        let summary = self.summary();
        let ring = self.ring();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let mut longest: Vec<(Instant, Duration)> = ring.frames.iter().copied().collect();
        longest.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        let longest = longest.iter().take(5).map(|(began, took)| {
            let since = ring
                .first_began
                .map_or(Duration::ZERO, |first| began.duration_since(first));
            serde_json::json!({"at_secs": since.as_secs_f64(), "ms": millis(*took)})
        });
        let shown = ring.first_shown_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        serde_json::json!({
            "frames": ring.count,
            "over_50_ms": ring.over_limit,
            "of_last": summary.count,
            "p50_ms": millis(summary.p50),
            "p95_ms": millis(summary.p95),
            "p99_ms": millis(summary.p99),
            "p999_ms": millis(summary.p999),
            "max_ms": millis(summary.max),
            "longest": longest.collect::<Vec<_>>(),
            "first_shown_unix_secs": shown.map(|at| at.as_secs_f64()),
        })
    }

    fn begin(&self) {
        self.ring().begun = Some(Instant::now());
    }

    fn end(&self) {
        let begun = self.ring().begun.take();
        if let Some(began) = begun {
            self.record(began, began.elapsed());
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Measure(FrameTimes);

impl egui::Plugin for Measure {
    fn debug_name(&self) -> &'static str {
        "frame times"
    }

    fn input_hook(&mut self, ctx: &Context, _input: &mut RawInput) {
        // A second pass belongs to the same frame.
        if ctx.current_pass_index() == 0 {
            self.0.begin();
        }
    }

    fn on_begin_pass(&mut self, ui: &mut Ui) {
        let frame_times = self.0.clone();
        let painter = ui.ctx().layer_painter(LayerId::background());
        painter.add(PaintCallback {
            rect: Rect::from_min_size(ui.ctx().content_rect().min, vec2(1.0, 1.0)),
            callback: Arc::new(CallbackFn::new(move |_, _| frame_times.end())),
        });
    }
}

/// The overlay, with what it showed last.
#[derive(Default)]
pub struct Overlay {
    shown: Option<(Instant, Summary)>,
}

impl Overlay {
    /// Shows the figures in the window's lower right corner, above everything, in the way of nothing.
    pub fn show(&mut self, ctx: &Context, times: &FrameTimes) {
        let (since, summary) = match self.shown {
            Some(shown) if shown.0.elapsed() < READABLE => shown,
            _ => (Instant::now(), times.summary()),
        };
        self.shown = Some((since, summary));
        egui::Area::new(egui::Id::unique("frame times"))
            .order(egui::Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-8.0, -32.0))
            .interactable(false)
            .accessible_name("Frame times")
            .show(ctx, |ui| {
                egui::Frame::popup(ui.style()).show(ui, |ui| {
                    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
                    if summary.count == 0 {
                        ui.label("No frame has been measured yet");
                        return;
                    }
                    graph(ui, times);
                    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
                    ui.label(format!(
                        "frame {} ms, 95 % {}, 99 % {}, 99.9 % {}, longest {}",
                        ms(summary.p50),
                        ms(summary.p95),
                        ms(summary.p99),
                        ms(summary.p999),
                        ms(summary.max)
                    ));
                    ui.weak(format!(
                        "of {} frames, without drawing; the line is {} ms",
                        summary.count,
                        LIMIT.as_millis()
                    ));
                });
            });
    }
}

/// A bar for each of the last frames, newest on the right, with a line at the limit.
fn graph(ui: &mut Ui, times: &FrameTimes) {
    let (response, painter) = ui.allocate_painter(vec2(SHOWN as f32, 40.0), egui::Sense::empty());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Times of the last frames"));
    let area = response.rect;
    let top = LIMIT * 5 / 4;
    let height = |took: Duration| (took.as_secs_f32() / top.as_secs_f32()).min(1.0) * area.height();
    let (quick, slow) = (ui.visuals().weak_text_color(), ui.visuals().error_fg_color);
    let ring = times.ring();
    for (index, (_, took)) in ring.frames.iter().rev().take(SHOWN).enumerate() {
        let right = area.right() - index as f32;
        let bar = Rect::from_min_max(
            pos2(right - 1.0, area.bottom() - height(*took).max(1.0)),
            pos2(right, area.bottom()),
        );
        let color: Color32 = if *took > LIMIT { slow } else { quick };
        painter.rect_filled(bar, 0.0, color);
    }
    painter.hline(area.x_range(), area.bottom() - height(LIMIT), Stroke::new(1.0, slow));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        // 1 to 1,000 ms in a mixed order: the value at rank r is r.
        let times = (0..1000).map(|index| ms(index * 7 % 1000 + 1));
        let summary = Summary::of(times);
        let expected = Summary {
            count: 1000,
            p50: ms(500),
            p95: ms(950),
            p99: ms(990),
            p999: ms(999),
            max: ms(1000),
        };
        assert_eq!(summary, expected);
        // Of ten, the 95th percentile is the tenth: 9.5 rounded up. Of three, the median is the second.
        let summary = Summary::of([3, 1, 2, 4, 5, 6, 7, 8, 9, 10].map(ms));
        assert_eq!((summary.p50, summary.p95, summary.p999), (ms(5), ms(10), ms(10)));
        assert_eq!(Summary::of([9, 1, 5].map(ms)).p50, ms(5));
        assert_eq!(Summary::of([ms(4)]).p50, ms(4));
        assert_eq!(Summary::of([]), Summary::default());
    }

    #[test]
    fn old_frames_are_forgotten_and_long_ones_counted() {
        let times = FrameTimes::default();
        let start = Instant::now();
        for index in 0..REMEMBERED as u64 + 5 {
            // The five that are forgotten are the long ones.
            let took = if index < 5 { ms(51) } else { ms(2) };
            times.record(start + ms(index), took);
        }
        assert_eq!(times.summary().max, ms(2));
        assert_eq!(times.summary().count, REMEMBERED);
        let report = times.report();
        assert_eq!(report["frames"], 10_005);
        assert_eq!(report["over_50_ms"], 5);
        assert_eq!(report["longest"].as_array().map(Vec::len), Some(5));
        // Just at the limit is within it.
        times.record(start, LIMIT);
        assert_eq!(times.report()["over_50_ms"], 5);
        assert_eq!(times.report()["p50_ms"], 2.0);
    }
}
