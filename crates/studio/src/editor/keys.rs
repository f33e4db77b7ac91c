//! What keys do to a program's text: indentation, comments, brackets. Texts and selections in, texts and selections out.
//!
//! Positions are characters, as egui counts them.

use std::ops::Range;

/// A text with its selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) text: String,
    /// First and last selected character; equal where nothing is selected.
    pub(super) selection: Range<usize>,
}

const INDENT: &str = "    ";

fn byte(text: &str, at: usize) -> usize {
    text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
}

/// Enter: a new line as far in as the last one, further in after `:` and an open bracket, further out after `return`.
pub(super) fn new_line(mut before: Selected) -> Selected {
    let (start, end) = (
        byte(&before.text, before.selection.start),
        byte(&before.text, before.selection.end),
    );
    let line_start = before.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = &before.text[line_start..start];
    let mut indent: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let code = line.split('#').next().unwrap_or_default().trim();
    let first = code.split_whitespace().next().unwrap_or_default();
    if code.ends_with([':', '(', '[', '{']) {
        indent += INDENT;
    } else if matches!(first, "return" | "pass" | "break" | "continue" | "raise") {
        let kept = indent.strip_suffix(INDENT).or(indent.strip_suffix('\t'));
        indent = kept.unwrap_or(&indent).to_owned();
    }
    let inserted = format!("\n{indent}");
    before.text.replace_range(start..end, &inserted);
    let at = before.selection.start + inserted.chars().count();
    before.selection = at..at;
    before
}

/// Tab: spaces up to the next stop, or all selected lines further in.
pub(super) fn indent(mut before: Selected) -> Selected {
    let start = byte(&before.text, before.selection.start);
    if before.selection.is_empty() {
        let line_start = before.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let column = before.text[line_start..start].chars().count();
        let spaces = INDENT.len() - column % INDENT.len();
        before.text.insert_str(start, &INDENT[..spaces]);
        let at = before.selection.start + spaces;
        before.selection = at..at;
        return before;
    }
    each_line(before, |line| match line.trim().is_empty() {
        true => line.to_owned(),
        false => format!("{INDENT}{line}"),
    })
}

/// Shift+Tab: the line, or all selected lines, further out.
pub(super) fn outdent(before: Selected) -> Selected {
    each_line(before, |line| {
        let spaces = line.bytes().take(INDENT.len()).take_while(|byte| *byte == b' ').count();
        let tab = usize::from(line.starts_with('\t'));
        line[spaces.max(tab)..].to_owned()
    })
}

/// Ctrl+/: the selected lines become comments, or code again if all of them are comments.
pub(super) fn toggle_comment(before: Selected) -> Selected {
    let (first, last) = lines_of(&before);
    let chosen: Vec<&str> = before.text.split('\n').skip(first).take(last - first + 1).collect();
    let code: Vec<&str> = chosen.into_iter().filter(|line| !line.trim().is_empty()).collect();
    // Blanks of other kinds, which web pages are full of, are no indentation.
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let are_comments = !code.is_empty() && code.iter().all(|line| line[depth(line)..].starts_with('#'));
    let shallowest = code.iter().map(|line| depth(line)).min().unwrap_or(0);
    each_line(before, |line| {
        if line.trim().is_empty() {
            return line.to_owned();
        }
        let (space, rest) = line.split_at(if are_comments { depth(line) } else { shallowest });
        match are_comments {
            false => format!("{space}# {rest}"),
            true => {
                let rest = &rest[1..];
                format!("{space}{}", rest.strip_prefix(' ').unwrap_or(rest))
            }
        }
    })
}

/// Numbers of the first and last line of a selection; a selection that ends at the start of a line leaves that line out.
fn lines_of(selected: &Selected) -> (usize, usize) {
    let start = byte(&selected.text, selected.selection.start);
    let end = byte(&selected.text, selected.selection.end);
    let first = selected.text[..start].matches('\n').count();
    let mut last = selected.text[..end].matches('\n').count();
    if end > start && selected.text[..end].ends_with('\n') {
        last -= 1;
    }
    (first, last.max(first))
}

