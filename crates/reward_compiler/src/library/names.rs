//! Which names exist: modules, constants, element types, and what is known without an import.

use carrot_reward_interface::Dialect;

use super::{find, members};
use crate::value::{Element, Value};

/// Modules that a reward may import, by the names under which the table lists their functions.
const MODULES: [&str; 28] = [
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.linalg",
    "torch.jit",
    "torch.special",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "math",
    "typing",
    "collections.abc",
    "scipy",
    "scipy.special",
    "scipy.spatial",
    "scipy.spatial.distance",
    "scipy.spatial.transform",
    "sapien",
    "sapien.core",
    "torch_utils",
    "reward_utils",
    "transforms3d",
    "transforms3d.quaternions",
    "transforms3d.euler",
    "transforms3d.axangles",
    "mani_skill2.utils.geometry",
    "numpy.typing",
    "typing_extensions",
];

/// Other names of those modules: the same helpers are published in several places.
const SAME_MODULE: [(&str, &str); 18] = [
    ("isaacgym.torch_utils", "torch_utils"),
    ("isaacgymenvs.utils.torch_jit_utils", "torch_utils"),
    ("utils.torch_jit_utils", "torch_utils"),
    ("isaac_utils.torch_utils", "torch_utils"),
    ("omni.isaac.core.utils.torch", "torch_utils"),
    ("omni.isaac.core.utils.torch.rotations", "torch_utils"),
    ("metaworld.utils.reward_utils", "reward_utils"),
    ("metaworld.envs.mujoco.utils.reward_utils", "reward_utils"),
    ("metaworld.envs.reward_utils", "reward_utils"),
    ("dm_control.utils.rewards", "reward_utils"),
    ("rewards", "reward_utils"),
    ("mani_skill2.utils.common", "mani_skill2.utils.geometry"),
    ("mani_skill2.utils.sapien_utils", "mani_skill2.utils.geometry"),
    ("mani_skill2.utils.trimesh_utils", "mani_skill2.utils.geometry"),
    ("mani_skill.utils.geometry", "mani_skill2.utils.geometry"),
    ("mani_skill.utils.common", "mani_skill2.utils.geometry"),
    ("torch.functional", "torch"),
    ("scipy.linalg", "numpy.linalg"),
];

/// Modules whose functions programs call without importing them.
const KNOWN_WITHOUT_IMPORT: [&str; 5] = [
    "torch_utils",
    "reward_utils",
    "transforms3d.quaternions",
    "transforms3d.euler",
    "mani_skill2.utils.geometry",
];

/// Modules that stand in a program's first lines and in nothing that it computes: importing them binds a name without
/// members.
const EMPTY_MODULES: [&str; 10] = [
    "isaacgym",
    "isaacgym.gymapi",
    "isaacgym.gymtorch",
    "gym",
    "gymnasium",
    "metaworld",
    "metaworld.utils",
    "dm_control",
    "dm_control.utils",
    "mani_skill2.utils",
];

/// The name under which the table lists a function or module: aliases of modules replaced.
pub(crate) fn canonical(path: &str) -> String {
    for (alias, module) in SAME_MODULE {
        match path.strip_prefix(alias) {
            Some("") => return module.to_owned(),
            Some(rest) if rest.starts_with('.') => return format!("{module}{rest}"),
            _ => {}
        }
    }
    path.to_owned()
}

pub(crate) fn is_module(name: &str) -> bool {
    let name = canonical(name);
    name != "numpy.random" && (MODULES.contains(&&*name) || EMPTY_MODULES.contains(&&*name))
}

/// Packages of simulators, whose names a reward may import and leave unused. Their star imports bring helpers that are
/// known anyway, or names that are not known here.
const SIMULATORS: [&str; 14] = [
    "isaacgym",
    "isaacgymenvs",
    "isaac_utils",
    "omni",
    "gym",
    "gymnasium",
    "metaworld",
    "mujoco",
    "dm_control",
    "mani_skill",
    "mani_skill2",
    "sapien",
    "transforms3d",
    "scipy",
];

/// Whether a module belongs to a simulator, or to the geometry libraries that come with one.
pub(crate) fn is_of_simulator(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or(module);
    SIMULATORS.contains(&root)
}

/// Whether `from module import *` brings nothing that is not known anyway.
pub(crate) fn is_known_without_import(module: &str) -> bool {
    KNOWN_WITHOUT_IMPORT.contains(&&*canonical(module))
}

/// What `import a.b` binds to `a`. The first part of a long alias, such as `isaacgymenvs`, is no module of its own.
pub(super) fn is_path(path: &str) -> bool {
    let canonical = canonical(path);
    let below = format!("{path}.");
    MODULES.contains(&&*canonical)
        || EMPTY_MODULES.contains(&path)
        || SAME_MODULE.iter().any(|(alias, _)| alias.starts_with(&below))
        || MODULES.iter().any(|module| module.starts_with(&below))
}

