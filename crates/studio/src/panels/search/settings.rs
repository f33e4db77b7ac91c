//! Settings of the search. A run's settings hold from its first candidate on, so that its candidates can be compared.

use egui::{Color32, ComboBox, DragValue, Sense, TextEdit, TextStyle, Ui};

use crate::document::SearchSettings;
use crate::draft::Change;
use crate::panels::See;
use crate::panels::search::grouped;

/// Who writes programs, as the settings and as people call it.
const PROPOSERS: [(&str, &str); 3] = [
    ("evolve", "evolve: varies the best"),
    ("random", "random: the yardstick"),
    ("openai", "openai: a language model"),
];

/// Environment variables that a language model's key is read from.
const KEYS: [&str; 2] = ["CARROT_OPENAI_API_KEY", "OPENAI_API_KEY"];

/// Shows them; what can still be changed goes into the document.
pub(super) fn show(ui: &mut Ui, see: &mut See<'_>) {
    let begun = !see.run.candidates.is_empty();
    let mut settings = see.document.search.clone();
    if begun {
        settings = of_run(&settings, &see.run.config);
    }
    let shown = settings.generations;
    ui.add_enabled_ui(!begun, |ui| proposer(ui, &mut settings));
    egui::Grid::new("settings").num_columns(4).show(ui, |ui| {
        // A run may get more of them, and not fewer.
        let least = if begun { generations_of(&see.run.config) } else { 1 };
        let limit = 10_000_000_000;
        number(ui, true, &mut settings.generations, least..=10_000, 0.05, "Generations");
        number(ui, !begun, &mut settings.candidates, 1..=10_000, 0.05, "Candidates");
        ui.end_row();
        number(ui, !begun, &mut settings.steps, 1_000..=limit, 500.0, "Steps");
        number(ui, !begun, &mut settings.seed, 0..=u64::from(u32::MAX), 0.05, "Seed");
        ui.end_row();
    });
    ui.checkbox(&mut settings.ask_me, "Ask me after each generation")
        .on_hover_text(
            "The search waits after each generation, so that you can look and say something before the next",
        );
    if settings.proposer == "openai" {
        ui.add_enabled_ui(!begun, |ui| model(ui, &mut settings));
    }
    if begun {
        ui.weak("The run has candidates, so its settings are fixed; only generations may be added. “New session” begins anew.");
    }
    let kept = &mut see.document.search;
    let before = kept.clone();
    match begun {
        false => *kept = settings,
        // What the run says and nobody changed is no edit.
        true if settings.generations == shown => kept.ask_me = settings.ask_me,
        true => (kept.generations, kept.ask_me) = (settings.generations, settings.ask_me),
    }
    if *kept != before {
        *see.change = Some(Change::new("search settings"));
    }
}

/// How many generations a run has by its own settings.
pub(crate) fn generations_of(config: &toml::Table) -> u32 {
    let value = config.get("generations").and_then(toml::Value::as_integer);
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or(1).max(1)
}

/// The settings of a run that has begun, where its record knows them.
fn of_run(document: &SearchSettings, config: &toml::Table) -> SearchSettings {
    let text = |key: &str, or: &str| config.get(key).and_then(toml::Value::as_str).unwrap_or(or).to_owned();
    let whole = |key: &str, or: u64| {
        let value = config.get(key).and_then(toml::Value::as_integer);
        value.and_then(|value| u64::try_from(value).ok()).unwrap_or(or)
    };
    SearchSettings {
        proposer: text("proposer", &document.proposer),
        model: text("model", &document.model),
        base_url: text("base_url", &document.base_url),
        max_requests: whole("max_requests", document.max_requests),
        generations: document.generations.max(generations_of(config)),
        candidates: whole("candidates", document.candidates.into()) as u32,
        steps: whole("steps", document.steps),
        seed: whole("seed", document.seed),
        ..document.clone()
    }
}

fn proposer(ui: &mut Ui, settings: &mut SearchSettings) {
    let known = PROPOSERS.iter().find(|(key, _)| *key == settings.proposer);
    let shown = format!(
        "Proposer {}",
        known.map_or(settings.proposer.as_str(), |(_, words)| words)
    );
    let list = ComboBox::from_id_salt("proposer")
        .selected_text(shown)
        .show_ui(ui, |ui| {
            for (key, words) in PROPOSERS {
                ui.selectable_value(&mut settings.proposer, key.to_owned(), words);
            }
        });
    list.response.accessible_name("Proposer");
}

fn model(ui: &mut Ui, settings: &mut SearchSettings) {
    egui::Grid::new("model").num_columns(2).show(ui, |ui| {
        for (label, name, text) in [
            ("Model", "Model name", &mut settings.model),
            ("Server", "Server address", &mut settings.base_url),
        ] {
            ui.label(label);
            ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY))
                .accessible_name(name);
            ui.end_row();
        }
        number(
            ui,
            true,
            &mut settings.max_requests,
            1..=1_000_000,
            0.1,
            "Most requests",
        );
        ui.weak("in all; the search ends with what it has");
        ui.end_row();
    });
    match KEYS.into_iter().find(|key| std::env::var_os(key).is_some()) {
        Some(key) => ui.weak(format!("The key comes from {key} in the environment and is kept nowhere.")),
        None => ui.colored_label(
            ui.visuals().warn_fg_color,
            "OPENAI_API_KEY is not set. Set it and start the studio from there; a server in your own network needs none.",
        ),
    };
}

fn number<N: egui::emath::Numeric>(
    ui: &mut Ui,
    enabled: bool,
    value: &mut N,
    range: std::ops::RangeInclusive<N>,
    speed: f64,
    name: &str,
) {
    // Painted: the field is called so, and a screen reader should hear it once.
    let font = TextStyle::Body.resolve(ui.style());
    let words = ui
        .painter()
        .layout_no_wrap(name.to_owned(), font, ui.visuals().text_color());
    let (place, _) = ui.allocate_exact_size(words.size(), Sense::hover());
    ui.painter().galley(place.min, words, Color32::PLACEHOLDER);
    let field = DragValue::new(value)
        .range(range)
        .clamp_existing_to_range(false)
        .speed(speed)
        .custom_formatter(|value, _| grouped(value as u64))
        .custom_parser(|text| text.replace([',', ' ', '_'], "").parse().ok());
    ui.add_enabled(enabled, field).accessible_name(name);
}
