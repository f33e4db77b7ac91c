//! Modules against the interpreter: random programs, every batch size around a SIMD group, equal bits.

use carrot_reward_compiler::{
    Module,
    emit::emit_module,
    interpret,
    ir::{Binary, Graph, NodeId, Output, Program, Reduction, Type, Unary},
};
use carrot_reward_interface::{
    Batch, DType, Dialect, Input, ModuleInterface, Rewards, Schema, Span, StopCause, Term, Variable,
    module::ABI_VERSION,
};
use carrot_reward_sandbox::{Limits, Origin, Sandbox, SandboxedReward};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn span(line: u32) -> Span {
    Span {
        line,
        column: 1,
        end_line: line,
        end_column: 2,
    }
}

fn interface(program: &Program) -> ModuleInterface {
    ModuleInterface {
        abi: ABI_VERSION,
        file: "reward.py".into(),
        source: String::new(),
        dialect: Some(Dialect::Torch),
        schema_hash: None,
        inputs: program.inputs.clone(),
        output: if program.output == Type::F64 {
            DType::F64
        } else {
            DType::F32
        },
        total_at: Some(program.total.at),
        terms: program
            .terms
            .iter()
            .map(|term| Term {
                name: term.name.clone(),
                at: Some(term.at),
            })
            .collect(),
        memory: Vec::new(),
        faults: Vec::new(),
        whole_batch: false,
        line_table: Vec::new(),
    }
}

fn schema(program: &Program) -> Schema {
    let variables = program.inputs.iter().map(|input| Variable {
        name: input.name.clone(),
        shape: input.shape.clone(),
        dtype: input.dtype,
        uniform: input.uniform,
        value: None,
        unit: None,
        frame: None,
        quaternion: None,
        range: None,
        doc: String::new(),
    });
    Schema::new(variables.collect()).unwrap()
}

fn emit(program: &Program) -> Module {
    let module = emit_module(program, interface(program)).unwrap();
    let mut validator = wasmparser::Validator::new();
    validator.validate_all(&module.wasm).unwrap();
    for payload in wasmparser::Parser::new(0).parse_all(&module.wasm) {
        assert!(
            !matches!(payload.unwrap(), wasmparser::Payload::ImportSection(_)),
            "a module imports nothing"
        );
    }
    module
}

/// The inputs of the random programs: every dtype, batched and uniform. Names are in the schema's order.
fn inputs() -> Vec<Input> {
    let input = |name: &str, shape: &[usize], dtype, uniform| Input {
        name: name.into(),
        shape: shape.into(),
        dtype,
        uniform,
    };
    vec![
        input("a", &[2], DType::F32, false),
        input("b", &[2], DType::F64, false),
        input("c", &[2], DType::Bool, false),
        input("d", &[], DType::I64, false),
        input("e", &[2], DType::F32, true),
        input("f", &[2], DType::F64, true),
        input("g", &[], DType::Bool, true),
    ]
}

fn input_type(dtype: DType) -> Type {
    match dtype {
        DType::F32 => Type::F32,
        DType::Bool => Type::Bool,
        _ => Type::F64,
    }
}

const UNARY: [Unary; 22] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Sqrt,
    Unary::Floor,
    Unary::Ceil,
    Unary::Trunc,
    Unary::Round,
    Unary::Exp,
    Unary::Expm1,
    Unary::Log,
    Unary::Log1p,
    Unary::Log2,
    Unary::Log10,
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Asin,
    Unary::Acos,
    Unary::Atan,
    Unary::Sinh,
    Unary::Cosh,
    Unary::Tanh,
];
const BINARY: [Binary; 13] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Min,
    Binary::Max,
    Binary::Pow,
    Binary::Atan2,
    Binary::Rem,
    Binary::Lt,
    Binary::Le,
    Binary::Eq,
    Binary::Ne,
];
const LOGICAL: [Binary; 7] = [
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
];
const TYPES: [Type; 3] = [Type::F32, Type::F64, Type::Bool];

fn pick<T: Copy>(random: &mut impl Rng, from: &[T]) -> T {
    from[random.random_range(0..from.len())]
}

