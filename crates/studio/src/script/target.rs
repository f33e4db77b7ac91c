//! Which widget a step means.

use eframe::egui::Role;

use crate::accessible_tree::{Widget, role_name};

/// How many names a message lists.
const LISTED: usize = 40;

/// A name, perhaps with its role and the panel that it lies in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// As the script has it.
    text: String,
    within: Option<String>,
}

/// What a step needs of its widget.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Need {
    /// To be there; if there are several, any of them.
    Presence,
    /// To be one and no other, to be operated.
    Operation,
}

impl Target {
    pub fn new(text: String, within: Option<String>) -> Self {
        Self { text, within }
    }

    /// The widget that is meant, or why there is none, with what is there instead.
    pub fn find<'a>(&self, widgets: &'a [Widget], need: Need) -> Result<&'a Widget, String> {
        let inside: Vec<&Widget> = widgets.iter().filter(|widget| self.is_inside(widget)).collect();
        if inside.is_empty() {
            let panel = self.within.as_deref().unwrap_or_default();
            return Err(format!("nothing is inside {panel:?}"));
        }
        let mut found = named(&inside, None, &self.text);
        if found.is_empty()
            && let Some((role, name)) = self.text.split_once(':')
        {
            found = named(&inside, Some(role), name);
        }
        if need == Need::Operation {
            let operable: Vec<&Widget> = found.iter().copied().filter(|widget| widget.interactive).collect();
            // Pictures and panels take clicks without saying so; a name that only they have means them.
            if !operable.is_empty() {
                found = operable;
            }
        }
        match found[..] {
            [] => Err(self.nothing(&inside, need)),
            [only] => Ok(only),
            [first, ..] if need == Need::Presence => Ok(first),
            _ => Err(format!(
                "{} widgets are called so; say which by a role or by `in \"PANEL\"`: {}",
                found.len(),
                found
                    .iter()
                    .map(|widget| describe(widget))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    fn is_inside(&self, widget: &Widget) -> bool {
        let panel = self.within.as_ref();
        panel.is_none_or(|panel| widget.within.iter().any(|name| matches(panel, name)))
    }

    fn nothing(&self, inside: &[&Widget], need: Need) -> String {
        let mut candidates: Vec<&Widget> = inside.to_vec();
        candidates.retain(|widget| !widget.name.is_empty() && (need == Need::Presence || widget.interactive));
        let sought = self.text.to_lowercase();
        let nearness = |widget: &&&Widget| {
            let name = widget.name.to_lowercase();
            (strsim::jaro_winkler(&sought, &name) * 1000.0) as u32
        };
        let nearest = candidates
            .iter()
            .max_by_key(nearness)
            .filter(|widget| nearness(widget) >= 800);
        let hint = nearest.map_or_else(String::new, |widget| format!("; did you mean {}?", describe(widget)));
        let mut names: Vec<String> = candidates.iter().map(|widget| describe(widget)).collect();
        names.dedup();
        let more = match names.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        names.truncate(LISTED);
        format!(
            "nothing is called {:?}{hint}\n  there are: {}{more}",
            self.text,
            names.join(", ")
        )
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

fn named<'a>(inside: &[&'a Widget], role: Option<&str>, name: &str) -> Vec<&'a Widget> {
    let fits = |widget: &&&Widget| {
        matches(name, &widget.name)
            && role.is_none_or(|role| role == role_name(widget.role))
            && widget.role != Role::TextRun
    };
    inside.iter().filter(fits).copied().collect()
}

fn describe(widget: &Widget) -> String {
    // A long text is known by its beginning.
    let mut name: String = widget.name.chars().take(60).collect();
    if name.len() < widget.name.len() {
        name.push('*');
    }
    format!("{:?}", format!("{}:{name}", widget.role_name()))
}

/// Whether a name is what the pattern says; `*` stands for anything, a star too.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, others)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for part in middle.split('*') {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, fits) in [
            ("Format", "Format", true),
            ("Format", "Format all", false),
            ("Format*", "Format all", true),
            ("*all", "Format all", true),
            ("*mat*", "Format all", true),
            ("F*t*l", "Format all", true),
            ("F*x*l", "Format all", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern:?} for {name:?}");
        }
    }
}
