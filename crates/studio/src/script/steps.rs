//! The language of scripts: one step a line.

use std::path::PathBuf;
use std::time::Duration;

use eframe::egui;
use egui::{Key, Modifiers, PointerButton, Theme, Vec2, vec2};

use super::target::Target;

/// How long `wait` has, unless it says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// What a script does, line by line.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// How messages call it.
    pub name: String,
    pub(super) lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// From one.
    pub number: usize,
    pub text: String,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Click {
        on: Target,
        button: PointerButton,
        times: u8,
    },
    Hover(Target),
    Drag {
        from: Target,
        to: Way,
    },
    Scroll {
        over: Target,
        by: Vec2,
    },
    Focus(Target),
    Type(String),
    Key {
        modifiers: Modifiers,
        key: Key,
    },
    Wait {
        what: Target,
        there: bool,
        within: Duration,
    },
    Expect(Target),
    ExpectValue(Target, String),
    Sleep(Duration),
    Screenshot {
        file: PathBuf,
        of: Option<Target>,
    },
    Size(Vec2),
    Theme(Theme),
    Report(PathBuf),
    Quit,
}

/// Where a drag ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// At a share of the widget, from left to right, or from the bottom up where it stands upright.
    Share(f32),
    /// So many points right and down.
    Points(Vec2),
}

const USAGE: &str = "\
click \"NAME\" [in \"PANEL\"]
double-click \"NAME\" [in \"PANEL\"]
right-click \"NAME\" [in \"PANEL\"]
hover \"NAME\" [in \"PANEL\"]
drag \"NAME\" [in \"PANEL\"] to 0.8
drag \"NAME\" [in \"PANEL\"] by 40 0
scroll \"NAME\" [in \"PANEL\"] by 0 -100
focus \"NAME\" [in \"PANEL\"]
type \"TEXT\"
key Ctrl+Shift+Z
wait \"NAME\" [in \"PANEL\"] [30s]
wait-gone \"NAME\" [in \"PANEL\"] [30s]
expect \"NAME\" [in \"PANEL\"]
expect-value \"NAME\" [in \"PANEL\"] \"PART\"
sleep 0.5s
screenshot FILE.png [of \"NAME\"] [in \"PANEL\"]
size 1400 900
theme dark|light
report FILE.json
quit";

impl Script {
    /// Reads a script. `name` stands in messages, usually the file.
    ///
    /// Errors: one message for each line that cannot be read, with its number and how such a step is written.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        let mut complaints = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let number = index + 1;
            let text = text.trim();
            let step = words(text).and_then(|words| match words.is_empty() {
                true => Ok(None),
                false => step(&words).map(Some),
            });
            match step {
                Ok(Some(step)) => lines.push(Line {
                    number,
                    text: text.to_owned(),
                    step,
                }),
                Ok(None) => {}
                Err(complaint) => complaints.push(format!("{name}:{number}: {text}\n  {complaint}")),
            }
        }
        match complaints.is_empty() {
            true => Ok(Self {
                name: name.to_owned(),
                lines,
            }),
            false => Err(complaints.join("\n")),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Bare(String),
    Quoted(String),
}

/// Splits at spaces; `"…"` keeps them, `\"`, `\\`, `\n` and `\t` stand for what they say; `#` begins a comment.
fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(&first) = rest.peek() {
        if first == '#' {
            break;
        } else if first.is_whitespace() {
            rest.next();
        } else if first == '"' {
            rest.next();
            words.push(Word::Quoted(quoted(&mut rest)?));
        } else {
            let mut word = String::new();
            while let Some(letter) = rest.next_if(|letter| !letter.is_whitespace()) {
                word.push(letter);
            }
            words.push(Word::Bare(word));
        }
    }
    Ok(words)
}

fn quoted(rest: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match rest.next().ok_or("a quote is opened and not closed")? {
            '"' => return Ok(text),
            '\\' => text.push(match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(letter @ ('"' | '\\')) => letter,
                other => return Err(format!("`\\{}` stands for nothing", other.unwrap_or(' '))),
            }),
            letter => text.push(letter),
        }
    }
}

fn step(words: &[Word]) -> Result<Step, String> {
    let Word::Bare(verb) = &words[0] else {
        return Err("a step begins with its verb, such as `click`".to_owned());
    };
    let mut words = Words {
        verb,
        rest: &words[1..],
    };
    let step = words.step()?;
    match words.rest {
        [] => Ok(step),
        _ => Err(words.usage()),
    }
}

/// The words after the verb.
struct Words<'a> {
    verb: &'a str,
    rest: &'a [Word],
}

