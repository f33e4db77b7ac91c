//! `carrot feedback`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use carrot_environment::Engine;
use carrot_preference::Opinions;
use carrot_reward_search::listening::behaviour_name;
use carrot_run_record::{
    Behaviour, Candidate, Driver, EditKind, Feedback, Outcome, RecordError, RunRecord, Verdict, candidate_name,
    program_name, text_hash,
};
use carrot_workbench::{ProgramBody, Workbench};
use serde_json::json;

use super::check;
use crate::arguments::{DriverName, Feedback as Options, FeedbackCommand, Shown, Word};
use crate::files;
use crate::output::{Answer, Failure};

/// Fewest digits by which a program's hash is taken for one.
const SHORTEST_HASH: usize = 6;

/// Takes or tells what people say.
pub fn run(options: &Options, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let run = Run::open(&options.run, &options.command)?;
    match &options.command {
        FeedbackCommand::Prefer {
            better,
            other,
            tie,
            cannot_tell,
            shown,
        } => {
            let verdict = match (tie, cannot_tell) {
                (true, _) => Verdict::Tie,
                (_, true) => Verdict::CannotTell,
                (false, false) => Verdict::A,
            };
            let (a, b) = (run.shown(better, shown)?, run.shown(other, shown)?);
            run.say(&Feedback::Preference { a, b, verdict })
        }
        FeedbackCommand::Rate { program, word, shown } => run.say(&Feedback::Rating {
            of: run.shown(program, shown)?,
            good: *word == Word::Good,
        }),
        FeedbackCommand::Comment { words, step, shown } => run.comment(words, *step, shown),
        FeedbackCommand::Edit { file, summary } => run.edit(file, summary, envs),
        FeedbackCommand::List => run.list(),
        FeedbackCommand::Ranking => run.ranking(),
    }
}

struct Run {
    record: RunRecord,
    candidates: Vec<Candidate>,
}

impl Run {
    fn open(dir: &Path, command: &FeedbackCommand) -> Result<Self, Failure> {
        let opened = match command {
            FeedbackCommand::List | FeedbackCommand::Ranking => RunRecord::open_read_only(dir),
            _ => RunRecord::open_for_feedback(dir),
        };
        let record = opened.map_err(|error| match error {
            RecordError::NotFound(message) => Failure::Usage(message),
            error => error.into(),
        })?;
        let candidates = record.candidates()?;
        Ok(Self { record, candidates })
    }

