//! `carrot doctor`.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use carrot_environment::{Engine, Task, task_ids};
use carrot_physics::Renderer;
use carrot_workbench::Workbench;
use serde_json::json;

use crate::arguments::Doctor;
use crate::output::{Answer, Failure};

struct Check {
    name: &'static str,
    result: Result<String, String>,
}

/// Looks at everything a search needs. The answer is no when something is missing.
pub fn run(options: &Doctor, envs: Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let mut checks = vec![Check {
        name: "physics",
        result: Ok(format!("libmujoco {}", carrot_physics::mujoco_version())),
    }];
    match envs {
        Ok(dir) => {
            let (environments, task) = environments(&dir);
            checks.push(environments);
            if let Some(task) = task {
                checks.push(drawing(&task));
                checks.push(sandbox(task));
            }
        }
        Err(Failure::Usage(message)) => checks.push(Check {
            name: "environments",
            result: Err(message),
        }),
        Err(failure) => return Err(failure),
    }
    checks.push(proposer(options.base_url.as_deref()));

    let yes = checks.iter().all(|check| check.result.is_ok());
    let text = checks
        .iter()
        .map(|check| match &check.result {
            Ok(found) => format!("ok       {:<13} {found}\n", check.name),
            Err(problem) => format!("problem  {:<13} {problem}\n", check.name),
        })
        .collect::<String>();
    let json: Vec<_> = checks
        .iter()
        .map(|check| {
            let (Ok(message) | Err(message)) = &check.result;
            json!({ "name": check.name, "ok": check.result.is_ok(), "message": message })
        })
        .collect();
    Ok(Answer {
        json: json!({ "ok": yes, "checks": json }),
        text,
        yes,
    })
}

fn environments(dir: &Path) -> (Check, Option<Task>) {
    let mut tasks = Vec::new();
    let mut problems = Vec::new();
    match task_ids(dir) {
        Ok(ids) => {
            for id in ids {
                match Task::load(dir, &id, Engine::Mujoco) {
                    Ok(task) => tasks.push(task),
                    Err(error) => problems.push(error.to_string()),
                }
            }
        }
        Err(error) => problems.push(error.to_string()),
    }
    let result = match (problems.is_empty(), tasks.is_empty()) {
        (true, false) => Ok(format!("{} tasks in {}", tasks.len(), dir.display())),
        (true, true) => Err(format!("{} holds no tasks", dir.display())),
        (false, _) => Err(problems.join("; ")),
    };
    (
        Check {
            name: "environments",
            result,
        },
        tasks.into_iter().next(),
    )
}

fn drawing(task: &Task) -> Check {
    let result = Renderer::new(&task.model, 64, 48, None)
        .and_then(|mut renderer| {
            let world = task.model.world();
            renderer.draw(world.state().0)
        })
        .map(|frame| format!("headless, {}×{} pixels drawn", frame.width, frame.height))
        .map_err(|error| error.to_string());
    Check {
        name: "drawing",
        result,
    }
}

fn sandbox(task: Task) -> Check {
    let id = task.id.clone();
    let result = Workbench::new(task)
        .map(|_| format!("{id}'s program compiled and loaded"))
        .map_err(|error| error.to_string());
    Check {
        name: "sandbox",
        result,
    }
}

/// Embedded proposers need nothing; a server is contacted only when it is named.
fn proposer(base_url: Option<&str>) -> Check {
    let Some(url) = base_url else {
        return Check {
            name: "proposer",
            result: Ok("evolve is embedded; check a server with --base-url URL".into()),
        };
    };
    let result = reach(url).map(|()| {
        let key = if std::env::var_os("OPENAI_API_KEY").is_some() {
            "is set"
        } else {
            "is not set"
        };
        format!("{url} answers; OPENAI_API_KEY {key}")
    });
    Check {
        name: "proposer",
        result,
    }
}

fn reach(url: &str) -> Result<(), String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("{url}: write it as http://HOST:PORT/v1"))?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(format!("{url}: the scheme must be http or https")),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let address = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:{port}")
    };
    let unreachable = |error: std::io::Error| format!("{authority} cannot be reached: {error}; is the server running?");
    let address = address
        .to_socket_addrs()
        .map_err(unreachable)?
        .next()
        .ok_or_else(|| format!("{authority}: the name has no address"))?;
    TcpStream::connect_timeout(&address, Duration::from_secs(5))
        .map(drop)
        .map_err(unreachable)
}
