# Environment of a fresh machine, for .ci/run and ./scripts/fresh.
#
# HOME and CARGO_HOME are empty directories, and no variable names another cache. Toolchains stay,
# and so does the configuration of registries: a machine may reach crates.io, PyPI or npm only
# through a mirror.
# shellcheck shell=bash

# Temporary directory of this run. Empty before fresh_begin.
fresh_dir=
# Process group of the running command. Empty if there is none.
fresh_job=

# Time between SIGTERM and SIGKILL, in tenths of a second.
readonly FRESH_GRACE=150

# Creates the temporary directory. The EXIT trap removes it, also after a failure and on
# SIGHUP, SIGINT and SIGTERM.
fresh_begin() {
    trap fresh_end EXIT
    # The usual exit codes: 128 plus the signal's number.
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    fresh_dir=$(mktemp -d "${TMPDIR:-/tmp}/callback-gateway-fresh.XXXXXX")
}

# Replaces the environment.
fresh_environment() {
    mkdir "$fresh_dir/home" "$fresh_dir/cargo"
    fresh_keep_toolchains ~
    fresh_keep_registries ~
    # Caches elsewhere, and compilers that have one.
    unset "${!XDG_@}" CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR CARGO_INSTALL_ROOT
    unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER
    unset PIP_CACHE_DIR npm_config_cache NPM_CONFIG_CACHE BUF_CACHE_DIR
    unset GOPATH GOCACHE GOMODCACHE GOENV GOFLAGS GOBIN
    unset CALLBACK_GATEWAY_TESTS_TOOLS
    export HOME=$fresh_dir/home CARGO_HOME=$fresh_dir/cargo
}

# Exports the paths of the toolchains in HOME. Either manager may be missing.
fresh_keep_toolchains() { # home
    if [[ -z ${RUSTUP_HOME-} && -d $1/.rustup ]]; then
        export RUSTUP_HOME=$1/.rustup
    fi
    if [[ -z ${PYENV_ROOT-} && -d $1/.pyenv ]]; then
        export PYENV_ROOT=$1/.pyenv
    fi
}

# Keeps the configuration of cargo, git, npm and pip. Variables such as PIP_INDEX_URL stay too.
fresh_keep_registries() { # home
    local file
    for file in config.toml config; do
        if [[ -f ${CARGO_HOME:-$1/.cargo}/$file ]]; then
            cp "${CARGO_HOME:-$1/.cargo}/$file" "$fresh_dir/cargo/$file"
        fi
    done
    # git's settings, such as a proxy for the advisory database.
    if [[ -z ${GIT_CONFIG_GLOBAL-} && -f $1/.gitconfig ]]; then
        export GIT_CONFIG_GLOBAL=$1/.gitconfig
    fi
    if [[ -z ${npm_config_userconfig-}${NPM_CONFIG_USERCONFIG-} && -f $1/.npmrc ]]; then
        export npm_config_userconfig=$1/.npmrc
    fi
    # pip takes the first of these that exists.
    for file in "${XDG_CONFIG_HOME:-$1/.config}/pip/pip.conf" "$1/.pip/pip.conf"; do
        if [[ -z ${PIP_CONFIG_FILE-} && -f $file ]]; then
            export PIP_CONFIG_FILE=$file
        fi
    done
}

# Starts a command in a process group of its own, with empty input.
fresh_start() { # command, arguments
    # Without job control there is no group, and the command ignores SIGINT.
    set -m
    "$@" </dev/null &
    fresh_job=$!
    set +m
}

# Waits for the command, ends the processes that it left behind, and returns its exit code.
fresh_wait() {
    local code=0
    wait "$fresh_job" || code=$?
    kill -KILL -- "-$fresh_job" 2>/dev/null || true
    fresh_job=
    return "$code"
}

# Stops the command and removes the directory.
fresh_end() {
    local code=$? waited=0
    # A second signal must not leave the directory behind.
    trap '' HUP INT TERM
    if [[ -n $fresh_job ]]; then
        kill -TERM -- "-$fresh_job" 2>/dev/null || true
        while kill -0 -- "-$fresh_job" 2>/dev/null && ((waited++ < FRESH_GRACE)); do
            sleep 0.1
        done
        kill -KILL -- "-$fresh_job" 2>/dev/null || true
        wait "$fresh_job" 2>/dev/null || true
    fi
    if [[ -n $fresh_dir ]]; then
        # Do not delete the content of a file system that the power-cut test failed to unmount.
        rm -rf --one-file-system "$fresh_dir"
    fi
    exit "$code"
}
