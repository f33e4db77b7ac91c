//! What the command line accepts.

use std::path::PathBuf;

use carrot_environment::Engine;
use carrot_optimizer::{Algorithm, PlannerKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Designs reward functions for robots: writes reward programs, trains against them in simulation, and improves them.
#[derive(Debug, Parser)]
#[command(
    name = "carrot",
    version,
    max_term_width = 110,
    propagate_version = true,
    args_override_self = true
)]
#[command(
    after_help = "Start with `carrot doctor`, then `carrot envs`.\n\nExit codes: 0 done, 1 the answer is no (errors in a program), 2 wrong usage, 3 a fault outside the program, 130 \
                  interrupted.\nCARROT_LOG=info tells more on standard error."
)]
pub struct Arguments {
    /// Print one JSON object on standard output instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder with the environments [default: $CARROT_ENVS, or `envs` here, in a folder above, or beside the program]
    // Read from the environment in `files`: clap would count a set variable as an argument, and `carrot` alone would not help.
    #[arg(long, global = true, value_name = "DIR")]
    pub envs: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check this machine: physics library, drawing, environments, language model endpoint
    Doctor(Doctor),
    /// List environments, their tasks and variables
    Envs(Envs),
    /// Check a reward program without running it
    Check(Check),
    /// Explain a diagnostic code: what it means, an example, and the repair
    Explain(Explain),
    /// Compile a reward program to a WASM module
    Compile(Compile),
    /// Evaluate a reward program on a batch of inputs
    Eval(Eval),
    /// Train a policy for a reward with PPO
    Train(Train),
    /// Act without a policy: plan every step by trying actions out in simulation
    Plan(Plan),
    /// Search for the best reward program for a task
    Search(Search),
    /// Play given controls and write every variable and state to a file
    Rollout(Rollout),
    /// Draw a rollout of a policy, or of the winner of a run, as GIF or PNG
    Play(Play),
    /// Write a policy as an ONNX model, with what its numbers mean
    Export(Export),
    /// Open the desktop app: see the behaviour, touch the reward, say what you meant
    Studio(Studio),
    /// Look at recorded runs
    Runs(Runs),
    /// Say what you think of a run's programs and behaviours; the next generation follows
    Feedback(Feedback),
    /// Simulation regression tests: record rollouts, check that they stay as they are, compare engines
    Regress(Regress),
    /// Measure how fast this machine runs rewards (against C) and environments (against bare physics)
    Bench(Bench),
    /// Print completions for a shell
    #[command(after_help = "Example: carrot completions bash > ~/.local/share/bash-completion/completions/carrot")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a folder
    #[command(after_help = "Example: carrot man ~/.local/share/man/man1")]
    Man {
        /// The folder; made if missing
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: carrot doctor --base-url http://localhost:8000/v1\n\n--json: {ok, checks: [{name, ok, message}]}"
)]
pub struct Doctor {
    /// Also try to reach this OpenAI-compatible server
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  carrot envs hopper/hop_forward\n  carrot envs --model robot.xml\n  carrot envs init robot.xml\n  carrot envs schema env\n\n--json: {environments: [{name, tasks: [{name, instruction, …}], variables: [{name, shape, unit, doc, …}]}]}"
)]
pub struct Envs {
    /// `ENV` or `ENV/TASK`; all when absent
    pub name: Option<String>,
    /// Show what is inferred from a model of your own: MJCF or URDF
    #[arg(long, value_name = "MODEL", conflicts_with = "name")]
    pub model: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<EnvsCommand>,
}

#[derive(Debug, Subcommand)]
pub enum EnvsCommand {
    /// Write an environment for a model of your own: its variables, a first task, and a copy of the model
    #[command(
        after_help = "Example: carrot envs init robot.xml\n\nNothing that exists is overwritten. A URDF becomes an MJCF with one motor for each joint.\n\n--json: {environment, task, dir, files, warnings}"
    )]
    Init(EnvsInit),
    /// Print the JSON schema of `env.toml` or `task.toml`, for editors that complete and check TOML
    #[command(
        after_help = "Example: carrot envs schema env > env.schema.json\n\nA file names its schema in the first line: #:schema ../env.schema.json\n\n--json: the schema"
    )]
    Schema {
        /// Which file
        file: SchemaOf,
    },
}

/// A file of an environment that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `env.toml`
    Env,
    /// `task.toml`
    Task,
}