/// A program of `size` random operations; every node may feed every later one.
fn random_program(seed: u64, size: usize) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut graph = Graph::default();
    let inputs = inputs();
    let mut values: Vec<NodeId> = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        for component in 0..input.shape.iter().product::<usize>() {
            values.push(graph.input(index as u32, component as u32, input_type(input.dtype), span(1)));
        }
    }
    for line in 2..size as u32 + 2 {
        let at = span(line);
        let a = pick(&mut random, &values);
        let ty = graph.node(a).ty;
        let same: Vec<NodeId> = values.iter().copied().filter(|&id| graph.node(id).ty == ty).collect();
        let b = pick(&mut random, &same);
        let node = match random.random_range(0..20) {
            0..5 if ty != Type::Bool => graph.unary(pick(&mut random, &UNARY), a, at),
            0..5 => graph.unary(Unary::Not, a, at),
            5..11 if ty != Type::Bool => graph.binary(pick(&mut random, &BINARY), a, b, at),
            5..11 => graph.binary(pick(&mut random, &LOGICAL), a, b, at),
            11..14 => {
                let truths: Vec<NodeId> = values
                    .iter()
                    .copied()
                    .filter(|&id| graph.node(id).ty == Type::Bool)
                    .collect();
                graph.select(pick(&mut random, &truths), a, b, at)
            }
            14..17 => graph.convert(a, pick(&mut random, &TYPES), at),
            17 => graph.reduce(
                pick(&mut random, &[Reduction::Sum, Reduction::Min, Reduction::Max]),
                a,
                at,
            ),
            18 => graph.constant(
                ty,
                pick(&mut random, &[0.0, -0.0, 1.0, -1.0, 2.0, 0.3, 1e30, f64::INFINITY]),
                at,
            ),
            _ => graph.batch_size(at),
        };
        values.push(node);
    }
    let output = pick(&mut random, &[Type::F32, Type::F64]);
    let mut output_of = |graph: &mut Graph, name: &str, line| {
        let value = values[values.len() - 1 - random.random_range(0..values.len().min(12))];
        Output {
            name: name.into(),
            value: graph.convert(value, output, span(line)),
            at: span(line),
        }
    };
    let total = output_of(&mut graph, "total", 900);
    let terms = (0..3)
        .map(|k| output_of(&mut graph, &format!("term_{k}"), 901 + k))
        .collect();
    Program {
        memory: Vec::new(),
        faults: Vec::new(),
        fault: None,
        graph,
        inputs,
        output,
        total,
        terms,
    }
}

