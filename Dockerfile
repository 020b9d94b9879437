# The taskfleet image: one program for all roles. Base images come from a registry or, where none
# can be reached, from scripts/bootstrap.

FROM rust:1-slim-trixie AS build
WORKDIR /src
# A host behind an inspecting proxy has certificates of its own, which cargo needs too.
COPY docker/ca-certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
# Queries are checked against .sqlx instead of a database; the caches hold downloads and
# dependencies, so that a change of the program compiles the program only.
ENV SQLX_OFFLINE=true \
    CARGO_TARGET_DIR=/target
COPY . .
# A profile of Cargo.toml. The stack test, which is built often and run once, takes a quicker one.
ARG PROFILE=release
# The cached target directory may come from another checkout, whose newer time stamps would make
# cargo take an old build for current: so the crate's roots are always touched. This step runs only
# when a file has changed, and then the crate has to be compiled anyway.
RUN --mount=type=cache,id=taskfleet-cargo,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=taskfleet-target,target=/target,sharing=locked \
    touch src/main.rs src/lib.rs \
 && cargo build --profile "$PROFILE" --locked --bin taskfleet \
 && cp "/target/$PROFILE/taskfleet" /usr/local/bin/taskfleet

FROM debian:trixie-slim
COPY --from=build /usr/local/bin/taskfleet /usr/local/bin/taskfleet
# The allocator would have the kernel back it with pages of 2 MiB: after `make bench` an instance then
# takes 30 MB instead of 17, and is no faster. (The crate's feature no_thp defines a name that the
# sources of the allocator's third version do not have.)
ENV MIMALLOC_ALLOW_THP=0
# By number, because an orchestrator can only tell a number from root.
USER 10001:10001
EXPOSE 3000
# Docker checks for the first time after one interval, so a short one makes for a short start.
HEALTHCHECK --interval=3s --timeout=3s --start-period=15s --retries=3 CMD ["taskfleet", "healthcheck"]
ENTRYPOINT ["taskfleet"]
CMD ["serve"]
