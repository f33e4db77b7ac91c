//! Two behaviours side by side from the same start, and which is better.
//!
//! Names are hidden until the verdict is given, and which behaviour is on which side is as good as tossed: whoever knows that A is
//! the newer or the fitter one sees it with other eyes.

use std::sync::Arc;

use carrot_run_record::{Behaviour, Feedback, Outcome, Program, Verdict, text_hash};
use egui::{Key, Modifiers, ProgressBar, Role, Ui, WidgetInfo};
use sha2::{Digest as _, Sha256};

use super::{Command, See, empty, side_by_side::SideBySide};
use crate::action::Action;
use crate::rehearsal::{Part, Played};
use crate::timeline::Timeline;
use crate::watcher::RunView;

/// The last moment stays this long before the rollouts begin again, s.
const CURTAIN_SECS: f64 = 0.8;

/// Playback speeds on offer.
const SPEEDS: [(f64, &str); 4] = [(0.25, "¼×"), (0.5, "½×"), (1.0, "1×"), (2.0, "2×")];

/// One side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// A candidate with its policy.
    Candidate((u32, u32)),
    /// The program in the editor, with a plan.
    Editor,
}

/// What is being shown.
struct Showing {
    /// As the person chose them, not as they are shown.
    pair: [Choice; 2],
    /// As shown: A, B.
    parts: [Part; 2],
    names: [String; 2],
    /// A verdict was given. Once the record holds it, the next pair may come.
    judged: bool,
}

/// The compare panel.
pub struct ComparePanel {
    showing: Option<Showing>,
    /// What an action or another panel asked for.
    asked: Option<[Choice; 2]>,
    pictures: SideBySide,
    hide_names: bool,
    playing: bool,
    /// An action wants them to run, or to stop.
    play_asked: bool,
    repeat: bool,
    speed: usize,
    /// Seconds since the rollouts began.
    time: f64,
    /// The last verdict, with names.
    last: Option<String>,
    /// Pairs whose verdicts are on their way to the record, as they were shown.
    on_their_way: Vec<[Behaviour; 2]>,
    /// Height of what is below the pictures, as of the last frame.
    below: f32,
}

impl Default for ComparePanel {
    fn default() -> Self {
        Self {
            showing: None,
            asked: None,
            pictures: SideBySide::default(),
            hide_names: true,
            playing: true,
            play_asked: false,
            repeat: true,
            speed: 2,
            time: 0.0,
            last: None,
            on_their_way: Vec::new(),
            below: 90.0,
        }
    }
}

impl ComparePanel {
    /// Compares two candidates from the next frame on.
    pub fn compare(&mut self, a: (u32, u32), b: (u32, u32)) {
        self.asked = Some([Choice::Candidate(a), Choice::Candidate(b)]);
    }

    /// Lets both rollouts run, or stops them, in the next frame that shows them.
    pub fn play_or_pause(&mut self) {
        self.play_asked = self.is_showing();
    }

