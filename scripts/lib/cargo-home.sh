# Gives cargo a directory to download into, for scripts that start it at the repository's root.
#
# The default is ~/.cargo. A user of a container may have no home.
# shellcheck shell=bash
if [[ -z ${CARGO_HOME-} ]] && ! { mkdir -p ~/.cargo && [[ -w ~/.cargo ]]; } 2>/dev/null; then
    export CARGO_HOME=$PWD/target/cargo-home
fi
