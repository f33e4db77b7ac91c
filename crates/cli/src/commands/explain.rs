//! `carrot explain`.

use carrot_reward_compiler::Code;
use serde_json::json;

use crate::arguments::Explain;
use crate::output::{Answer, Failure};

/// What a code means, or the list of all codes.
pub fn run(options: &Explain) -> Result<Answer, Failure> {
    let Some(text) = &options.code else {
        let codes: Vec<serde_json::Value> = Code::ALL.into_iter().map(entry).collect();
        let lines = Code::ALL.into_iter().map(|code| {
            let (severity, meaning) = (severity(code), code.explanation().meaning);
            format!("{:<18} {severity:<8} {meaning}\n", code.as_str())
        });
        return Ok(Answer::new(json!({ "codes": codes }), lines.collect()));
    };
    let Some(code) = Code::from_text(text) else {
        let help = match Code::nearest(text) {
            Some(code) => format!("did you mean `{}`?", code.as_str()),
            None => "`carrot explain` lists all codes".to_owned(),
        };
        return Err(Failure::Usage(format!("there is no code `{text}`; {help}")));
    };
    let explanation = code.explanation();
    let text = format!(
        "{}[{}]\n\n{}\n{}\n\nExample:\n\n{}\nRepair: {}\n\n{}",
        severity(code),
        code.as_str(),
        explanation.meaning,
        explanation.why,
        indented(&explanation.example.shown()),
        explanation.repair,
        indented(explanation.repaired),
    );
    Ok(Answer::new(json!({ "codes": [entry(code)] }), text))
}

fn entry(code: Code) -> serde_json::Value {
    let explanation = code.explanation();
    json!({
        "code": code.as_str(),
        "severity": code.severity(),
        "meaning": explanation.meaning,
        "why": explanation.why,
        "repair": explanation.repair,
        "example": explanation.example.shown(),
        "repaired": explanation.repaired,
    })
}

fn severity(code: Code) -> String {
    json!(code.severity()).as_str().unwrap_or_default().to_owned()
}

fn indented(program: &str) -> String {
    program.lines().map(|line| format!("    {line}\n")).collect()
}
