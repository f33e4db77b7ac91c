//! Settings of an optimiser: from the task, from a preset, and from the command line.

use carrot_environment::Task;
use carrot_optimizer::Settings;
use serde_json::json;

use crate::arguments::Train;
use crate::output::{Answer, Failure};

/// The pairs of `--set KEY=VALUE` as a table, of which the last word on a key counts. `example` is a pair that makes sense.
///
/// Errors: [`Failure::Usage`] for what is no pair.
pub fn table(pairs: &[String], example: &str) -> Result<toml::Table, Failure> {
    let mut table = toml::Table::new();
    for pair in pairs {
        let wrong = || Failure::Usage(format!("--set {pair}: write KEY=VALUE, such as {example}"));
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let (key, value) = (key.trim(), value.trim());
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_key || value.is_empty() {
            return Err(wrong());
        }
        // A word needs no quotes here.
        let read = format!("{key} = {value}").parse::<toml::Table>();
        let read = read.or_else(|_| format!("{key} = {value:?}").parse());
        table.extend(read.map_err(|_| wrong())?);
    }
    Ok(table)
}

/// The task's settings with what the command line says in their place.
pub fn of_training(options: &Train, task: &Task) -> Result<Settings, Failure> {
    let mut overrides = table(&options.set, "learning_rate=3e-4")?;
    if let Some(name) = &options.preset {
        overrides.insert("preset".into(), name.as_str().into());
    }
    if let Some(steps) = options.steps {
        let steps = i64::try_from(steps).unwrap_or(i64::MAX);
        overrides.insert("steps".into(), steps.into());
    }
    let settings = options.algorithm.settings(task, &overrides);
    settings.map_err(|error| Failure::Usage(error.to_string()))
}

/// Published settings, by algorithm.
pub fn presets() -> Answer {
    let ppo = carrot_optimizer::presets().into_iter();
    let ppo = ppo.map(|preset| (preset.name, Settings::from(preset.settings)));
    let sac = carrot_optimizer::sac_presets().into_iter();
    let sac = sac.map(|(name, settings)| (name, Settings::from(settings)));
    let (mut json, mut text) = (
        Vec::new(),
        String::from("preset                        algorithm       steps  envs  network"),
    );
    for (name, settings) in ppo.chain(sac) {
        let layers: Vec<String> = settings.hidden().iter().map(usize::to_string).collect();
        text += &format!(
            "\n{name:<28}  {:<9}  {:>10} {:>5}  {}",
            settings.algorithm().to_string(),
            settings.steps(),
            settings.n_envs(),
            layers.join(", "),
        );
        json.push(json!({ "name": name, "settings": settings }));
    }
    Answer::new(json!({ "presets": json }), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_and_words_need_no_quotes() {
        let read = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|pair| pair.to_string()).collect();
            table(&pairs, "clip=0.1").map(|table| table.to_string())
        };
        for (pairs, expected) in [
            (&["clip=0.1"][..], "clip = 0.1\n"),
            (
                &["hidden=[64, 32]", "schedule = linear"],
                "hidden = [64, 32]\nschedule = \"linear\"\n",
            ),
            (&["squash=true", "squash=false"], "squash = false\n"),
            (&["preset=\"eureka-ant\""], "preset = \"eureka-ant\"\n"),
        ] {
            assert_eq!(read(pairs).unwrap(), expected);
        }
        for pair in ["clip", "=3", "clip=", "a.b=3", "[x]=1"] {
            let Err(Failure::Usage(message)) = read(&[pair]) else {
                panic!("{pair} was taken");
            };
            assert!(message.contains(pair) && message.contains("clip=0.1"), "{message}");
        }
    }
}