#[derive(Debug, Args)]
pub struct EnvsInit {
    /// MJCF or URDF
    pub model: PathBuf,
    /// Folder of the environment; made if missing [default: NAME in the folder of environments, else envs/NAME here]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What a program is checked against: exactly one of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Against {
    /// The variables of a task, such as hopper/hop_forward
    #[arg(long, value_name = "ENV/TASK")]
    pub task: Option<String>,
    /// The variables inferred from a model of your own: MJCF or URDF
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// A TOML file with `[variable.*]` tables
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: carrot check reward.py --task hopper/hop_forward\n\n`carrot explain CODE` tells more about a finding.\n\n--json: {diagnostics: [{code, severity, file, line, column, end_line, end_column, message, help, fix?}], terms, inputs, memory, faults, dialect}"
)]
pub struct Check {
    /// Reward program (.py), or a foreign module (.wasm)
    pub program: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// Also give notes: where the reward jumps
    #[arg(long)]
    pub pedantic: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: carrot explain batch-leak\n\n--json: {codes: [{code, severity, meaning, why, repair, example, repaired}]}"
)]
pub struct Explain {
    /// Code of a diagnostic, such as batch-leak; all codes when absent
    pub code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// Python's syntax tree
    Ast,
    /// The typed intermediate representation
    Ir,
    /// The module as text
    Wat,
    /// The module
    Wasm,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: carrot compile reward.py --task hopper/hop_forward -o reward.wasm\n\n--json: {interface, diagnostics, bytes, output or text}"
)]
pub struct Compile {
    /// Reward program (.py)
    pub program: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// Where to write; text stages go to standard output when absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which stage to write
    #[arg(long, value_enum, default_value = "wasm")]
    pub emit: Emit,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: carrot eval reward.py --schema variables.toml --inputs in.npz --output out.npz\n\n--json: {output, environments, moments, terms, diagnostics}, or {stopped, message, moment}"
)]
pub struct Eval {
    /// Reward program (.py), or a foreign module (.wasm)
    pub program: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// One array per variable, first axis N (none for uniform variables)
    #[arg(long, value_name = "IN.npz")]
    pub inputs: PathBuf,
    /// Gets `total` and `term.<name>`, each [N]
    #[arg(long, value_name = "OUT.npz")]
    pub output: PathBuf,
    /// Every array has a leading time axis T; outputs are [T, N]
    #[arg(long)]
    pub sequence: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot train --task hopper/hop_forward --steps 300k --out hopper.safetensors\n  carrot train --task arm/reach --algorithm sac\n  carrot train --task ant/run_forward --preset zoo-ant --set n_envs=8 --set hidden=[64,64]\n  carrot train --model robot.xml --reward reward.py\n  carrot train --resume hopper.safetensors.checkpoint\n\nCtrl-C keeps the training in FILE.checkpoint and says how to go on; so does every minute, in case the machine stops. What goes on ends with the weights of the undisturbed training.\n\nWith --model there is no fitness: `fitness` and `success` are null, and `return` says how much reward an episode earned.\n\n--json: {fitness, fitness_sd, success, terms, algorithm, settings, steps, seconds, engine, policy, findings: [text], checkpoints: [{steps, fitness, success_rate, episode_length, episode_lengths: [min, max], reward, reward_range: [min, max], terms: [mean], term_ranges: [[min, max]], faults, diagnostics: [[name, value]]}], …}, or {stopped, message}\n  or, with --list-presets, {presets: [{name, settings}]}"
)]
pub struct Train {
    /// The task
    #[arg(long, value_name = "ENV/TASK", required_unless_present_any = ["model", "resume", "list_presets"])]
    pub task: Option<String>,
    /// A model of your own (MJCF or URDF) instead of a task: nothing is judged but the reward
    #[arg(long, value_name = "MODEL", conflicts_with = "task", requires = "reward")]
    pub model: Option<PathBuf>,
    /// Reward program (.py or .wasm) [default: the task's human-written reward]
    #[arg(long, value_name = "PROGRAM")]
    pub reward: Option<PathBuf>,
    /// Physics engine: mujoco or rapier
    #[arg(long, default_value_t = Engine::Mujoco)]
    pub engine: Engine,
    /// Optimiser: ppo, or sac (fewer steps, each of which costs more)
    #[arg(long, default_value_t = Algorithm::Ppo)]
    pub algorithm: Algorithm,
    /// Published settings instead of the task's own; --list-presets lists them
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// A setting of the optimiser, such as learning_rate=3e-4; may be given several times (docs/optimisers.md)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the published settings and train nothing
    #[arg(long)]
    pub list_presets: bool,
    /// Seed of every random number
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// Environment steps, such as 300k or 2M [default: the task's preset]
    #[arg(long, value_parser = parse_count)]
    pub steps: Option<u64>,
    /// Episodes of the final evaluation
    #[arg(long, default_value_t = 16, value_parser = parse_episodes)]
    pub episodes: usize,
    /// Threads that step the environments; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Where to write the policy [default: policy.safetensors, or as the resumed training was told]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Go on with a training that was broken off; only --out, --threads and --quiet may be chosen anew
    #[arg(long, value_name = "FILE.checkpoint", conflicts_with_all = ["task", "model", "reward", "engine", "preset", "set", "seed", "steps", "episodes", "algorithm"])]
    pub resume: Option<PathBuf>,
    /// Train no further: judge and write the policy as the checkpoint has it, and leave the checkpoint where it is
    #[arg(long, requires = "resume")]
    pub as_it_is: bool,
    /// Seconds between two checkpoints; 0 writes one after every update
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub checkpoint_every: u64,
    /// Tell nothing on standard error while it trains
    #[arg(long)]
    pub quiet: bool,
}

