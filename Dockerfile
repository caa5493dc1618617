# The harness, and with `stgcmt serve` its references, in a small image without root.
#   docker build -t stgcmt .
#   docker run --rm -v "$PWD:/sut" --user "$(id -u):$(id -g)" stgcmt run sut.toml --out evidence
# BASE: any image with Python 3.11 or newer and pip. PIP_ARGS: for instance an index of your own.
# COMMIT: what results name as the harness's commit, --build-arg COMMIT="$(git describe --always --dirty --abbrev=40 --exclude='*')".
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG PIP_ARGS=""
ARG COMMIT=""
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY harness harness
COPY suites suites
COPY fixtures fixtures
COPY reports reports
RUN if [ -n "${COMMIT}" ]; then printf %s "${COMMIT}" > harness/stgcmt/data/commit; fi
RUN python3 -m venv --without-pip --system-site-packages /opt/stgcmt \
 && python3 -m pip --python /opt/stgcmt/bin/python install --no-cache-dir --disable-pip-version-check ${PIP_ARGS} ".[docker]"

FROM ${BASE}
COPY --from=build /opt/stgcmt /opt/stgcmt
# Numbers, since a name would need an entry in /etc/passwd. /evidence and /data are theirs, also as fresh volumes.
RUN python3 -c "import os; [(os.makedirs(d), os.chown(d, 10001, 10001)) for d in ('/sut', '/evidence', '/data')]"
ENV PATH=/opt/stgcmt/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
USER 10001:10001
WORKDIR /sut
ENTRYPOINT ["stgcmt"]
CMD ["--help"]
