//! Asks a language model behind any server that speaks the chat-completions protocol.
//!
//! A server may be slow, overloaded, cut off, or never stop talking, and every answer costs money. So: three timeouts and a
//! cap on the answer's size, retries that wait as long as the server asks, an answer recorded before it is used, and
//! budgets that are checked before each request. The key comes from the environment and leaves it only in the request's
//! header: no log, record, error or argument holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use carrot_run_record::RunRecord;
use serde_json::{Value, json};

use crate::chat::{Answer, Fault, estimated_tokens, fetch, http_client};
use crate::config::SearchConfig;
use crate::event::Event;
use crate::exchange::{Exchange, RequestKey, recorded};
use crate::proposer::{Ledger, Proposal, Proposer, ProposerError, Purpose, Request};

/// Environment variables that may hold the key, the first that is set counts.
const KEY_VARIABLES: [&str; 2] = ["CARROT_OPENAI_API_KEY", "OPENAI_API_KEY"];

/// Most tokens of one sample: a long program with its explanation takes about two thousand.
const REPLY_TOKENS: u64 = 8_192;

/// Fewest tokens for which a request is worth sending.
const LEAST_REPLY_TOKENS: u64 = 256;

/// Where to ask, and how long and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiSettings {
    /// Address up to and without `/chat/completions`.
    pub base_url: String,
    /// Model name.
    pub model: String,
    /// Sampling temperature.
    pub temperature: f32,
    /// Most answered requests of a run.
    pub max_requests: u64,
    /// Most tokens of a run, prompt and completion together.
    pub max_tokens: u64,
    /// Most money of a run, where prices are given.
    pub max_cost: Option<f64>,
    /// Price of a million prompt tokens.
    pub prompt_price: Option<f64>,
    /// Price of a million completion tokens.
    pub completion_price: Option<f64>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence of the server.
    pub read_timeout: Duration,
    /// Longest time for one answer in all.
    pub total_timeout: Duration,
    /// Longest answer, in bytes.
    pub body_limit: usize,
    /// Attempts for one request.
    pub attempts: u32,
    /// Wait before the second attempt; doubles with each further one. A server's `Retry-After` goes before.
    pub backoff: Duration,
    /// Longest single wait; a server that asks for more ends the search, which can be resumed later.
    pub longest_wait: Duration,
}

impl OpenAiSettings {
    /// What a search's config says, with timeouts that suit models that think for minutes.
    pub fn from_config(config: &SearchConfig) -> Self {
        Self {
            base_url: config.base_url.clone(),
            model: config.model.clone(),
            temperature: config.temperature,
            max_requests: config.max_requests,
            max_tokens: config.max_tokens,
            max_cost: config.max_cost,
            prompt_price: config.prompt_price,
            completion_price: config.completion_price,
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(300),
            total_timeout: Duration::from_secs(900),
            body_limit: 4 << 20,
            attempts: 5,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(120),
        }
    }
}

/// A language model behind a server.
pub struct OpenAi {
    client: Client<OpenAIConfig>,
    runtime: tokio::runtime::Runtime,
    settings: OpenAiSettings,
    key: Option<String>,
    /// The server takes several samples at once.
    takes_n: bool,
    /// The server knows the newer name of the limit on an answer's length.
    takes_completion_limit: bool,
}

