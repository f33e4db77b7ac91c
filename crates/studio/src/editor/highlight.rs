//! Colours of a reward program: what each word is, and how it is drawn on light and on dark.
//!
//! The words are found without parsing, because a text is coloured while it is typed and does not parse.

use std::collections::BTreeSet;
use std::ops::Range;

use carrot_reward_interface::Schema;
use eframe::egui::text::{ByteIndex, LayoutJob, LayoutSection, TextFormat, TextWrapping};
use eframe::egui::{Color32, FontId};

/// What a word of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Plain,
    Keyword,
    Text,
    Comment,
    Number,
    /// A variable of the task.
    Variable,
    /// Something that is called, or defined.
    Function,
    /// The name of a reward term.
    Term,
}

/// Names that the program's own text does not explain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vocabulary {
    variables: BTreeSet<String>,
    terms: BTreeSet<String>,
}

impl Vocabulary {
    /// The variables' names, each part of a dotted one by itself, and the terms'.
    pub(super) fn of(schema: &Schema, terms: &[String]) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let parts = schema
            .variables
            .iter()
            .flat_map(|variable| variable.name.split(|c| !is_word(c)));
        Self {
            variables: parts.filter(|part| part.len() > 1).map(str::to_owned).collect(),
            terms: terms.iter().cloned().collect(),
        }
    }
}

const KEYWORDS: [&str; 33] = [
    "and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
    "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
    "while", "with", "yield", "True", "False", "None",
];

/// Words with where they are, in order; what lies between them is plain.
pub(super) type Words = Vec<(Range<usize>, Word)>;

/// What a line begins in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Code,
    /// A string that was not closed on the line before: one of three quotes, or with a backslash at the end of the line.
    Text {
        quote: u8,
        is_long: bool,
    },
}

/// The words of one line, and what the next one begins in the middle of.
pub(super) fn words(line: &str, begins: Inside, vocabulary: &Vocabulary) -> (Words, Inside) {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    let mut defines = false;
    let mut inside = begins;
    if let Inside::Text { quote, is_long } = begins {
        (at, inside) = end_of_string(bytes, 0, quote, is_long);
        words.push((0..at, Word::Text));
    }
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'#' => {
                at = bytes.len();
                words.push((start..at, Word::Comment));
            }
            quote @ (b'"' | b'\'') => {
                let is_long = bytes[at..].starts_with(&[quote; 3]);
                let width = if is_long { 3 } else { 1 };
                (at, inside) = end_of_string(bytes, at + width, quote, is_long);
                let is_term = vocabulary.terms.contains(line[start..at].trim_matches(['"', '\'']));
                words.push((start..at, if is_term { Word::Term } else { Word::Text }));
            }
            b'0'..=b'9' => {
                at += 1;
                while at < bytes.len() {
                    let is_sign = matches!(bytes[at], b'+' | b'-') && matches!(bytes[at - 1], b'e' | b'E');
                    if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'.' | b'_') || is_sign) {
                        break;
                    }
                    at += 1;
                }
                words.push((start..at, Word::Number));
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                let word = &line[start..at];
                let is_keyword = KEYWORDS.contains(&word);
                let is_called = bytes[at..].iter().find(|byte| **byte != b' ') == Some(&b'(');
                let kind = if is_keyword {
                    Word::Keyword
                } else if defines || is_called {
                    Word::Function
                } else if vocabulary.variables.contains(word) {
                    Word::Variable
                } else if vocabulary.terms.contains(word) {
                    Word::Term
                } else {
                    Word::Plain
                };
                defines = is_keyword && word == "def";
                if kind != Word::Plain {
                    words.push((start..at, kind));
                }
            }
            _ => at += 1,
        }
    }
    (words, inside)
}

/// The words of a whole text.
pub(super) fn words_of_text(text: &str, vocabulary: &Vocabulary) -> Words {
    let mut begins = Inside::Code;
    let mut start = 0;
    let mut all = Vec::new();
    for line in text.split('\n') {
        let (words, ends) = words(line, begins, vocabulary);
        all.extend(
            words
                .into_iter()
                .map(|(range, word)| (start + range.start..start + range.end, word)),
        );
        start += line.len() + 1;
        begins = ends;
    }
    all
}