/// How plans are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlannerName {
    /// Cross-entropy method: mean and deviation of the best rollouts
    Cem,
    /// Path integral control: all rollouts, weighted by their returns
    Mppi,
    /// Predictive sampling: the best rollout
    Sampling,
}

impl PlannerName {
    pub fn kind(self) -> PlannerKind {
        match self {
            Self::Cem => PlannerKind::Cem,
            Self::Mppi => PlannerKind::Mppi,
            Self::Sampling => PlannerKind::Sampling,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot studio\n  carrot studio --task hopper/hop_forward\n  carrot studio runs/quadruped-walk-1\n  carrot studio --script docs/studio/panels.steps\n\nWhat you do is kept while you do it: close it, or kill it, and open it again. docs/studio.md shows every panel.\n\n--json: {run} when the window is closed, {failed} where a script could not be performed (exit code 1)"
)]
pub struct Studio {
    /// A run to open [default: the last one]
    #[arg(value_name = "RUN", conflicts_with = "task")]
    pub run: Option<PathBuf>,
    /// A task to open
    #[arg(long, value_name = "ENV/TASK")]
    pub task: Option<String>,
    /// Which physics engine moves the worlds
    #[arg(long, value_name = "ENGINE", default_value_t = Engine::Mujoco)]
    pub engine: Engine,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub runs: PathBuf,
    /// Threads that plan [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Drive the window by a script: names of widgets, keys, pictures (docs/studio.md)
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot plan --task cartpole/swing_up --out swing_up.gif\n  carrot plan --task quadruped/walk --reward reward.py --planner mppi --set rollouts=128 --seconds 4\n\nThe keys of --set are those of `[plan]` in task.toml: planner, horizon_secs, knots, interpolation, rollouts, iterations, noise, noise_floor, elites, temperature, replan_every, discount, after_end. docs/planning.md describes them.\n\n--json: {fitness, success, return, terms, steps, seconds, simulated_secs, ended, plans, plans_per_second, rollouts_per_second, real_time_factor, settings, engine, …}, or {stopped, message}"
)]
pub struct Plan {
    /// The task
    #[arg(long, value_name = "ENV/TASK", required_unless_present = "model")]
    pub task: Option<String>,
    /// A model of your own (MJCF or URDF) instead of a task: nothing is judged but the reward
    #[arg(long, value_name = "MODEL", conflicts_with = "task", requires = "reward")]
    pub model: Option<PathBuf>,
    /// Reward program (.py or .wasm) [default: the task's human-written reward]
    #[arg(long, value_name = "PROGRAM")]
    pub reward: Option<PathBuf>,
    /// How plans are made [default: the task's preset]
    #[arg(long, value_enum)]
    pub planner: Option<PlannerName>,
    /// A setting in place of the task's preset; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Simulated seconds at most [default: the task's whole episode]
    #[arg(long, allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// Physics engine: mujoco or rapier
    #[arg(long, default_value_t = Engine::Mujoco)]
    pub engine: Engine,
    /// Seed of the start and of the planner's noise
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// Threads that play rollouts; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Picture to write: .gif for a film, .png for four moments side by side
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Width and height of the picture in pixels
    #[arg(long, value_name = "WxH", default_value = "320x240", value_parser = parse_size)]
    pub size: (usize, usize),
    /// Gets what was done, for `carrot rollout --actions`: `actions` [T, A], `ctrl` [T, nu], and `qpos`, `qvel` of the start
    #[arg(long, value_name = "FILE.npz")]
    pub save_actions: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProposerKind {
    /// Embedded: mutates and recombines programs; no language model, no network
    Evolve,
    /// Embedded: independent random programs of the same grammar, the baseline
    Random,
    /// Any OpenAI-compatible server
    Openai,
    /// The recorded exchanges of an earlier run
    Replay,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot search --task hopper/hop_forward\n  OPENAI_API_KEY=… carrot search --task ant/run_forward --proposer openai --model gpt-4.1 --max-requests 40\n  carrot search --task hopper/hop_forward --pause-after 1\n  carrot search --resume runs/hopper-hop_forward-0\n  carrot search --resume runs/hopper-hop_forward-0 --generations 6\n\nBetween two generations, and at any other time, people may say what they think: carrot feedback RUN. docs/search.md describes the settings of a run.\n\n--json: {winner: {fitness, program_hash, source, …}, finalists, final, proposer, seed, engine, run, film, report, …}, or, after a pause, {paused: {generations, of}, best, candidates, run, …}"
)]
pub struct Search {
    /// The task
    #[arg(long, value_name = "ENV/TASK", required_unless_present = "resume")]
    pub task: Option<String>,
    /// Physics engine: mujoco or rapier
    #[arg(long, default_value_t = Engine::Mujoco)]
    pub engine: Engine,
    /// Who writes the programs
    #[arg(long, value_enum, default_value = "evolve")]
    pub proposer: ProposerKind,
    /// How candidates are bred from generation to generation
    #[arg(long, default_value = "eureka", value_parser = ["eureka"])]
    pub strategy: String,
    /// Rounds; of a resumed run at least those that have begun [default: 4]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub generations: Option<u32>,
    /// Pause once this many rounds are complete, before anything is trained again; --resume goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pause_after: Option<u32>,
    /// Programs per round
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub candidates: u32,
    /// Environment steps for each candidate, such as 200k [default: the task's preset]
    #[arg(long, value_parser = parse_count)]
    pub steps: Option<u64>,
    /// Episodes in which each candidate's policy is judged
    #[arg(long, default_value_t = 16, value_parser = parse_episodes)]
    pub episodes: usize,
    /// Seed of every random number; equal seeds give equal results
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// How many of the best programs are trained on further seeds before one of them wins
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub finalists: u32,
    /// On how many further seeds; 0 takes the best of the search as it is
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub finalist_seeds: u32,
    /// Train the winner and the human reward again over this many further seeds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub final_seeds: u32,
    /// Environment steps of each of these trainings [default: as for candidates]
    #[arg(long, value_parser = parse_count)]
    pub final_steps: Option<u64>,
    /// Candidates trained at the same time; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub workers: Option<usize>,
    /// Programs to judge together with the first round: text (.py) or foreign modules (.wasm)
    #[arg(long, value_name = "PROGRAM")]
    pub include: Vec<PathBuf>,
    /// How often a reply with errors may be repaired from its diagnostics
    #[arg(long, default_value_t = 1)]
    pub repairs: u32,
    /// Model name (openai)
    #[arg(long, default_value = "gpt-4.1")]
    pub model: String,
    /// Server address (openai)
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://api.openai.com/v1",
        env = "OPENAI_BASE_URL"
    )]
    pub base_url: String,
    /// Sampling temperature (openai)
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true, value_parser = parse_temperature)]
    pub temperature: f32,
    /// Most requests to the server (openai)
    #[arg(long, default_value_t = 100)]
    pub max_requests: u64,
    /// Most tokens, prompt and completion together (openai)
    #[arg(long, default_value_t = 1_000_000)]
    pub max_tokens: u64,
    /// Run folder whose exchanges are played back (replay)
    #[arg(long, value_name = "RUN", required_if_eq("proposer", "replay"))]
    pub replay: Option<PathBuf>,
    /// Folder of the run [default: runs/ENV-TASK-SEED]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue this run with its own settings; besides only --generations, --pause-after and --workers count
    #[arg(long, value_name = "RUN", conflicts_with_all = ["task", "out"])]
    pub resume: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot rollout --model ant.xml --actions controls.npz --out states.npz\n  carrot rollout --model ant.xml --steps 1000 --out falling.npz\n  carrot rollout --task hopper/hop_forward --actions actions.npz --seed 3 --out states.npz\n\nIN.npz: for a model `ctrl` [T, nu] in actuator units, and if wanted `qpos` [nq] and `qvel` [nv] to start from; for a task `actions` [T, A] in [-1, 1].\nOUT.npz: one array per variable [T+1, …], row 0 before the first action; `qpos`, `qvel`, `time`; `faulted`, `fault`; `start_row`, `start_qpos`, `start_qvel` of each episode; `terminated`, `truncated` [T+1] of a task. `carrot eval` reads it as inputs.\nA model is stepped exactly as `mj_step` does. Exit code 1 when the simulation diverged; the file then holds what came before.\n\n--json: {out, rows, steps, substeps, engine, seed, faulted, fault, episodes, terminated, truncated, variables}"
)]
pub struct Rollout {
    /// The task
    #[arg(long, value_name = "ENV/TASK", required_unless_present = "model")]
    pub task: Option<String>,
    /// A model: MJCF or URDF
    #[arg(long, value_name = "MODEL", conflicts_with = "task")]
    pub model: Option<PathBuf>,
    /// The controls to play [default: none, for --steps steps]
    #[arg(long, value_name = "IN.npz", required_unless_present = "steps")]
    pub actions: Option<PathBuf>,
    /// Gets variables and states
    #[arg(long, value_name = "OUT.npz")]
    pub out: PathBuf,
    /// Play only so many of the actions
    #[arg(long, value_parser = parse_count)]
    pub steps: Option<u64>,
    /// Physics steps for each action of a model [default: 1]
    #[arg(long, conflicts_with = "task", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub substeps: Option<u32>,
    /// Seed of a task's resets
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// The physics engine: mujoco or rapier
    #[arg(long, default_value_t)]
    pub engine: Engine,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot play hopper.safetensors --out hopper.gif\n  carrot play runs/hopper-hop_forward-0 --out best.png\n\n--json: {out, task, engine, seed, seconds, frames, fitness}"
)]
pub struct Play {
    /// A policy file, or the folder of a run, whose winner plays
    pub policy_or_run: PathBuf,
    /// The model of your own that the policy was trained on with `carrot train --model`
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Picture to write: .gif for a film, .png for four moments side by side
    #[arg(long, value_name = "FILE", default_value = "rollout.gif")]
    pub out: PathBuf,
    /// Physics engine: mujoco or rapier [default: the one that the policy was trained in]
    #[arg(long)]
    pub engine: Option<Engine>,
    /// Seed of the start
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// Length at most, in simulated seconds
    #[arg(long, default_value_t = 8.0, allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: f64,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "320x240", value_parser = parse_size)]
    pub size: (usize, usize),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot export hopper.safetensors\n  carrot export runs/hopper-hop_forward-0 --out hopper.onnx\n\nInput `observation` [N, O] as the environment shows it; outputs `action` [N, A] in [-1, 1] and `control` [N, A] in actuator units. The metadata names the numbers of both, with units and frames.\n\n--json: {out, task, bytes, input, outputs, action_size, observation, actuators}"
)]
pub struct Export {
    /// A policy file, or the folder of a run, whose winner is written
    pub policy_or_run: PathBuf,
    /// The model of your own that the policy was trained on with `carrot train --model`
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// File to write [default: the policy's, ending in .onnx]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the network alone: no task is looked for, nothing is named, and there is no `control`
    #[arg(long, conflicts_with = "model")]
    pub nameless: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchName {
    /// A reward against the same formula in C, and the time from source text to first result
    Reward,
    /// Whole environment steps (control, physics, variables, reward, termination, resets) against a bare `mj_step` loop
    Env,
    /// PPO end to end against 1/(1/physics + 1/inference + 1/update): a bare `mj_step` loop and a hand-written C kernel
    Ppo,
    /// Rollouts of a planner with their reward against native ones without, and how soon a new reward has its first plan
    Plan,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot bench reward\n  carrot bench env --task ant/run_forward --n-envs 32,1024\n  carrot bench ppo\n  carrot bench plan --task ant/run_forward --rollouts 64 --seconds 1\n\nEach ratio is measured in this run, both sides in turns. Of rewards: below 1 is faster than C. Of environments: 1 is as fast as `mj_step` alone. Of PPO: 1 is the bound.\n\n--json: {ratios: {reward_256: {median, min, max}, …}, reward: [{n_envs, module_ns, with_copy_ns, c_ns, …}], first_result: {programs, refused, total_ms}}\n  or, with env, {ratios: {ant_256: {median, min, max}, ant_256_async: …}, threads, environments: [{task, n_envs, bare, lockstep, asynchronous}]} in steps/s\n  or, with ppo, {ratios: {ant: {median, min, max}, …}, threads, ppo: [{task, physics, inference, update, bound, ppo, ratio, profile}]} in steps/s\n  or, with plan, {ratios: {ant_64: {median, min, max}, ant_64_whole_plan: …}, threads, seconds, tasks: [{task, rollouts, bare, rated, new_reward_ms, …}]} in rollouts/s"
)]
pub struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "reward")]
    pub name: BenchName,
    /// Task to step (env, ppo, plan); may be given several times [default: three from small to large; plan: ant/run_forward]
    #[arg(long, value_name = "ENV/TASK")]
    pub task: Vec<String>,
    /// Numbers of environments (env)
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [32, 256, 4096])]
    pub n_envs: Vec<usize>,
    /// Threads on either side (env, ppo) [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Rollouts of a plan (plan)
    #[arg(long, value_name = "M", default_value_t = 64, value_parser = parse_rollouts)]
    pub rollouts: usize,
    /// How far a plan looks ahead, s (plan)
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true, value_parser = parse_seconds)]
    pub seconds: f64,
    /// A model of your own instead of a task (plan)
    #[arg(long, value_name = "MODEL", conflicts_with = "task", requires = "reward")]
    pub model: Option<PathBuf>,
    /// Reward program (plan) [default: the task's human-written reward]
    #[arg(long, value_name = "PROGRAM")]
    pub reward: Option<PathBuf>,
    /// Folder with the programs whose first result is timed [default: `reward_programs` beside the environments]
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: carrot runs list")]
pub struct Runs {
    #[command(subcommand)]
    pub command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List recorded runs
    #[command(
        after_help = "Example: carrot runs list\n\n--json: {runs: [{name, task, proposer, candidates, best_fitness, …}], unreadable: [{path, message}]}"
    )]
    List {
        /// Folder that holds the runs
        #[arg(default_value = "runs")]
        dir: PathBuf,
    },
    /// Show one run: its settings, candidates and winner
    #[command(
        after_help = "Examples:\n  carrot runs show runs/hopper-hop_forward-0\n  carrot runs show runs/hopper-hop_forward-0 --candidate g1c3\n\n--json: {dir, config, candidates, winner, ledger, final}, or {candidate}"
    )]
    Show {
        /// Folder of the run
        run: PathBuf,
        /// Show one candidate in full, such as g1c3
        #[arg(long)]
        candidate: Option<String>,
        /// Also print what the proposer was told in each generation
        #[arg(long, conflicts_with = "candidate")]
        prompts: bool,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot feedback runs/hopper-hop_forward-0 comment \"it should not lean back\"\n  carrot feedback runs/hopper-hop_forward-0 prefer g0c3 g0c1\n  carrot feedback runs/hopper-hop_forward-0 ranking\n\nAll of it can be said while the search is running. docs/feedback.md tells what each kind does."
)]
pub struct Feedback {
    /// Folder of the run
    pub run: PathBuf,
    #[command(subcommand)]
    pub command: FeedbackCommand,
}

