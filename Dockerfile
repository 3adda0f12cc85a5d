# A small image around the standalone executable: the executable, the libraries of glibc that it is linked to, and nothing
# else. No shell, no package manager, no certificates: the roots that the AWS SDK needs are in the executable
# (NODE_EXTRA_CA_CERTS names a file with more).
#
#   npm run build:standalone -- --all
#   docker build -t keyleaf .
#   docker run --rm -i -e SOPS_AGE_KEY keyleaf decrypt --type yaml < secrets.enc.yaml
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" -e SOPS_AGE_KEY keyleaf decrypt -i secrets.yaml
#
# Bun's executables cannot be linked statically, and those for musl also need libstdc++ and libgcc, so glibc is the smaller
# base. What is copied out of the first stage is what the loader asks for.
FROM debian:12-slim AS files
ARG TARGETARCH=amd64
COPY dist/standalone/enc-linux-x64 dist/standalone/enc-linux-arm64 /built/
RUN set -eu; \
    case "$TARGETARCH" in amd64) name=x64 ;; arm64) name=arm64 ;; *) exit 1 ;; esac; \
    mkdir -p /image/usr/bin /image/work /image/home; \
    chmod 777 /image/work; \
    cp "/built/enc-linux-$name" /image/usr/bin/enc; \
    chmod 755 /image/usr/bin/enc; \
    ln -s enc /image/usr/bin/dec; \
    ln -s enc /image/usr/bin/sops; \
    ldd /image/usr/bin/enc | grep -o '/lib[^ ]*' | xargs -I{} cp -L --parents {} /image

FROM scratch
COPY --from=files /image /
ENV PATH=/usr/bin HOME=/home
WORKDIR /work
# Nobody in particular; who works on files of the host gives -u.
USER 65532:65532
ENTRYPOINT ["/usr/bin/enc"]
