//! What each code means, with a program that has the finding and the same program repaired.
//!
//! `carrot explain` prints these texts, `docs/diagnostics.md` is written from them, and a test compiles every pair.

use crate::Code;

/// A finding explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What the finding says about the program.
    pub meaning: &'static str,
    /// Why that matters for a reward.
    pub why: &'static str,
    /// What to do, in one sentence.
    pub repair: &'static str,
    /// A program with this finding and no other.
    pub example: Example,
    /// The same program without it.
    pub repaired: &'static str,
}

/// A program, perhaps one that is only long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    before: &'static str,
    repeated: &'static str,
    times: usize,
    after: &'static str,
}

impl Example {
    /// The whole text.
    pub fn text(&self) -> String {
        format!("{}{}{}", self.before, self.repeated.repeat(self.times), self.after)
    }

    /// The text for a reader: what is repeated is shown once.
    pub fn shown(&self) -> String {
        match self.times {
            0 => self.text(),
            times => format!(
                "# `{}` stands for {times} repetitions\n{}{}{}",
                self.repeated.trim(),
                self.before,
                self.repeated,
                self.after
            ),
        }
    }
}

/// The variables that the examples are checked against.
pub const EXAMPLE_SCHEMA: &str = r#"[variable.object_pos]
shape = [3]
unit = "m"
frame = "world"
range = [-1.0, 1.0]
[variable.goal_pos]
shape = [3]
unit = "m"
frame = "world"
range = [-1.0, 1.0]
[variable.palm_pos]
shape = [3]
unit = "m"
frame = "hand"
range = [-1.0, 1.0]
[variable.object_rot]
shape = [4]
quaternion = "wxyz"
[variable.tilt]
unit = "rad"
range = [-1.6, 1.6]
[variable.height]
unit = "m"
range = [0.0, 2.0]
"#;

const fn program(text: &'static str) -> Example {
    Example {
        before: text,
        repeated: "",
        times: 0,
        after: "",
    }
}

const fn long(before: &'static str, repeated: &'static str, times: usize, after: &'static str) -> Example {
    Example {
        before,
        repeated,
        times,
        after,
    }
}