/// Python's own functions and the helpers that are known without an import.
pub(crate) fn builtin_names() -> impl Iterator<Item = &'static str> {
    members("builtins").chain(KNOWN_WITHOUT_IMPORT.into_iter().flat_map(members))
}

/// Names that programs use without importing them.
pub(crate) fn implicit_name(name: &str, dialect: Dialect) -> Option<Value> {
    let module = match name {
        "torch" | "math" | "numpy" | "scipy" | "sapien" | "transforms3d" | "reward_utils" => name,
        "rewards" => "reward_utils",
        "np" => "numpy",
        "F" if dialect == Dialect::Torch => "torch.nn.functional",
        "cdist" => "scipy.spatial.distance.cdist",
        "sdist" => "scipy.spatial.distance",
        "Tensor" | "Tuple" | "Dict" | "List" | "Optional" | "Any" | "Union" | "Callable" => {
            return Some(Value::Annotation);
        }
        _ => {
            return KNOWN_WITHOUT_IMPORT.iter().find_map(|module| {
                let helper = format!("{module}.{name}");
                find(&helper).map(|_| Value::Library(helper.into()))
            });
        }
    };
    Some(Value::Library(module.into()))
}

pub(crate) fn is_random(path: &str) -> bool {
    const RANDOM: [&str; 14] = [
        "torch.rand",
        "torch.randn",
        "torch.randint",
        "torch.rand_like",
        "torch.randn_like",
        "torch.randint_like",
        "torch.normal",
        "torch.bernoulli",
        "torch.multinomial",
        "torch.randperm",
        "torch.manual_seed",
        "torch_utils.torch_rand_float",
        "torch_utils.torch_random_dir_2",
        "torch.nn.functional.dropout",
    ];
    path.starts_with("numpy.random.") || RANDOM.contains(&path)
}

/// Constants: their full names and values.
const CONSTANTS: [(&str, f64); 7] = [
    ("torch.pi numpy.pi math.pi", std::f64::consts::PI),
    ("torch.e numpy.e math.e", std::f64::consts::E),
    ("math.tau", std::f64::consts::TAU),
    ("numpy.euler_gamma", 0.577_215_664_901_532_9),
    ("torch.inf numpy.inf math.inf numpy.Inf numpy.PINF", f64::INFINITY),
    ("numpy.NINF", f64::NEG_INFINITY),
    ("torch.nan numpy.nan math.nan numpy.NaN numpy.NAN", f64::NAN),
];

fn all_constants() -> impl Iterator<Item = (&'static str, f64)> {
    CONSTANTS
        .into_iter()
        .flat_map(|(names, value)| names.split_whitespace().map(move |name| (name, value)))
}

pub(super) fn constant_of(path: &str) -> Option<f64> {
    all_constants().find(|(name, _)| *name == path).map(|(_, value)| value)
}

/// `torch.float32`, `np.bool_` and the like.
const ELEMENTS: [(&str, Element); 4] = [
    ("torch.float torch.float32 numpy.float32 numpy.single", Element::F32),
    (
        "torch.double torch.float64 numpy.float64 numpy.float_ numpy.double numpy.float",
        Element::F64,
    ),
    (
        "torch.long torch.int64 torch.int torch.int32 numpy.int64 numpy.int32 numpy.int_ numpy.intp numpy.int",
        Element::I64,
    ),
    ("torch.bool numpy.bool_ numpy.bool", Element::Bool),
];

fn all_elements() -> impl Iterator<Item = (&'static str, Element)> {
    ELEMENTS
        .into_iter()
        .flat_map(|(names, element)| names.split_whitespace().map(move |name| (name, element)))
}

pub(super) fn element_of(path: &str) -> Option<Element> {
    all_elements()
        .find(|(name, _)| *name == path)
        .map(|(_, element)| element)
}

/// What a module has beside its functions: constants, element types, modules below it.
pub(crate) fn other_members(module: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{module}.");
    let constants = all_constants().map(|(name, _)| name);
    let elements = all_elements().map(|(name, _)| name);
    constants.chain(elements).chain(MODULES).filter_map(move |name| {
        let rest = name.strip_prefix(prefix.as_str())?;
        rest.split('.').next()
    })
}

/// `torch.FloatTensor` and the like name types; whether they are called or only named is seen later.
pub(super) fn is_annotation(path: &str) -> bool {
    matches!(
        path,
        "torch.Tensor" | "numpy.ndarray" | "torch.dtype" | "numpy.floating" | "numpy.integer" | "numpy.number"
    ) || path.starts_with("numpy.typing.")
        || path.starts_with("typing_extensions.")
}