    /// Two behaviours are being compared.
    pub fn is_showing(&self) -> bool {
        self.showing.is_some()
    }

    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let Some(task) = see.task.cloned() else {
            return empty(ui, "Nothing to compare yet.", "The task is being opened.");
        };
        if self
            .showing
            .as_ref()
            .is_some_and(|showing| !Arc::ptr_eq(&showing.parts[0].task, &task) || showing.parts[0].run != see.run.dir)
        {
            (self.showing, self.last) = (None, None);
            self.on_their_way.clear();
        }
        if let Some(pair) = self.asked.take() {
            self.begin(pair, see);
        }
        self.go_on(see);
        if self.showing.is_none() {
            return self.nothing(ui, see);
        }
        self.choose(ui, see);
        let Some(showing) = &self.showing else { return };
        see.rehearsal.want(&showing.parts);
        let played = [0, 1].map(|side| see.rehearsal.played(&showing.parts[side]));
        let whole = played.each_ref().map(|played| match played {
            Played::Whole(timeline) => Some(Arc::clone(timeline)),
            _ => None,
        });
        self.advance(ui, &whole);
        self.titles(ui, &played, &whole);
        let height = (ui.available_height() - self.below).max(60.0);
        let step = self.step(&whole);
        let moments = whole.each_ref().map(|timeline| {
            let timeline = timeline.as_ref()?;
            timeline.at(step)
        });
        self.pictures
            .show(ui, see.artist, &task.bench.task.model, moments, height);
        let top = ui.cursor().top();
        self.clock(ui, &whole);
        if !self.hide_names {
            self.pictures.curves(ui, &whole, step);
        }
        self.verdict(ui, see, whole.iter().all(Option::is_some));
        let below = ui.cursor().top() - top + 4.0;
        if (below - self.below).abs() > 0.5 {
            self.below = below;
            ui.ctx().request_repaint();
        }
    }

    /// Once the record holds the verdict, the next pair is shown.
    fn go_on(&mut self, see: &See<'_>) {
        let run = see.run;
        self.on_their_way.retain(|pair| !is_recorded(run, pair));
        let waits = |showing: &Showing| {
            let shown = showing.parts.each_ref().map(|part| &part.behaviour);
            self.on_their_way.iter().any(|pair| pair.each_ref() == shown)
        };
        let heard = self
            .showing
            .as_ref()
            .is_none_or(|showing| showing.judged && !waits(showing));
        if heard && let Some(next) = see.run.opinion.next {
            self.begin(next.map(Choice::Candidate), see);
        }
    }

    /// Shows a pair, from a start that these two were not compared from before.
    fn begin(&mut self, pair: [Choice; 2], see: &See<'_>) {
        let Some(task) = see.task else { return };
        let run = see.run;
        let resolve = |choice: Choice| match choice {
            Choice::Candidate(id) => {
                let candidate = run.candidate(id)?;
                let Outcome::Evaluated(evaluated) = &candidate.outcome else {
                    return None;
                };
                Some((candidate.program.clone(), Some(evaluated.policy.clone()), Some(id)))
            }
            Choice::Editor => {
                let program = Program::Source {
                    file: crate::compiler::FILE.into(),
                    text: see.document.program.clone(),
                };
                let hash = text_hash(&see.document.program);
                let known = run.candidates.iter().find(|candidate| candidate.program.hash() == hash);
                let known = known.map(|candidate| (candidate.generation, candidate.index));
                Some((program, None, known))
            }
        };
        let [Some(a), Some(b)] = pair.map(resolve) else { return };
        let hashes = [a.0.hash(), b.0.hash()];
        let recorded = run.feedback.iter().filter_map(|entry| match &entry.feedback {
            Feedback::Preference { a, b, .. } => Some([a, b]),
            _ => None,
        });
        let given = recorded.chain(self.on_their_way.iter().map(|pair| pair.each_ref()));
        let these = given.filter(|[a, b]| {
            let shown = [&a.program, &b.program];
            shown == [&hashes[0], &hashes[1]] || shown == [&hashes[1], &hashes[0]]
        });
        let seed = these.count() as u64;
        let part = |(program, policy, id): (Program, Option<String>, Option<(u32, u32)>)| {
            Part::new(task, &run.dir, &program, policy, id, seed)
        };
        let mut parts = [part(a), part(b)];
        let mut pair = pair;
        // Whoever sees the names has chosen the sides.
        if self.hide_names && swapped(&hashes, seed) {
            parts.reverse();
            pair.reverse();
        }
        let names = parts.each_ref().map(|part| {
            let name = run.opinion.name(&part.behaviour.program);
            match part.policy {
                Some(_) => name,
                None => format!("{name} by plan"),
            }
        });
        self.time = 0.0;
        self.playing = true;
        self.showing = Some(Showing {
            pair,
            parts,
            names,
            judged: false,
        });
    }

    fn nothing(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let evaluated = choices(see);
        match evaluated[..] {
            [] if see.search.is_some_and(|state| *state == crate::jobs::JobState::Running) => empty(
                ui,
                "Nothing to compare yet.",
                "The search is at work. Once it has judged two candidates, they are shown here.",
            ),
            [] => {
                empty(
                    ui,
                    "Nothing to compare yet.",
                    "Two candidates with trained policies are needed. A search makes them.",
                );
                ui.vertical_centered(|ui| {
                    super::button(ui, see, "Start a search", Action::StartSearch, true);
                });
            }
            [only, ..] => {
                empty(
                    ui,
                    "One candidate alone cannot be compared.",
                    "The next one that a search judges joins it here.",
                );
                ui.vertical_centered(|ui| {
                    if ui.button("Compare it with the reward in the editor").clicked() {
                        self.begin([Choice::Candidate(only), Choice::Editor], see);
                    }
                });
            }
        }
    }

    /// Which two are compared.
    fn choose(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let mut wanted = None;
        ui.horizontal_wrapped(|ui| {
            let suggested = see.run.opinion.next;
            let button = ui.add_enabled(suggested.is_some(), egui::Button::new("Suggest a pair"));
            let button = button.on_hover_text(format!(
                "The two of which one more verdict would tell most: {}",
                Action::SuggestPair.hint(ui.ctx())
            ));
            if let (true, Some(pair)) = (button.clicked(), suggested) {
                wanted = Some(pair.map(Choice::Candidate));
            }
            ui.checkbox(&mut self.hide_names, "Hide names")
                .on_hover_text("Whoever knows the newer one sees it with other eyes. Without this you choose both, and see terms and fitness");
            let Some(showing) = &self.showing else { return };
            if self.hide_names {
                ui.weak(format!("two behaviours from start {}", showing.parts[0].behaviour.seed));
                return;
            }
            let mut pair = showing.pair;
            for (side, label) in ["First to compare", "Second to compare"].into_iter().enumerate() {
                let before = pair;
                let combo = egui::ComboBox::from_id_salt(label).selected_text(caption(pair[side], see));
                let combo = combo.show_ui(ui, |ui| {
                    let candidates = choices(see).into_iter().map(Choice::Candidate);
                    for choice in candidates.chain([Choice::Editor]) {
                        let free = choice != before[1 - side];
                        ui.add_enabled_ui(free, |ui| {
                            ui.selectable_value(&mut pair[side], choice, caption(choice, see));
                        });
                    }
                });
                combo
                    .response
                    .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, label));
            }
            if pair != showing.pair {
                wanted = Some(pair);
            }
        });
        if let Some(pair) = wanted {
            self.begin(pair, see);
        }
    }

    /// The clock of both.
    fn advance(&mut self, ui: &Ui, whole: &[Option<Arc<Timeline>>; 2]) {
        let [Some(_), Some(_)] = whole else { return };
        if !self.playing {
            return;
        }
        let length = length(whole);
        self.time += f64::from(ui.input(|input| input.stable_dt).min(0.1)) * SPEEDS[self.speed].0;
        if self.time > length + CURTAIN_SECS {
            match self.repeat {
                true => self.time = 0.0,
                false => (self.time, self.playing) = (length, false),
            }
        }
        ui.ctx().request_repaint();
    }

    fn step(&self, whole: &[Option<Arc<Timeline>>; 2]) -> usize {
        let dt = whole.iter().flatten().map(|timeline| timeline.control_dt_secs).next();
        dt.map_or(0, |dt| (self.time / dt + 1e-6) as usize)
    }

    fn titles(&self, ui: &mut Ui, played: &[Played; 2], whole: &[Option<Arc<Timeline>>; 2]) {
        let Some(showing) = &self.showing else { return };
        let step = self.step(whole);
        ui.columns(2, |columns| {
            for (side, ui) in columns.iter_mut().enumerate() {
                let letter = ["A", "B"][side];
                ui.horizontal_wrapped(|ui| {
                    ui.strong(match self.hide_names {
                        true => letter.to_owned(),
                        false => format!("{letter}: {}", showing.names[side]),
                    });
                    match &played[side] {
                        Played::Waiting => _ = ui.weak("waiting for the other"),
                        Played::Playing(steps, of) => {
                            let share = *steps as f32 / (*of).max(1) as f32;
                            ui.add(ProgressBar::new(share).desired_width(80.0).text("rehearsing"));
                        }
                        Played::Failed(message) => _ = ui.colored_label(ui.visuals().error_fg_color, message),
                        Played::Whole(timeline) => {
                            let last = timeline.newest().map_or(0, |moment| moment.step);
                            if step >= last {
                                ui.weak(format!("over after {:.1} s", last as f64 * timeline.control_dt_secs));
                            }
                            if let (false, Some((fitness, _))) = (self.hide_names, timeline.judged) {
                                ui.weak(format!("fitness {fitness:.3}"));
                            }
                        }
                    }
                });
            }
        });
    }

    fn clock(&mut self, ui: &mut Ui, whole: &[Option<Arc<Timeline>>; 2]) {
        let ready = whole.iter().all(Option::is_some);
        let length = length(whole);
        ui.horizontal_wrapped(|ui| {
            let word = if self.playing { "Pause both" } else { "Play both" };
            let play = ui.add_enabled(ready, egui::Button::new(word));
            let play = play.on_hover_text(Action::PlayBoth.hint(ui.ctx()));
            let asked = std::mem::take(&mut self.play_asked) && ready;
            if play.clicked() || asked {
                self.playing ^= true;
                if self.playing && self.time >= length {
                    self.time = 0.0;
                }
            }
            let combo = egui::ComboBox::from_id_salt("speed").width(48.0);
            let combo = combo.selected_text(SPEEDS[self.speed].1).show_ui(ui, |ui| {
                for (at, (_, name)) in SPEEDS.into_iter().enumerate() {
                    ui.selectable_value(&mut self.speed, at, name);
                }
            });
            combo
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Playback speed"));
            ui.checkbox(&mut self.repeat, "Repeat");
            ui.weak(format!("{:.2} s of {length:.2} s", self.time.min(length)));
        });
        let dt = whole.iter().flatten().map(|timeline| timeline.control_dt_secs).next();
        let dt = dt.unwrap_or(1.0);
        let last = (length / dt).round() as usize;
        let mut step = self.step(whole).min(last);
        ui.spacing_mut().slider_width = (ui.available_width() - 8.0).max(60.0);
        let slider = egui::Slider::new(&mut step, 0..=last.max(1)).show_value(false);
        let response = ui.add_enabled(ready, slider);
        response.widget_info(|| WidgetInfo::slider(ready, step as f64, "Step of both"));
        if response.changed() {
            self.playing = false;
            self.time = step as f64 * dt;
        }
    }

    /// The four answers, by button or key. Each showing takes one.
    fn verdict(&mut self, ui: &mut Ui, see: &mut See<'_>, ready: bool) {
        let mut given = None;
        let Some(showing) = &mut self.showing else { return };
        let open = ready && !showing.judged;
        let writes = ui.ctx().text_edit_focused();
        ui.horizontal_wrapped(|ui| {
            for (text, key, verdict) in [
                ("A is better (A)", Key::A, Verdict::A),
                ("B is better (B)", Key::B, Verdict::B),
                ("Equally good (T)", Key::T, Verdict::Tie),
                ("Can't tell (C)", Key::C, Verdict::CannotTell),
            ] {
                let clicked = ui.add_enabled(open, egui::Button::new(text)).clicked();
                let pressed = open && !writes && pressed(ui, key);
                if clicked || pressed {
                    given = given.or(Some(verdict));
                }
            }
        });
        if let Some(verdict) = given {
            showing.judged = true;
            let [a, b] = &showing.names;
            self.last = Some(match verdict {
                Verdict::A => format!("{a} is better than {b}."),
                Verdict::B => format!("{b} is better than {a}."),
                Verdict::Tie => format!("{a} and {b} are equally good."),
                Verdict::CannotTell => format!("{a} and {b} cannot be told apart."),
            });
            let shown = showing.parts.each_ref().map(|part| part.behaviour.clone());
            self.on_their_way.push(shown.clone());
            let [a, b] = shown;
            see.want(Command::Say(Feedback::Preference { a, b, verdict }));
        }
        // A line that is there from the beginning: the buttons stay where they are.
        ui.label(match (&self.last, showing.judged) {
            (None, _) if self.hide_names => "Once you have chosen, their names stand here.".to_owned(),
            (None, _) => " ".to_owned(),
            (Some(last), true) => format!("Noted: {last}"),
            (Some(last), false) => format!("Noted of the pair before: {last}"),
        });
    }
}

