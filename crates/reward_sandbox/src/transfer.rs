//! Moves values between a batch's f64 columns and the rows of linear memory.
//!
//! Rows in memory are padded to a multiple of four environments; the columns of a batch are not.

use carrot_reward_interface::DType;
use carrot_reward_interface::module::element_bytes;

/// Writes one variable into `memory`, from its first byte on.
///
/// Shapes: `column` is `[components, row_len]`; in memory each row takes `stride` elements. For a uniform variable the
/// whole column is one row. Floats are rounded once, integers are truncated towards zero and saturate, and every number
/// but zero is true.
pub(crate) fn write_column(memory: &mut [u8], column: &[f64], row_len: usize, stride: usize, dtype: DType) {
    if row_len == 0 {
        return;
    }
    let row_bytes = stride * element_bytes(dtype);
    for (row, out) in column.chunks_exact(row_len).zip(memory.chunks_mut(row_bytes)) {
        match dtype {
            DType::F32 => write_row(out, row, |value| (value as f32).to_le_bytes()),
            DType::F64 | DType::Float | DType::Pose | DType::Str => write_row(out, row, f64::to_le_bytes),
            DType::I64 => write_row(out, row, |value| (value as i64).to_le_bytes()),
            DType::Bool => write_row(out, row, |value| i32::from(value != 0.0).to_le_bytes()),
        }
    }
}

fn write_row<const BYTES: usize>(memory: &mut [u8], row: &[f64], encode: impl Fn(f64) -> [u8; BYTES]) {
    for (out, &value) in memory.as_chunks_mut().0.iter_mut().zip(row) {
        *out = encode(value);
    }
}

/// Writes one value into the first bytes of `memory`, encoded as in [`write_column`].
pub(crate) fn write_value(memory: &mut [u8], value: f64, dtype: DType) {
    write_column(memory, &[value], 1, 1, dtype);
}

/// Reads one value from the first bytes of `memory`. An f32 comes back as the shortest decimal that rounds to it, which is
/// how a person would write it.
pub(crate) fn read_value(memory: &[u8], dtype: DType) -> f64 {
    match dtype {
        DType::F32 => {
            let value = f32::from_le_bytes(memory.as_chunks().0[0]);
            value.to_string().parse().unwrap_or(f64::from(value))
        }
        DType::I64 => i64::from_le_bytes(memory.as_chunks().0[0]) as f64,
        DType::Bool => f64::from(i32::from_le_bytes(memory.as_chunks().0[0])),
        DType::F64 | DType::Float | DType::Pose | DType::Str => f64::from_le_bytes(memory.as_chunks().0[0]),
    }
}

/// Reads one output row of `n_envs` values from the first bytes of `memory`; says whether all are finite.
pub(crate) fn read_row(memory: &[u8], n_envs: usize, dtype: DType, row: &mut Vec<f64>) -> bool {
    row.clear();
    match dtype {
        DType::F32 => row.extend(
            memory.as_chunks().0[..n_envs]
                .iter()
                .map(|&bytes| f64::from(f32::from_le_bytes(bytes))),
        ),
        _ => row.extend(
            memory.as_chunks().0[..n_envs]
                .iter()
                .map(|&bytes| f64::from_le_bytes(bytes)),
        ),
    }
    // Without an early exit, so that it is a vector loop; non-finite rewards are rare.
    row.iter().fold(true, |finite, value| finite & value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dtype_is_encoded_as_the_contract_says() {
        let column = [1.5, -2.75, f64::NAN, 1e300];
        for (dtype, expected) in [
            (DType::F32, [1.5, -2.75, f64::NAN, f64::INFINITY]),
            (DType::F64, [1.5, -2.75, f64::NAN, 1e300]),
            (DType::I64, [1.0, -2.0, 0.0, i64::MAX as f64]),
            (DType::Bool, [1.0, 1.0, 1.0, 1.0]),
        ] {
            let mut memory = [0; 32];
            write_column(&mut memory, &column, 4, 4, dtype);
            let read = |index: usize| match dtype {
                DType::F32 => f64::from(f32::from_le_bytes(memory.as_chunks().0[index])),
                DType::I64 => i64::from_le_bytes(memory.as_chunks().0[index]) as f64,
                DType::Bool => f64::from(i32::from_le_bytes(memory.as_chunks().0[index])),
                _ => f64::from_le_bytes(memory.as_chunks().0[index]),
            };
            for (index, value) in expected.into_iter().enumerate() {
                assert_eq!(read(index).to_bits() << 1, value.to_bits() << 1, "{dtype:?}[{index}]");
            }
        }
    }

    #[test]
    fn rows_start_at_multiples_of_the_stride() {
        let mut memory = [0; 64];
        write_column(&mut memory, &[1.0, 2.0, 3.0, 4.0], 2, 4, DType::F64);
        let mut row = Vec::new();
        assert!(read_row(&memory[32..], 2, DType::F64, &mut row));
        assert_eq!(row, [3.0, 4.0]);
    }

    #[test]
    fn reading_tells_finite_rows_from_others() {
        let mut memory = [0; 32];
        write_column(&mut memory, &[1.0, f64::NEG_INFINITY], 2, 4, DType::F32);
        let mut row = Vec::new();
        assert!(read_row(&memory, 1, DType::F32, &mut row));
        assert!(!read_row(&memory, 2, DType::F32, &mut row));
    }
}