/// The end on this line of a string whose inside begins at `at`, and what the next line begins in the middle of.
fn end_of_string(bytes: &[u8], mut at: usize, quote: u8, is_long: bool) -> (usize, Inside) {
    let width = if is_long { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            _ if bytes[at..].starts_with(&[quote; 3][..width]) => return (at + width, Inside::Code),
            _ => at += 1,
        }
    }
    let goes_on = is_long || at > bytes.len();
    let next = match goes_on {
        true => Inside::Text { quote, is_long },
        false => Inside::Code,
    };
    (bytes.len(), next)
}

/// The colours of the editor on one kind of background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    pub(super) background: Color32,
    pub(super) current_line: Color32,
    pub(super) line_number: Color32,
    /// A place found, and the one of them that is looked at.
    pub(super) found: Color32,
    pub(super) found_here: Color32,
    pub(super) bracket: Color32,
    pub(super) error: Color32,
    pub(super) warning: Color32,
    pub(super) note: Color32,
    words: [Color32; 8],
}

impl Palette {
    pub(super) fn new(is_dark: bool) -> Self {
        let rgb = Color32::from_rgb;
        match is_dark {
            true => Self {
                background: rgb(0x1d, 0x1f, 0x24),
                current_line: rgb(0x28, 0x2b, 0x33),
                line_number: rgb(0x94, 0x9a, 0xa6),
                found: rgb(0x4a, 0x3f, 0x1c),
                found_here: rgb(0x96, 0x52, 0x0c),
                bracket: rgb(0x3e, 0x52, 0x6b),
                error: rgb(0xff, 0x6b, 0x68),
                warning: rgb(0xe5, 0xb5, 0x3f),
                note: rgb(0x6c, 0xb6, 0xff),
                words: [
                    rgb(0xe3, 0xe5, 0xea),
                    rgb(0xd1, 0x9a, 0xf0),
                    rgb(0xa5, 0xd0, 0x7f),
                    rgb(0x92, 0x9b, 0xaa),
                    rgb(0xf0, 0xa8, 0x6c),
                    rgb(0x6f, 0xcf, 0xe0),
                    rgb(0x86, 0xb9, 0xff),
                    rgb(0xf2, 0xd0, 0x74),
                ],
            },
            false => Self {
                background: rgb(0xfd, 0xfd, 0xfc),
                current_line: rgb(0xf0, 0xf2, 0xf6),
                line_number: rgb(0x64, 0x6b, 0x76),
                found: rgb(0xff, 0xef, 0xb8),
                found_here: rgb(0xff, 0xbe, 0x55),
                bracket: rgb(0xc4, 0xd8, 0xf2),
                error: rgb(0xc2, 0x1d, 0x1d),
                warning: rgb(0x8f, 0x5b, 0x00),
                note: rgb(0x0b, 0x5f, 0xc0),
                words: [
                    rgb(0x22, 0x25, 0x2b),
                    rgb(0x87, 0x28, 0xa8),
                    rgb(0x2c, 0x6e, 0x1f),
                    rgb(0x66, 0x6d, 0x78),
                    rgb(0xa6, 0x45, 0x0a),
                    rgb(0x00, 0x69, 0x7c),
                    rgb(0x1c, 0x55, 0xb8),
                    rgb(0x7c, 0x5a, 0x00),
                ],
            },
        }
    }

    fn of(&self, word: Word) -> Color32 {
        self.words[word as usize]
    }
}

/// How letters look, other than their colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letters {
    pub(super) font: FontId,
    /// How high a line is; without it, as high as the font.
    pub(super) line_height: Option<f32>,
}

