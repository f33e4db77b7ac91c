//! The JSON schemas for editors know every key that the files may have, accept our own files, and refuse broken ones.

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use carrot_environment::{ENV_SCHEMA, TASK_SCHEMA, task_ids};
use carrot_physics::Source;
use serde_json::Value;
use support::{Cartpole, envs};

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Whether `value` fits; the part of draft 7 that the two schemas use. Unknown keywords fail the test.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let refuse = |why: String| Err(format!("{path}: {why}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" | "definitions" | "required" | "additionalProperties" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
                check(root, &root["definitions"][name], value, path)?;
                true
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("{other}"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|one| check(root, one, value, path).is_ok()),
            "oneOf" => {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .filter(|one| check(root, one, value, path).is_ok())
                    .count()
                    == 1
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > rule.as_f64().unwrap()),
            "minLength" => value
                .as_str()
                .is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "minProperties" => value
                .as_object()
                .is_none_or(|entries| entries.len() as u64 >= rule.as_u64().unwrap()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{path}[{index}]"))?;
                }
                true
            }
            "properties" => {
                for (key, entry) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(key) {
                        check(root, entry, inner, &format!("{path}.{key}"))?;
                    }
                }
                true
            }
            other => panic!("keyword {other}"),
        };
        if !fits {
            return refuse(format!("{keyword}: {rule} does not fit {value}"));
        }
    }
    let known = schema.get("properties").and_then(Value::as_object);
    for (key, inner) in value.as_object().into_iter().flatten() {
        if known.is_some_and(|known| known.contains_key(key)) {
            continue;
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => return refuse(format!("unknown key {key}")),
            Some(rule) => check(root, rule, inner, &format!("{path}.{key}"))?,
            None => {}
        }
    }
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if value.get(key.as_str().unwrap()).is_none() {
            return refuse(format!("{key} is missing"));
        }
    }
    Ok(())
}

fn fits(schema: &Value, toml: &str) -> Result<(), String> {
    let value: Value = toml::from_str(toml).map_err(|error| error.to_string())?;
    check(schema, schema, &value, "")
}

/// Every `env.toml` and `task.toml` of the repository, with its schema and how it names that.
fn own_files() -> Vec<(PathBuf, Value, String)> {
    let mut files = Vec::new();
    for id in task_ids(&envs()).unwrap() {
        let (env, task) = id.split_once('/').unwrap();
        let env_dir = envs().join(env);
        files.push((
            env_dir.join("env.toml"),
            schema(ENV_SCHEMA),
            "../env.schema.json".to_owned(),
        ));
        let task_file = env_dir.join("tasks").join(task).join("task.toml");
        files.push((task_file, schema(TASK_SCHEMA), "../../../task.schema.json".to_owned()));
    }
    files
}

#[test]
fn our_own_files_fit_and_name_their_schema() {
    for (path, schema, relative) in own_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(fits(&schema, &text), Ok(()), "{}", path.display());
        let first = format!("#:schema {relative}\n");
        assert!(
            text.starts_with(&first),
            "{} does not begin with {first:?}",
            path.display()
        );
        assert!(path.parent().unwrap().join(relative).is_file(), "{}", path.display());
    }
}

#[test]
fn the_files_are_the_schemas_that_the_program_prints() {
    for (name, text) in [("env.schema.json", ENV_SCHEMA), ("task.schema.json", TASK_SCHEMA)] {
        let written = std::fs::read_to_string(envs().join(name)).unwrap();
        assert_eq!(written, text, "{name}");
    }
}

