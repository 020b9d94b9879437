# The ceiling that `make bench` measures cached reads against (loadtest/programs/ceiling.rs),
# compiled and run like the application: same compiler, same versions, same base.

FROM rust:1-slim-trixie AS build
WORKDIR /src
COPY docker/ca-certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
ENV SQLX_OFFLINE=true \
    CARGO_TARGET_DIR=/target
COPY . .
# As programs and not as examples: those would be compiled with the dependencies of the tests, many
# and with other features, where these take what the application's build has left.
RUN --mount=type=cache,id=taskfleet-cargo,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=taskfleet-target,target=/target,sharing=locked \
    mkdir src/bin && cp loadtest/programs/*.rs src/bin/ && touch src/lib.rs \
 && cargo build --release --locked --bin ceiling --bin list_sql \
 && cp /target/release/ceiling /target/release/list_sql /usr/local/bin/

FROM debian:trixie-slim
COPY --from=build /usr/local/bin/ceiling /usr/local/bin/list_sql /usr/local/bin/
USER 10001:10001
EXPOSE 3000
ENTRYPOINT ["ceiling"]
CMD ["/response"]