impl Words<'_> {
    fn step(&mut self) -> Result<Step, String> {
        let click = |on, button, times| Step::Click { on, button, times };
        Ok(match self.verb {
            "click" => click(self.target()?, PointerButton::Primary, 1),
            "double-click" => click(self.target()?, PointerButton::Primary, 2),
            "right-click" => click(self.target()?, PointerButton::Secondary, 1),
            "hover" => Step::Hover(self.target()?),
            "drag" => Step::Drag {
                from: self.target()?,
                to: match self.is_next("to") {
                    true => Way::Share(self.number()?),
                    false => Way::Points(self.by()?),
                },
            },
            "scroll" => Step::Scroll {
                over: self.target()?,
                by: self.by()?,
            },
            "focus" => Step::Focus(self.target()?),
            "type" => Step::Type(self.quoted()?),
            "key" => self.key()?,
            "wait" | "wait-gone" => Step::Wait {
                there: self.verb == "wait",
                what: self.target()?,
                within: match self.rest {
                    [] => WAIT,
                    _ => self.duration()?,
                },
            },
            "expect" => Step::Expect(self.target()?),
            "expect-value" => Step::ExpectValue(self.target()?, self.quoted()?),
            "sleep" => Step::Sleep(self.duration()?),
            "screenshot" => Step::Screenshot {
                file: self.file()?,
                of: match self.is_next("of") {
                    true => Some(self.target()?),
                    false => None,
                },
            },
            "size" => Step::Size(vec2(self.number()?, self.number()?)),
            "theme" => Step::Theme(match self.bare()?.as_str() {
                "dark" => Theme::Dark,
                "light" => Theme::Light,
                _ => return Err(self.usage()),
            }),
            "report" => Step::Report(self.file()?),
            "quit" => Step::Quit,
            other => {
                let verbs = USAGE.lines().filter_map(|line| line.split(' ').next());
                let verbs = verbs.collect::<Vec<_>>().join(", ");
                return Err(format!("there is no step `{other}`; there are {verbs}"));
            }
        })
    }

    fn usage(&self) -> String {
        let own = |line: &&str| line.split(' ').next() == Some(self.verb);
        let forms: Vec<String> = USAGE.lines().filter(own).map(|line| format!("`{line}`")).collect();
        format!("it is written {}", forms.join(" or "))
    }

    fn next(&mut self) -> Result<&Word, String> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| self.usage())?;
        self.rest = rest;
        Ok(first)
    }

    fn bare(&mut self) -> Result<String, String> {
        match self.next()? {
            Word::Bare(word) => Ok(word.clone()),
            Word::Quoted(_) => Err(self.usage()),
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        match self.next()? {
            Word::Quoted(text) => Ok(text.clone()),
            Word::Bare(_) => Err(self.usage()),
        }
    }

    fn file(&mut self) -> Result<PathBuf, String> {
        let (Word::Bare(file) | Word::Quoted(file)) = self.next()?;
        Ok(PathBuf::from(file))
    }

    fn is_next(&mut self, word: &str) -> bool {
        let is = matches!(self.rest.first(), Some(Word::Bare(first)) if first == word);
        if is {
            self.rest = &self.rest[1..];
        }
        is
    }

    fn target(&mut self) -> Result<Target, String> {
        let name = self.quoted()?;
        let within = match self.is_next("in") {
            true => Some(self.quoted()?),
            false => None,
        };
        Ok(Target::new(name, within))
    }

    fn number(&mut self) -> Result<f32, String> {
        let usage = self.usage();
        let number: f32 = self.bare()?.parse().map_err(|_| usage.clone())?;
        number.is_finite().then_some(number).ok_or(usage)
    }

    fn by(&mut self) -> Result<Vec2, String> {
        match self.is_next("by") {
            true => Ok(vec2(self.number()?, self.number()?)),
            false => Err(self.usage()),
        }
    }

    fn duration(&mut self) -> Result<Duration, String> {
        let text = self.bare()?;
        let secs = text.strip_suffix('s').and_then(|secs| secs.parse::<f64>().ok());
        let duration = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        duration.ok_or_else(|| format!("`{text}` is no time; times are written as `0.5s`"))
    }

    fn key(&mut self) -> Result<Step, String> {
        let text = self.bare()?;
        let mut modifiers = Modifiers::NONE;
        let mut names: Vec<&str> = text.split('+').collect();
        let key = names.pop().unwrap_or_default();
        for name in names {
            modifiers |= match name {
                // As egui has them on Linux and Windows, where the command key is Ctrl.
                "Ctrl" => Modifiers::CTRL | Modifiers::COMMAND,
                "Shift" => Modifiers::SHIFT,
                "Alt" => Modifiers::ALT,
                other => return Err(format!("`{other}` is no modifier; there are Ctrl, Shift and Alt")),
            };
        }
        let key = Key::from_name(key).ok_or_else(|| {
            format!("there is no key `{key}`; keys are named as `A`, `F12`, `Enter`, `Escape`, `Space`, `Plus`, `Left`")
        })?;
        Ok(Step::Key { modifiers, key })
    }
}
