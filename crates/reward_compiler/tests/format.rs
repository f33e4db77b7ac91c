//! Laying a program out changes how it looks, and nothing else.

use std::path::Path;

use carrot_reward_compiler::{Entry, compile, format};
use carrot_reward_interface::Schema;

#[test]
fn programs_are_laid_out() {
    for (text, expected) in [
        ("x=1+2*y", "x = 1 + 2 * y\n"),
        ("x = -y**2 - -1", "x = -y**2 - -1\n"),
        ("x = f( a,b = 2 ,*c , **d )", "x = f(a, b=2, *c, **d)\n"),
        ("x = a [ 0 ] [1:2,:, -1]", "x = a[0][1:2, :, -1]\n"),
        (
            "def f(x:Tensor=1,y=2)->Tensor:\n  return x#so\n",
            "def f(x: Tensor = 1, y=2) -> Tensor:\n    return x  # so\n",
        ),
        ("d={'a':1,'b':x<=2}", "d = {'a': 1, 'b': x <= 2}\n"),
        ("x=not a and(b or c)if d else e", "x = not a and (b or c) if d else e\n"),
        ("f=lambda x=1:x", "f = lambda x=1: x\n"),
        (
            "import torch\ndef f():\n\treturn 1\n\n\n\n\nx = 2",
            "import torch\n\n\ndef f():\n    return 1\n\n\nx = 2\n",
        ),
        (
            "# about f\n@a.b\ndef f():\n  # first\n  if x:\n     # inner\n     return 1\n  # last\n  return 2\n",
            "# about f\n@a.b\ndef f():\n    # first\n    if x:\n        # inner\n        return 1\n    # last\n    return 2\n",
        ),
        ("x = (1 +\n     2)  \n\n\n", "x = (1 +\n     2)\n"),
        (
            "def f():\n  x = g(\n    1,\n    2,\n  )\n  return x",
            "def f():\n    x = g(\n      1,\n      2,\n    )\n    return x\n",
        ),
        ("x = 1 + \\\n   2", "x = 1 + \\\n   2\n"),
        ("x = '''a\n   b'''\n", "x = '''a\n   b'''\n"),
        ("from . import a\nx = a . b", "from . import a\nx = a.b\n"),
        ("", ""),
    ] {
        let laid_out = format(text, "reward.py").unwrap();
        assert_eq!(laid_out, expected, "{text}");
        assert_eq!(format(&laid_out, "reward.py").unwrap(), expected, "twice: {text}");
    }
}

#[test]
fn what_is_not_python_is_left_alone() {
    for text in ["x = = 1", "def f(", "Sure:\n```python\ndef f(x):\n    return x\n```\n"] {
        assert!(format(text, "reward.py").is_err(), "{text}");
    }
}

/// The code of a module, without the sections that tell about the text.
fn code(wasm: &[u8]) -> Vec<Vec<u8>> {
    let sections = wasmparser::Parser::new(0).parse_all(wasm);
    sections
        .filter_map(|payload| payload.unwrap().as_section())
        .filter(|(id, _)| *id != 0)
        .map(|(_, range)| wasm[range].to_vec())
        .collect()
}

#[test]
fn the_shipped_programs_mean_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("reward_programs")];
    let (mut compared, mut changed) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "py") {
                continue;
            }
            let env = folder.strip_prefix(root.join("reward_programs")).unwrap();
            let env = env.components().next().unwrap().as_os_str();
            let beside = folder.join("schema.toml");
            let schema = match beside.is_file() {
                true => beside,
                false => root.join("envs").join(env).join("env.toml"),
            };
            let schema = Schema::from_toml(&std::fs::read_to_string(schema).unwrap()).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let laid_out = format(&text, "reward.py").unwrap();
            assert_eq!(format(&laid_out, "reward.py").unwrap(), laid_out, "{}", path.display());
            changed += usize::from(laid_out != text);
            let [before, after] =
                [&text, &laid_out].map(|text| compile(text, "reward.py", &schema, Entry::Reward).module);
            let (Some(before), Some(after)) = (before, after) else {
                panic!("{} does not compile", path.display());
            };
            assert_eq!(code(&before.wasm), code(&after.wasm), "{}\n{laid_out}", path.display());
            compared += 1;
        }
    }
    println!("{compared} programs, {changed} laid out differently");
    assert!(compared > 50);
}