#[derive(Debug, Subcommand)]
pub enum FeedbackCommand {
    /// Say which of two programs' behaviours is better: the first
    #[command(
        after_help = "Examples:\n  carrot feedback runs/ant-run_forward-0 prefer g0c3 g0c1\n  carrot feedback runs/ant-run_forward-0 prefer g0c3 g1c0 --tie\n\n--json: {run, position, feedback}"
    )]
    Prefer {
        /// The better one: a candidate such as g0c3, or the beginning of a program's hash
        better: String,
        /// The other one
        other: String,
        /// Both are equally good
        #[arg(long, conflicts_with = "cannot_tell")]
        tie: bool,
        /// They cannot be compared
        #[arg(long)]
        cannot_tell: bool,
        #[command(flatten)]
        shown: Shown,
    },
    /// Call a program's behaviour good or bad
    #[command(
        after_help = "Example: carrot feedback runs/ant-run_forward-0 rate g0c1 good\n\n--json: {run, position, feedback}"
    )]
    Rate {
        /// A candidate such as g0c1, or the beginning of a program's hash
        program: String,
        /// The word
        #[arg(value_enum)]
        word: Word,
        #[command(flatten)]
        shown: Shown,
    },
    /// Say something about the task as a whole, about a program's behaviour, or about a moment of it
    #[command(
        override_usage = "carrot feedback <RUN> comment [PROGRAM] <TEXT> [--step <STEP>]",
        after_help = "Examples:\n  carrot feedback runs/ant-run_forward-0 comment \"faster, and without hopping\"\n  carrot feedback runs/ant-run_forward-0 comment g0c1 --step 120 \"here it drags a leg\"\n\n--json: {run, position, feedback}"
    )]
    Comment {
        /// The program, a candidate such as g0c1 or the beginning of a hash, then the words; the words alone are about the task as a whole
        #[arg(value_names = ["PROGRAM", "TEXT"], required = true, num_args = 1..=2)]
        words: Vec<String>,
        /// The control step of the behaviour that is meant
        #[arg(long, value_name = "STEP")]
        step: Option<u64>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Hand in a program of your own: the next generation judges it as a candidate
    #[command(
        after_help = "Example: carrot feedback runs/ant-run_forward-0 edit reward.py --summary \"less effort\"\n\nA program that does not compile is not taken: exit code 1.\n\n--json: {run, position, feedback}, or {diagnostics}"
    )]
    Edit {
        /// The program (.py)
        file: PathBuf,
        /// One line on what is new
        #[arg(long, value_name = "TEXT", default_value = "")]
        summary: String,
    },
    /// List what was said
    #[command(
        after_help = "Example: carrot feedback runs/ant-run_forward-0 list\n\n--json: {run, feedback: [{position, id, written_unix_secs, told, feedback}], listened: [position]}"
    )]
    List,
    /// Rank programs by what was chosen (Bradley–Terry), with 95 % intervals, and name the pair to look at next
    #[command(
        after_help = "Example: carrot feedback runs/ant-run_forward-0 ranking\n\n--json: {run, programs: [{name, program, strength, standard_error, interval, comparisons, good, bad}], next: [name, name]}"
    )]
    Ranking,
}

