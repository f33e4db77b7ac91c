//! Modules made to keep a compiler busy: each size is either refused at once or compiled in bounded time.

mod modules;

use std::time::{Duration, Instant};

use carrot_reward_sandbox::{Origin, Sandbox};
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, InstructionSink, MemArg,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// A module of equal functions, each with `locals` and the instructions of `fill`; the first is `evaluate`.
fn module(locals: &[(u32, ValType)], functions: u32, fill: impl Fn(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    let mut declared = FunctionSection::new();
    let mut code = CodeSection::new();
    for _ in 0..functions {
        declared.function(0);
        let mut function = Function::new(locals.iter().copied());
        fill(&mut function.instructions());
        function.instructions().end();
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports
        .export("memory", ExportKind::Memory, 0)
        .export("evaluate", ExportKind::Func, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&declared)
        .section(&memories)
        .section(&exports)
        .section(&code);
    let interface = serde_json::to_vec(&modules::interface(&[])).unwrap();
    modules::with_section(module.finish(), &interface)
}

const WORD: MemArg = MemArg {
    offset: 0,
    align: 2,
    memory_index: 0,
};

/// Loops inside each other, each changing locals that all others read: every loop gets its own copy of every local.
fn nested_loops(depth: u32, locals: u32) -> Vec<u8> {
    module(&[(locals, ValType::I32)], 1, |code| {
        for level in 0..depth {
            code.loop_(BlockType::Empty)
                .local_get(2 + level % locals)
                .local_set(2 + level * 7 % locals);
        }
        for local in 2..2 + locals {
            code.local_get(local).i32_const(3).i32_mul().local_set(local);
        }
        for _ in 0..depth {
            code.local_get(0).br_if(0).end();
        }
    })
}

/// Branches to one place, each with other values of the locals.
fn merging_branches(branches: u32, locals: u32) -> Vec<u8> {
    module(&[(locals, ValType::I32)], 1, |code| {
        code.block(BlockType::Empty);
        for branch in 0..branches {
            code.i32_const(branch as i32)
                .local_set(2 + branch % locals)
                .local_get(1)
                .br_if(0);
        }
        code.end();
        store_all(code, locals);
    })
}

/// A jump table into nested blocks that change the locals on the way out.
fn jump_table(targets: u32, blocks: u32, locals: u32) -> Vec<u8> {
    module(&[(locals, ValType::I32)], 1, |code| {
        for _ in 0..blocks {
            code.block(BlockType::Empty);
        }
        let targets: Vec<u32> = (0..targets).map(|target| target % blocks).collect();
        code.local_get(0).br_table(targets, 0);
        for block in 0..blocks {
            code.end()
                .local_get(2 + block % locals)
                .i32_const(1)
                .i32_add()
                .local_set(2 + block % locals);
        }
        store_all(code, locals);
    })
}

fn store_all(code: &mut InstructionSink<'_>, locals: u32) {
    for local in 2..2 + locals {
        code.local_get(0).local_get(local).i32_store(WORD);
    }
}

/// Operands that stay on the stack across many branches.
fn tall_stack(operands: u32, branches: u32) -> Vec<u8> {
    module(&[], 1, |code| {
        for _ in 0..operands {
            code.local_get(0).i32_load(WORD);
        }
        for _ in 0..branches {
            code.local_get(0)
                .if_(BlockType::Empty)
                .local_get(0)
                .local_get(1)
                .i32_store(WORD)
                .end();
        }
        for _ in 0..operands {
            code.drop();
        }
    })
}

fn straight_line(length: u32, _: u32) -> Vec<u8> {
    module(&[(8, ValType::F64)], 1, |code| {
        for k in 0..length {
            code.local_get(2 + k % 8).local_get(2 + k * 5 % 8).f64_mul();
            code.local_get(2 + k / 8 % 8).f64_add().local_set(2 + k * 3 % 8);
        }
    })
}

/// Calls into the runtime while many values are alive.
fn runtime_calls(calls: u32, alive: u32) -> Vec<u8> {
    module(&[(alive, ValType::I32)], 1, |code| {
        for local in 2..2 + alive {
            code.local_get(0).i32_load(WORD).local_set(local);
        }
        for _ in 0..calls {
            code.local_get(0).local_get(0).local_get(0).memory_copy(0, 0);
        }
        store_all(code, alive);
    })
}

fn calls(calls: u32, alive: u32) -> Vec<u8> {
    module(&[(alive, ValType::I32)], 1, |code| {
        for local in 2..2 + alive {
            code.local_get(0).i32_load(WORD).local_set(local);
        }
        for _ in 0..calls {
            code.local_get(0).local_get(1).call(0);
        }
        store_all(code, alive);
    })
}

fn many_functions(functions: u32, locals: u32) -> Vec<u8> {
    module(&[(locals, ValType::I64)], functions, |code| {
        code.local_get(0).local_get(1).i32_add().local_set(0);
    })
}

/// A way to keep a compiler busy, with sizes that just pass and sizes that would take from seconds to minutes.
struct Attack {
    name: &'static str,
    module: fn(u32, u32) -> Vec<u8>,
    pass: &'static [(u32, u32)],
    refused: &'static [(u32, u32)],
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "nested loops",
        module: nested_loops,
        pass: &[(170, 170), (10, 2_500)],
        refused: &[(300, 300), (2_000, 2_000), (20, 3_000)],
    },
    Attack {
        name: "merging branches",
        module: merging_branches,
        pass: &[(500, 550), (6_500, 38)],
        refused: &[(20_000, 40), (3_000, 3_000)],
    },
    Attack {
        name: "jump table",
        module: |targets, locals| jump_table(targets, 300, locals),
        pass: &[(100, 180), (1_000, 30)],
        refused: &[(600, 180), (300_000, 15)],
    },
    Attack {
        name: "tall stack",
        module: tall_stack,
        pass: &[(300, 450)],
        refused: &[(20_000, 20_000)],
    },
    Attack {
        name: "straight line",
        module: straight_line,
        pass: &[(45_000, 0)],
        refused: &[(600_000, 0)],
    },
    Attack {
        name: "runtime calls",
        module: runtime_calls,
        pass: &[(2_700, 1), (230, 1_000)],
        refused: &[(90_000, 1), (5_000, 10_000)],
    },
    Attack {
        name: "calls",
        module: calls,
        pass: &[(18_000, 0), (250, 1_000)],
        refused: &[(100_000, 0), (50_000, 1_000)],
    },
    Attack {
        name: "functions",
        module: many_functions,
        pass: &[(5_000, 2)],
        refused: &[(5_000, 40_000)],
    },
];

#[test]
fn attacks_on_the_compiler_are_refused_or_bounded() {
    let sandbox = Sandbox::new(modules::limits()).unwrap();
    for Attack {
        name,
        module,
        pass,
        refused,
    } in ATTACKS
    {
        for &(a, b) in *pass {
            let (took, error) = load_time(&sandbox, &module(a, b), Origin::Foreign);
            assert_eq!(error, None, "{name} {a} × {b}");
            assert!(took < Duration::from_secs(3), "{name} {a} × {b} compiled for {took:?}");
        }
        for &(a, b) in *refused {
            let (took, error) = load_time(&sandbox, &module(a, b), Origin::Foreign);
            let sentence = error.unwrap_or_else(|| panic!("{name} {a} × {b} was accepted"));
            assert!(
                sentence.contains("units of compile cost; the limit is 300000"),
                "{sentence}"
            );
            assert!(
                took < Duration::from_secs(1),
                "{name} {a} × {b} was refused after {took:?}"
            );
        }
    }
}

#[test]
fn our_own_modules_have_a_bound_too() {
    let sandbox = Sandbox::new(modules::limits()).unwrap();
    let (_, error) = load_time(&sandbox, &runtime_calls(5_000, 10_000), Origin::Compiled);
    assert!(error.unwrap().contains("units of compile cost; the limit is 20000000"));
}

/// Time to load a module, and the refusal. The shortest of three, since the machine may be busy with something else; the
/// first already does where it is short.
fn load_time(sandbox: &Sandbox, wasm: &[u8], origin: Origin) -> (Duration, Option<String>) {
    let load = || {
        let start = Instant::now();
        let result = sandbox.load(wasm, origin, &modules::schema());
        (start.elapsed(), result.err().map(|error| error.to_string()))
    };
    let mut shortest = load();
    for _ in 1..3 {
        if shortest.0 < Duration::from_millis(500) {
            break;
        }
        shortest = shortest.min(load());
    }
    shortest
}
