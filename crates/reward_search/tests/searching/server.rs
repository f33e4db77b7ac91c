//! A server on this machine that speaks just enough HTTP and follows a script, faults included.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Clone)]
pub enum Reply {
    /// A chat completion with these answers.
    Answers(Vec<String>),
    /// A status line with further headers and a body.
    Status(&'static str, &'static str, String),
    /// Announces more than it sends.
    CutOff,
    /// Never stops sending.
    Endless,
    /// Never sends anything.
    Silence,
}

/// A request as it came.
pub struct Received {
    pub head: String,
    pub body: Value,
}

/// Serves the script in order, and then the last reply for ever.
pub struct Server {
    pub base_url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let log = received.clone();
        std::thread::spawn(move || {
            for (nth, stream) in listener.incoming().enumerate() {
                let reply = script[nth.min(script.len() - 1)].clone();
                let log = log.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &reply, &log));
            }
        });
        Self { base_url, received }
    }

    /// Applies `look` to all requests so far.
    pub fn received<T>(&self, look: impl FnOnce(&[Received]) -> T) -> T {
        look(&self.received.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, reply: &Reply, log: &Mutex<Vec<Received>>) {
    let Some(request) = read_request(&stream) else { return };
    let body = request.body.clone();
    log.lock().unwrap().push(request);
    // Writing fails when the client hangs up, which is what some of the scripts are about.
    let _ = match reply {
        Reply::Answers(answers) => respond(&mut stream, "200 OK", "", &completion(&body, answers).to_string()),
        Reply::Status(status, headers, text) => respond(&mut stream, status, headers, text),
        Reply::CutOff => write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{{\"choices\": ["
        ),
        Reply::Endless => endless(&mut stream),
        Reply::Silence => stream.read_to_end(&mut Vec::new()).map(|_| ()),
    };
}

fn read_request(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        head,
        body: serde_json::from_slice(&body).ok()?,
    })
}

fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
    loop {
        stream.write_all(&[b' '; 4096])?;
    }
}

fn completion(request: &Value, answers: &[String]) -> Value {
    let choices: Vec<Value> = answers
        .iter()
        .enumerate()
        .map(|(index, content)| {
            json!({ "index": index, "finish_reason": "stop", "message": { "role": "assistant", "content": content } })
        })
        .collect();
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": request["model"], "choices": choices,
        "usage": { "prompt_tokens": 100, "completion_tokens": 40 * answers.len(), "total_tokens": 0 },
    })
}