/// What was looked at.
#[derive(Debug, Args)]
pub struct Shown {
    /// What moved the robot: its trained policy, or a planner
    #[arg(long, value_enum, default_value = "policy")]
    pub driver: DriverName,
    /// Seed of the rollout
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DriverName {
    /// A trained policy
    Policy,
    /// A planner
    Plan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// As it should be
    Good,
    /// Not as it should be
    Bad,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carrot regress record regress.toml\n  carrot regress check regress.toml --junit regress.xml --plots plots\n  carrot regress cross --task hopper/hop_forward --policy hopper.safetensors\n\ndocs/regression.md describes suites and goldens."
)]
pub struct Regress {
    #[command(subcommand)]
    pub command: RegressCommand,
}

#[derive(Debug, Subcommand)]
pub enum RegressCommand {
    /// Play the rollouts of a suite and keep their numbers as goldens
    #[command(
        after_help = "Examples:\n  carrot regress record regress.toml\n  carrot regress record regress.toml --update --only hopper-sine\n\nWithout --update only rollouts that have no golden yet are recorded. Nothing is written before every rollout has been played.\n\n--json: {suite, recorded: [{name, golden, bytes, replaced, moved}], kept: [name]}"
    )]
    Record(RegressRecord),
    /// Play the rollouts again; say what moved first, where, by how much and why
    #[command(
        after_help = "Example: carrot regress check regress.toml --junit regress.xml --plots plots\n\nExit codes: 0 nothing moved by more than allowed, 1 something did, 2 the suite asks for what does not exist, 3 a golden or a world is broken.\n\n--json: {suite, passed, rollouts: [{name, verdict, headline, seconds, comparison: {outcome, first, also, moved, compared, largest_share, summary, only_one_side, changes}, error, plot}], junit}"
    )]
    Check(RegressCheck),
    /// Play the same policy in several engines and set fitness and reward terms side by side
    #[command(
        after_help = "Examples:\n  carrot regress cross --task hopper/hop_forward --policy hopper.safetensors\n  carrot regress cross regress.toml --only hopper-policy --engines mujoco,rapier --seeds 8\n\nEach environment plays its first episode to the end; an episode is one observation. The effect is the difference of the means in pooled standard deviations (Cohen's d).\n\n--json: {rollouts: [{name, task, actions, seeds, engines: [{engine, version, validated, episodes, unfinished, faults}], rows: [{name, engines: [{count, mean, sd, min, max}], differences, effects}]}]}"
    )]
    Cross(RegressCross),
}

