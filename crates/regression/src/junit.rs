//! A check as JUnit XML, which every CI service reads: one test case per rollout.
//!
//! A number that moved is a `failure`, a rollout that could not be compared an `error`. The elements and attributes are
//! those that Jenkins' and GitLab's readers know.

use std::io::Cursor;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::report::{headline, text, verdict};
use crate::{Comparison, Outcome, RegressionError};

/// One rollout of a check.
#[derive(Debug)]
pub struct Case {
    /// Name of the rollout.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// What became of it.
    pub result: CaseResult,
}

/// What became of a rollout.
#[derive(Debug)]
pub enum CaseResult {
    /// It was played and compared.
    Compared(Box<Comparison>),
    /// It could not be.
    Failed(RegressionError),
}

impl Case {
    /// Whether nothing moved by more than allowed.
    pub fn passed(&self) -> bool {
        matches!(&self.result, CaseResult::Compared(comparison)
            if matches!(comparison.outcome, Outcome::Identical | Outcome::Within))
    }

    /// `same`, `within`, `moved`, `unfit`, `stopped` or `broken`.
    pub fn verdict(&self) -> String {
        verdict(&self.result).to_lowercase()
    }

    /// One line on what is wrong.
    pub fn headline(&self) -> String {
        match &self.result {
            CaseResult::Compared(comparison) if comparison.outcome == Outcome::Unfit => {
                format!(
                    "the golden is that of another rollout: {}",
                    comparison.changes.join("; ")
                )
            }
            CaseResult::Compared(comparison) => headline(comparison),
            CaseResult::Failed(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// The whole document. `suite` names the suite, such as its path.
pub fn junit(suite: &str, cases: &[Case]) -> String {
    let count = |wanted: fn(&CaseResult) -> bool| {
        cases
            .iter()
            .filter(|case| !case.passed() && wanted(&case.result))
            .count()
    };
    let failures = count(|result| {
        matches!(
            result,
            CaseResult::Compared(_) | CaseResult::Failed(RegressionError::Stopped(_))
        )
    });
    let errors = cases.iter().filter(|case| !case.passed()).count() - failures;
    let totals = [
        ("tests", cases.len().to_string()),
        ("failures", failures.to_string()),
        ("errors", errors.to_string()),
        ("time", seconds(cases.iter().map(|case| case.seconds).sum())),
    ];
    let totals = totals.each_ref().map(|(key, value)| (*key, value.as_str()));
    let suite = plain(suite);
    let mut writer = Writer::new_with_indent(Cursor::new(Vec::new()), b' ', 2);
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| {
            let outer = writer
                .create_element("testsuites")
                .with_attribute(("name", "carrot regress"));
            outer.with_attributes(totals).write_inner_content(|writer| {
                let inner = writer
                    .create_element("testsuite")
                    .with_attribute(("name", suite.as_str()));
                inner
                    .with_attributes(totals)
                    .write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, &suite, case)))?;
                Ok(())
            })?;
            Ok(())
        });
    written.expect("memory takes everything");
    let mut document = String::from_utf8(writer.into_inner().into_inner()).expect("the writer writes UTF-8");
    document.push('\n');
    document
}

fn write_case(writer: &mut Writer<Cursor<Vec<u8>>>, suite: &str, case: &Case) -> std::io::Result<()> {
    let time = seconds(case.seconds);
    let element = writer.create_element("testcase").with_attributes([
        ("name", case.name.as_str()),
        ("classname", suite),
        ("time", time.as_str()),
    ]);
    if case.passed() {
        element.write_empty()?;
        return Ok(());
    }
    let tag = match &case.result {
        CaseResult::Failed(RegressionError::Stopped(_)) | CaseResult::Compared(_) => "failure",
        CaseResult::Failed(_) => "error",
    };
    let (headline, verdict, body) = (plain(&case.headline()), case.verdict(), plain(&text(case)));
    element.write_inner_content(|writer| {
        writer
            .create_element(tag)
            .with_attributes([("message", headline.as_str()), ("type", verdict.as_str())])
            .write_text_content(BytesText::new(&body))?;
        Ok(())
    })?;
    Ok(())
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// Without the characters that XML 1.0 cannot hold at all.
fn plain(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_case_and_every_character_is_written() {
        let failed = |name: &str, error| Case {
            name: name.into(),
            seconds: 0.25,
            result: CaseResult::Failed(error),
        };
        let cases = [
            failed("a", RegressionError::Stopped("x < \"y\" & 'z'\nmore".into())),
            failed("b", RegressionError::Broken("bell \u{7} \u{1b}[31m ü".into())),
        ];
        let document = junit("tests/<s>.toml", &cases);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"carrot regress\" tests=\"2\" failures=\"1\" errors=\"1\" time=\"0.500\">\n  \
            <testsuite name=\"tests/&lt;s&gt;.toml\" tests=\"2\" failures=\"1\" errors=\"1\" time=\"0.500\">\n    \
            <testcase name=\"a\" classname=\"tests/&lt;s&gt;.toml\" time=\"0.250\">\n      \
            <failure message=\"x &lt; &quot;y&quot; &amp; &apos;z&apos;\" type=\"stopped\">";
        assert!(document.starts_with(expected), "{document}");
        assert!(
            document.contains("<error message=\"bell \u{fffd} \u{fffd}[31m ü\" type=\"broken\">"),
            "{document}"
        );
        // What was written reads back, tags balanced and entities known.
        let mut reader = quick_xml::Reader::from_str(&document);
        let mut texts = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Text(part) => texts += &part,
                Event::GeneralRef(part) => texts += &format!("&{};", &*part),
                _ => {}
            }
        }
        assert!(texts.contains("x &lt;"), "{texts}");
    }
}
