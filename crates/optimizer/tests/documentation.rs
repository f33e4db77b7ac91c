//! docs/optimisers.md is held to the settings as they are. `UPDATE_EXPECT=1 cargo test --workspace --test documentation` writes
//! its table of presets.

use std::path::{Path, PathBuf};

use carrot_optimizer::{PpoSettings, SacSettings, Schedule, presets};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/optimisers.md")
}

fn text() -> String {
    std::fs::read_to_string(page()).unwrap()
}

/// What stands between `<!-- NAME -->` and `<!-- end of NAME -->`.
fn part<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("<!-- {name} -->\n");
    let from = text.find(&start).unwrap_or_else(|| panic!("the page has no {start:?}")) + start.len();
    &text[from..from + text[from..].find(&format!("<!-- end of {name} -->")).unwrap()]
}

#[test]
fn the_page_tells_every_setting_and_its_default() {
    let of_ppo = toml::Table::try_from(PpoSettings::default()).unwrap();
    let of_sac = toml::Table::try_from(SacSettings::default()).unwrap();
    tells("settings", &of_ppo);
    tells("sac settings", &of_sac);
}

fn tells(table: &str, defaults: &toml::Table) {
    let text = text();
    let rows = part(&text, table).lines().filter(|line| line.starts_with("| `"));
    let told: Vec<(&str, &str)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            (cells[0].trim_matches(['|', ' ', '`']), cells[1].trim_matches('`'))
        })
        .collect();
    let mut missing = Vec::new();
    for (key, value) in defaults {
        if !told.contains(&(key, &value.to_string())) {
            missing.push(format!("`{key}` | `{value}`"));
        }
    }
    assert!(missing.is_empty(), "the page does not say {missing:?}");
    assert_eq!(
        told.len(),
        defaults.len(),
        "the page tells of settings that do not exist: {told:?}"
    );
}

#[test]
fn the_page_tells_every_preset() {
    let mut table = "| preset | steps | envs × rollout | minibatches × epochs | rate, schedule | γ, λ | clip | entropy, value | gradient | log σ | network |\n\
                     |---|---:|---:|---:|---|---|---|---|---:|---:|---|\n"
        .to_owned();
    for preset in presets() {
        let PpoSettings {
            steps,
            n_envs,
            rollout,
            minibatches,
            epochs,
            learning_rate,
            schedule,
            target_kl,
            discount,
            gae_lambda,
            clip,
            value_clip,
            entropy_weight,
            value_weight,
            max_gradient_norm,
            initial_log_std,
            hidden,
            activation,
            ..
        } = preset.settings;
        let schedule = match schedule {
            Schedule::Adaptive => format!("adaptive to {target_kl}"),
            other => format!("{other:?}").to_lowercase(),
        };
        let values = if value_clip { ", values too" } else { "" };
        let hidden: Vec<String> = hidden.iter().map(usize::to_string).collect();
        table += &format!(
            "| `{}` | {:.1} M | {n_envs} × {rollout} | {minibatches} × {epochs} | {learning_rate}, {schedule} | {discount}, {gae_lambda} | \
             {clip}{values} | {entropy_weight}, {value_weight} | {max_gradient_norm} | {initial_log_std} | {} {} |\n",
            preset.name,
            steps as f64 / 1e6,
            hidden.join(", "),
            format!("{activation:?}").to_lowercase(),
        );
    }
    let text = text();
    if part(&text, "presets") == table {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let marked = |contents: &str| format!("<!-- presets -->\n{contents}<!-- end");
        let renewed = text.replacen(&marked(part(&text, "presets")), &marked(&table), 1);
        std::fs::write(page(), renewed).unwrap();
        return;
    }
    panic!("the table of presets is not current; UPDATE_EXPECT=1 writes it:\n{table}");
}
