//! Where the panels are, as made and as a person left them.

use egui_tiles::{Behavior, Container, Linear, LinearDir, Tile, Tiles, Tree};

use crate::panels::Panel;

/// Where the panels are.
pub struct Layout {
    tree: Tree<Panel>,
    changed: bool,
}

impl Layout {
    /// The panels as `kept`, or as made where nothing can be read there.
    pub fn new(kept: Option<&serde_json::Value>) -> Self {
        Self {
            tree: tree(kept),
            changed: false,
        }
    }

    /// Shows the panels.
    pub fn show(&mut self, behavior: &mut dyn Behavior<Panel>, ui: &mut egui::Ui) {
        self.tree.ui(behavior, ui);
    }

    /// Somebody moved a panel or a line between two.
    pub fn note_change(&mut self) {
        self.changed = true;
    }

    /// Brings a panel to the front.
    pub fn focus(&mut self, panel: Panel) {
        self.tree
            .make_active(|_, tile| matches!(tile, Tile::Pane(pane) if *pane == panel));
        self.changed = true;
    }

    /// Puts the panels where they were at first.
    pub fn reset(&mut self) {
        *self = Self {
            tree: as_made(),
            changed: true,
        };
    }

    /// The panels as the tiles write themselves, if they have changed since the last call.
    pub fn change(&mut self) -> Option<serde_json::Value> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        serde_json::to_value(&self.tree).ok()
    }
}

/// The panels as `kept`, or as made where nothing can be read there, or where it lacks a panel.
fn tree(kept: Option<&serde_json::Value>) -> Tree<Panel> {
    let kept = kept.and_then(|value| serde_json::from_value::<Tree<Panel>>(value.clone()).ok());
    let complete = |tree: &Tree<Panel>| {
        let count = |panel: Panel| {
            let tiles = tree.tiles.tiles();
            tiles
                .filter(|tile| matches!(tile, Tile::Pane(pane) if *pane == panel))
                .count()
        };
        tree.root().is_some() && Panel::ALL.into_iter().all(|panel| count(panel) == 1)
    };
    kept.filter(complete).unwrap_or_else(as_made)
}

fn as_made() -> Tree<Panel> {
    let mut tiles = Tiles::default();
    let tabs = |tiles: &mut Tiles<Panel>, panels: &[Panel]| {
        let panes: Vec<_> = panels.iter().map(|panel| tiles.insert_pane(*panel)).collect();
        tiles.insert_tab_tile(panes)
    };
    let left = tabs(&mut tiles, &[Panel::Editor, Panel::History]);
    let behaviour = tabs(&mut tiles, &[Panel::Viewport, Panel::Compare]);
    let terms = tabs(&mut tiles, &[Panel::Terms, Panel::Task]);
    let search = tabs(&mut tiles, &[Panel::Search, Panel::Candidate]);
    let feedback = tabs(&mut tiles, &[Panel::Feedback]);
    let mut split = |direction, children: Vec<_>, shares: &[f32]| {
        let mut linear = Linear::new(direction, children.clone());
        for (child, share) in children.into_iter().zip(shares) {
            linear.shares.set_share(child, *share);
        }
        tiles.insert_container(Container::Linear(linear))
    };
    let middle = split(LinearDir::Vertical, vec![behaviour, terms], &[1.4, 1.0]);
    let right = split(LinearDir::Vertical, vec![search, feedback], &[1.2, 1.0]);
    let root = split(LinearDir::Horizontal, vec![left, middle, right], &[1.0, 1.1, 0.8]);
    Tree::new(egui::Id::unique("studio"), root, tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_comes_back_and_a_wrong_one_does_not() {
        let made = as_made();
        let value = serde_json::to_value(&made).unwrap();
        assert_eq!(serde_json::to_value(tree(Some(&value))).unwrap(), value);
        for wrong in ["null", "{}", "[1]", r#"{"root":null,"tiles":{}}"#] {
            let wrong = serde_json::from_str(wrong).unwrap();
            assert_eq!(tree(Some(&wrong)).tiles.len(), made.tiles.len());
        }
    }
}
