# Tools from Debian's packages, for ./scripts/tools: promtool, and the consumers in Go and Java.
#
# Downloads the packages and unpacks them without installing them, so that this needs no root.
# Uses the variables `tools` and `work`, and the functions `have` and `fail`.
# shellcheck shell=bash disable=SC2154

# Options for apt. Empty until its lists are downloaded.
debian=()
debian_failed=false

# Downloads apt's lists, once, into a directory of their own: the system's lists, which containers
# lack, are neither needed nor changed. Fails if this is not Debian or one of its relatives.
begin_debian() {
    ((${#debian[@]})) && return
    $debian_failed && return 1
    debian_failed=true
    have apt-get && have dpkg-deb || return
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" || return
    local options=(
        -o APT::Sandbox::User=root
        -o Dir::State::Lists="$work/apt/lists"
        -o Dir::Cache="$work/apt/cache"
        # Not used here, and larger than the lists of packages.
        -o Acquire::Languages=none
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    )
    apt-get --quiet=2 "${options[@]}" update || return
    debian=("${options[@]}")
    debian_failed=false
}

# Unpacks Debian's packages into a directory without installing them.
unpack_debian() { # directory, packages
    local dir=$1 file
    shift
    (
        cd "$dir" && apt-get --quiet=2 "${debian[@]}" download "$@" || exit
        for file in *.deb; do
            dpkg-deb -x "$file" . && rm "$file" || exit
        done
    )
}

# Prints those dependencies of a package whose names begin with a pattern.
debian_needs() { # package, pattern
    apt-cache "${debian[@]}" depends "$1" | sed -n "s/^ *Depends: \\($2.*\\)/\\1/p"
}

get_promtool() { # package
    local dir=$work/promtool
    begin_debian && mkdir "$dir" && unpack_debian "$dir" "$1" && mv "$dir/usr/bin/promtool" "$tools/bin/promtool"
}

# Prints the packages of the compiler for proto files.
protoc_packages() {
    echo protobuf-compiler libprotobuf-dev
    debian_needs protobuf-compiler 'libprotoc[0-9]'
    debian_needs libprotobuf-dev 'libprotobuf[0-9]'
}

# Runs that compiler from the directory that it was unpacked into.
debian_protoc() { # directory, arguments
    local dir=$1 libraries
    shift
    libraries=("$dir"/usr/lib/*-linux-gnu)
    LD_LIBRARY_PATH=${libraries[0]} "$dir/usr/bin/protoc" -I proto -I "$dir/usr/include" "$@" proto/imcallback/v1/*.proto
}

# Compiles the consumer in Go with Debian's packages. Keeps nothing of the compiler.
get_consumer_go() {
    local dir=$work/go packages libraries
    have cc && begin_debian && mkdir "$dir" || return
    # golang-go itself is empty.
    packages=$(debian_needs golang-go 'golang-[0-9]' && debian_needs golang-src 'golang-[0-9]') || return
    packages+=" $(protoc_packages) protoc-gen-go protoc-gen-go-grpc"
    packages+=' golang-google-grpc-dev golang-google-protobuf-dev golang-google-genproto-dev'
    packages+=' golang-github-golang-protobuf-1-5-dev golang-golang-x-net-dev golang-golang-x-sys-dev golang-golang-x-text-dev'
    packages+=' golang-github-mattn-go-sqlite3-dev libsqlite3-dev'
    # shellcheck disable=SC2086 # words
    unpack_debian "$dir" $packages || return
    mkdir -p "$dir/path/src/consumer" || return
    debian_protoc "$dir" --plugin="$dir/usr/bin/protoc-gen-go" --plugin="$dir/usr/bin/protoc-gen-go-grpc" \
        --go_out="$dir/path/src" --go-grpc_out="$dir/path/src" || fail "examples/go does not compile"
    cp examples/go/consumer.go "$dir/path/src/consumer" || return
    libraries=("$dir"/usr/lib/*-linux-gnu)
    (
        # The machine's own Go settings, in its environment and in HOME, do not apply.
        GOROOT=$(echo "$dir"/usr/lib/go-*)
        export GOROOT GOPATH=$dir/path:$dir/usr/share/gocode GOCACHE=$dir/go-cache GO111MODULE=off
        export HOME=$dir GOENV=off GOFLAGS='' GOTOOLCHAIN=local CGO_ENABLED=1
        export CGO_CFLAGS=-I$dir/usr/include CGO_LDFLAGS="-L${libraries[0]} -lm"
        "$GOROOT/bin/go" vet consumer && "$GOROOT/bin/go" build -o "$tools/bin/consumer-go" consumer
    ) || fail "examples/go does not compile"
}

# Compiles the consumer in Java with Debian's packages, and keeps those that it runs with.
get_consumer_java() {
    local dir=$work/java packages sources
    have java && have javac && begin_debian && mkdir "$dir" || return
    packages="$(protoc_packages) protobuf-compiler-grpc-java-plugin"
    packages+=' libgrpc-java libprotobuf-java libgoogle-common-protos-java libguava-java libopencensus-java'
    packages+=' libperfmark-java libnetty-java libgeronimo-annotation-1.3-spec-java'
    packages+=' libxerial-sqlite-jdbc-java libxerial-sqlite-jdbc-jni libsqlite3-0'
    # shellcheck disable=SC2086 # words
    unpack_debian "$dir" $packages || return
    mkdir "$dir/sources" "$dir/classes" || return
    debian_protoc "$dir" --plugin=protoc-gen-grpc-java="$dir/usr/bin/grpc_java_plugin" \
        --java_out="$dir/sources" --grpc-java_out="$dir/sources" || fail "examples/java does not compile"
    mapfile -t sources < <(find "$dir/sources" -name '*.java')
    javac -nowarn -d "$dir/classes" -cp "$dir/usr/share/java/*" examples/java/Consumer.java "${sources[@]}" ||
        fail "examples/java does not compile"
    rm -rf "$tools/java"
    mkdir "$tools/java" && mv "$dir/classes" "$tools/java" && cp -rL "$dir/usr/share/java" "$tools/java/jars" &&
        cp -rL "$dir"/usr/lib/*-linux-gnu/jni "$tools/java/jni"
}