fn each_line(before: Selected, change: impl Fn(&str) -> String) -> Selected {
    let (first, last) = lines_of(&before);
    let had_selection = !before.selection.is_empty();
    let mut selection = before.selection.clone();
    let mut text = String::with_capacity(before.text.len() + 64);
    let mut at = 0;
    for (number, line) in before.text.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        let length = line.chars().count();
        if !(first..=last).contains(&number) {
            text += line;
            at += length + 1;
            continue;
        }
        let changed = change(line);
        let grown = changed.chars().count() as isize - length as isize;
        let moved = |position: usize, line_start: usize| position.saturating_add_signed(grown).max(line_start);
        if before.selection.end >= at {
            selection.end = moved(selection.end, 0);
        }
        if before.selection.start >= at && number == first {
            // A selection that begins at the line's start takes in what was put there.
            let keeps = had_selection && before.selection.start == at;
            selection.start = if keeps {
                before.selection.start
            } else {
                moved(selection.start, at)
            };
        }
        text += &changed;
        at += length + 1;
    }
    selection.end = selection.end.max(selection.start);
    if !had_selection {
        selection.end = selection.start;
    }
    Selected { text, selection }
}

/// Bytes of the brackets beside the caret, itself and its partner, if the caret touches one.
pub(super) fn matching_brackets(text: &str, caret: usize) -> Option<(usize, usize)> {
    const OPEN: &[u8] = b"([{";
    const CLOSE: &[u8] = b")]}";
    let bytes = text.as_bytes();
    let touched = [caret.checked_sub(1), Some(caret)].into_iter().flatten();
    let at = touched
        .filter(|&at| at < bytes.len())
        .find(|&at| OPEN.contains(&bytes[at]) || CLOSE.contains(&bytes[at]))?;
    let mut depth = 0_i32;
    let forward = OPEN.contains(&bytes[at]);
    let mut position = at;
    loop {
        depth += i32::from(OPEN.contains(&bytes[position])) - i32::from(CLOSE.contains(&bytes[position]));
        if depth == 0 {
            return Some((at, position));
        }
        position = match forward {
            true => Some(position + 1).filter(|&next| next < bytes.len())?,
            false => position.checked_sub(1)?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text in which `‹` and `›` stand around the selection, or `|` at the caret.
    fn read(marked: &str) -> Selected {
        let place = |mark: char| marked.chars().position(|c| c == mark);
        let selection = match (place('‹'), place('›'), place('|')) {
            (Some(start), Some(end), _) => start..end - 1,
            (_, _, Some(at)) => at..at,
            _ => unreachable!("no caret in {marked}"),
        };
        Selected {
            text: marked.replace(['‹', '›', '|'], ""),
            selection,
        }
    }

    fn check(change: fn(Selected) -> Selected, cases: &[(&str, &str)]) {
        for (before, after) in cases {
            assert_eq!(change(read(before)), read(after), "{before}");
        }
    }

    #[test]
    fn enter_keeps_the_indentation() {
        check(
            new_line,
            &[
                ("x = 1|", "x = 1\n|"),
                ("def f(x):|", "def f(x):\n    |"),
                ("    if α:  # so|\n", "    if α:  # so\n        |\n"),
                ("    y = (|)", "    y = (\n        |)"),
                ("    return x|", "    return x\n|"),
                ("\tpass|", "\tpass\n|"),
                ("    a‹b›c", "    a\n    |c"),
                ("|", "\n|"),
            ],
        );
    }

    #[test]
    fn tab_moves_in_and_shift_tab_out() {
        check(
            indent,
            &[
                ("|x", "    |x"),
                ("ab|", "ab  |"),
                ("β|", "β   |"),
                ("‹a\n\nb›", "‹    a\n\n    b›"),
                ("x\n‹y\n›z", "x\n‹    y\n›z"),
            ],
        );
        check(
            outdent,
            &[
                ("    x|", "x|"),
                ("  |x", "|x"),
                ("\tx|", "x|"),
                ("‹    a\n      b›\nc", "‹a\n  b›\nc"),
                ("|", "|"),
            ],
        );
    }

    #[test]
    fn comments_go_on_and_off() {
        check(
            toggle_comment,
            &[
                ("    x = 1|", "    # x = 1|"),
                ("    # x = 1|", "    x = 1|"),
                ("‹a\n\n  b›", "‹# a\n\n#   b›"),
                ("‹# a\n#   b›", "‹a\n  b›"),
                ("#a|", "a|"),
                ("‹ a\n\u{a0}b\n  \u{3000}# c›", "‹#  a\n# \u{a0}b\n#   \u{3000}# c›"),
                ("\u{a0}# a|", "# \u{a0}# a|"),
            ],
        );
    }

    #[test]
    fn brackets_find_their_partners() {
        for (text, caret, expected) in [
            ("f(a[0])", 1, Some((1, 6))),
            ("f(a[0])", 7, Some((6, 1))),
            ("f(a[0])", 4, Some((3, 5))),
            ("f(a", 1, None),
            ("abc", 1, None),
            ("", 0, None),
            (")", 1, None),
        ] {
            assert_eq!(matching_brackets(text, caret), expected, "{text} {caret}");
        }
    }
}
