//! The `callback-gateway` program; see the library's documentation.

#![deny(clippy::unwrap_used)]

fn main() -> std::process::ExitCode {
    callback_gateway::main()
}