fn random_column(random: &mut impl Rng, input: &Input, n_envs: usize) -> Vec<f64> {
    let count = input.shape.iter().product::<usize>() * if input.uniform { 1 } else { n_envs };
    let value = |random: &mut dyn Rng| match (input.dtype, random.random_range(0..12)) {
        (DType::Bool, n) => f64::from(n < 6),
        (DType::I64, n) => f64::from(n) - 5.0,
        (_, 0) => 0.0,
        (_, 1) => -0.0,
        (_, 2) => f64::from(random.random_range(-3..4)),
        (_, 3) => random.random_range(-1e6..1e6),
        _ => random.random_range(-3.0..3.0),
    };
    let rounded = |value: f64| {
        if input.dtype == DType::F32 {
            f64::from(value as f32)
        } else {
            value
        }
    };
    (0..count).map(|_| rounded(value(random))).collect()
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// What the module gives; `None` if the sandbox stopped it for a value that is not finite.
fn run(reward: &mut SandboxedReward, batch: &Batch) -> Option<Rewards> {
    let mut rewards = Rewards::default();
    match reward.evaluate(batch, &mut rewards) {
        Ok(()) => Some(rewards),
        Err(stop) => {
            assert!(matches!(stop.cause, StopCause::NonFinite { .. }), "{stop}");
            None
        }
    }
}

#[test]
fn random_programs_give_the_interpreters_bits() {
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for seed in 0..300 {
        let mut program = random_program(seed, 5 + seed as usize % 60);
        show_non_finite_values(&mut program);
        let module = emit(&program);
        let reward = sandbox.load(&module.wasm, Origin::Compiled, &schema(&program)).unwrap();
        let mut reward = reward.instantiate().unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for n_envs in [0, 1, 2, 3, 4, 5, 64] {
            let columns: Vec<Vec<f64>> = program
                .inputs
                .iter()
                .map(|input| random_column(&mut random, input, n_envs))
                .collect();
            let (total, terms) = interpret::evaluate(&program, &columns, n_envs);
            let rewards = run(&mut reward, &Batch { n_envs, columns }).expect("non-finite values are coded");
            for (name, expected, found) in std::iter::once(("total", &total, &rewards.total)).chain(
                program
                    .terms
                    .iter()
                    .zip(&terms)
                    .zip(&rewards.terms)
                    .map(|((t, e), f)| (t.name.as_str(), e, f)),
            ) {
                for (env_index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    assert!(
                        same_bits(*expected, *found),
                        "seed {seed}, {name}[{env_index}] of {n_envs}: module {found:e}, interpreter {expected:e}\n{program}"
                    );
                }
                assert_eq!(expected.len(), found.len());
            }
        }
    }
}

/// The sandbox stops at a value that is not finite; so that those are compared too, each output becomes a code of it where
/// it is not finite.
fn show_non_finite_values(program: &mut Program) {
    let graph = &mut program.graph;
    let ty = program.output;
    for output in std::iter::once(&mut program.total).chain(&mut program.terms) {
        let (value, at) = (output.value, output.at);
        let constants = [-111.0, -222.0, -333.0, f64::INFINITY, f64::NEG_INFINITY];
        let [nan_code, plus_code, minus_code, plus, minus] = constants.map(|c| graph.constant(ty, c, at));
        let is_nan = graph.binary(Binary::Ne, value, value, at);
        let is_plus = graph.binary(Binary::Eq, value, plus, at);
        let is_minus = graph.binary(Binary::Eq, value, minus, at);
        let coded = graph.select(is_nan, nan_code, value, at);
        let coded = graph.select(is_plus, plus_code, coded, at);
        output.value = graph.select(is_minus, minus_code, coded, at);
    }
}

#[test]
fn equal_programs_give_equal_bytes() {
    for seed in 0..20 {
        assert_eq!(
            emit(&random_program(seed, 40)).wasm,
            emit(&random_program(seed, 40)).wasm
        );
    }
}

#[test]
fn every_function_gives_the_interpreters_bits_for_hard_arguments() {
    let hard = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        0.7,
        -0.7,
        2.5,
        3.5,
        -2.5,
        1e-300,
        5e-324,
        -5e-324,
        1e-9,
        88.7,
        709.78,
        710.4,
        -745.1,
        -746.0,
        1e5,
        1.6e6,
        1.7e6,
        -3e22,
        1e300,
        -1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        std::f64::consts::PI,
        std::f64::consts::FRAC_PI_2,
    ];
    let pairs: Vec<(f64, f64)> = hard.iter().flat_map(|&x| hard.iter().map(move |&y| (x, y))).collect();
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for (ty, dtype) in [(Type::F32, DType::F32), (Type::F64, DType::F64)] {
        let mut graph = Graph::default();
        let (x, y) = (graph.input(0, 0, ty, span(1)), graph.input(1, 0, ty, span(1)));
        let mut values: Vec<NodeId> = UNARY.iter().map(|&op| graph.unary(op, x, span(2))).collect();
        values.extend(BINARY[..9].iter().map(|&op| graph.binary(op, x, y, span(3))));
        // A constant bound has an instruction of its own.
        for bound in [0.0, -0.0, 1.0, -2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let bound = graph.constant(ty, bound, span(3));
            values.extend([Binary::Min, Binary::Max].map(|op| graph.binary(op, x, bound, span(3))));
        }
        let output = |(index, &value): (usize, &NodeId)| Output {
            name: format!("t{index}"),
            value,
            at: span(4),
        };
        let terms: Vec<Output> = values.iter().enumerate().map(output).collect();
        let input = |name: &str| Input {
            name: name.into(),
            shape: vec![],
            dtype,
            uniform: false,
        };
        let total = Output {
            name: "total".into(),
            ..terms[0].clone()
        };
        let inputs = vec![input("x"), input("y")];
        let mut program = Program {
            memory: Vec::new(),
            faults: Vec::new(),
            fault: None,
            graph,
            inputs,
            output: ty,
            total,
            terms,
        };
        show_non_finite_values(&mut program);
        let module = emit(&program);
        let reward = sandbox.load(&module.wasm, Origin::Compiled, &schema(&program)).unwrap();
        let rounded = |value: f64| {
            if ty == Type::F32 {
                f64::from(value as f32)
            } else {
                value
            }
        };
        let columns = vec![
            pairs.iter().map(|pair| rounded(pair.0)).collect::<Vec<_>>(),
            pairs.iter().map(|pair| rounded(pair.1)).collect(),
        ];
        let (_, expected) = interpret::evaluate(&program, &columns, pairs.len());
        let batch = Batch {
            n_envs: pairs.len(),
            columns,
        };
        let rewards = run(&mut reward.instantiate().unwrap(), &batch).unwrap();
        for (term, (expected, found)) in expected.iter().zip(&rewards.terms).enumerate() {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                assert!(
                    same_bits(*expected, *found),
                    "{ty:?} term {term} of {:?}: {found:e}, not {expected:e}",
                    pairs[index]
                );
            }
        }
    }
}