    fn say(&self, feedback: &Feedback) -> Result<Answer, Failure> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("cli-{}-{}", since.as_nanos(), std::process::id());
        self.record.put_feedback(&id, feedback).map_err(|error| match error {
            RecordError::Refused(message) => Failure::Usage(message),
            error => error.into(),
        })?;
        let position = self
            .record
            .feedback()?
            .into_iter()
            .find(|entry| entry.id == id)
            .map(|entry| entry.position);
        let json = json!({ "run": self.record.dir(), "position": position, "feedback": feedback });
        let text = format!("noted: {}\nthe next generation follows it\n", self.told(feedback));
        Ok(Answer::new(json, text))
    }

    fn comment(&self, words: &[String], step: Option<u64>, shown: &Shown) -> Result<Answer, Failure> {
        let is_candidate = |text: &str| self.candidates.iter().any(|candidate| candidate.name() == text);
        let (of, text) = match words {
            [text] if is_candidate(text) => {
                return Err(Failure::Usage(format!("what about {text}? Put the words behind it")));
            }
            [text] => (None, text),
            [program, text] => (Some(self.shown(program, shown)?), text),
            _ => return Err(Failure::Usage("one text is one comment; put it in quotes".into())),
        };
        let text = text.clone();
        self.say(&Feedback::Comment { of, step, text })
    }

    /// A program that the run can judge; one that does not compile is shown with its findings instead.
    fn edit(&self, file: &Path, summary: &str, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
        let program = files::program(file)?;
        let ProgramBody::Source(text) = &program.body else {
            return Err(Failure::Usage(format!(
                "{}: an edit is a text; judge a module with carrot search --include",
                file.display()
            )));
        };
        let config = self.record.config()?;
        let setting = |key: &str| config.get(key).and_then(toml::Value::as_str);
        let engine: Engine = setting("engine")
            .map_or(Ok(Engine::Mujoco), str::parse)
            .map_err(Failure::Usage)?;
        let task = files::task(&envs()?, setting("task").unwrap_or_default(), engine)?;
        if let Err(diagnostics) = Workbench::new(task)?.load(&program) {
            return Ok(check::refused(&program, &diagnostics));
        }
        self.say(&Feedback::Edit {
            text: text.clone(),
            how: EditKind::Typed,
            summary: summary.to_owned(),
        })
    }

    /// A behaviour of the program that the user names.
    fn shown(&self, wanted: &str, shown: &Shown) -> Result<Behaviour, Failure> {
        let driver = match shown.driver {
            DriverName::Policy => Driver::Policy,
            DriverName::Plan => Driver::Plan,
        };
        let named = self.candidates.iter().find(|candidate| candidate.name() == wanted);
        let Some(candidate) = named else {
            let program = self.by_hash(wanted)?;
            return Ok(Behaviour {
                candidate: None,
                program,
                driver,
                seed: shown.seed,
            });
        };
        match (&candidate.outcome, driver) {
            (Outcome::Rejected { .. }, _) => Err(Failure::Usage(format!(
                "{wanted} was rejected and never moved anything; comment on the task instead"
            ))),
            (Outcome::Stopped { .. }, Driver::Policy) => Err(Failure::Usage(format!(
                "{wanted} stopped before it had a policy; comment on the task instead"
            ))),
            _ => Ok(Behaviour {
                program: candidate.program.hash(),
                candidate: Some((candidate.generation, candidate.index)),
                driver,
                seed: shown.seed,
            }),
        }
    }

    /// The program whose hash begins so, among candidates and edits.
    fn by_hash(&self, wanted: &str) -> Result<String, Failure> {
        let is_hash = wanted.len() >= SHORTEST_HASH && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash {
            let mut found: Vec<String> = self.hashes()?;
            found.retain(|hash| hash.starts_with(&wanted.to_ascii_lowercase()));
            match found.as_slice() {
                [] => {}
                [one] => return Ok(one.clone()),
                _ => return Err(Failure::Usage(format!("several programs' hashes begin with {wanted}"))),
            }
        }
        let labels: Vec<String> = self.candidates.iter().map(Candidate::name).collect();
        let run = self.record.dir().display();
        Err(Failure::Usage(
            match files::nearest(wanted, labels.iter().map(String::as_str)) {
                Some(near) => format!("{run} has no candidate {wanted}; did you mean {near}?"),
                None if labels.is_empty() => format!("{run} has no candidates yet"),
                None => format!("{run} has no candidate {wanted}; carrot runs show {run} lists them"),
            },
        ))
    }

    /// Hashes of all programs, each once.
    fn hashes(&self) -> Result<Vec<String>, Failure> {
        let mut hashes: Vec<String> = self
            .candidates
            .iter()
            .map(|candidate| candidate.program.hash())
            .collect();
        for entry in self.record.feedback()? {
            if let Feedback::Edit { text, .. } = &entry.feedback {
                hashes.push(text_hash(text));
            }
        }
        hashes.sort();
        hashes.dedup();
        Ok(hashes)
    }

    fn list(&self) -> Result<Answer, Failure> {
        let entries = self.record.feedback()?;
        let listened = self.record.listened()?;
        let mut text = String::new();
        let (mut rows, mut heard) = (Vec::new(), 0);
        for entry in &entries {
            // Words stand above the generation that heard them first.
            while heard < listened.len() && listened[heard] < entry.position {
                text += &format!("--- generation {heard} begins\n");
                heard += 1;
            }
            let told = self.told(&entry.feedback);
            text += &format!("{:>4}  {told}\n", entry.position);
            rows.push(json!({
                "position": entry.position, "id": entry.id, "written_unix_secs": entry.written_unix_secs,
                "told": told, "feedback": entry.feedback,
            }));
        }
        for generation in heard..listened.len() {
            text += &format!("--- generation {generation} begins\n");
        }
        if entries.is_empty() {
            text = format!(
                "nobody said anything yet; carrot feedback {} comment \"…\" does\n",
                self.record.dir().display()
            );
        }
        let json = json!({ "run": self.record.dir(), "feedback": rows, "listened": listened });
        Ok(Answer::new(json, text))
    }

    fn ranking(&self) -> Result<Answer, Failure> {
        let opinions = Opinions::new(&self.candidates, &self.record.feedback()?);
        let mut text = format!(
            "{:<14} {:>8}  {:>16}  {:>7}  {:>4}  {:>3}\n",
            "program", "strength", "95 % interval", "choices", "good", "bad"
        );
        let mut programs = Vec::new();
        for opinion in opinions.standings() {
            let (standing, (good, bad)) = (opinion.standing, opinion.ratings);
            let interval = format!("{:+.2} to {:+.2}", standing.interval[0], standing.interval[1]);
            text += &format!(
                "{:<14} {:>+8.2}  {interval:>16}  {:>7}  {good:>4}  {bad:>3}\n",
                opinion.name, standing.strength, standing.comparisons
            );
            programs.push(json!({
                "name": opinion.name, "program": opinion.program, "strength": standing.strength,
                "standard_error": standing.standard_error, "interval": standing.interval,
                "comparisons": standing.comparisons, "good": good, "bad": bad,
            }));
        }
        let next = opinions
            .next_pair()
            .map(|pair| pair.map(|(generation, index)| candidate_name(generation, index)));
        match &next {
            Some([a, b]) => text += &format!("\nmost is to be learned from {a} against {b}\n"),
            None => text += "\nthere are no two programs to compare yet\n",
        }
        let json = json!({ "run": self.record.dir(), "programs": programs, "next": next });
        Ok(Answer::new(json, text))
    }

    /// One line.
    fn told(&self, feedback: &Feedback) -> String {
        let name = |behaviour: &Behaviour| behaviour_name(behaviour, &self.candidates);
        match feedback {
            Feedback::Preference { a, b, verdict } => {
                let (a, b) = (name(a), name(b));
                match verdict {
                    Verdict::A => format!("{a} over {b}"),
                    Verdict::B => format!("{b} over {a}"),
                    Verdict::Tie => format!("{a} and {b} are equally good"),
                    Verdict::CannotTell => format!("{a} and {b} cannot be compared"),
                }
            }
            Feedback::Rating { of, good: true } => format!("{} is good", name(of)),
            Feedback::Rating { of, good: false } => format!("{} is bad", name(of)),
            Feedback::Comment { of, step, text } => {
                let about = of
                    .as_ref()
                    .map_or("on the task".to_owned(), |of| format!("on {}", name(of)));
                let moment = step.map_or(String::new(), |step| format!(" at step {step}"));
                format!("{about}{moment}: {}", text.trim().replace('\n', "\n      "))
            }
            Feedback::Edit { text, how, summary } => {
                let how = match how {
                    EditKind::Typed => "written",
                    EditKind::Slider => "dragged",
                    EditKind::QuickFix => "repaired",
                    EditKind::Format => "formatted",
                    EditKind::Opened => "opened",
                    EditKind::Undo => "undone",
                };
                let summary = if summary.is_empty() {
                    String::new()
                } else {
                    format!(": {summary}")
                };
                format!("{} {how}{summary}", program_name(&text_hash(text), &self.candidates))
            }
        }
    }
}
