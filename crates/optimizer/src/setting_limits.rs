//! How settings of every optimiser are read from tables and refused: with the key, its value and what is allowed.

use carrot_environment::VecEnv;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TrainError;

/// Key, value, whether it fits, and what is allowed.
pub(crate) type Limit = (&'static str, String, bool, String);

/// A whole number from `least` to `most`.
pub(crate) fn whole(key: &'static str, value: usize, least: usize, most: usize) -> Limit {
    let fits = (least..=most).contains(&value);
    (key, value.to_string(), fits, format!("from {least} to {most}"))
}

/// A number from `least` to `most`; NaN never fits.
pub(crate) fn real(key: &'static str, value: f64, least: f64, most: f64) -> Limit {
    let fits = value >= least && value <= most;
    (key, value.to_string(), fits, format!("from {least} to {most}"))
}

/// Units of the hidden layers.
pub(crate) fn layers(key: &'static str, hidden: &[usize]) -> Limit {
    let fits = (1..=8).contains(&hidden.len()) && hidden.iter().all(|units| (1..=1024).contains(units));
    let allowed = "one to eight layers of 1 to 1024 units".into();
    (key, format!("{hidden:?}"), fits, allowed)
}

/// Errors: [`TrainError::Settings`] for the first that does not fit.
pub(crate) fn check(limits: impl IntoIterator<Item = Limit>) -> Result<(), TrainError> {
    match limits.into_iter().find(|(_, _, fits, _)| !fits) {
        None => Ok(()),
        Some((key, value, _, allowed)) => Err(TrainError::Settings(format!(
            "optimiser settings: `{key}` is {value}; allowed is {allowed}"
        ))),
    }
}

/// `settings` with the keys of `overrides` in place of their own. The key `preset` first puts the settings that `preset` finds
/// under its name in the place of all; `example` is such a name.
///
/// Errors: [`TrainError::Settings`] for an unknown key or preset, or a wrong type.
pub(crate) fn overridden<T: Clone + Serialize + DeserializeOwned>(
    settings: &T,
    overrides: &toml::Table,
    preset: impl FnOnce(&str) -> Result<T, String>,
    example: &str,
) -> Result<T, TrainError> {
    let refused = |message: String| TrainError::Settings(format!("optimiser settings: {message}"));
    let mut overrides = overrides.clone();
    let base = match overrides.remove("preset") {
        None => settings.clone(),
        Some(toml::Value::String(name)) => preset(&name).map_err(refused)?,
        Some(other) => {
            let wrong = format!("`preset` is {other}; write the name of one, such as \"{example}\"");
            return Err(refused(wrong));
        }
    };
    let mut table = toml::Table::try_from(base).map_err(|error| refused(error.to_string()))?;
    table.extend(overrides);
    table
        .try_into()
        .map_err(|error: toml::de::Error| refused(error.to_string().trim().into()))
}

/// Errors: [`TrainError::Settings`] where `env` has not the `n_envs` of the settings.
pub(crate) fn same_number_of_environments(n_envs: usize, env: &VecEnv) -> Result<(), TrainError> {
    match env.n_envs() {
        there if there == n_envs => Ok(()),
        there => Err(TrainError::Settings(format!(
            "optimiser settings: `n_envs` is {n_envs}, but there are {there} environments"
        ))),
    }
}