#[test]
fn reductions_see_the_whole_batch_and_no_padding() {
    // mean of (x - mean(x))², in f32: two loops and the loop of the outputs.
    let mut graph = Graph::default();
    let x = graph.input(0, 0, Type::F32, span(1));
    let n = graph.batch_size(span(1));
    let n = graph.convert(n, Type::F32, span(1));
    let mean = |graph: &mut Graph, value| {
        let sum = graph.reduce(Reduction::Sum, value, span(2));
        graph.binary(Binary::Div, sum, n, span(2))
    };
    let centre = mean(&mut graph, x);
    let deviation = graph.binary(Binary::Sub, x, centre, span(3));
    let square = graph.binary(Binary::Mul, deviation, deviation, span(3));
    let variance = mean(&mut graph, square);
    let largest = graph.reduce(Reduction::Max, x, span(4));
    let smallest = graph.reduce(Reduction::Min, x, span(4));
    let output = |name: &str, value| Output {
        name: name.into(),
        value,
        at: span(5),
    };
    let program = Program {
        memory: Vec::new(),
        faults: Vec::new(),
        fault: None,
        graph,
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![],
            dtype: DType::F32,
            uniform: false,
        }],
        output: Type::F32,
        total: output("total", variance),
        terms: vec![output("max", largest), output("min", smallest)],
    };
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let reward = sandbox
        .load(&emit(&program).wasm, Origin::Compiled, &schema(&program))
        .unwrap();
    let mut reward = reward.instantiate().unwrap();
    // All values are negative and the padding may hold zeros: neither maximum nor sum may see it.
    for (values, variance) in [
        (vec![-4.0], 0.0),
        (vec![-1.0, -3.0], 1.0),
        (vec![-1.0, -2.0, -3.0, -4.0, -5.0], 2.0),
    ] {
        let n_envs = values.len();
        let rewards = run(
            &mut reward,
            &Batch {
                n_envs,
                columns: vec![values.clone()],
            },
        )
        .unwrap();
        assert_eq!(rewards.total, vec![variance; n_envs]);
        assert_eq!(rewards.terms[0], vec![values[0]; n_envs]);
        assert_eq!(rewards.terms[1], vec![values[n_envs - 1]; n_envs]);
    }
}

