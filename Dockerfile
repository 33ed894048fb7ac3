# syntax=docker/dockerfile:1
# One image for every service: what a container does is its command (docker-compose.yml, deploy/kubernetes).

ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
# runtime, or with a launcher of containers: runtime-docker, runtime-kubernetes (docs/scaling.md).
ARG LOCK=runtime
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /opt/b24
RUN python -m venv /opt/venv
COPY requirements.lock ./
COPY deploy/*.lock deploy/
RUN /opt/venv/bin/pip install --require-hashes -r "deploy/$LOCK.lock"
# The package itself is built with the setuptools of the lock; neither it nor pip is needed to run.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > /tmp/build.lock \
    && /opt/venv/bin/pip install --require-hashes -r /tmp/build.lock
COPY . .
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -q -j 0 /opt/venv/lib /opt/b24

FROM python:${PYTHON}-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/b24 --shell /usr/sbin/nologin b24 \
    && install --directory --owner b24 --group b24 --mode 0700 /var/lib/b24
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/b24 /opt/b24
# Code is root's and read-only; what a service writes goes to /var/lib/b24, a volume.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/b24 B24_HOME=/var/lib/b24 DBT_DOCS_DIR=/var/lib/b24/dbt_docs
WORKDIR /opt/b24
USER 10001:10001
EXPOSE 3000 4000 8080 8090
CMD ["b24", "--help"]