/// The keys that serde names when it meets one that it does not know.
fn keys_of(message: &str) -> BTreeSet<String> {
    let list = message.split("expected ").nth(1).unwrap_or_else(|| panic!("{message}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn schemas_have_the_keys_of_the_readers() {
    // A key nobody knows, in every table: the complaint lists those that are known.
    let env = "[control]\nsubsteps = 1\n[variable.x]\nsource = \"time\"\n";
    let task = "version = 1\ninstruction = \"a\"\nhorizon = 1\nobservation = [\"x\"]\n";
    let task_end = "[fitness]\naggregate = \"last\"\n[success]\naggregate = \"last\"\n";
    let cases: [(&str, String, &str); 18] = [
        ("env.toml", format!("zzz = 1\n{env}"), ""),
        (
            "env.toml",
            env.replace("substeps", "zzz = 1\nsubsteps"),
            "/properties/control",
        ),
        ("env.toml", format!("[reset]\nzzz = 1\n{env}"), "/definitions/reset"),
        (
            "env.toml",
            format!("[reset]\nqvel_noise = {{ zzz = 1 }}\n{env}"),
            "/definitions/reset/properties/qvel_noise/anyOf/1",
        ),
        (
            "env.toml",
            format!("[reset.joint.a]\nzzz = 1\n{env}"),
            "/definitions/reset/properties/joint/additionalProperties",
        ),
        (
            "env.toml",
            format!("[reset.joint.a]\nposition = {{ zzz = 1 }}\n{env}"),
            "/definitions/box",
        ),
        (
            "env.toml",
            format!("[randomize]\nzzz = 1\n{env}"),
            "/definitions/randomize",
        ),
        (
            "env.toml",
            format!("[randomize]\nmass = {{ zzz = 1 }}\n{env}"),
            "/definitions/randomize/properties/mass",
        ),
        (
            "env.toml",
            format!("[randomize]\nfriction = {{ zzz = 1 }}\n{env}"),
            "/definitions/randomize/properties/friction",
        ),
        (
            "env.toml",
            format!("[randomize]\ngain = {{ zzz = 1 }}\n{env}"),
            "/definitions/randomize/properties/gain",
        ),
        (
            "env.toml",
            format!("[randomize]\nlatency = {{ zzz = 1 }}\n{env}"),
            "/definitions/randomize/properties/latency",
        ),
        (
            "env.toml",
            format!("[randomize]\npush = {{ zzz = 1 }}\n{env}"),
            "/definitions/randomize/properties/push",
        ),
        ("env.toml", format!("{env}zzz = 1\n"), "/definitions/variable"),
        (
            "env.toml",
            env.replace("\"time\"", "{ command = { zzz = 1 } }"),
            "command",
        ),
        ("task.toml", format!("{task}zzz = 1\n{task_end}"), ""),
        (
            "task.toml",
            format!("{task}[command.x]\nzzz = 1\n{task_end}"),
            "/properties/command/additionalProperties",
        ),
        (
            "task.toml",
            format!("{task}{task_end}").replace("[fitness]", "[fitness]\nzzz = 1"),
            "/properties/fitness",
        ),
        (
            "task.toml",
            format!("{task}{task_end}").replace("[success]", "[success]\nzzz = 1"),
            "/properties/success",
        ),
    ];
    for (file, text, place) in cases {
        let files = Cartpole::new();
        std::fs::write(files.path(file), &text).unwrap();
        let message = files.load().err().unwrap().to_string();
        assert!(message.contains("unknown field `zzz`"), "{message}");
        let root = schema(if file == "env.toml" { ENV_SCHEMA } else { TASK_SCHEMA });
        let table = match place {
            "command" => source(&root, "command"),
            place => root.pointer(place).unwrap_or_else(|| panic!("{place}")),
        };
        let known: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(known, keys_of(&message), "{file} {place}");
    }
}

/// The schema of what stands behind a source.
fn source<'a>(root: &'a Value, word: &str) -> &'a Value {
    let sources = root["definitions"]["source"]["anyOf"].as_array().unwrap();
    let found = sources.iter().find_map(|one| one["properties"].get(word));
    found.unwrap_or_else(|| panic!("{word}"))
}

#[test]
fn schemas_have_every_source() {
    let root = schema(ENV_SCHEMA);
    for word in Source::WORDS
        .iter()
        .chain(&["constant", "command", "previous", "expression"])
    {
        source(&root, word);
    }
    let sources = root["definitions"]["source"]["anyOf"].as_array().unwrap();
    assert_eq!(
        sources.len(),
        Source::WORDS.len() + 5,
        "those, and the words by themselves"
    );
    let words = sources.iter().find_map(|one| one["enum"].as_array()).unwrap();
    for word in words {
        let word = word.as_str().unwrap();
        let cartpole = Cartpole::new().edit("env.toml", "source = \"time\"", &format!("source = \"{word}\""));
        let message = cartpole.load().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!message.contains("no source"), "{message}");
    }
}

#[test]
fn broken_files_do_not_fit() {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let env = read(envs().join("cartpole/env.toml"));
    let task = read(envs().join("cartpole/tasks/balance/task.toml"));
    for (schema_text, text, from, to) in [
        (ENV_SCHEMA, &env, "substeps = 2", "substep = 2"),
        (ENV_SCHEMA, &env, "substeps = 2", "substeps = 0"),
        (ENV_SCHEMA, &env, "substeps = 2", "substeps = 2\ndt = 0.02"),
        (ENV_SCHEMA, &env, "substeps = 2", ""),
        (ENV_SCHEMA, &env, "source = \"time\"", "source = \"tiem\""),
        (ENV_SCHEMA, &env, "{ site_position = \"tip\" }", "{ site_position = 3 }"),
        (
            ENV_SCHEMA,
            &env,
            "{ site_position = \"tip\" }",
            "{ site_positon = \"tip\" }",
        ),
        (ENV_SCHEMA, &env, "qpos_noise = 0.05", "qpos_noise = -1.0"),
        (ENV_SCHEMA, &env, "qpos_noise = 0.05", "qpos_noise = { normal = -1.0 }"),
        (TASK_SCHEMA, &task, "horizon = 500", "horizon = 0"),
        (TASK_SCHEMA, &task, "aggregate = \"sum\"", "aggregate = \"median\""),
        (TASK_SCHEMA, &task, "[success]", "[sucess]"),
    ] {
        assert!(text.contains(from), "{from}");
        let broken = text.replacen(from, to, 1);
        assert!(fits(&schema(schema_text), &broken).is_err(), "{to:?} fits");
    }
}

#[test]
fn the_example_of_the_page_fits() {
    let page = std::fs::read_to_string(envs().join("../docs/environments.md")).unwrap();
    let section = page.split("## An example to paste").nth(1).unwrap();
    let example = section.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(fits(&schema(ENV_SCHEMA), example), Ok(()));
    // What the page says of sources is all that there is.
    for word in Source::WORDS
        .iter()
        .chain(&["constant", "command", "previous", "expression"])
    {
        assert!(page.contains(word), "the page lacks `{word}`");
    }
}
