//! NumPy archives: batches of `carrot eval`, controls and states of `carrot rollout`.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use carrot_reward_interface::{Batch, Rewards, Schema, Variable};
use npyz::WriterBuilder as _;
use npyz::npz::{NpzArchive, NpzWriter};

/// Most values of an array, and of the whole batch: 2 GiB of f64.
const MOST: u64 = 1 << 28;

/// Inputs over time; without `--sequence` there is one moment.
pub struct Sequence {
    /// One batch per moment.
    pub moments: Vec<Batch>,
    /// Environments N.
    pub n_envs: usize,
}

/// One array: shape and values in C order, every dtype as f64.
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// The arrays of an archive that have one of these names, in the order of the names.
pub fn read_named<const K: usize>(path: &Path, wanted: [&str; K]) -> anyhow::Result<([Option<Array>; K], Vec<String>)> {
    let mut archive = NpzArchive::open(path).with_context(|| format!("{}: not a NumPy archive", path.display()))?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut found = [const { None }; K];
    for (slot, name) in found.iter_mut().zip(wanted) {
        if names.iter().any(|other| other == name) {
            let array = read_array(&mut archive, name);
            *slot = Some(array.with_context(|| format!("{}: array `{name}`", path.display()))?);
        }
    }
    Ok((found, names))
}

