//! The math kernels: against mpmath, against `libm` over all binades, and in C99's table of special cases.
//!
//! Modules give the same bits as [`interpret`] (`tests/emit.rs`), so it is enough to look at one of them.

use carrot_reward_compiler::{
    interpret,
    ir::{Binary, Type, Unary},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug)]
enum Function {
    One(Unary, fn(f64) -> f64),
    Two(Binary, fn(f64, f64) -> f64),
}
use Function::{One, Two};

const FUNCTIONS: [(&str, Function); 18] = [
    ("exp", One(Unary::Exp, libm::exp)),
    ("expm1", One(Unary::Expm1, libm::expm1)),
    ("log", One(Unary::Log, libm::log)),
    ("log1p", One(Unary::Log1p, libm::log1p)),
    ("log2", One(Unary::Log2, libm::log2)),
    ("log10", One(Unary::Log10, libm::log10)),
    ("sin", One(Unary::Sin, libm::sin)),
    ("cos", One(Unary::Cos, libm::cos)),
    ("tan", One(Unary::Tan, libm::tan)),
    ("asin", One(Unary::Asin, libm::asin)),
    ("acos", One(Unary::Acos, libm::acos)),
    ("atan", One(Unary::Atan, libm::atan)),
    ("sinh", One(Unary::Sinh, libm::sinh)),
    ("cosh", One(Unary::Cosh, libm::cosh)),
    ("tanh", One(Unary::Tanh, libm::tanh)),
    ("pow", Two(Binary::Pow, libm::pow)),
    ("atan2", Two(Binary::Atan2, libm::atan2)),
    ("rem", Two(Binary::Rem, libm::fmod)),
];

impl Function {
    fn ours(self, ty: Type, x: f64, y: f64) -> f64 {
        match self {
            One(op, _) => interpret::unary(op, ty, x),
            Two(op, _) => interpret::binary(op, ty, x, y),
        }
    }

    fn libm(self, x: f64, y: f64) -> f64 {
        match self {
            One(_, function) => function(x),
            Two(_, function) => function(x, y),
        }
    }
}

/// Floats between `a` and `b`; NaN is next to nothing but NaN.
fn distance(a: f64, b: f64) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u64::MAX };
    }
    let position = |x: f64| match x.to_bits() as i64 {
        bits if bits < 0 => i64::MIN - bits,
        bits => bits,
    };
    position(a).abs_diff(position(b))
}

fn distance_f32(a: f32, b: f32) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u64::MAX };
    }
    let position = |x: f32| match x.to_bits() as i32 {
        bits if bits < 0 => i64::from(i32::MIN) - i64::from(bits),
        bits => i64::from(bits),
    };
    position(a).abs_diff(position(b))
}

/// The largest distance met, and where.
#[derive(Default)]
struct Worst {
    distance: u64,
    at: (f64, f64),
}

impl Worst {
    fn see(&mut self, distance: u64, x: f64, y: f64) {
        if distance > self.distance {
            *self = Self { distance, at: (x, y) };
        }
    }

    fn assert_at_most(&self, limit: u64, name: &str) {
        println!(
            "{name}: at most {} ulp, at {:e} {:e}",
            self.distance, self.at.0, self.at.1
        );
        assert!(
            self.distance <= limit,
            "{name}({:e}, {:e}) is {} ulp off",
            self.at.0,
            self.at.1,
            self.distance
        );
    }
}

#[test]
fn f64_is_within_one_ulp_of_the_correctly_rounded_value() {
    let oracle = include_str!("kernels_oracle.csv");
    for (name, function) in FUNCTIONS {
        let mut worst = Worst::default();
        let mut count = 0;
        for line in oracle.lines() {
            let fields: Vec<&str> = line.split(',').collect();
            let [known, arguments @ ..] = fields.as_slice() else {
                panic!("{line}")
            };
            if *known == name {
                let float = |hex: &str| f64::from_bits(u64::from_str_radix(hex, 16).unwrap());
                let (x, y, expected) = (float(arguments[0]), float(arguments[1]), float(arguments[2]));
                worst.see(distance(function.ours(Type::F64, x, y), expected), x, y);
                count += 1;
            }
        }
        assert_eq!(count, 400, "{name}");
        worst.assert_at_most(if name == "rem" { 0 } else { 1 }, name);
    }
}

