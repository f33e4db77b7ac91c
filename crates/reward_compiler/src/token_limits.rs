//! Limits on the text, checked on its tokens before anything recursive touches it.
//!
//! A syntax tree as deep as its text is long would overflow the stack even when it is dropped, so depth is bounded here,
//! by one pass that keeps a list of open brackets and never recurses.

use crate::Code;

/// Longest accepted text, in bytes.
pub const MAX_SOURCE_BYTES: usize = 32 * 1024;
/// Deepest accepted nesting of brackets.
pub const MAX_NESTING: usize = 200;
/// Deepest accepted nesting of blocks.
pub const MAX_INDENTATION: usize = 100;
/// Most operators in one expression, enclosing expressions included.
pub const MAX_CHAIN: usize = 2_000;

/// A limit that the text breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(crate) code: Code,
    /// Byte range of the token that goes beyond the limit.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// Checks the limits.
pub(crate) fn check(source: &str) -> Result<(), Excess> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(Excess {
            code: Code::SourceTooLong,
            start: 0,
            end: 0,
            message: format!(
                "the program has {} bytes, and {MAX_SOURCE_BYTES} are allowed",
                source.len()
            ),
            help: "remove comments and functions that the reward does not use",
        });
    }
    Scanner {
        source,
        bytes: source.as_bytes(),
        at: 0,
        brackets: Vec::new(),
        chains: vec![Chain::default()],
        depth: 0,
        indents: vec![0],
    }
    .run()
}

/// Operators seen in one open bracket. Those of a `lambda` count until the line ends, because a comma does not end it.
#[derive(Default, Clone, Copy)]
struct Chain {
    operators: usize,
    lambdas: usize,
}

struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    brackets: Vec<u8>,
    chains: Vec<Chain>,
    /// Sum over `chains`: a bound on the depth of the syntax tree here.
    depth: usize,
    indents: Vec<usize>,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), Excess> {
        self.indentation()?;
        while let Some(&byte) = self.bytes.get(self.at) {
            let start = self.at;
            match byte {
                b'#' => self.skip_while(|byte| byte != b'\n'),
                b'\n' => {
                    self.at += 1;
                    if self.brackets.is_empty() {
                        self.end_of_line();
                        self.indentation()?;
                    }
                }
                b'\\' => self.at += 2,
                b'"' | b'\'' => self.string(),
                b'(' | b'[' | b'{' => self.open(byte)?,
                b')' | b']' | b'}' => self.close()?,
                b',' | b';' => {
                    self.at += 1;
                    self.end_of_item();
                }
                b'=' if self.bytes.get(start + 1) != Some(&b'=') => {
                    self.at += 1;
                    self.end_of_item();
                }
                b'0'..=b'9' => self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_'),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word()?,
                b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>' | b'!' | b'.'
                | b'=' | b':' => {
                    self.at += 1;
                    let twice = matches!(byte, b'*' | b'/' | b'<' | b'>') && self.bytes.get(self.at) == Some(&byte);
                    self.at += usize::from(twice);
                    self.at += usize::from(self.bytes.get(self.at) == Some(&b'='));
                    self.count(start, false)?;
                }
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) {
        self.at += 1;
        while self.bytes.get(self.at).is_some_and(|&byte| accept(byte)) {
            self.at += 1;
        }
    }

    fn word(&mut self) -> Result<(), Excess> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        let word = &self.source[start..self.at];
        let string_follows = matches!(self.bytes.get(self.at), Some(b'"' | b'\''));
        if string_follows && word.len() <= 2 && word.contains(['f', 'F', 't', 'T']) {
            return Err(Excess {
                code: Code::Unsupported,
                start,
                end: self.at + 1,
                message: "formatted strings have no place in a reward".into(),
                help: "use a plain string such as \"reach\"",
            });
        }
        match word {
            "lambda" => self.count(start, true),
            "not" | "and" | "or" | "in" | "is" | "if" | "else" | "await" | "for" | "yield" | "from" | "async" => {
                self.count(start, false)
            }
            _ => Ok(()),
        }
    }

    fn string(&mut self) {
        let quote = self.bytes[self.at];
        let triple = self.bytes[self.at..].starts_with(&[quote; 3]);
        let width = if triple { 3 } else { 1 };
        self.at += width;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            if rest[0] == b'\\' {
                self.at += 2;
            } else if rest.starts_with(&[quote; 3][..width]) {
                self.at += width;
                return;
            } else if rest[0] == b'\n' && !triple {
                return;
            } else {
                self.at += 1;
            }
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Excess> {
        self.count(self.at, false)?;
        self.brackets.push(bracket);
        self.chains.push(Chain::default());
        self.at += 1;
        if self.brackets.len() > MAX_NESTING {
            return Err(Excess {
                code: Code::NestingTooDeep,
                start: self.at - 1,
                end: self.at,
                message: format!("brackets nest more than {MAX_NESTING} deep"),
                help: "give inner expressions a name",
            });
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Excess> {
        self.at += 1;
        if self.brackets.pop().is_some()
            && let Some(chain) = self.chains.pop()
        {
            self.depth -= chain.operators + chain.lambdas;
        }
        Ok(())
    }

    fn count(&mut self, start: usize, is_lambda: bool) -> Result<(), Excess> {
        let chain = self.chains.last_mut().expect("the outermost chain is never popped");
        match is_lambda {
            true => chain.lambdas += 1,
            false => chain.operators += 1,
        }
        self.depth += 1;
        if self.depth > MAX_CHAIN {
            return Err(Excess {
                code: Code::ChainTooLong,
                start,
                end: self.at.max(start + 1),
                message: format!("this expression has more than {MAX_CHAIN} operators"),
                help: "split it into several statements",
            });
        }
        Ok(())
    }

    fn end_of_item(&mut self) {
        let chain = self.chains.last_mut().expect("the outermost chain is never popped");
        self.depth -= chain.operators;
        chain.operators = 0;
    }

    fn end_of_line(&mut self) {
        self.chains.truncate(1);
        self.chains[0] = Chain::default();
        self.depth = 0;
    }

    /// At the start of a line: compares its indentation with the open blocks, unless the line is empty.
    fn indentation(&mut self) -> Result<(), Excess> {
        let start = self.at;
        let width = self.bytes[start..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | 0x0C))
            .count();
        self.at += width;
        if matches!(self.bytes.get(self.at), None | Some(b'\n' | b'\r' | b'#')) {
            return Ok(());
        }
        while self.indents.last().is_some_and(|&open| open > width) {
            self.indents.pop();
        }
        if self.indents.last().is_none_or(|&open| open < width) {
            self.indents.push(width);
        }
        if self.indents.len() > MAX_INDENTATION + 1 {
            return Err(Excess {
                code: Code::NestingTooDeep,
                start,
                end: self.at,
                message: format!("blocks nest more than {MAX_INDENTATION} deep"),
                help: "combine conditions with `and`, or move inner blocks to functions",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> Option<Code> {
        check(source).err().map(|excess| excess.code)
    }

    #[test]
    fn each_limit_is_the_last_accepted_value() {
        let nested = |n: usize| format!("x = {}1{}", "(".repeat(n), ")".repeat(n));
        let sums = |n: usize| format!("x = 1{}", "+1".repeat(n));
        let minuses = |n: usize| format!("x = {}1", "-".repeat(n));
        let nots = |n: usize| format!("x = {}1", "not ".repeat(n));
        let attributes = |n: usize| format!("x = a{}", ".b".repeat(n));
        let blocks = |n: usize| {
            (0..n).map(|i| format!("{}if a:\n", " ".repeat(i))).collect::<String>() + &" ".repeat(n) + "pass"
        };
        let lambdas = |n: usize| format!("x = {}1", "lambda a, b: ".repeat(n));
        assert_eq!(code(&nested(MAX_NESTING)), None);
        assert_eq!(code(&nested(MAX_NESTING + 1)), Some(Code::NestingTooDeep));
        assert_eq!(code(&blocks(MAX_INDENTATION)), None);
        assert_eq!(code(&blocks(MAX_INDENTATION + 1)), Some(Code::NestingTooDeep));
        for chain in [sums, minuses, nots, attributes] as [fn(usize) -> String; 4] {
            assert_eq!(code(&chain(MAX_CHAIN)), None);
            assert_eq!(code(&chain(MAX_CHAIN + 1)), Some(Code::ChainTooLong));
        }
        assert_eq!(code(&lambdas(MAX_CHAIN + 1)), Some(Code::ChainTooLong));
        assert_eq!(code(&"#".repeat(MAX_SOURCE_BYTES)), None);
        assert_eq!(code(&"#".repeat(MAX_SOURCE_BYTES + 1)), Some(Code::SourceTooLong));
    }

    #[test]
    fn strings_comments_and_separate_items_do_not_count() {
        assert_eq!(code(&format!("x = '{}'", "(".repeat(500))), None);
        assert_eq!(code(&format!("x = '''\n{}\\''''", "(".repeat(500))), None);
        assert_eq!(code(&format!("# {}", "(".repeat(500))), None);
        assert_eq!(code(&format!("x = [{}]", "-1, ".repeat(5_000))), None);
        assert_eq!(code(&"x = -1\n".repeat(4_000)), None);
    }

    #[test]
    fn chains_in_nested_brackets_add_up() {
        let chain = "-".repeat(900);
        assert_eq!(
            code(&format!("x = {chain}({chain}({chain}(1)))")),
            Some(Code::ChainTooLong)
        );
    }
}
