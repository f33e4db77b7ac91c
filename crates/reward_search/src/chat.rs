//! The chat-completions protocol as servers speak it: what an answer holds, and what can go wrong with one.

use std::time::{Duration, SystemTime};

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use serde::Deserialize;
use serde_json::Value;

use crate::openai::OpenAiSettings;

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Transport(String),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the answer is not a chat completion: {0}")]
    Malformed(String),
    #[error("HTTP {code}: {message}")]
    Status {
        code: u16,
        message: String,
        retry_after: Option<Duration>,
    },
}

impl Fault {
    /// Whether asking again can help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Fault::Status { code: 429, message, .. } => !message.contains("insufficient_quota"),
            Fault::Status { code, .. } => matches!(code, 408 | 409 | 425) || *code >= 500,
            Fault::Transport(_) | Fault::TooLong(_) | Fault::Malformed(_) => true,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Fault::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<OpenAIError> for Fault {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(other) => Fault::Transport(other.to_string()),
            },
            OpenAIError::Reqwest(error) => Fault::Transport(with_causes(error)),
            OpenAIError::JSONDeserialize(error, _) => Fault::Malformed(error.to_string()),
            other => Fault::Transport(other.to_string()),
        }
    }
}

/// The parts of an answer that count; servers differ in the rest.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub model: Option<String>,
    pub choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    pub message: Content,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Content {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub content: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Usage {
    #[serde(default)]
    pub prompt_tokens: u64,
    #[serde(default)]
    pub completion_tokens: u64,
}

impl Answer {
    pub(crate) fn read(value: Value) -> Result<Self, String> {
        let answer: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if answer.choices.is_empty() {
            Err("it has no choices".into())
        } else {
            Ok(answer)
        }
    }

    /// What the server counted; an estimate where it did not, so that the budget holds all the same.
    pub(crate) fn usage(&self, prompt: &str) -> Usage {
        let written = || {
            self.choices
                .iter()
                .map(|choice| estimated_tokens(&choice.message.content))
                .sum()
        };
        self.usage.unwrap_or_else(|| Usage {
            prompt_tokens: estimated_tokens(prompt),
            completion_tokens: written(),
        })
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// About four bytes of English or Python make a token.
pub(crate) fn estimated_tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

pub(crate) fn http_client(settings: &OpenAiSettings, url: &reqwest::Url) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .timeout(settings.total_timeout);
    // A proxy cannot reach a server on this machine.
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if local { builder.no_proxy() } else { builder }.build()
}

/// Sends one request and reads its answer up to `limit` bytes. Anything but success is a [`Fault`].
pub(crate) async fn fetch(
    client: reqwest::Client,
    request: HttpRequestFactory,
    limit: usize,
) -> Result<reqwest::Response, OpenAIError> {
    let fault = |fault: Fault| OpenAIError::Boxed(Box::new(fault));
    let mut response = client.execute(request.build().await?).await?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| parse_retry_after(value.to_str().ok()?, SystemTime::now()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(fault(Fault::TooLong(limit)));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let message = error_message(&String::from_utf8_lossy(&body));
        return Err(fault(Fault::Status {
            code: status.as_u16(),
            message,
            retry_after,
        }));
    }
    Ok(http::Response::new(body).into())
}

/// Seconds, or a date.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The message of an error object, with its type; else the beginning of whatever came.
fn error_message(body: &str) -> String {
    let object: Value = serde_json::from_str(body).unwrap_or_default();
    let error = &object["error"];
    let text = match (
        error["message"].as_str(),
        error["type"].as_str(),
        error["code"].as_str(),
    ) {
        (Some(message), kind, code) => {
            let labels: Vec<&str> = [kind, code].into_iter().flatten().collect();
            if labels.is_empty() {
                message.to_owned()
            } else {
                format!("{message} ({})", labels.join(", "))
            }
        }
        (None, ..) => body.trim().to_owned(),
    };
    text.chars().take(400).collect()
}

fn with_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        for (text, expected) in [
            ("1", Some(1.0)),
            (" 2.5 ", Some(2.5)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30.0)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0.0)),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now).map(|wait| wait.as_secs_f64()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn error_objects_and_plain_pages_become_one_line() {
        let object = r#"{"error": {"message": "Slow down", "type": "rate_limit_error"}}"#;
        assert_eq!(error_message(object), "Slow down (rate_limit_error)");
        assert_eq!(error_message("  <h1>Bad gateway</h1> "), "<h1>Bad gateway</h1>");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let status = |code, message: &str| Fault::Status {
            code,
            message: message.into(),
            retry_after: None,
        };
        for (fault, expected) in [
            (status(429, "slow down"), true),
            (status(429, "no money (insufficient_quota)"), false),
            (status(503, ""), true),
            (status(401, ""), false),
            (status(400, ""), false),
            (Fault::Transport("connection reset".into()), true),
        ] {
            assert_eq!(fault.may_pass(), expected, "{fault}");
        }
    }
}
