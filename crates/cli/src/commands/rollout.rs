//! `carrot rollout`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, ensure};
use carrot_environment::{Rollout, VecEnv};
use carrot_workbench::Workbench;
use serde_json::json;

use super::check::counted;
use crate::arguments;
use crate::files;
use crate::npz::{self, Array, Values};
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};

/// Plays given controls; a divergence is the answer "no", and the file holds what came before.
pub fn run(
    options: &arguments::Rollout,
    envs: impl Fn() -> Result<PathBuf, Failure>,
    quiet: bool,
) -> Result<Answer, Failure> {
    files::check_writable(&options.out)?;
    if let Some(actions) = &options.actions {
        files::check_is_file(actions)?;
    }
    let played = match (&options.model, &options.task) {
        (Some(model), _) => of_model(options, model, quiet)?,
        (None, task) => of_task(options, &envs()?, task.as_deref().unwrap_or_default(), quiet)?,
    };
    let rollout = &played.rollout;
    write(&options.out, rollout)?;
    let rows = rollout.rows();
    if rollout.interrupted {
        let message = format!(
            "interrupted; {} holds the first {}",
            options.out.display(),
            counted(rows, "row")
        );
        return Err(Failure::Interrupted(message));
    }
    let json = json!({
        "out": options.out, "task": options.task, "model": options.model, "engine": played.engine, "seed": options.seed,
        "rows": rows, "steps": rows - 1, "substeps": played.substeps, "faulted": rollout.fault.is_some(), "fault": rollout.fault,
        "episodes": rollout.starts.len(), "terminated": rollout.terminated, "truncated": rollout.truncated,
        "variables": rollout.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
    });
    let episodes = match rollout.starts.len() {
        1 => String::new(),
        several => format!(", {several} episodes"),
    };
    let mut text = format!(
        "{}: {}{episodes}, {} in {}",
        options.out.display(),
        counted(rows, "row"),
        counted(rollout.columns.len(), "variable"),
        played.engine
    );
    if let Some(fault) = &rollout.fault {
        text += &format!("\nthe simulation diverged in step {rows}: {fault}; the file holds what came before");
    }
    Ok(Answer {
        json,
        text,
        yes: rollout.fault.is_none(),
    })
}

/// A rollout and what it was played with.
struct Played {
    rollout: Rollout,
    engine: String,
    substeps: usize,
}

fn of_model(options: &arguments::Rollout, path: &Path, quiet: bool) -> Result<Played, Failure> {
    let inferred = files::inferred(path, options.engine)?;
    let (positions, velocities) = inferred.model.coordinates();
    let [controls, qpos, qvel] = match &options.actions {
        None => [const { None }; 3],
        Some(file) => {
            let (arrays, names) = npz::read_named(file, ["ctrl", "qpos", "qvel"])?;
            if arrays[0].is_none() {
                return Err(missing(
                    file,
                    "ctrl",
                    "the controls of a model, [T, nu] in actuator units",
                    &names,
                ));
            }
            arrays
        }
    };
    let width = inferred.action_size();
    let (steps, controls) = actions(options, "ctrl", controls, width)?;
    let start = [("qpos", qpos, positions), ("qvel", qvel, velocities)].map(|(name, array, size)| match array {
        Some(array) if array.shape == [size] => Ok(Some(array.values)),
        Some(array) => Err(anyhow::anyhow!(
            "array `{name}` has shape {:?}; the model's is [{size}]",
            array.shape
        )),
        None => Ok(None),
    });
    let [qpos, qvel] = start;
    let (qpos, qvel) = (qpos?, qvel?);
    let substeps = options.substeps.unwrap_or(1) as usize;
    let rollout = watched(steps, quiet, |observer| {
        Rollout::of_model(
            &inferred,
            [qpos.as_deref(), qvel.as_deref()],
            &controls,
            (steps, substeps),
            observer,
        )
    })?;
    Ok(Played {
        rollout,
        engine: inferred.model.engine().version(),
        substeps,
    })
}

fn of_task(options: &arguments::Rollout, envs: &Path, id: &str, quiet: bool) -> Result<Played, Failure> {
    let task = files::task(envs, id, options.engine)?;
    let (width, substeps) = (task.action_size(), task.substeps);
    let given = match &options.actions {
        None => None,
        Some(file) => {
            let ([given], names) = npz::read_named(file, ["actions"])?;
            if given.is_none() {
                return Err(missing(
                    file,
                    "actions",
                    "the actions of a task, [T, A] from -1 to 1",
                    &names,
                ));
            }
            given
        }
    };
    let (steps, actions) = actions(options, "actions", given, width)?;
    let actions: Vec<f32> = actions.into_iter().map(|action| action as f32).collect();
    let bench = Workbench::new(task)?;
    let mut env = VecEnv::with_all_variables(&bench.task, bench.programs(None), 1, options.seed, 1)?;
    let rollout = watched(steps, quiet, |observer| Rollout::of_task(&mut env, &actions, observer))?;
    Ok(Played {
        rollout,
        engine: bench.engine(),
        substeps,
    })
}

