//! Batches as NumPy archives: `carrot eval` in and out.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use carrot_reward_interface::{Batch, Rewards, Schema};
use npyz::WriterBuilder as _;
use npyz::npz::{NpzArchive, NpzWriter};

/// Inputs over time; without `--sequence` there is one moment.
pub struct Sequence {
    /// One batch per moment.
    pub moments: Vec<Batch>,
    /// Environments N.
    pub n_envs: usize,
}

/// One array: shape and values in C order, every dtype as f64.
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// Reads the arrays of `needed` variables; the other variables of the schema are filled with zeros.
///
/// Shapes: `[N, …]`, `[…]` for uniform variables, each with a leading T when `over_time`.
pub fn read(path: &Path, schema: &Schema, needed: &[String], over_time: bool) -> anyhow::Result<Sequence> {
    let mut archive = NpzArchive::open(path).with_context(|| format!("{}: not a NumPy archive", path.display()))?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = Vec::new();
    for name in needed {
        ensure!(
            names.contains(name),
            "{}: there is no array `{name}`, which the program reads; the archive holds {}",
            path.display(),
            names.join(", ")
        );
        let array = read_array(&mut archive, name).with_context(|| format!("{}: array `{name}`", path.display()))?;
        let index = schema
            .index(name)
            .context("the program reads a variable that the schema lacks")?;
        arrays.push((index, array));
    }

    let time_axes = usize::from(over_time);
    let mut length = if over_time { None } else { Some(1) };
    let mut n_envs = None;
    for (index, array) in &arrays {
        let variable = &schema.variables[*index];
        let batch_axes = usize::from(!variable.uniform);
        let expected = || {
            let axes = [(over_time, "T"), (!variable.uniform, "N")];
            let mut axes: Vec<String> = axes
                .iter()
                .filter(|axis| axis.0)
                .map(|axis| axis.1.to_owned())
                .collect();
            axes.extend(variable.shape.iter().map(ToString::to_string));
            format!("[{}]", axes.join(", "))
        };
        ensure!(
            array.shape.len() == time_axes + batch_axes + variable.shape.len()
                && array.shape[time_axes + batch_axes..] == variable.shape,
            "{}: array `{}` has shape {:?}; the schema says {}",
            path.display(),
            variable.name,
            array.shape,
            expected()
        );
        if over_time {
            agree(&mut length, array.shape[0], "T", &variable.name)?;
        }
        if !variable.uniform {
            agree(&mut n_envs, array.shape[time_axes], "N", &variable.name)?;
        }
    }
    let length = length.unwrap_or(1);
    let n_envs = n_envs.unwrap_or(1);

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

/// Writes `total` and `term.<name>`, `[N]`, or `[T, N]` when `over_time`.
pub fn write(path: &Path, terms: &[String], moments: &[Rewards], n_envs: usize, over_time: bool) -> anyhow::Result<()> {
    let shape: Vec<u64> = if over_time {
        vec![moments.len() as u64, n_envs as u64]
    } else {
        vec![n_envs as u64]
    };
    let mut archive = NpzWriter::create(path).with_context(|| path.display().to_string())?;
    let mut put = |name: &str, values: Vec<f64>| -> anyhow::Result<()> {
        let mut array = archive
            .array(name, Default::default())?
            .default_dtype()
            .shape(&shape)
            .begin_nd()?;
        array.extend(values)?;
        array.finish()?;
        Ok(())
    };
    put(
        "total",
        moments.iter().flat_map(|moment| moment.total.iter().copied()).collect(),
    )?;
    for (k, term) in terms.iter().enumerate() {
        let values = moments
            .iter()
            .flat_map(|moment| moment.terms[k].iter().copied())
            .collect();
        put(&format!("term.{term}"), values)?;
    }
    Ok(())
}

fn read_array<R: std::io::Read + std::io::Seek>(archive: &mut NpzArchive<R>, name: &str) -> anyhow::Result<Array> {
    /// Largest array, in values: 2 GiB of f64.
    const MOST: u64 = 1 << 28;
    let file = archive.by_name(name)?.context("is missing")?;
    let shape: Vec<usize> = file.shape().iter().map(|&dim| dim as usize).collect();
    ensure!(
        file.order() == npyz::Order::C || shape.len() < 2,
        "is in Fortran order; save it with np.ascontiguousarray"
    );
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
                _ => bail!("has dtype {dtype}; allowed are floats, integers and bool"),
            }
        };
    }
    let values: Vec<f64> = read_as!("f8" => f64, "f4" => f32, "i8" => i64, "i4" => i32, "i2" => i16, "i1" => i8,
        "u8" => u64, "u4" => u32, "u2" => u16, "u1" => u8);
    Ok(Array { shape, values })
}

fn agree(known: &mut Option<usize>, found: usize, axis: &str, name: &str) -> anyhow::Result<()> {
    match known {
        Some(known) => ensure!(
            *known == found,
            "array `{name}` has {axis} = {found}, the arrays before it {known}"
        ),
        None => *known = Some(found),
    }
    Ok(())
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
