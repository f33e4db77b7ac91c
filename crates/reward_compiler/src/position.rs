//! Byte ranges of the parser to lines and columns of a person's editor.
//!
//! Columns count characters, because the reader of a message counts characters and not bytes.

use carrot_reward_interface::Span;
use ruff_text_size::TextRange;

/// Where each line of a source text starts.
#[derive(Debug)]
pub(crate) struct Positions<'a> {
    source: &'a str,
    line_starts: Vec<usize>,
    is_ascii: bool,
}

impl<'a> Positions<'a> {
    /// Finds the lines of `source`.
    pub(crate) fn new(source: &'a str) -> Self {
        let after_newline = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(after_newline.map(|(at, _)| at + 1)).collect();
        Self {
            source,
            line_starts,
            is_ascii: source.is_ascii(),
        }
    }

    /// The source text of a range.
    pub(crate) fn text(&self, range: TextRange) -> &'a str {
        &self.source[range.start().to_usize()..range.end().to_usize()]
    }

    /// The whole text.
    pub(crate) fn source(&self) -> &'a str {
        self.source
    }

    /// The source text of a stretch.
    pub(crate) fn text_of(&self, span: &Span) -> &'a str {
        &self.source[span.bytes(self.source)]
    }

    /// How often a name stands in the text as a whole word, comments left out.
    pub(crate) fn count_word(&self, word: &str) -> usize {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let code = self.source.lines().map(|line| line.split('#').next().unwrap_or(line));
        code.map(|line| line.split(|c| !is_word(c)).filter(|found| *found == word).count())
            .sum()
    }

    /// Lines and columns of a range.
    pub(crate) fn span(&self, range: TextRange) -> Span {
        self.span_of_bytes(range.start().to_usize(), range.end().to_usize())
    }

    /// Lines and columns of a byte range.
    pub(crate) fn span_of_bytes(&self, start: usize, end: usize) -> Span {
        let (line, column) = self.line_and_column(start);
        let (end_line, end_column) = self.line_and_column(end.max(start));
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.source.len());
        let line = self.line_starts.partition_point(|&start| start <= offset) - 1;
        let start = self.line_starts[line];
        let characters = if self.is_ascii {
            offset - start
        } else {
            self.source.as_bytes()[start..offset]
                .iter()
                .filter(|&&byte| byte & 0xC0 != 0x80)
                .count()
        };
        (line as u32 + 1, characters as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = "a = 1\nα = β\n";
        let at = source.find('β').unwrap();
        let span = Positions::new(source).span_of_bytes(at, at + 'β'.len_utf8());
        assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 5, 2, 6));
        assert_eq!(span.bytes(source), at..at + 2);
    }
}
