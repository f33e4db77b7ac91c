//! A text and where its lines are, in the three ways in which the editor counts: bytes, characters, line and column.
//!
//! A page keeps the very text of which it knows the lines, so that places found on one are never looked up in another. Any
//! number may be asked for: what lies outside is clamped.

use std::ops::Range;

use carrot_reward_interface::{Diagnostic, Span};

/// One version of a text, with the starts of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    text: String,
    /// First byte of each line.
    bytes: Vec<usize>,
    /// First character of each line.
    chars: Vec<usize>,
    length_chars: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self::of("")
    }
}

impl Page {
    pub(super) fn of(text: &str) -> Self {
        let mut page = Self {
            text: text.to_owned(),
            bytes: vec![0],
            chars: vec![0],
            length_chars: 0,
        };
        for (count, (at, c)) in text.char_indices().enumerate() {
            page.length_chars = count + 1;
            if c == '\n' {
                page.bytes.push(at + 1);
                page.chars.push(count + 1);
            }
        }
        page
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Number of lines; a text that ends with a line break has an empty one behind it.
    pub(super) fn count(&self) -> usize {
        self.bytes.len()
    }

    /// The line of a byte, counted from 0.
    pub(super) fn line_of_byte(&self, byte: usize) -> usize {
        self.bytes.partition_point(|&start| start <= byte).saturating_sub(1)
    }

    /// The line of a character, counted from 0.
    pub(super) fn line_of_char(&self, at: usize) -> usize {
        self.chars.partition_point(|&start| start <= at).saturating_sub(1)
    }

    /// Bytes of a line, its line break left out.
    pub(super) fn bytes_of_line(&self, line: usize) -> Range<usize> {
        let start = self.bytes.get(line).copied().unwrap_or(self.text.len());
        let end = self.bytes.get(line + 1).map_or(self.text.len(), |next| next - 1);
        start..end.max(start)
    }

    /// First character of a line.
    pub(super) fn char_of_line(&self, line: usize) -> usize {
        self.chars.get(line).copied().unwrap_or(self.length_chars)
    }

    /// Line and column of a character, both counted from 1.
    pub(super) fn line_and_column(&self, at: usize) -> (u32, u32) {
        let at = at.min(self.length_chars);
        let line = self.line_of_char(at);
        (line as u32 + 1, (at - self.chars[line]) as u32 + 1)
    }

    /// The character that a byte is of.
    pub(super) fn char_of_byte(&self, byte: usize) -> usize {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.line_of_byte(byte);
        self.chars[line] + self.text[self.bytes[line]..byte].chars().count()
    }

    /// The first byte of a character.
    pub(super) fn byte_of_char(&self, at: usize) -> usize {
        let line = self.line_of_char(at.min(self.length_chars));
        let start = self.bytes[line];
        let offset = self.text[start..].char_indices().nth(at - self.chars[line]);
        offset.map_or(self.text.len(), |(offset, _)| start + offset)
    }

    /// Characters of a stretch of bytes.
    pub(super) fn chars(&self, bytes: Range<usize>) -> Range<usize> {
        self.char_of_byte(bytes.start)..self.char_of_byte(bytes.end)
    }

    /// The character behind what another page had otherwise. Where more than a line is another one, the first that differs.
    pub(super) fn end_of_change_from(&self, old: &Self) -> usize {
        let (new, old) = (self.text.as_bytes(), old.text.as_bytes());
        let same = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
        let start = same(&mut new.iter().zip(old));
        let same_behind = same(&mut new[start..].iter().rev().zip(old[start..].iter().rev()));
        let end = new.len() - same_behind;
        let is_one_line = !new[start..end].contains(&b'\n');
        self.char_of_byte(if is_one_line { end } else { start })
    }

    /// The byte at a line and column, counted from 1; clamped to the line and to the text.
    fn byte_at(&self, line: u32, column: u32) -> usize {
        let line = line.saturating_sub(1) as usize;
        if line >= self.count() {
            return self.text.len();
        }
        let bytes = self.bytes_of_line(line);
        let offset = self.text[bytes.clone()]
            .char_indices()
            .nth(column.saturating_sub(1) as usize);
        offset.map_or(bytes.end, |(offset, _)| bytes.start + offset)
    }

    /// Bytes of a stretch. It may be of an older text: what lies outside is clamped.
    pub(super) fn bytes_of_span(&self, span: &Span) -> Range<usize> {
        let start = self.byte_at(span.line, span.column);
        start..self.byte_at(span.end_line, span.end_column).max(start)
    }

    /// The bytes that a finding is about, at least one character wide where the text has one.
    pub(super) fn bytes_of_finding(&self, finding: &Diagnostic) -> Range<usize> {
        let found = self.bytes_of_span(&finding.span);
        if !found.is_empty() {
            return found;
        }
        let (before, after) = self.text.split_at(found.start);
        match (after.chars().next().filter(|c| *c != '\n'), before.chars().next_back()) {
            (Some(c), _) => found.start..found.start + c.len_utf8(),
            (None, Some(c)) => found.start - c.len_utf8()..found.start,
            (None, None) => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(line: u32, column: u32, end_line: u32, end_column: u32) -> Span {
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    #[test]
    fn the_three_ways_to_count_agree() {
        let text = "a = 1\nβ = α\n\nlast";
        let page = Page::of(text);
        assert_eq!(page.count(), 4);
        for (at, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(page.char_of_byte(byte), at);
            assert_eq!(page.byte_of_char(at), byte);
        }
        assert_eq!(page.line_and_column(6), (2, 1));
        assert_eq!(page.line_and_column(99), (4, 5));
        assert_eq!(&text[page.bytes_of_line(1)], "β = α");
        assert_eq!(&text[page.bytes_of_span(&span(2, 5, 2, 6))], "α");
        assert_eq!(&text[page.bytes_of_span(&span(2, 40, 90, 1))], "\n\nlast");
    }

    #[test]
    fn a_change_is_found() {
        for (old, new, expected) in [
            ("ab", "ab", 2),
            ("a\nb\nc", "a\nbxy\nc", 5),
            ("a\nbxy\nc", "a\nb\nc", 3),
            ("a2.0b", "a3.5b", 4),
            ("a\nb", "a\nx\ny\nb", 2),
            ("aé", "aè", 2),
            ("", "x", 1),
            ("x", "", 0),
            ("aa", "aaa", 3),
        ] {
            assert_eq!(
                Page::of(new).end_of_change_from(&Page::of(old)),
                expected,
                "{old:?} {new:?}"
            );
        }
    }

    /// Places of an older text are asked for all the time: whatever the numbers, the answer lies between two characters.
    #[test]
    fn every_place_is_one_of_the_text() {
        for text in ["", "²", "m²\n", "é́\n🤖²\n\n\u{a0}x", "\n\n"] {
            let page = Page::of(text);
            for at in 0..text.len() + 3 {
                assert!(page.char_of_byte(at) <= text.chars().count());
                assert!(text.is_char_boundary(page.byte_of_char(at)));
                assert!(text.get(page.bytes_of_line(at)).is_some());
                let (line, column) = page.line_and_column(at);
                assert!(line as usize <= page.count() && column >= 1);
                for end in 0..5 {
                    let bytes = page.bytes_of_span(&span(at as u32, end, end, at as u32));
                    assert!(text.get(bytes.clone()).is_some(), "{text:?} {bytes:?}");
                }
            }
        }
    }
}