/// `libm` itself may be off by one.
#[test]
fn f64_is_within_two_ulp_of_libm_in_every_binade() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for (name, function) in FUNCTIONS {
        let mut worst = Worst::default();
        for round in 0..100_000_u64 {
            // All binades in turn, every other time only those near 1.
            let exponent = if round % 2 == 0 {
                round / 2 % 2047
            } else {
                993 + round / 2 % 42
            };
            let in_binade =
                |mantissa: u64, exponent: u64| f64::from_bits(mantissa & 0x800f_ffff_ffff_ffff | exponent << 52);
            let x = in_binade(random.random(), exponent);
            let y = match function {
                One(..) => 0.0,
                Two(Binary::Pow, _) => 745.0 * random.random_range(-1.0..1.0) / libm::log(x.abs()),
                Two(..) if round % 3 == 0 => in_binade(random.random(), random.random_range(0..2047)),
                Two(..) => x * in_binade(random.random(), random.random_range(1003..1043)),
            };
            let x = if name == "pow" { x.abs() } else { x };
            worst.see(distance(function.ours(Type::F64, x, y), function.libm(x, y)), x, y);
        }
        worst.assert_at_most(if name == "rem" { 0 } else { 2 }, name);
    }
}

/// Every 4,099th f32, against `libm`'s f64 value rounded.
#[test]
fn f32_is_within_one_ulp_everywhere() {
    for (name, function) in FUNCTIONS {
        let mut worst = Worst::default();
        for bits in (0..=u32::MAX).step_by(4_099) {
            let x = f64::from(f32::from_bits(bits));
            let y = f64::from(f32::from_bits(bits.rotate_left(13) ^ 0x3f80_0000));
            let y = if matches!(function, One(..)) { 0.0 } else { y };
            let (ours, expected) = (function.ours(Type::F32, x, y) as f32, function.libm(x, y) as f32);
            worst.see(distance_f32(ours, expected), x, y);
        }
        worst.assert_at_most(if name == "rem" { 0 } else { 1 }, name);
    }
}

