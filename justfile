# Shortcuts for https://just.systems. Each line also works without just.

# Lists the recipes.
default:
    @just --list

# Checks formatting, lints and documentation.
check:
    cargo fmt --check
    cargo fmt --check --manifest-path fuzz/Cargo.toml
    cargo clippy --locked --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

# Runs the fast checks and tests without downloading tools.
test:
    ./scripts/test --quick

# Installs the tools, and runs every check and test.
test-all:
    ./scripts/test

# Runs the benchmarks and writes the results to benches/results.
bench:
    cargo bench --locked
    ./scripts/charts

# Updates generated pages and generated code.
docs:
    UPDATE_GENERATED=1 cargo test --locked -p imcallback --test generated
    UPDATE_DOCS=1 cargo test --locked --test it -- names:: configuration:: metrics:: catalogue::