#[derive(Debug, Args)]
pub struct RegressRecord {
    /// The suite
    #[arg(default_value = "regress.toml")]
    pub suite: PathBuf,
    /// Only this rollout; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Replace goldens that exist
    #[arg(long, visible_alias = "force")]
    pub update: bool,
    /// Threads that step the environments; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct RegressCheck {
    /// The suite
    #[arg(default_value = "regress.toml")]
    pub suite: PathBuf,
    /// Only this rollout; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Also write the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Draw each rollout that moved as DIR/NAME.svg; the folder is made if missing
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
    /// Threads that step the environments; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub struct RegressCross {
    /// A suite, whose rollouts are played; or name a task and a policy
    #[arg(required_unless_present = "task", conflicts_with_all = ["task", "policy", "reward", "episodes"])]
    pub suite: Option<PathBuf>,
    /// Only this rollout of the suite; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// The task
    #[arg(long, value_name = "ENV/TASK", requires = "policy")]
    pub task: Option<String>,
    /// The policy
    #[arg(long, value_name = "FILE", requires = "task")]
    pub policy: Option<PathBuf>,
    /// Reward program [default: the task's human-written reward]
    #[arg(long, value_name = "PROGRAM")]
    pub reward: Option<PathBuf>,
    /// The engines; the others are compared with the first
    #[arg(
        long,
        value_name = "ENGINE,…",
        value_delimiter = ',',
        default_value = "mujoco,rapier"
    )]
    pub engines: Vec<Engine>,
    /// How many seeds each engine plays
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: u32,
    /// First seed, for a task; a suite's rollouts have their own
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = parse_seed)]
    pub seed: u64,
    /// Episodes for each seed, for a task; a suite's rollouts have their own number of environments
    #[arg(long, default_value_t = 4, value_parser = parse_episodes)]
    pub episodes: usize,
    /// Threads that step the environments; results do not depend on it [default: all cores]
    #[arg(long, value_parser = parse_threads)]
    pub threads: Option<usize>,
}

