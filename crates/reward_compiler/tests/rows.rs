//! Rows placed one by one give what whole columns give, for every dtype, and memories can be taken out and put back.

use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Batch, RewardFn, Rewards, Schema, StopCause};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};

const SCHEMA: &str = "
[variable.height]
[variable.velocity]
shape = [3]
[variable.is_touching]
dtype = \"bool\"
[variable.count]
dtype = \"i64\"
[variable.tip]
dtype = \"pose\"
[variable.kind]
dtype = \"str\"
value = \"v2\"
[variable.limits]
shape = [2, 2]
uniform = true
[variable.unread]
shape = [5]
";

const PROGRAM: &str = "
class Robot:
    def compute_dense_reward(self, action):
        assert self.height < 90.0, 'too high'
        rise = self.height - self.prev if hasattr(self, 'prev') else 0.0
        self.prev = self.height
        touch = 1.0 if self.is_touching else -1.0
        speed = np.linalg.norm(self.velocity)
        return rise + touch * speed + self.count + self.tip.p[2] * self.limits[1, 0]
";

fn load(schema: &Schema) -> LoadedReward {
    let compiled = compile(PROGRAM, "program.py", schema, Entry::Reward);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

/// Values that look random and depend on `moment` only.
fn batch(schema: &Schema, n_envs: usize, moment: u64) -> Batch {
    let mut batch = Batch::zeros(schema, n_envs);
    let mut state = moment * 7_919 + 1;
    for value in batch.columns.iter_mut().flatten() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *value = ((state >> 40) % 1_000) as f64 / 100.0 - 5.0;
    }
    batch
}

/// All numbers of one environment, with something unreadable where the program does not look.
fn row(schema: &Schema, reward: &dyn RewardFn, batch: &Batch, env_index: usize) -> Vec<f64> {
    (0..schema.variables.len())
        .flat_map(|variable| {
            let values = batch.row(schema, variable, env_index);
            match reward.inputs().contains(&variable) {
                true => values,
                false => vec![f64::NAN; values.len()],
            }
        })
        .collect()
}

fn placed(schema: &Schema, reward: &mut dyn RewardFn, batch: &Batch) -> Rewards {
    for env_index in 0..batch.n_envs {
        let row = row(schema, reward, batch, env_index);
        reward.place(batch.n_envs, env_index, &row).unwrap();
    }
    let mut rewards = Rewards::default();
    reward.evaluate_placed(&mut rewards).unwrap();
    rewards
}

#[test]
fn rows_and_columns_agree() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let loaded = load(&schema);
    for n_envs in [1, 3, 4, 17] {
        let mut by_rows = loaded.instantiate().unwrap();
        let mut by_columns = loaded.instantiate().unwrap();
        for moment in 0..5 {
            let batch = batch(&schema, n_envs, moment);
            let mut rewards = Rewards::default();
            by_columns.evaluate(&batch, &mut rewards).unwrap();
            assert_eq!(placed(&schema, &mut by_rows, &batch), rewards, "{n_envs} at {moment}");
            for reward in [&mut by_rows, &mut by_columns] {
                reward.begin_episode(moment as usize);
            }
        }
    }
}

#[test]
fn a_memory_moves_to_another_instance_and_place() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let loaded = load(&schema);
    let mut first = loaded.instantiate().unwrap();
    placed(&schema, &mut first, &batch(&schema, 4, 0));
    let memory = first.remembered(2);
    assert!(!memory.is_empty());
    let expected = placed(&schema, &mut first, &batch(&schema, 4, 1)).total[2];

    // The other instance has evaluated something else; its environment 0 now shows what environment 2 did.
    let mut second = loaded.instantiate().unwrap();
    placed(&schema, &mut second, &batch(&schema, 1, 7));
    second.recall(0, &memory);
    let shown = row(&schema, &first, &batch(&schema, 4, 1), 2);
    second.place(1, 0, &shown).unwrap();
    let mut rewards = Rewards::default();
    second.evaluate_placed(&mut rewards).unwrap();
    assert_eq!(rewards.total[0].to_bits(), expected.to_bits());

    // Nothing at all is the memory of an episode that begins.
    let mut third = loaded.instantiate().unwrap();
    assert_eq!(third.remembered(0), Vec::<u8>::new());
    third.place(1, 0, &shown).unwrap();
    third.evaluate_placed(&mut rewards).unwrap();
    let fresh = rewards.total[0];
    third.recall(0, &[]);
    third.evaluate_placed(&mut rewards).unwrap();
    assert_eq!(rewards.total[0].to_bits(), fresh.to_bits());
    // A memory of another program is as good as none, and harms nothing.
    third.recall(0, &[1, 2, 3]);
    third.recall(9, &memory);
    third.evaluate_placed(&mut rewards).unwrap();
}

#[test]
fn a_stop_shows_what_was_placed() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let mut reward = load(&schema).instantiate().unwrap();
    let mut high = batch(&schema, 3, 0);
    let height = schema.index("height").unwrap();
    high.columns[height][1] = 123.25;
    for env_index in 0..3 {
        let row = row(&schema, &reward, &high, env_index);
        reward.place(3, env_index, &row).unwrap();
    }
    let stop = reward.evaluate_placed(&mut Rewards::default()).unwrap_err();
    let StopCause::Raised {
        env_index: 1, state, ..
    } = &stop.cause
    else {
        panic!("{stop}")
    };
    assert!(state.contains(&("height".into(), vec![123.25])), "{state:?}");
    // The instance goes on.
    placed(&schema, &mut reward, &batch(&schema, 3, 1));
    // Nothing placed is nothing to score.
    let mut rewards = Rewards::default();
    reward.place(3, 0, &vec![0.0; 100]).unwrap();
    assert!(reward.evaluate_placed(&mut rewards).is_ok());
    assert_eq!(rewards.total.len(), 3);
}