/// Runs with a progress bar, until Ctrl-C.
fn watched<E>(
    steps: usize,
    quiet: bool,
    play: impl FnOnce(&mut dyn FnMut(usize) -> ControlFlow<()>) -> Result<Rollout, E>,
) -> Result<Rollout, E> {
    let progress = Progress::new(steps as u64, quiet);
    let interrupted = interrupt_flag();
    let played = play(&mut |step| {
        progress.set(step as u64);
        if interrupted.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    progress.finish();
    played
}

fn missing(file: &Path, name: &str, what: &str, names: &[String]) -> Failure {
    Failure::Usage(format!(
        "{}: there is no array `{name}`: {what}; the archive holds {}",
        file.display(),
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

/// How many steps to play, and the numbers for them: those given, or zeros.
fn actions(
    options: &arguments::Rollout,
    name: &str,
    given: Option<Array>,
    width: usize,
) -> anyhow::Result<(usize, Vec<f64>)> {
    let asked = options.steps.map(|steps| steps as usize);
    let Some(given) = given else {
        let steps = asked.context("without --actions, --steps says how many steps to play")?;
        ensure!(
            steps.saturating_mul(width.max(1)) <= 1 << 28,
            "{steps} steps are too many at once"
        );
        return Ok((steps, vec![0.0; steps * width]));
    };
    let steps = match given.shape.as_slice() {
        [steps, columns] if *columns == width => *steps,
        [steps] if width == 1 => *steps,
        shape => anyhow::bail!(
            "array `{name}` has shape {shape:?}; with {} it must be [T, {width}]",
            counted(width, "actuator")
        ),
    };
    let played = asked.unwrap_or(steps);
    ensure!(
        played <= steps,
        "--steps {played}: array `{name}` holds only {}",
        counted(steps, "step")
    );
    let mut values = given.values;
    values.truncate(played * width);
    Ok((played, values))
}

/// One array per variable, then what describes the rollout itself where no variable has that name.
fn write(path: &Path, rollout: &Rollout) -> anyhow::Result<()> {
    let rows = rollout.rows();
    let with_rows = |shape: &[usize]| [&[rows], shape].concat();
    let mut arrays = Vec::new();
    for column in &rollout.columns {
        let shape = if column.uniform {
            column.shape.clone()
        } else {
            with_rows(&column.shape)
        };
        arrays.push((column.name.clone(), shape, Values::Numbers(&column.values)));
    }
    let marked = |marks: &[usize]| -> Vec<bool> { (0..rows).map(|row| marks.contains(&row)).collect() };
    let (terminated, truncated) = (marked(&rollout.terminated), marked(&rollout.truncated));
    let start_rows: Vec<usize> = rollout.starts.iter().map(|start| start.row).collect();
    let start_qpos: Vec<f64> = rollout
        .starts
        .iter()
        .flat_map(|start| start.qpos.iter().copied())
        .collect();
    let start_qvel: Vec<f64> = rollout
        .starts
        .iter()
        .flat_map(|start| start.qvel.iter().copied())
        .collect();
    let (nq, nv) = (rollout.qpos.len() / rows, rollout.qvel.len() / rows);
    let starts = rollout.starts.len();
    let faulted = [rollout.fault.is_some()];
    for (name, shape, values) in [
        ("time", vec![rows], Values::Numbers(&rollout.time_secs)),
        ("qpos", vec![rows, nq], Values::Numbers(&rollout.qpos)),
        ("qvel", vec![rows, nv], Values::Numbers(&rollout.qvel)),
        ("terminated", vec![rows], Values::Truths(&terminated)),
        ("truncated", vec![rows], Values::Truths(&truncated)),
        ("start_row", vec![starts], Values::Rows(&start_rows)),
        ("start_qpos", vec![starts, nq], Values::Numbers(&start_qpos)),
        ("start_qvel", vec![starts, nv], Values::Numbers(&start_qvel)),
        ("faulted", vec![], Values::Truths(&faulted)),
        ("fault", vec![], Values::Text(rollout.fault.as_deref().unwrap_or(""))),
    ] {
        if arrays.iter().all(|(taken, ..)| taken != name) {
            arrays.push((name.to_owned(), shape, values));
        }
    }
    npz::write_named(path, &arrays)
}
