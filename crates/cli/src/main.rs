//! The `carrot` command: chooses implementations and wires them.
//!
//! Every verb is one module of [`commands`]; each turns arguments into one call of the libraries and one answer, which is
//! printed for people or, with `--json`, as one object. Start in [`arguments`].

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "help texts write `[default: …]`, as clap does"
)]

mod arguments;
mod commands;
mod curve;
mod files;
mod npz;
mod output;
mod progress;
mod report;

use clap::Parser;

use arguments::{Arguments, Command};
use output::{Answer, Failure};

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::refuse(&error),
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CARROT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,winit=off,eframe=off,egui_glow=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::colour(&std::io::stderr()))
        .with_target(false)
        .without_time()
        .init();

    let json = arguments.json;
    let result = run(&arguments);
    output::finish(result, json)
}

fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    let envs = || files::environments_dir(arguments.envs.as_deref());
    let quiet = arguments.json;
    match &arguments.command {
        Command::Doctor(options) => commands::doctor::run(options, envs()),
        Command::Envs(options) => commands::envs::run(options, envs),
        Command::Check(options) => commands::check::run(options, envs),
        Command::Explain(options) => commands::explain::run(options),
        Command::Compile(options) => commands::compile::run(options, envs),
        Command::Eval(options) => commands::eval::run(options, envs),
        Command::Train(options) => commands::train::run(options, envs, quiet),
        Command::Plan(options) => commands::plan::run(options, envs, quiet),
        Command::Search(options) => commands::search::run(options, &envs()?, quiet),
        Command::Rollout(options) => commands::rollout::run(options, envs, quiet),
        Command::Play(options) => commands::play::run(options, envs),
        Command::Export(options) => commands::export::run(options, envs),
        Command::Studio(options) => commands::studio::run(options, &envs()?),
        Command::Runs(options) => commands::runs::run(options),
        Command::Feedback(options) => commands::feedback::run(options, envs),
        Command::Regress(options) => commands::regress::run(options, arguments.envs.as_deref(), quiet),
        Command::Bench(options) => commands::bench::run(options, envs, quiet),
        Command::Completions { shell } => Ok(commands::shell::completions(*shell)),
        Command::Man { out } => commands::shell::man_pages(out),
    }
}