impl Code {
    /// What the finding means, with an example.
    pub fn explanation(self) -> Explanation {
        match self {
            Self::SyntaxError => Explanation {
                meaning: "The text is not Python.",
                why: "Nothing else can be checked before it is, so a reply that was cut off, or two programs in one file, stop here.",
                repair: "Correct the text at the caret; the mistake is there or just before it.",
                example: program("def compute_reward(height):\n    return height +\n"),
                repaired: "def compute_reward(height):\n    return height + 1.0\n",
            },
            Self::SourceTooLong => Explanation {
                meaning: "The text has more than 32 KiB.",
                why: "A reward is short. The limit keeps the time for a compilation bounded, whoever wrote the text.",
                repair: "Remove comments and functions that the reward does not use.",
                example: long(
                    "def compute_reward(height):\n",
                    "    # and so on\n",
                    2_100,
                    "    return height\n",
                ),
                repaired: "def compute_reward(height):\n    return height\n",
            },
            Self::NestingTooDeep => Explanation {
                meaning: "Brackets nest more than 200 deep, or blocks more than 100.",
                why: "A deep text needs a deep stack. Nobody can read such an expression either.",
                repair: "Give inner expressions a name.",
                example: long("def compute_reward(height):\n    return ", "abs(", 201, "height\n"),
                repaired: "def compute_reward(height):\n    return abs(height)\n",
            },
            Self::ChainTooLong => Explanation {
                meaning: "One expression has more than 2,000 operators.",
                why: "Its syntax tree is as deep as the chain is long.",
                repair: "Split it into several statements.",
                example: long(
                    "def compute_reward(height):\n    return height",
                    " + height",
                    2_001,
                    "\n",
                ),
                repaired: "def compute_reward(height):\n    return 2002.0 * height\n",
            },
            Self::UnknownName => Explanation {
                meaning: "A name that neither the program, nor the task, nor the library knows.",
                why: "Mostly a misspelt variable, or one that this task does not offer.",
                repair: "Use the suggested name; `carrot envs ENV` lists the variables.",
                example: program("def compute_reward(hieght):\n    return hieght\n"),
                repaired: "def compute_reward(height):\n    return height\n",
            },
            Self::UnknownAttribute => Explanation {
                meaning: "A module or a value has no such attribute.",
                why: "Mostly a misspelt function, or one of another library.",
                repair: "Use the suggested name.",
                example: program(
                    "import torch\ndef compute_reward(object_pos, goal_pos):\n    return -torch.nrom(object_pos - goal_pos, dim=-1)\n",
                ),
                repaired: "import torch\ndef compute_reward(object_pos, goal_pos):\n    return -torch.norm(object_pos - goal_pos, dim=-1)\n",
            },
            Self::Unsupported => Explanation {
                meaning: "Python that has no meaning in a reward, or whose meaning could not be kept.",
                why: "A program runs with exactly Python's values or not at all; files, printing to them and exceptions have none here.",
                repair: "Write it with numbers, arrays, functions, `if` and `for`.",
                example: program(
                    "def compute_reward(height):\n    with open(\"log\") as log:\n        pass\n    return height\n",
                ),
                repaired: "def compute_reward(height):\n    return height\n",
            },
            Self::ShapeMismatch => Explanation {
                meaning: "Shapes that do not go together, or an index beyond the end.",
                why: "The library would refuse it as well, but only after the simulator has started.",
                repair: "Take the part that is meant: `object_rot[:, 0:3]`, or another variable.",
                example: program(
                    "import torch\ndef compute_reward(object_pos, object_rot):\n    return -torch.norm(object_pos - object_rot, dim=-1)\n",
                ),
                repaired: "import torch\ndef compute_reward(object_pos, goal_pos):\n    return -torch.norm(object_pos - goal_pos, dim=-1)\n",
            },
            Self::TypeMismatch => Explanation {
                meaning: "A value of the wrong type, or a condition on a whole batch.",
                why: "The library would refuse it as well.",
                repair: "Convert the value, or choose per environment with `torch.where`.",
                example: program(
                    "import torch\ndef compute_reward(height):\n    if height > 1.0:\n        return height\n    return torch.zeros_like(height)\n",
                ),
                repaired: "import torch\ndef compute_reward(height):\n    return torch.where(height > 1.0, height, torch.zeros_like(height))\n",
            },
            Self::WrongArguments => Explanation {
                meaning: "A call whose arguments do not fit the function's parameters.",
                why: "The library would refuse it as well.",
                repair: "Use the parameters that the message lists.",
                example: program(
                    "import torch\ndef compute_reward(object_pos):\n    return -torch.norm(object_pos, axes=-1)\n",
                ),
                repaired: "import torch\ndef compute_reward(object_pos):\n    return -torch.norm(object_pos, dim=-1)\n",
            },
            Self::UnboundedLoop => Explanation {
                meaning: "`while`, or a loop over something without a fixed length.",
                why: "Every reward must end, and its cost must be known before it runs.",
                repair: "Use `for i in range(3)`, or operations on whole arrays.",
                example: program(
                    "def compute_dense_reward(self):\n    x = self.height\n    while x > 1.0:\n        x = x - 1.0\n    return x\n",
                ),
                repaired: "def compute_dense_reward(self):\n    x = self.height\n    for _ in range(2):\n        if x > 1.0:\n            x = x - 1.0\n    return x\n",
            },
            Self::Recursion => Explanation {
                meaning: "A function that calls itself.",
                why: "Its depth would depend on values, and every reward must end.",
                repair: "Write a loop with a fixed number of rounds.",
                example: program(
                    "def half(x):\n    return half(x / 2.0)\ndef compute_dense_reward(self):\n    return half(self.height)\n",
                ),
                repaired: "def half(x):\n    return x / 2.0\ndef compute_dense_reward(self):\n    return half(self.height)\n",
            },
            Self::MaybeUnbound => Explanation {
                meaning: "A name that is set on some paths only and then read.",
                why: "Where it is not set, Python stops with an error, and so would the training.",
                repair: "Set it before the `if`.",
                example: program(
                    "def compute_dense_reward(self):\n    if self.height > 1.0:\n        bonus = self.height\n    return bonus\n",
                ),
                repaired: "def compute_dense_reward(self):\n    bonus = 0.0\n    if self.height > 1.0:\n        bonus = self.height\n    return bonus\n",
            },
            Self::Import => Explanation {
                meaning: "An import of anything but the numeric libraries.",
                why: "A reward computes numbers from numbers; nothing else of Python reaches the sandbox.",
                repair: "Remove the import and what uses it.",
                example: program("import os\ndef compute_reward(height):\n    return height\n"),
                repaired: "import torch\ndef compute_reward(height):\n    return height\n",
            },
            Self::Randomness => Explanation {
                meaning: "Random numbers.",
                why: "The same state must always give the same reward, or results could not be reproduced.",
                repair: "Leave the noise out; exploration is the optimiser's work.",
                example: program("import torch\ndef compute_reward(height):\n    return height + torch.rand(1)\n"),
                repaired: "import torch\ndef compute_reward(height):\n    return height + 0.5\n",
            },
            Self::NoEntry => Explanation {
                meaning: "No function that could be the reward.",
                why: "The program is called through `compute_reward`, `compute_dense_reward` or its only function.",
                repair: "Define `compute_reward(...)` with the task's variables as parameters.",
                example: program("weight = 1.0\n"),
                repaired: "def compute_reward(height):\n    return height\n",
            },
            Self::TermShape => Explanation {
                meaning: "A term, or the total, that is not one number per environment.",
                why: "The optimiser needs one reward for each robot.",
                repair: "Reduce over the last axis, for example with `torch.norm(x, dim=-1)`.",
                example: program("import torch\ndef compute_reward(object_pos):\n    return -torch.abs(object_pos)\n"),
                repaired: "import torch\ndef compute_reward(object_pos):\n    return -torch.abs(object_pos).sum(dim=-1)\n",
            },
            Self::ReturnShape => Explanation {
                meaning: "A `return` that is neither a total, nor a total with a dict of terms.",
                why: "The total is what is optimised; the terms explain it.",
                repair: "End with `return total, {\"name\": term}`.",
                example: program("def compute_reward(height):\n    return {\"height\": height}\n"),
                repaired: "def compute_reward(height):\n    return height, {\"height\": height}\n",
            },
            Self::ProgramTooLarge => Explanation {
                meaning: "The unrolled program has more than 50,000 operations, or an array more than 4,096 numbers.",
                why: "Loops are unrolled, and a reward is computed at every step of every robot.",
                repair: "Use fewer or shorter loops.",
                example: program(
                    "import numpy as np\ndef compute_dense_reward(self):\n    x = self.height\n    for i in range(1000):\n        for j in range(1000):\n            x = np.tanh(x)\n    return x\n",
                ),
                repaired: "import numpy as np\ndef compute_dense_reward(self):\n    x = self.height\n    for i in range(10):\n        x = np.tanh(x)\n    return x\n",
            },
            Self::BatchLeak => Explanation {
                meaning: "A reduction over all environments of the batch.",
                why: "One robot's reward then depends on the other robots, and on how many there are. The library's value is kept, but it is seldom meant.",
                repair: "Reduce over the last axis with `dim=-1`, or leave the reduction out.",
                example: program("import torch\ndef compute_reward(height):\n    return height - height.mean()\n"),
                repaired: "import torch\ndef compute_reward(height):\n    return height - 1.0\n",
            },
            Self::ReplyText => Explanation {
                meaning: "The text is a chat reply; the program was taken out of it.",
                why: "Everything outside the code block was left out, so look whether the right block was used.",
                repair: "Keep only the program in the file.",
                example: program(
                    "Here is a reward for it:\n\n```python\ndef compute_reward(height):\n    return height\n```\nIt rewards height.\n",
                ),
                repaired: "def compute_reward(height):\n    return height\n",
            },
            Self::UnboundedExp => Explanation {
                meaning: "An exponential of something that can grow without bound, or beyond what a float can hold.",
                why: "One bad state then outweighs everything else, or gives an infinite reward. Nearly always a minus sign is missing.",
                repair: "Use `exp(-x)` of something that is never negative, or clamp the argument first.",
                example: program(
                    "import torch\ndef compute_reward(object_pos, goal_pos):\n    distance = torch.norm(object_pos - goal_pos, dim=-1)\n    return torch.exp(distance / 0.01)\n",
                ),
                repaired: "import torch\ndef compute_reward(object_pos, goal_pos):\n    distance = torch.norm(object_pos - goal_pos, dim=-1)\n    return torch.exp(-distance / 0.01)\n",
            },
            Self::DeadTerm => Explanation {
                meaning: "A term that does not enter the total.",
                why: "It is reported as if it mattered, and changes nothing.",
                repair: "Add it to the total, or leave it out of the dict.",
                example: program(
                    "import torch\ndef compute_reward(height, tilt):\n    lift = torch.tanh(height)\n    upright = torch.exp(-tilt ** 2)\n    return lift, {\"lift\": lift, \"upright\": upright}\n",
                ),
                repaired: "import torch\ndef compute_reward(height, tilt):\n    lift = torch.tanh(height)\n    upright = torch.exp(-tilt ** 2)\n    return lift + upright, {\"lift\": lift, \"upright\": upright}\n",
            },
            Self::ConstantTerm => Explanation {
                meaning: "A term, or the total, that is the same for every input within the declared ranges.",
                why: "A constant teaches nothing. Often a threshold lies outside of what the variable can reach.",
                repair: "Let it depend on the task's variables, correct the threshold, or leave it out.",
                example: program(
                    "def compute_reward(height):\n    bonus = (height > 3.0).float()\n    return height + bonus, {\"height\": height, \"bonus\": bonus}\n",
                ),
                repaired: "def compute_reward(height):\n    bonus = (height > 1.5).float()\n    return height + bonus, {\"height\": height, \"bonus\": bonus}\n",
            },
            Self::DominatedTerm => Explanation {
                meaning: "A part of the total whose whole range is below a ten-thousandth of how far another part spreads.",
                why: "The optimiser cannot see it beside the other part.",
                repair: "Raise its weight, or lower that of the larger part.",
                example: program("def compute_reward(height, tilt):\n    return 1000.0 * height - 0.01 * tilt ** 2\n"),
                repaired: "def compute_reward(height, tilt):\n    return 1.0 * height - 0.01 * tilt ** 2\n",
            },
            Self::UnitMismatch => Explanation {
                meaning: "A sum, difference or comparison of quantities with different units.",
                why: "Metres plus radians mean nothing, and mostly show that the wrong variable was taken.",
                repair: "Give each part a weight of its own, or compare quantities of one kind.",
                example: program("def compute_reward(height, tilt):\n    return height - tilt\n"),
                repaired: "def compute_reward(height, tilt):\n    return 1.5 * height - 0.2 * tilt\n",
            },
            Self::FrameMismatch => Explanation {
                meaning: "A sum or difference of two vectors that are given in different frames.",
                why: "The numbers are coordinates along different axes, so their difference is no distance.",
                repair: "Bring both into one frame first.",
                example: program(
                    "import torch\ndef compute_reward(object_pos, palm_pos):\n    return -torch.norm(object_pos - palm_pos, dim=-1)\n",
                ),
                repaired: "import torch\ndef compute_reward(object_pos, goal_pos):\n    return -torch.norm(object_pos - goal_pos, dim=-1)\n",
            },
            Self::QuaternionOrder => Explanation {
                meaning: "A quaternion used in another component order than the one it has.",
                why: "(w, x, y, z) read as (x, y, z, w) is another rotation, and nothing fails: the reward is only wrong.",
                repair: "Reorder the components first: `q[..., [1, 2, 3, 0]]` makes (x, y, z, w) of (w, x, y, z).",
                example: program(
                    "import torch\ndef compute_reward(object_rot):\n    angle = 2.0 * torch.acos(torch.clamp(object_rot[:, 3], -1.0, 1.0))\n    return -angle\n",
                ),
                repaired: "import torch\ndef compute_reward(object_rot):\n    angle = 2.0 * torch.acos(torch.clamp(object_rot[:, 0], -1.0, 1.0))\n    return -angle\n",
            },
            Self::NonFinite => Explanation {
                meaning: "Values within the declared ranges for which the program divides by zero or computes NaN.",
                why: "A reward that is infinite or not a number stops the training.",
                repair: "Keep divisors away from zero, and clamp the arguments of `log`, `sqrt`, `acos` and `asin`.",
                example: program("def compute_reward(height):\n    return 1.0 / height\n"),
                repaired: "def compute_reward(height):\n    return 1.0 / (height + 0.1)\n",
            },
            Self::Discontinuity => Explanation {
                meaning: "The reward jumps when a condition flips. A note; `carrot check --pedantic` gives it.",
                why: "A jump has no slope that an optimiser could follow. A bonus on success is good practice beside a smooth term, and poor without one.",
                repair: "Add a smooth term with the same goal.",
                example: program(
                    "import torch\ndef compute_reward(height):\n    return torch.where(height > 1.0, 1.0, 0.0) + 0.1 * height\n",
                ),
                repaired: "import torch\ndef compute_reward(height):\n    return torch.clamp(height, 0.0, 1.0)\n",
            },
        }
    }
}
