//! The window as a screen reader knows it: what each widget is called, what it is, what it says, where it lies.
//!
//! egui hands out a whole tree with every frame. Scripts and tests find widgets in it by the names that people hear, so
//! that a widget without a name cannot be used by a script either.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use eframe::egui;
use egui::accesskit::{Action, Node, NodeId, TreeUpdate};
use egui::{Rect, Role, pos2};

/// One widget, or one piece of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// Where accessibility actions are sent to.
    pub id: NodeId,
    /// What it is.
    pub role: Role,
    /// What it is called; empty where nobody named it. A text is called what it says.
    pub name: String,
    /// What it says beside its name: the text of an input, the number of a slider.
    pub value: String,
    /// The number it stands at, with least and most where they are known.
    pub number: Option<(f64, Option<f64>, Option<f64>)>,
    /// In points. What is scrolled out of sight has a place too.
    pub rect: Rect,
    /// Whether it takes input now.
    pub enabled: bool,
    /// Whether a person can do something with it: click it, type into it, drag it.
    pub interactive: bool,
    /// The names of what holds it, outermost first.
    pub within: Vec<String>,
}

impl Widget {
    /// The role as scripts write it: `button`, `spin-button`.
    #[must_use]
    pub fn role_name(&self) -> String {
        role_name(self.role)
    }
}

/// Says where a panel lies, which egui keeps to itself; then a script can take a picture of it.
pub fn place(ui: &egui::Ui, rect: Rect) {
    let bounds = egui::accesskit::Rect {
        x0: rect.min.x.into(),
        y0: rect.min.y.into(),
        x1: rect.max.x.into(),
        y1: rect.max.y.into(),
    };
    ui.ctx()
        .accesskit_node_builder(ui.unique_id(), |node| node.set_bounds(bounds));
}

/// Dividers are no thicker than this, in points.
const DIVIDER: f32 = 10.0;

/// Names what egui and its tiles leave without a name: scroll bars, the dividers between panels, and the bars that tabs lie on, by
/// which panels are moved. What lies in a pane and is no scroll bar is for the pane to name. Call it at a frame's end.
pub fn name_handles(ctx: &egui::Context, tiles: Rect, panes: &[Rect]) {
    let is_tiles_own =
        |rect: Rect| tiles.contains(rect.center()) && !panes.iter().any(|pane| pane.contains(rect.center()));
    let mut handles: Vec<(Rect, egui::Id)> = ctx.viewport(|viewport| {
        let layers = viewport.this_pass.widgets.layers();
        let widgets = layers.flat_map(|(_, widgets)| widgets);
        let widgets =
            widgets.filter(|widget| widget.visible && (widget.sense.is_focusable() || widget.sense.senses_click()));
        widgets.map(|widget| (widget.rect, widget.id)).collect()
    });
    handles.retain(|(rect, id)| {
        let is_handle = |node: &mut Node| {
            node.label().is_none()
                && (node.role() == Role::ScrollBar || (node.role() == Role::Unknown && is_tiles_own(*rect)))
        };
        ctx.has_accesskit_node(*id) && ctx.accesskit_node_builder(*id, is_handle) == Some(true)
    });
    // From left to right and from the top down, so that names stay with their places.
    handles.sort_by(|(a, _), (b, _)| {
        (a.left(), a.top())
            .partial_cmp(&(b.left(), b.top()))
            .unwrap_or(Ordering::Equal)
    });
    let (mut dividers, mut tab_bars, mut scroll_bars) = (0, 0, 0);
    for (rect, id) in handles {
        ctx.accesskit_node_builder(id, |node| {
            let (role, kind, count) = if node.role() == Role::ScrollBar {
                (Role::ScrollBar, "Scroll bar", &mut scroll_bars)
            } else if rect.width().min(rect.height()) <= DIVIDER {
                (Role::Splitter, "Divider", &mut dividers)
            } else {
                (Role::TabList, "Tab bar", &mut tab_bars)
            };
            *count += 1;
            node.set_role(role);
            node.set_label(format!("{kind} {count}"));
        });
    }
}

/// `SpinButton` as `spin-button`.
#[must_use]
pub fn role_name(role: Role) -> String {
    let mut name = String::new();
    for letter in format!("{role:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// All that has a name or takes input, in the order in which a screen reader goes through it.
#[must_use]
pub fn widgets(update: &TreeUpdate) -> Vec<Widget> {
    let nodes: BTreeMap<NodeId, &Node> = update.nodes.iter().map(|(id, node)| (*id, node)).collect();
    let mut widgets = Vec::new();
    let Some(tree) = &update.tree else {
        return widgets;
    };
    let mut seen = BTreeSet::new();
    let mut stack = vec![(tree.root, Vec::new())];
    while let Some((id, within)) = stack.pop() {
        let Some(node) = nodes.get(&id).filter(|_| seen.insert(id)) else {
            continue;
        };
        let widget = widget(id, node, &nodes, within);
        let mut inner = widget.within.clone();
        // A text holds nothing but its own runs of letters.
        if !widget.name.is_empty() && widget.role != Role::Label {
            inner.push(widget.name.clone());
        }
        stack.extend(node.children().iter().rev().map(|&child| (child, inner.clone())));
        if !node.is_hidden() && (widget.interactive || !widget.name.is_empty()) {
            widgets.push(widget);
        }
    }
    widgets
}

fn widget(id: NodeId, node: &Node, nodes: &BTreeMap<NodeId, &Node>, within: Vec<String>) -> Widget {
    let role = node.role();
    let text = |node: &Node| node.label().or(node.value()).unwrap_or_default().to_owned();
    let by_labels = || {
        let labels = node.labelled_by().iter().filter_map(|id| nodes.get(id));
        labels.map(|label| text(label)).collect::<Vec<_>>().join(" ")
    };
    let name = match node.label() {
        Some(label) => label.to_owned(),
        None if role == Role::Label => text(node),
        None if node.labelled_by().is_empty() => node.placeholder().unwrap_or_default().to_owned(),
        None => by_labels(),
    };
    let number = node.numeric_value();
    let value = match (node.value(), number) {
        (Some(value), _) => value.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => match node.toggled() {
            Some(toggled) => format!("{toggled:?}").to_lowercase(),
            None => String::new(),
        },
    };
    let rect = node.bounds().map_or(Rect::NOTHING, |rect| {
        Rect::from_min_max(
            pos2(rect.x0 as f32, rect.y0 as f32),
            pos2(rect.x1 as f32, rect.y1 as f32),
        )
    });
    Widget {
        id,
        role,
        name: name.trim().to_owned(),
        value,
        number: number.map(|number| (number, node.min_numeric_value(), node.max_numeric_value())),
        rect,
        enabled: !node.is_disabled(),
        interactive: is_interactive(node),
        within,
    }
}

/// Text that can be selected takes clicks, and yet there is nothing in it to be operated.
fn is_interactive(node: &Node) -> bool {
    let acts = node.supports_action(Action::Click) || node.supports_action(Action::Focus);
    let input = egui::accessibility::is_input(node.role()) && !node.is_read_only();
    (acts || input) && !matches!(node.role(), Role::Label | Role::TextRun)
}