/// `300k`, `2M`, `1_000` or a plain number.
fn parse_count(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let (number, factor) = match digits.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => match digits.strip_suffix(['m', 'M']) {
            Some(number) => (number, 1e6),
            None => (digits.as_str(), 1.0),
        },
    };
    let count = number
        .parse::<f64>()
        .map_err(|_| "expected a number such as 200000, 200k or 1.5M".to_owned())?
        * factor;
    if count.is_finite() && (1.0..=1e12).contains(&count) {
        Ok(count.round() as u64)
    } else {
        Err("expected a number between 1 and 10^12".to_owned())
    }
}

/// Settings are recorded as TOML, whose integers have a sign; further seeds are counted on from this one.
fn parse_seed(text: &str) -> Result<u64, String> {
    let seed = text
        .parse()
        .ok()
        .filter(|seed| (0..=1_000_000_000_000_000_000).contains(seed));
    seed.ok_or_else(|| "expected a whole number between 0 and 10^18".to_owned())
}

fn parse_episodes(text: &str) -> Result<usize, String> {
    let episodes = text.parse().ok().filter(|episodes| (1..=100_000).contains(episodes));
    episodes.ok_or_else(|| "expected a whole number between 1 and 100000".to_owned())
}

fn parse_threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=1024).contains(threads));
    threads.ok_or_else(|| "expected a whole number between 1 and 1024".to_owned())
}

