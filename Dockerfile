# supacloud in a container, for the driver `docker`: it needs an engine to make projects with, no PostgreSQL of its own.
# compose.yaml puts the rest around it.
#
# Both bases are of the same Debian: `node`, which the server puts into the images of projects, is linked here as well.
ARG RUST=rust:1.95-trixie
ARG BASE=debian:trixie-slim

FROM ${RUST} AS build
WORKDIR /src
ENV CARGO_TARGET_DIR=/build SUPACLOUD_TOOLS_DIR=/tools
# The tools first: a change of the program does not build them anew.
COPY Makefile setup.sh Cargo.toml package.json package-lock.json ./
RUN make setup
COPY . .
RUN make build

FROM ${BASE}
# Certificates: the server may speak TLS to its database and to object storage.
RUN apt-get -qq -o Acquire::Retries=3 -o Acquire::Languages=none update \
  && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends ca-certificates >/dev/null \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* \
  && groupadd --gid 65532 supacloud \
  && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /var/lib/supacloud --shell /usr/sbin/nologin supacloud \
  && install -d -o supacloud -g supacloud -m 0700 /var/lib/supacloud \
  && install -d /etc/supacloud
# As the build leaves them: the server looks for the site and the other programs beside itself.
COPY --from=build /build/site /opt/supacloud/site
COPY --from=build /build/release/supacloud /build/release/auth /build/release/node /build/release/rest /build/release/hash.txt /opt/supacloud/bin/

ENV SUPACLOUD_SERVER__DATA_DIR=/var/lib/supacloud \
  SUPACLOUD_SERVER__LISTEN=0.0.0.0:8000 \
  SUPACLOUD_PROVISIONER__DRIVER=docker
VOLUME /var/lib/supacloud
EXPOSE 8000
# Where supacloud.toml is looked for.
WORKDIR /etc/supacloud
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/opt/supacloud/bin/supacloud", "health"]
ENTRYPOINT ["/opt/supacloud/bin/supacloud"]
