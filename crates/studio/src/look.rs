//! How the window looks where egui's own choice is not enough.
//!
//! Notes of a search and summaries of edits hold arrows (`weight 1 → 2`), which egui's font for plain text lacks and its font for
//! programs has: the latter steps in where the former has nothing. And what tells a beginner what to do, such as hints and empty
//! panels, is set in its weak colour, which has a contrast of 2.7; people with poor sight, and poor screens, need 4.5 (WCAG 2.2,
//! 1.4.3).

use egui::{Color32, Context, FontDefinitions, FontFamily, FontId, TextStyle, Theme};

/// Points of the smallest text.
const SMALL: f32 = 11.0;

/// Has a window look so, from the next frame on.
pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    let programs = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    let plain = fonts.families.entry(FontFamily::Proportional).or_default();
    plain.extend(programs);
    ctx.set_fonts(fonts);
    for (theme, [text, weak], warning, error) in [
        (Theme::Dark, [190, 145], [255, 165, 50], [255, 115, 105]),
        (Theme::Light, [60, 100], [150, 80, 0], [190, 0, 0]),
    ] {
        ctx.style_mut_of(theme, |style| {
            style.text_styles.insert(TextStyle::Small, FontId::proportional(SMALL));
            let visuals = &mut style.visuals;
            visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(text);
            visuals.weak_text_color = Some(Color32::from_gray(weak));
            [visuals.warn_fg_color, visuals.error_fg_color] =
                [warning, error].map(|[r, g, b]| Color32::from_rgb(r, g, b));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, WCAG 2.2.
    fn luminance(colour: Color32) -> f64 {
        let [r, g, b] = [colour.r(), colour.g(), colour.b()].map(|part| match f64::from(part) / 255.0 {
            share if share <= 0.04045 => share / 12.92,
            share => ((share + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn every_text_can_be_read() {
        let ctx = Context::default();
        install(&ctx);
        for theme in [Theme::Dark, Theme::Light] {
            let visuals = ctx.style_of(theme).visuals.clone();
            for (name, text) in [
                ("plain", visuals.text_color()),
                ("weak", visuals.weak_text_color()),
                ("warning", visuals.warn_fg_color),
                ("error", visuals.error_fg_color),
            ] {
                for ground in [visuals.panel_fill, visuals.extreme_bg_color, visuals.window_fill] {
                    let (one, other) = (luminance(text), luminance(ground));
                    let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                    assert!(contrast >= 4.5, "{theme:?} {name}: {contrast:.1}");
                }
            }
        }
    }
}