#[test]
fn special_values_follow_c99() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    const LEAST: f64 = 5e-324;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    let one: &[(Unary, &[(f64, f64)])] = &[
        (
            Unary::Exp,
            &[
                (0.0, 1.0),
                (-0.0, 1.0),
                (INF, INF),
                (-INF, 0.0),
                (710.0, INF),
                (-746.0, 0.0),
                (-745.13, LEAST),
            ],
        ),
        (
            Unary::Expm1,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (INF, INF),
                (-INF, -1.0),
                (710.0, INF),
                (LEAST, LEAST),
            ],
        ),
        (
            Unary::Log,
            &[
                (0.0, -INF),
                (-0.0, -INF),
                (1.0, 0.0),
                (INF, INF),
                (-1.0, NAN),
                (-LEAST, NAN),
                (-INF, NAN),
            ],
        ),
        (
            Unary::Log1p,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (-1.0, -INF),
                (INF, INF),
                (-1.5, NAN),
                (-INF, NAN),
                (LEAST, LEAST),
            ],
        ),
        (
            Unary::Log2,
            &[
                (0.0, -INF),
                (1.0, 0.0),
                (8.0, 3.0),
                (LEAST, -1074.0),
                (INF, INF),
                (-1.0, NAN),
            ],
        ),
        (
            Unary::Log10,
            &[
                (0.0, -INF),
                (1.0, 0.0),
                (1000.0, 3.0),
                (1e22, 22.0),
                (INF, INF),
                (-1.0, NAN),
            ],
        ),
        (
            Unary::Sin,
            &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (LEAST, LEAST)],
        ),
        (
            Unary::Cos,
            &[(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (LEAST, 1.0)],
        ),
        (
            Unary::Tan,
            &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (LEAST, LEAST)],
        ),
        (
            Unary::Asin,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (1.0, FRAC_PI_2),
                (-1.0, -FRAC_PI_2),
                (1.1, NAN),
                (-INF, NAN),
            ],
        ),
        (
            Unary::Acos,
            &[
                (1.0, 0.0),
                (-1.0, PI),
                (0.0, FRAC_PI_2),
                (1.1, NAN),
                (-1.1, NAN),
                (INF, NAN),
            ],
        ),
        (
            Unary::Atan,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (1.0, FRAC_PI_4),
                (INF, FRAC_PI_2),
                (-INF, -FRAC_PI_2),
                (LEAST, LEAST),
            ],
        ),
        (
            Unary::Sinh,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (INF, INF),
                (-INF, -INF),
                (711.0, INF),
                (-711.0, -INF),
            ],
        ),
        (
            Unary::Cosh,
            &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (711.0, INF)],
        ),
        (
            Unary::Tanh,
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (INF, 1.0),
                (-INF, -1.0),
                (30.0, 1.0),
                (LEAST, LEAST),
            ],
        ),
        (
            Unary::Round,
            &[
                (0.5, 0.0),
                (1.5, 2.0),
                (2.5, 2.0),
                (-0.5, -0.0),
                (-1.5, -2.0),
                (INF, INF),
            ],
        ),
        (Unary::Sqrt, &[(-0.0, -0.0), (4.0, 2.0), (-1.0, NAN), (INF, INF)]),
    ];
    for &(op, cases) in one {
        for &(x, expected) in cases.iter().chain(&[(NAN, NAN)]) {
            assert_same(interpret::unary(op, Type::F64, x), expected, &format!("{op:?}({x})"));
        }
    }
    type Case = (f64, f64, f64);
    let two: &[(Binary, &[Case])] = &[
        (
            Binary::Pow,
            &[
                (0.0, -3.0, INF),
                (-0.0, -3.0, -INF),
                (-0.0, -2.0, INF),
                (0.0, -INF, INF),
                (-0.0, 3.0, -0.0),
                (-0.0, 2.0, 0.0),
                (0.0, 0.0, 1.0),
                (-1.0, INF, 1.0),
                (-1.0, -INF, 1.0),
                (1.0, NAN, 1.0),
                (NAN, 0.0, 1.0),
                (NAN, 1.0, NAN),
                (2.0, NAN, NAN),
                (-2.0, 0.5, NAN),
                (-2.0, 3.0, -8.0),
                (-2.0, 2.0, 4.0),
                (0.5, INF, 0.0),
                (0.5, -INF, INF),
                (2.0, INF, INF),
                (2.0, -INF, 0.0),
                (INF, -2.0, 0.0),
                (INF, 2.0, INF),
                (-INF, 3.0, -INF),
                (-INF, 2.0, INF),
                (-INF, -3.0, -0.0),
                (-INF, -2.0, 0.0),
                (-INF, 0.5, INF),
                (2.0, 1024.0, INF),
                (2.0, -1074.0, LEAST),
                (2.0, -1076.0, 0.0),
                (10.0, 22.0, 1e22),
                (-3.0, 1e300, INF),
                (LEAST, 1.0, LEAST),
                (1.0 + f64::EPSILON, INF, INF),
                (4.0, 0.5, 2.0),
            ],
        ),
        (
            Binary::Atan2,
            &[
                (0.0, 0.0, 0.0),
                (-0.0, 0.0, -0.0),
                (0.0, -0.0, PI),
                (-0.0, -0.0, -PI),
                (1.0, 0.0, FRAC_PI_2),
                (-1.0, -0.0, -FRAC_PI_2),
                (0.0, -1.0, PI),
                (-0.0, -1.0, -PI),
                (1.0, INF, 0.0),
                (1.0, -INF, PI),
                (-1.0, -INF, -PI),
                (INF, 1.0, FRAC_PI_2),
                (INF, INF, FRAC_PI_4),
                (-INF, INF, -FRAC_PI_4),
                (INF, -INF, 3.0 * FRAC_PI_4),
                (NAN, 1.0, NAN),
                (1.0, NAN, NAN),
                (LEAST, 1.0, LEAST),
                (f64::MAX, f64::MAX, FRAC_PI_4),
                (LEAST, LEAST, FRAC_PI_4),
                (LEAST, f64::MAX, 0.0),
            ],
        ),
        (
            Binary::Rem,
            &[
                (7.0, 3.0, 1.0),
                (-7.0, 3.0, -1.0),
                (7.0, -3.0, 1.0),
                (-6.0, 3.0, -0.0),
                (5.5, 2.0, 1.5),
                (1.0, 0.0, NAN),
                (INF, 1.0, NAN),
                (1.0, INF, 1.0),
                (-0.0, 1.0, -0.0),
                (NAN, 1.0, NAN),
                (1.0, NAN, NAN),
                (f64::MAX, LEAST, 0.0),
                (f64::MAX, 3.0, 2.0),
                (LEAST, f64::MAX, LEAST),
                (1.7e308, 1e308, 1.7e308 - 1e308),
            ],
        ),
        (
            Binary::Min,
            &[
                (1.0, 2.0, 1.0),
                (NAN, 1.0, NAN),
                (1.0, NAN, NAN),
                (0.0, -0.0, -0.0),
                (-INF, 1.0, -INF),
            ],
        ),
        (
            Binary::Max,
            &[
                (1.0, 2.0, 2.0),
                (NAN, 1.0, NAN),
                (1.0, NAN, NAN),
                (-0.0, 0.0, 0.0),
                (INF, 1.0, INF),
            ],
        ),
    ];
    for &(op, cases) in two {
        for &(x, y, expected) in cases {
            assert_same(
                interpret::binary(op, Type::F64, x, y),
                expected,
                &format!("{op:?}({x}, {y})"),
            );
        }
    }
}

fn assert_same(found: f64, expected: f64, what: &str) {
    let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
    assert!(same, "{what} is {found:e}, not {expected:e}");
}