/// An array to write.
pub enum Values<'a> {
    Numbers(&'a [f64]),
    Rows(&'a [usize]),
    Truths(&'a [bool]),
    Text(&'a str),
}

/// Writes arrays under their names.
pub fn write_named(path: &Path, arrays: &[(String, Vec<usize>, Values<'_>)]) -> anyhow::Result<()> {
    let mut archive = NpzWriter::create(path).with_context(|| path.display().to_string())?;
    for (name, shape, values) in arrays {
        let shape: Vec<u64> = shape.iter().map(|&dim| dim as u64).collect();
        macro_rules! put {
            ($ty:ty, $values:expr) => {{
                let array = archive.array::<$ty>(name, Default::default())?;
                let mut array = array.default_dtype().shape(&shape).begin_nd()?;
                array.extend($values)?;
                array.finish()?;
            }};
        }
        match values {
            Values::Numbers(numbers) => put!(f64, numbers.iter().copied()),
            Values::Rows(rows) => put!(i64, rows.iter().map(|&row| row as i64)),
            Values::Truths(truths) => put!(bool, truths.iter().copied()),
            Values::Text(text) => {
                // A text of NumPy's has a length, and never none.
                let dtype = format!("|S{}", text.len().max(1)).parse()?;
                let array = archive.array::<[u8]>(name, Default::default())?;
                let mut array = array.dtype(npyz::DType::Plain(dtype)).shape(&shape).begin_nd()?;
                array.push(text.as_bytes())?;
                array.finish()?;
            }
        }
    }
    Ok(())
}

/// Reads the arrays of `needed` variables; the other variables of the schema are filled with zeros.
///
/// Shapes: `[N, …]`, `[…]` for uniform variables, each with a leading T when `over_time`. Where the program reads nothing that
/// has these axes, N and T come from the archive's other variables; without any they are 1.
pub fn read(path: &Path, schema: &Schema, needed: &[String], over_time: bool) -> anyhow::Result<Sequence> {
    let mut archive = NpzArchive::open(path).with_context(|| format!("{}: not a NumPy archive", path.display()))?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut axes = Axes {
        over_time,
        length: if over_time { None } else { Some(1) },
        n_envs: None,
    };
    let mut arrays = Vec::new();
    for name in needed {
        ensure!(
            names.contains(name),
            "{}: there is no array `{name}`, which the program reads; the archive holds {}",
            path.display(),
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        );
        let index = schema
            .index(name)
            .context("the program reads a variable that the schema lacks")?;
        let array = read_array(&mut archive, name).with_context(|| format!("{}: array `{name}`", path.display()))?;
        axes.meet(&schema.variables[index], &array.shape)
            .with_context(|| path.display().to_string())?;
        arrays.push((index, array));
    }
    for variable in schema
        .variables
        .iter()
        .filter(|variable| variable.components() > 0 && names.contains(&variable.name))
    {
        if axes.length.is_some() && axes.n_envs.is_some() {
            break;
        }
        if let Some(file) = archive.by_name(&variable.name)? {
            let shape: Vec<usize> = file.shape().iter().map(|&dim| dim as usize).collect();
            axes.meet(variable, &shape)
                .with_context(|| path.display().to_string())?;
        }
    }
    let length = axes.length.unwrap_or(1);
    let n_envs = axes.n_envs.unwrap_or(1);
    let numbers = schema.variables.iter().map(Variable::components).sum::<usize>();
    ensure!(
        length.saturating_mul(n_envs).saturating_mul(numbers) <= MOST as usize,
        "{}: {length} moments of {n_envs} environments are too large; split them",
        path.display()
    );

    let mut moments = vec![Batch::zeros(schema, n_envs); length];
    for (index, array) in &arrays {
        let per_moment = array.values.len() / length.max(1);
        for (moment, values) in moments.iter_mut().zip(array.values.chunks(per_moment.max(1))) {
            let column = &mut moment.columns[*index];
            if schema.variables[*index].uniform {
                column.copy_from_slice(values);
            } else {
                transpose(values, n_envs, column);
            }
        }
    }
    Ok(Sequence { moments, n_envs })
}

/// The leading axes that all arrays share.
struct Axes {
    over_time: bool,
    length: Option<usize>,
    n_envs: Option<usize>,
}

impl Axes {
    /// Checks the shape of one array, and that its T and N are those of the arrays before.
    fn meet(&mut self, variable: &Variable, shape: &[usize]) -> anyhow::Result<()> {
        let mut leading = Vec::new();
        if self.over_time {
            leading.push(("T", &mut self.length));
        }
        if !variable.uniform {
            leading.push(("N", &mut self.n_envs));
        }
        let own = variable.array_shape();
        if shape.len() != leading.len() + own.len() || shape[leading.len()..] != own {
            let expected = leading.iter().map(|axis| axis.0.to_owned());
            let expected: Vec<String> = expected.chain(own.iter().map(ToString::to_string)).collect();
            let expected = expected.join(", ");
            bail!(
                "array `{}` has shape {shape:?}; the schema says [{expected}]",
                variable.name
            );
        }
        for ((axis, known), &found) in leading.into_iter().zip(shape) {
            let known = *known.get_or_insert(found);
            ensure!(
                known == found,
                "array `{}` has {axis} = {found}, the arrays before it {known}",
                variable.name
            );
        }
        Ok(())
    }
}

/// Writes `total` and `term.<name>`, `[N]`, or `[T, N]` when `over_time`.
pub fn write(path: &Path, terms: &[String], moments: &[Rewards], n_envs: usize, over_time: bool) -> anyhow::Result<()> {
    let shape: Vec<usize> = if over_time {
        vec![moments.len(), n_envs]
    } else {
        vec![n_envs]
    };
    let total: Vec<f64> = moments.iter().flat_map(|moment| moment.total.iter().copied()).collect();
    let of_term = |k: usize| moments.iter().flat_map(move |moment| moment.terms[k].iter().copied());
    let columns: Vec<Vec<f64>> = (0..terms.len()).map(|k| of_term(k).collect()).collect();
    let names = terms.iter().map(|term| format!("term.{term}"));
    let mut arrays = vec![("total".to_owned(), shape.clone(), Values::Numbers(&total))];
    arrays.extend(
        names
            .zip(&columns)
            .map(|(name, values)| (name, shape.clone(), Values::Numbers(values))),
    );
    write_named(path, &arrays)
}

fn read_array<R: std::io::Read + std::io::Seek>(archive: &mut NpzArchive<R>, name: &str) -> anyhow::Result<Array> {
    let file = archive.by_name(name)?.context("is missing")?;
    let shape: Vec<usize> = file.shape().iter().map(|&dim| dim as usize).collect();
    let order = file.order();
    let length = file
        .shape()
        .iter()
        .try_fold(1_u64, |product, &dim| product.checked_mul(dim));
    ensure!(
        length.is_some_and(|length| length <= MOST),
        "has shape {shape:?}, which is too large"
    );
    let dtype = file.dtype().descr();
    macro_rules! read_as {
        ($($code:literal => $ty:ty),*) => {
            match dtype.trim_matches('\'').trim_start_matches(['<', '|', '=', '>']) {
                $($code => file.into_vec::<$ty>()?.into_iter().map(|value| value as f64).collect(),)*
                "b1" => file.into_vec::<bool>()?.into_iter().map(|value| f64::from(u8::from(value))).collect(),
                _ => bail!("has dtype {dtype}; allowed are float32, float64, integers and bool"),
            }
        };
    }
    let values: Vec<f64> = read_as!("f8" => f64, "f4" => f32, "i8" => i64, "i4" => i32, "i2" => i16, "i1" => i8,
        "u8" => u64, "u4" => u32, "u2" => u16, "u1" => u8);
    let values = match order {
        npyz::Order::C => values,
        npyz::Order::Fortran => to_c_order(&values, &shape),
    };
    Ok(Array { shape, values })
}

/// Values with the first index fastest, as NumPy keeps transposed arrays, to last index fastest.
fn to_c_order(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in values {
        let position = index
            .iter()
            .zip(shape)
            .rev()
            .fold(0, |position, (i, dim)| position * dim + i);
        ordered.push(values[position]);
        for (i, dim) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *dim {
                break;
            }
            *i = 0;
        }
    }
    ordered
}

/// `[N, components]` to `[components, N]`.
fn transpose(rows: &[f64], n_envs: usize, columns: &mut [f64]) {
    let components = columns.len().checked_div(n_envs).unwrap_or(0);
    for (env_index, row) in rows.chunks(components.max(1)).enumerate() {
        for (component, &value) in row.iter().enumerate() {
            columns[component * n_envs + env_index] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_becomes_c_order() {
        // [[1, 2, 3], [4, 5, 6]] column by column
        assert_eq!(
            to_c_order(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &[2, 3]),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
        assert!(to_c_order(&[], &[0, 3]).is_empty());
    }
}
