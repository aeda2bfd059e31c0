//! The `callback-gateway` program. The library has its documentation.

#![deny(clippy::unwrap_used)]

fn main() -> std::process::ExitCode {
    callback_gateway::main()
}