impl OpenAi {
    /// Takes the key from `CARROT_OPENAI_API_KEY` or `OPENAI_API_KEY`. Servers on this machine or in one's own network
    /// often need none; the one that surely does is asked for it here.
    ///
    /// Errors: an address or a key that cannot be used.
    pub fn from_env(settings: OpenAiSettings) -> Result<Self, ProposerError> {
        let key = KEY_VARIABLES
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|key| !key.trim().is_empty()));
        Self::with_key(settings, key)
    }

    /// With a key from elsewhere. Errors: as [`OpenAi::from_env`].
    pub fn with_key(settings: OpenAiSettings, key: Option<String>) -> Result<Self, ProposerError> {
        let refuse = |message: String| Err(ProposerError::Settings(message));
        let url = match reqwest::Url::parse(&settings.base_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            _ => return refuse(format!("`{}` is not an http or https address", settings.base_url)),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return refuse(format!(
                "the server's address must hold no credentials; put the key into {}",
                KEY_VARIABLES[1]
            ));
        }
        let key = key.map(|key| key.trim().to_owned());
        if key
            .as_ref()
            .is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return refuse("the API key holds characters that no header can carry".into());
        }
        if key.is_none() && url.host_str() == Some("api.openai.com") {
            return refuse(format!(
                "{} needs an API key; set {}",
                settings.base_url, KEY_VARIABLES[1]
            ));
        }
        let http = http_client(&settings, &url)
            .map_err(|error| ProposerError::Settings(format!("no HTTP client: {error}")))?;
        let limit = settings.body_limit;
        let config = OpenAIConfig::default()
            .with_api_base(settings.base_url.trim_end_matches('/'))
            .with_api_key(key.clone().unwrap_or_default())
            .with_org_id(header_from_env("OPENAI_ORG_ID")?)
            .with_project_id(header_from_env("OPENAI_PROJECT_ID")?);
        // The library's own sender reads answers of any length and retries on its own schedule; this one does neither.
        let client = Client::with_config(config)
            .with_http_service(tower::service_fn(move |request| fetch(http.clone(), request, limit)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ProposerError::Settings(format!("no runtime for requests: {error}")))?;
        Ok(Self {
            client,
            runtime,
            settings,
            key,
            takes_n: true,
            takes_completion_limit: true,
        })
    }

    /// One answered request for up to `wanted` samples, after as many attempts as it takes.
    fn ask(
        &mut self,
        key: &RequestKey,
        messages: &Value,
        wanted: u32,
        request: &Request<'_>,
    ) -> Result<Answer, ProposerError> {
        let mut attempt = 1;
        loop {
            let samples = if self.takes_n { wanted } else { 1 };
            let body = self.body(messages, samples, &self.ledger_of(request.record)?)?;
            let answered = self.runtime.block_on(unless(
                request.interrupted,
                self.client.chat().create_byot::<_, Value>(body),
            ));
            let fault = match answered.ok_or(ProposerError::Interrupted)? {
                Ok(answer) => match Answer::read(answer) {
                    Ok(answer) => return Ok(answer),
                    Err(message) => Fault::Malformed(message),
                },
                Err(error) => Fault::from(error),
            };
            let fault_text = self.redacted(&fault.to_string());
            if self.adapt(&fault, samples) {
                tracing::info!("the server refuses an option ({fault_text}); asking without it");
                continue;
            }
            let wait = fault
                .retry_after()
                .unwrap_or_else(|| self.settings.backoff * 2_u32.saturating_pow(attempt - 1));
            if !fault.may_pass() || attempt >= self.settings.attempts || wait > self.settings.longest_wait {
                return Err(self.given_up(key, &fault, &fault_text, attempt, wait));
            }
            attempt += 1;
            (request.observer)(&Event::Retry {
                reason: fault_text,
                wait_secs: wait.as_secs_f64(),
                attempt,
            });
            self.runtime
                .block_on(unless(request.interrupted, async { tokio::time::sleep(wait).await }))
                .ok_or(ProposerError::Interrupted)?;
        }
    }

    /// The request. Errors: a budget is used up.
    fn body(&self, messages: &Value, samples: u32, ledger: &Ledger) -> Result<Value, ProposerError> {
        let settings = &self.settings;
        let used_up = |what: String| Err(ProposerError::Budget(format!("the budget of {what} is used up")));
        if ledger.requests >= settings.max_requests {
            return used_up(format!("{} requests", settings.max_requests));
        }
        let left = settings
            .max_tokens
            .saturating_sub(ledger.prompt_tokens.saturating_add(ledger.completion_tokens));
        let prompt_tokens = estimated_tokens(&messages.to_string());
        let each = (left.saturating_sub(prompt_tokens) / u64::from(samples)).min(REPLY_TOKENS);
        if each < LEAST_REPLY_TOKENS {
            return used_up(format!("{} tokens", settings.max_tokens));
        }
        if let (Some(limit), Some(spent)) = (settings.max_cost, ledger.cost)
            && spent >= limit
        {
            return used_up(format!("{limit} for tokens"));
        }
        let limit = if self.takes_completion_limit {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let mut body = json!({
            "model": settings.model, "messages": messages, "temperature": settings.temperature, limit: each,
        });
        if samples > 1 {
            body["n"] = json!(samples);
        }
        Ok(body)
    }

    /// Leaves out an option that the server refuses. Says whether there is anything left to try.
    fn adapt(&mut self, fault: &Fault, samples: u32) -> bool {
        let Fault::Status {
            code: 400 | 422,
            message,
            ..
        } = fault
        else {
            return false;
        };
        if self.takes_completion_limit && message.contains("max_completion_tokens") {
            self.takes_completion_limit = false;
            return true;
        }
        let several = self.takes_n && samples > 1;
        self.takes_n &= !several;
        several
    }

    fn given_up(&self, key: &RequestKey, fault: &Fault, text: &str, attempt: u32, wait: Duration) -> ProposerError {
        let asked = format!("{} at {}", key.describe(), self.settings.base_url);
        ProposerError::Server(match fault {
            Fault::Status {
                retry_after: Some(_), ..
            } if wait > self.settings.longest_wait => {
                format!(
                    "{asked}: {text}; the server asks to wait {} s, resume the search then",
                    wait.as_secs()
                )
            }
            _ if attempt == 1 => format!("{asked}: {text}"),
            _ => format!("{asked}: {text} (after {attempt} attempts)"),
        })
    }

    fn ledger_of(&self, record: &RunRecord) -> Result<Ledger, ProposerError> {
        let mut ledger = Ledger::default();
        for exchange in recorded(record)? {
            // Servers may count as they like, so sums must not overflow.
            ledger.requests = ledger.requests.saturating_add(exchange.requests);
            ledger.prompt_tokens = ledger.prompt_tokens.saturating_add(exchange.prompt_tokens);
            ledger.completion_tokens = ledger.completion_tokens.saturating_add(exchange.completion_tokens);
        }
        let price = |per_million: Option<f64>, tokens: u64| per_million.map(|price| price * tokens as f64 / 1e6);
        let parts = [
            price(self.settings.prompt_price, ledger.prompt_tokens),
            price(self.settings.completion_price, ledger.completion_tokens),
        ];
        ledger.cost = parts.into_iter().flatten().reduce(|a, b| a + b);
        Ok(ledger)
    }

    /// Servers quote keys in their errors.
    fn redacted(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), "[key]"),
            None => text.to_owned(),
        }
    }
}