#[test]
fn the_line_table_points_at_the_instructions_of_a_line() {
    // Line 7 takes the only square root, line 8 the only division.
    let mut graph = Graph::default();
    let x = graph.input(0, 0, Type::F64, span(6));
    let root = graph.unary(Unary::Sqrt, x, span(7));
    let three = graph.constant(Type::F64, 3.0, span(8));
    let value = graph.binary(Binary::Div, three, root, span(8));
    let program = Program {
        memory: Vec::new(),
        faults: Vec::new(),
        fault: None,
        graph,
        inputs: vec![Input {
            name: "x".into(),
            shape: vec![],
            dtype: DType::F64,
            uniform: false,
        }],
        output: Type::F64,
        total: Output {
            name: "total".into(),
            value,
            at: span(9),
        },
        terms: vec![],
    };
    let module = emit(&program);
    let table = &module.interface.line_table;
    assert!(table.is_sorted_by(|a, b| a.offset < b.offset), "{table:?}");
    let line_of = |offset: usize| {
        table
            .iter()
            .rev()
            .find(|entry| entry.offset as usize <= offset)
            .unwrap()
            .at
            .line
    };
    let mut seen = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&module.wasm) {
        let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() else {
            continue;
        };
        for item in body.get_operators_reader().unwrap().into_iter_with_offsets() {
            match item.unwrap() {
                (wasmparser::Operator::V128Load { .. }, offset) => assert_eq!(line_of(offset), 6),
                (wasmparser::Operator::F64x2Sqrt, offset) => seen.push((7, line_of(offset))),
                (wasmparser::Operator::F64x2Div, offset) => seen.push((8, line_of(offset))),
                (wasmparser::Operator::V128Store { .. }, offset) => seen.push((9, line_of(offset))),
                _ => {}
            }
        }
    }
    assert_eq!(
        seen,
        [(7, 7), (8, 8), (9, 9), (7, 7), (8, 8), (9, 9)],
        "both halves of an f64 group"
    );
}

#[test]
fn f64_programs_do_no_f32_work_and_the_other_way_round() {
    for (ty, foreign) in [(Type::F64, "F32x4"), (Type::F32, "F64x2")] {
        let dtype = if ty == Type::F64 { DType::F64 } else { DType::F32 };
        let mut graph = Graph::default();
        let (x, y) = (graph.input(0, 0, ty, span(1)), graph.input(0, 1, ty, span(1)));
        let less = graph.binary(Binary::Lt, x, y, span(1));
        let product = graph.binary(Binary::Mul, x, y, span(1));
        let value = graph.select(less, product, y, span(1));
        let program = Program {
            memory: Vec::new(),
            faults: Vec::new(),
            fault: None,
            graph,
            inputs: vec![Input {
                name: "x".into(),
                shape: vec![2],
                dtype,
                uniform: false,
            }],
            output: ty,
            total: Output {
                name: "total".into(),
                value,
                at: span(1),
            },
            terms: vec![],
        };
        let module = emit(&program);
        for payload in wasmparser::Parser::new(0).parse_all(&module.wasm) {
            let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() else {
                continue;
            };
            for operator in body.get_operators_reader().unwrap() {
                let operator = format!("{:?}", operator.unwrap());
                assert!(!operator.starts_with(foreign), "{operator} in a program of {ty:?}");
            }
        }
    }
}

#[test]
fn programs_beyond_the_limits_are_refused() {
    // Every value is used twice and none before all are there.
    let many_values = |graph: &mut Graph, x| {
        let values: Vec<NodeId> = (0..1_100)
            .map(|k| {
                let k = graph.constant(Type::F64, f64::from(k) + 0.5, span(1));
                graph.binary(Binary::Add, x, k, span(1))
            })
            .collect();
        let sum = values
            .iter()
            .copied()
            .reduce(|a, b| graph.binary(Binary::Add, a, b, span(1)))
            .unwrap();
        values
            .into_iter()
            .fold(sum, |a, b| graph.binary(Binary::Mul, a, b, span(1)))
    };
    // No value is used twice, but there are many.
    let long_code = |graph: &mut Graph, x| {
        (0..24_000).fold(x, |sum, k| {
            let k = graph.constant(Type::F64, f64::from(k) + 0.5, span(1));
            graph.binary(Binary::Div, sum, k, span(1))
        })
    };
    type Build<'a> = &'a dyn Fn(&mut Graph, NodeId) -> NodeId;
    let cases: [(Build<'_>, &str); 2] = [
        (&many_values, "values at once; at most 2000"),
        (&long_code, "of code once its loops are unrolled; at most"),
    ];
    for (build, expected) in cases {
        let mut graph = Graph::default();
        let x = graph.input(0, 0, Type::F64, span(1));
        let value = build(&mut graph, x);
        let program = Program {
            memory: Vec::new(),
            faults: Vec::new(),
            fault: None,
            graph,
            inputs: vec![Input {
                name: "x".into(),
                shape: vec![],
                dtype: DType::F64,
                uniform: false,
            }],
            output: Type::F64,
            total: Output {
                name: "total".into(),
                value,
                at: span(1),
            },
            terms: vec![],
        };
        let message = emit_module(&program, interface(&program)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
