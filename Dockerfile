# Image of the gateway: the program and its libraries. Does not run as root.
#
#   docker build --tag callback-gateway .
#
# .dockerignore excludes `target/` and `data/`.

FROM rust:1.90-bookworm AS build
WORKDIR /build
# Copy the files that change rarely first, so that a change of the sources keeps their layers.
COPY Cargo.toml Cargo.lock build.rs ./
# Build flags of SQLite.
COPY .cargo .cargo
COPY proto proto
COPY crates crates
COPY src src
# Cargo requires every target in Cargo.toml to exist.
COPY benches benches
COPY examples examples
COPY tests tests
# The image's build has no repository. `--build-arg BUILD_COMMIT=$(git rev-parse HEAD)` adds the
# commit to `--version`.
ARG BUILD_COMMIT
RUN cargo build --locked --release --bin callback-gateway \
    && install -d -m 0700 /var/lib/callback-gateway

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/callback-gateway /usr/local/bin/callback-gateway
# Owned by the image's user nonroot. A new volume mounted here gets the same owner.
COPY --from=build --chown=65532:65532 /var/lib/callback-gateway /var/lib/callback-gateway
# Listen on all addresses, because other containers cannot reach loopback. The gateway does not
# start without tokens (docs/security.md).
ENV CALLBACK_GATEWAY_HTTP_LISTEN=0.0.0.0:8080 \
    CALLBACK_GATEWAY_GRPC_LISTEN=0.0.0.0:50051 \
    CALLBACK_GATEWAY_ADMIN_LISTEN=0.0.0.0:9090 \
    CALLBACK_GATEWAY_DATA_DIR=/var/lib/callback-gateway
# By number, so that Kubernetes can verify that it is not root.
USER 65532:65532
EXPOSE 8080 50051 9090
VOLUME /var/lib/callback-gateway
# The gateway drains for up to 20 seconds, and its log may take 5 more to close. Stop it with
# `docker stop --time 30`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/callback-gateway"]
CMD ["serve"]
