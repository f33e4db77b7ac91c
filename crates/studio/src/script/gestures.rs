//! What hands do: moves of the pointer and presses of keys, as the events of one frame after another.

use std::time::Duration;

use eframe::egui;
use egui::accesskit::{Action, ActionRequest, NodeId, TreeId};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Vec2};

/// How long after the frame before it a frame of a movement comes: about sixty a second.
const MOVEMENT: Duration = Duration::from_millis(16);
/// Frames that a drag takes on its way.
const DRAG_FRAMES: u8 = 12;

/// The events of one frame.
#[derive(Debug)]
pub(super) struct Moment {
    pub events: Vec<Event>,
    /// Time that must have passed since the moment before.
    pub after: Duration,
}

fn at_once(events: Vec<Event>) -> Moment {
    let after = Duration::ZERO;
    Moment { events, after }
}

fn button(pos: Pos2, button: PointerButton, pressed: bool) -> Event {
    let modifiers = Modifiers::NONE;
    Event::PointerButton {
        pos,
        button,
        pressed,
        modifiers,
    }
}

pub(super) fn hover(pos: Pos2) -> Vec<Moment> {
    vec![at_once(vec![Event::PointerMoved(pos)])]
}

/// Clicks that count together come within two frames, however long a frame takes: egui goes by time.
pub(super) fn click(pos: Pos2, which: PointerButton, times: u8) -> Vec<Moment> {
    let mut moments = hover(pos);
    let stroke = |pressed| button(pos, which, pressed);
    match times {
        1 => moments.extend([true, false].map(|pressed| at_once(vec![stroke(pressed)]))),
        _ => moments.extend((0..times).map(|_| at_once(vec![stroke(true), stroke(false)]))),
    }
    moments
}

pub(super) fn drag(from: Pos2, to: Pos2) -> Vec<Moment> {
    let mut moments = hover(from);
    moments.push(at_once(vec![button(from, PointerButton::Primary, true)]));
    for frame in 1..=DRAG_FRAMES {
        let share = f32::from(frame) / f32::from(DRAG_FRAMES);
        moments.push(Moment {
            events: vec![Event::PointerMoved(from.lerp(to, share))],
            after: MOVEMENT,
        });
    }
    moments.push(at_once(vec![button(to, PointerButton::Primary, false)]));
    moments
}

pub(super) fn scroll(over: Pos2, by: Vec2) -> Vec<Moment> {
    let mut moments = hover(over);
    moments.push(at_once(vec![Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: by,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    }]));
    moments
}

/// Letters one by one; a new line is the Enter key, a tab the Tab key.
pub(super) fn type_text(text: &str) -> Vec<Moment> {
    let letter = |letter: char| match letter {
        '\n' => press(Modifiers::NONE, Key::Enter),
        '\t' => press(Modifiers::NONE, Key::Tab),
        letter => vec![at_once(vec![Event::Text(letter.to_string())])],
    };
    text.chars().flat_map(letter).collect()
}

/// A key down and up again, with what the window system makes of it: letters, and the clipboard's commands.
pub(super) fn press(modifiers: Modifiers, key: Key) -> Vec<Moment> {
    let stroke = |pressed| Event::Key {
        key,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers,
    };
    let mut down = vec![Event::ModifiersChanged(modifiers)];
    match (modifiers.command, key) {
        // The window system says these in place of the stroke.
        (true, Key::C) => down.push(Event::Copy),
        (true, Key::X) => down.push(Event::Cut),
        _ => down.push(stroke(true)),
    }
    if !modifiers.command
        && !modifiers.alt
        && let Some(text) = letter(modifiers, key)
    {
        down.push(Event::Text(text));
    }
    let up = vec![stroke(false), Event::ModifiersChanged(Modifiers::NONE)];
    vec![at_once(down), at_once(up)]
}

fn letter(modifiers: Modifiers, key: Key) -> Option<String> {
    let name = key.symbol_or_name();
    match name.chars().count() {
        _ if key == Key::Space => Some(" ".to_owned()),
        1 if name.is_ascii() && modifiers.shift => Some(name.to_uppercase()),
        1 if name.is_ascii() => Some(name.to_lowercase()),
        _ => None,
    }
}

/// What a screen reader asks of a widget.
pub(super) fn ask(node: NodeId, action: Action) -> Vec<Moment> {
    vec![at_once(vec![Event::AccessKitActionRequest(ActionRequest {
        action,
        target_tree: TreeId::ROOT,
        target_node: node,
        data: None,
    })])]
}