/// A text or one of its lines as egui lays it out: no line is wrapped, so that lines and rows are the same.
pub(super) fn job(text: &str, words: &[(Range<usize>, Word)], palette: &Palette, letters: &Letters) -> LayoutJob {
    let mut sections = Vec::with_capacity(2 * words.len() + 1);
    let mut section = |range: Range<usize>, word: Word| {
        // An empty line is as high as others.
        if !range.is_empty() || text.is_empty() {
            sections.push(LayoutSection {
                leading_space: 0.0,
                byte_range: ByteIndex(range.start)..ByteIndex(range.end),
                format: TextFormat {
                    font_id: letters.font.clone(),
                    line_height: letters.line_height,
                    color: palette.of(word),
                    italics: word == Word::Comment,
                    ..Default::default()
                },
            });
        }
    };
    let mut done = 0;
    for (range, word) in words {
        section(done..range.start, Word::Plain);
        section(range.clone(), *word);
        done = range.end;
    }
    section(done..text.len(), Word::Plain);
    LayoutJob {
        text: text.to_owned(),
        sections,
        wrap: TextWrapping {
            max_width: f32::INFINITY,
            ..Default::default()
        },
        break_on_newline: true,
        keep_trailing_whitespace: true,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_what_it_is() {
        let schema = Schema::from_toml("[variable.height]\n[variable.\"robot.ee_pose.p\"]\nshape = [3]").unwrap();
        let vocabulary = Vocabulary::of(&schema, &["lift".to_owned()]);
        let text = "def reward(height):  # α\n    x = 2.5e-3 * self.robot.ee_pose.p + abs(y)\n    return {\"lift\": x, 'a\\'b': lift}\n";
        let found: Vec<(&str, Word)> = words_of_text(text, &vocabulary)
            .into_iter()
            .map(|(range, word)| (&text[range], word))
            .collect();
        assert_eq!(
            found,
            [
                ("def", Word::Keyword),
                ("reward", Word::Function),
                ("height", Word::Variable),
                ("# α", Word::Comment),
                ("2.5e-3", Word::Number),
                ("robot", Word::Variable),
                ("ee_pose", Word::Variable),
                ("abs", Word::Function),
                ("return", Word::Keyword),
                ("\"lift\"", Word::Term),
                ("'a\\'b'", Word::Text),
                ("lift", Word::Term),
            ]
        );
    }

    #[test]
    fn strings_end_where_python_ends_them() {
        let none = Vocabulary::default();
        for (text, expected) in [
            ("'open\nx", vec!["'open"]),
            ("'''a\nb''' c", vec!["'''a", "b'''"]),
            ("'''a\n\"b", vec!["'''a", "\"b"]),
            ("'a\\\nb' c", vec!["'a\\", "b'"]),
            ("'a\\\\\nb", vec!["'a\\\\"]),
            ("'\\", vec!["'\\"]),
            ("'\\²' x", vec!["'\\²'"]),
        ] {
            let found = words_of_text(text, &none).into_iter();
            let strings: Vec<&str> = found.map(|(range, _)| &text[range]).collect();
            assert_eq!(strings, expected, "{text:?}");
        }
    }

    #[test]
    fn sections_cover_the_text() {
        for text in ["", "α = 'β' # γ\n\n  2", "\"\"\"", "x"] {
            let job = job(
                text,
                &words_of_text(text, &Vocabulary::default()),
                &Palette::new(true),
                &Letters {
                    font: FontId::monospace(12.0),
                    line_height: None,
                },
            );
            let mut at = 0;
            for section in &job.sections {
                assert_eq!(section.byte_range.start.0, at);
                at = section.byte_range.end.0;
                assert!(text.is_char_boundary(at));
            }
            assert_eq!(at, text.len());
            assert!(!job.sections.is_empty());
        }
    }

    /// WCAG 2: text needs a contrast of 4.5 to its background.
    #[test]
    fn every_colour_can_be_read() {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = |c: Color32| 0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b());
        for is_dark in [true, false] {
            let palette = Palette::new(is_dark);
            for background in [palette.background, palette.current_line] {
                let marks = [palette.error, palette.warning, palette.note, palette.line_number];
                for color in palette.words.into_iter().chain(marks) {
                    let (a, b) = (luminance(color) + 0.05, luminance(background) + 0.05);
                    let contrast = a.max(b) / a.min(b);
                    assert!(contrast >= 4.5, "{color:?} on {background:?}: {contrast:.2}");
                }
            }
        }
    }
}
