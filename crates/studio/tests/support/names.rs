//! Whether everything that can be operated has a name of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use carrot_studio::accessible_tree::{Widget, widgets};
use eframe::egui;

/// Sees each frame's widgets, beside the harness, which keeps the tree to itself.
#[derive(Clone, Default)]
pub struct Watch(Arc<Mutex<Vec<Widget>>>);

impl Watch {
    /// Watches a context from its next frame on.
    pub fn over(ctx: &egui::Context) -> Self {
        let watch = Self::default();
        ctx.add_plugin(watch.clone());
        watch
    }

    /// All that has a name or takes input in the last frame.
    pub fn widgets(&self) -> Vec<Widget> {
        self.0.lock().unwrap().clone()
    }

    /// What a person can operate in the last frame.
    pub fn interactive(&self) -> Vec<Widget> {
        let mut widgets = self.widgets();
        widgets.retain(|widget| widget.interactive);
        widgets
    }

    /// Interactive widgets without a name, and such as share name and role with another in the same panel.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut places: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for widget in self.interactive() {
            let place = widget.within.join(" › ");
            let role = widget.role_name();
            if widget.name.is_empty() {
                faults.push(format!("a {role} in “{place}” at {:?} has no name", widget.rect));
            } else {
                *places.entry((place, role, widget.name)).or_default() += 1;
            }
        }
        for ((place, role, name), count) in places {
            if count > 1 {
                faults.push(format!("{count} of role {role} in “{place}” are called {name:?}"));
            }
        }
        faults
    }
}

impl egui::Plugin for Watch {
    fn debug_name(&self) -> &'static str {
        "names"
    }

    fn output_hook(&mut self, _ctx: &egui::Context, output: &mut egui::FullOutput) {
        if let Some(update) = &output.platform_output.accesskit_update {
            *self.0.lock().unwrap() = widgets(update);
        }
    }
}