fn parse_rollouts(text: &str) -> Result<usize, String> {
    let rollouts = text.parse().ok().filter(|rollouts| (2..=100_000).contains(rollouts));
    rollouts.ok_or_else(|| "expected a whole number between 2 and 100000".to_owned())
}

fn parse_temperature(text: &str) -> Result<f32, String> {
    let temperature = text
        .parse()
        .ok()
        .filter(|temperature| (0.0..=2.0).contains(temperature));
    temperature.ok_or_else(|| "expected a number between 0 and 2".to_owned())
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds between 0.01 and 3600".to_owned())
}

/// `400x300`.
fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let parse = |part: &str| part.parse::<usize>().ok().filter(|size| (16..=4096).contains(size));
    text.split_once('x')
        .and_then(|(width, height)| Some((parse(width)?, parse(height)?)))
        .ok_or_else(|| "expected width and height between 16 and 4096, such as 400x300".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn counts_and_sizes() {
        assert_eq!(parse_count("300k"), Ok(300_000));
        assert_eq!(parse_count("1.5M"), Ok(1_500_000));
        assert_eq!(parse_count("1_000"), Ok(1_000));
        for wrong in ["", "k", "-3", "0", "1e99", "nan", "many"] {
            assert!(parse_count(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_size("400x300"), Ok((400, 300)));
        for wrong in ["400", "x", "400x", "1x1", "99999x10"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["nan", "0", "-1", "inf", ""] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
        assert!(parse_temperature("NaN").is_err() && parse_seed("-1").is_err() && parse_threads("0").is_err());
    }
}
