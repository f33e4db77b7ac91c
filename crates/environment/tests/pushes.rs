//! A push from outside reaches the environment it is meant for, and no snapshot.

mod support;

use carrot_environment::{Engine, Task, VecEnv};
use carrot_physics::{Pull, Push};
use support::{Measures, envs};

const PUSH: Push = Push {
    body: 1,
    at_local: [0.0; 3],
    pull: Pull::Force([3.0, 0.0, 0.0]),
};

#[test]
fn only_the_pushed_environment_moves_otherwise() {
    for engine in Engine::ALL {
        let task = Task::load(&envs(), "cartpole/balance", engine).unwrap();
        let measures = Measures::new(&task, |_| [0.0; 3]);
        let programs = measures.programs();
        let still = vec![0.0; 2 * task.action_size()];
        let mut plain = VecEnv::new(&task, programs, 2, 5, 1).unwrap();
        let mut pushed = VecEnv::new(&task, programs, 2, 5, 1).unwrap();
        pushed.push(0, Some(PUSH));
        for _ in 0..10 {
            plain.step(&still).unwrap();
            pushed.step(&still).unwrap();
        }
        assert!(pushed.qpos(0)[0] > plain.qpos(0)[0] + 1e-3, "{engine}");
        assert_eq!(pushed.qpos(1), plain.qpos(1), "{engine}");
        let scene = pushed.scene(0);
        assert_eq!(
            (scene.push, scene.qpos, scene.qvel),
            (Some(PUSH), pushed.qpos(0), pushed.qvel(0))
        );
        assert_eq!((scene.ctrl, scene.mocap), (pushed.ctrl(0), pushed.mocap_positions(0)));
        // From the same snapshot, unpushed: the same future in both.
        let start = pushed.snapshot(0);
        for env in [&mut plain, &mut pushed] {
            env.restore(0, &start);
            assert_eq!(env.scene(0).push, None);
            for _ in 0..10 {
                env.step(&still).unwrap();
            }
        }
        assert_eq!(plain.qpos(0), pushed.qpos(0), "{engine}");
        pushed.push(0, Some(PUSH));
        pushed.reset().unwrap();
        assert_eq!(pushed.scene(0).push, None, "{engine}");
    }
}