/// Whether the record holds a verdict on two behaviours that were shown in this order.
fn is_recorded(run: &RunView, [shown_a, shown_b]: &[Behaviour; 2]) -> bool {
    let mut newest_first = run.feedback.iter().rev();
    newest_first.any(|entry| match &entry.feedback {
        Feedback::Preference { a, b, .. } => (a, b) == (shown_a, shown_b),
        _ => false,
    })
}

/// A key without any modifier.
fn pressed(ui: &Ui, key: Key) -> bool {
    ui.input_mut(|input| input.modifiers.is_none() && input.consume_key(Modifiers::NONE, key))
}

/// Candidates with a policy to show.
fn choices(see: &See<'_>) -> Vec<(u32, u32)> {
    let evaluated = see
        .run
        .candidates
        .iter()
        .filter(|candidate| candidate.fitness().is_some());
    evaluated
        .map(|candidate| (candidate.generation, candidate.index))
        .collect()
}

fn caption(choice: Choice, see: &See<'_>) -> String {
    match choice {
        Choice::Editor => "the reward in the editor, by plan".into(),
        Choice::Candidate(id) => {
            let fitness = see.run.candidate(id).and_then(carrot_run_record::Candidate::fitness);
            let fitness = fitness.map_or_else(String::new, |fitness| format!(" · fitness {fitness:.3}"));
            format!("g{}c{}{fitness}", id.0, id.1)
        }
    }
}

/// Seconds of the longer of two rollouts.
fn length(whole: &[Option<Arc<Timeline>>; 2]) -> f64 {
    let lengths = whole.iter().flatten().map(|timeline| {
        let last = timeline.newest().map_or(0, |moment| moment.step);
        last as f64 * timeline.control_dt_secs
    });
    lengths.fold(0.0, f64::max)
}

/// Whether the second of a pair is shown as A. Equal for equal pairs, in whichever order they come, and else as good as tossed.
fn swapped(hashes: &[String; 2], seed: u64) -> bool {
    let (low, high) = if hashes[0] < hashes[1] {
        (&hashes[0], &hashes[1])
    } else {
        (&hashes[1], &hashes[0])
    };
    let digest = Sha256::digest(format!("{low} {high} {seed}"));
    (digest[0] & 1 == 1) == (*low == hashes[0])
}
