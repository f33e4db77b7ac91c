//! Where the lines of a text are, in the three ways in which the editor counts: bytes, characters, line and column.

use std::ops::Range;

use carrot_reward_interface::Span;

/// Starts of the lines of one text.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// First byte of each line.
    bytes: Vec<usize>,
    /// First character of each line.
    chars: Vec<usize>,
    length: usize,
    length_chars: usize,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let mut lines = Self {
            bytes: vec![0],
            chars: vec![0],
            length: text.len(),
            length_chars: 0,
        };
        for (count, (at, c)) in text.char_indices().enumerate() {
            lines.length_chars = count + 1;
            if c == '\n' {
                lines.bytes.push(at + 1);
                lines.chars.push(count + 1);
            }
        }
        lines
    }

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
        let start = self.bytes.get(line).copied().unwrap_or(self.length);
        let end = self.bytes.get(line + 1).map_or(self.length, |next| next - 1);
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

    /// The character at a byte of the text.
    pub(super) fn char_of_byte(&self, text: &str, byte: usize) -> usize {
        let byte = byte.min(text.len());
        let line = self.line_of_byte(byte);
        let start = self.bytes[line].min(byte);
        let within = text.as_bytes()[start..byte].iter().filter(|&&byte| byte & 0xC0 != 0x80);
        self.chars[line] + within.count()
    }

    /// The byte at a character of the text.
    pub(super) fn byte_of_char(&self, text: &str, at: usize) -> usize {
        let line = self.line_of_char(at.min(self.length_chars));
        let start = self.bytes[line].min(text.len());
        let within = at.saturating_sub(self.chars[line]);
        text[start..]
            .char_indices()
            .nth(within)
            .map_or(text.len(), |(offset, _)| start + offset)
    }

    /// The byte at a line and column, counted from 1; clamped to the line and to the text.
    fn byte_at(&self, text: &str, line: u32, column: u32) -> usize {
        let line = line.saturating_sub(1) as usize;
        if line >= self.count() {
            return text.len();
        }
        let bytes = self.bytes_of_line(line);
        let (start, end) = (bytes.start.min(text.len()), bytes.end.min(text.len()));
        let content = &text[start..end];
        let offset = content.char_indices().nth(column.saturating_sub(1) as usize);
        offset.map_or(end, |(offset, _)| start + offset)
    }

    /// Bytes of a stretch. It may be of an older text: what lies outside is clamped.
    pub(super) fn bytes_of_span(&self, text: &str, span: &Span) -> Range<usize> {
        let start = self.byte_at(text, span.line, span.column);
        start..self.byte_at(text, span.end_line, span.end_column).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_to_count_agree() {
        let text = "a = 1\nβ = α\n\nlast";
        let lines = Lines::of(text);
        assert_eq!(lines.count(), 4);
        for (at, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(lines.char_of_byte(text, byte), at);
            assert_eq!(lines.byte_of_char(text, at), byte);
        }
        assert_eq!(lines.line_and_column(6), (2, 1));
        assert_eq!(lines.line_and_column(99), (4, 5));
        assert_eq!(&text[lines.bytes_of_line(1)], "β = α");
        let span = Span {
            line: 2,
            column: 5,
            end_line: 2,
            end_column: 6,
        };
        assert_eq!(&text[lines.bytes_of_span(text, &span)], "α");
        let beyond = Span {
            line: 2,
            column: 40,
            end_line: 90,
            end_column: 1,
        };
        assert_eq!(&text[lines.bytes_of_span(text, &beyond)], "\n\nlast");
    }
}
