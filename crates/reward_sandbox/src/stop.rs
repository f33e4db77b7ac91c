//! Turns the runtime's errors into stops that name the limit and the line of the program.

use carrot_reward_interface::{ModuleInterface, Span, Stop, StopCause};
use wasmtime::{Trap, WasmBacktrace};

use crate::Limits;

/// A stop without a place in the text.
pub(crate) fn stop_anywhere(interface: &ModuleInterface, cause: StopCause) -> Stop {
    Stop {
        file: interface.file.clone(),
        at: None,
        cause,
    }
}

/// What `error`, which came out of a running module, means for the program's author. `fuel` is what the module had.
pub(crate) fn stop_from(error: &wasmtime::Error, interface: &ModuleInterface, limits: &Limits, fuel: u64) -> Stop {
    Stop {
        file: interface.file.clone(),
        at: error
            .downcast_ref::<WasmBacktrace>()
            .and_then(|backtrace| place(backtrace, interface)),
        cause: cause(error, limits, fuel),
    }
}

fn cause(error: &wasmtime::Error, limits: &Limits, fuel: u64) -> StopCause {
    if let Some(cause) = error.downcast_ref::<StopCause>() {
        return cause.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => StopCause::Fuel { limit: fuel },
        Some(Trap::Interrupt) => StopCause::Deadline {
            limit_ms: limits.deadline.as_millis() as u64,
        },
        Some(Trap::StackOverflow) => StopCause::Stack {
            limit_bytes: limits.stack_bytes as u64,
        },
        _ => {
            let message = error.root_cause().to_string();
            StopCause::Trap {
                message: message.trim_start_matches("wasm trap: ").into(),
            }
        }
    }
}

/// The text of the innermost function that has any. An entry counts only within the function it lies in, so that code
/// without text (a mathematical kernel) is blamed on its caller and not on whatever was emitted before it.
fn place(backtrace: &WasmBacktrace, interface: &ModuleInterface) -> Option<Span> {
    let table = &interface.line_table;
    backtrace.frames().iter().find_map(|frame| {
        let offset = frame.module_offset()?;
        let function_start = offset - frame.func_offset()?;
        let following = table.partition_point(|entry| entry.offset as usize <= offset);
        let entry = table[..following].last()?;
        (entry.offset as usize >= function_start).then_some(entry.at)
    })
}