impl Proposer for OpenAi {
    fn name(&self) -> String {
        format!("openai:{}", self.settings.model)
    }

    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError> {
        let count = match request.purpose {
            Purpose::Generate { count } => count,
            Purpose::Repair { .. } => 1,
        };
        let key = RequestKey::new(request);
        let hash = key.hash();
        let messages = json!(request.messages);
        let mut proposals = Vec::new();
        let mut sample = 0;
        while sample < count {
            if let Some(text) = request.record.exchange(&hash, sample)? {
                proposals.push(Exchange::from_json(&text)?.proposal());
                sample += 1;
                continue;
            }
            let answer = self.ask(&key, &messages, count - sample, request)?;
            let usage = answer.usage(&messages.to_string());
            let model = answer.model.as_ref().unwrap_or(&self.settings.model);
            let model = self.redacted(model);
            let exchanges: Vec<Exchange> = answer
                .choices
                .into_iter()
                .take((count - sample) as usize)
                .enumerate()
                .map(|(nth, choice)| Exchange {
                    model: model.clone(),
                    temperature: self.settings.temperature,
                    content: self.redacted(&choice.message.content),
                    finish_reason: choice.finish_reason.map(|reason| self.redacted(&reason)),
                    requests: u64::from(nth == 0),
                    prompt_tokens: if nth == 0 { usage.prompt_tokens } else { 0 },
                    completion_tokens: if nth == 0 { usage.completion_tokens } else { 0 },
                })
                .collect();
            let texts: Vec<String> = exchanges.iter().map(Exchange::to_json).collect();
            request.record.put_exchanges(&hash, sample, &key.to_json(), &texts)?;
            sample += exchanges.len() as u32;
            proposals.extend(exchanges.iter().map(Exchange::proposal));
        }
        Ok(proposals)
    }

    fn ledger(&self, record: &RunRecord) -> Result<Option<Ledger>, ProposerError> {
        self.ledger_of(record).map(Some)
    }
}

fn header_from_env(name: &str) -> Result<String, ProposerError> {
    let value = std::env::var(name).unwrap_or_default();
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(value)
    } else {
        Err(ProposerError::Settings(format!(
            "{name} holds characters that no header can carry"
        )))
    }
}

/// The future's result, or nothing once `interrupted` is set.
async fn unless<F: Future>(interrupted: &AtomicBool, future: F) -> Option<F::Output> {
    tokio::pin!(future);
    loop {
        if interrupted.load(Ordering::SeqCst) {
            return None;
        }
        if let Ok(output) = tokio::time::timeout(Duration::from_millis(100), &mut future).await {
            return Some(output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(base_url: &str) -> OpenAiSettings {
        OpenAiSettings::from_config(&SearchConfig {
            base_url: base_url.into(),
            ..SearchConfig::default()
        })
    }

    #[test]
    fn addresses_and_keys_that_cannot_be_used_are_refused_without_showing_the_key() {
        for (url, key, expected) in [
            ("nonsense", None, "is not an http or https address"),
            ("file:///etc", None, "is not an http or https address"),
            ("http://user:secret@host/v1", None, "must hold no credentials"),
            ("http://host/v1?key=secret", None, "must hold no credentials"),
            (
                "http://host/v1",
                Some("secret\nX-Other: 1"),
                "characters that no header can carry",
            ),
            (
                "https://api.openai.com/v1",
                None,
                "needs an API key; set OPENAI_API_KEY",
            ),
        ] {
            let message = OpenAi::with_key(settings(url), key.map(str::to_owned))
                .err()
                .unwrap()
                .to_string();
            assert!(message.contains(expected), "{url}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn servers_that_quote_the_key_are_not_repeated() {
        let proposer = OpenAi::with_key(settings("http://127.0.0.1:1/v1"), Some("sk-secret".into())).unwrap();
        assert_eq!(proposer.redacted("Incorrect key: sk-secret."), "Incorrect key: [key].");
    }

    #[test]
    fn budgets_are_checked_before_a_request() {
        let mut settings = settings("http://127.0.0.1:1/v1");
        (settings.max_requests, settings.max_tokens, settings.max_cost) = (3, 4_000, Some(0.5));
        let proposer = OpenAi::with_key(settings, None).unwrap();
        let body = |ledger: Ledger| proposer.body(&json!([]), 2, &ledger);
        // 4,000 − 1,000 used − 1 for the prompt, over two samples.
        let ledger = Ledger {
            requests: 2,
            prompt_tokens: 400,
            completion_tokens: 600,
            cost: Some(0.1),
        };
        assert_eq!(body(ledger).unwrap()["max_completion_tokens"], json!(1_499));
        for (used, expected) in [
            (Ledger { requests: 3, ..ledger }, "3 requests"),
            (
                Ledger {
                    completion_tokens: 3_500,
                    ..ledger
                },
                "4000 tokens",
            ),
            (
                Ledger {
                    cost: Some(0.6),
                    ..ledger
                },
                "0.5 for tokens",
            ),
        ] {
            let message = body(used).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
