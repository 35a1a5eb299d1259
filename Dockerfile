# The application's image: web, worker, scheduler and `qinghe` are one image with four commands; `backup` is another.
# syntax=docker/dockerfile:1

FROM node:22-bookworm-slim AS desk
WORKDIR /build/backend/desk
COPY backend/desk/assets ./assets
COPY backend/desk/templates ./templates
WORKDIR /build/backend/desk/assets
RUN npm ci --no-audit --no-fund && npm run --silent build

FROM python:3.12-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/qinghe && /opt/qinghe/bin/pip install --require-hashes -r /tmp/requirements.lock

# What backs up and restores: the server's own client programs, and the application beside them.
FROM postgres:18-bookworm AS backup
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Debian withdraws a version when it mends it: a pinned one could not be built any more.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin qinghe \
    && mkdir -p /backups /var/lib/qinghe/roots && chown 10001:10001 /backups /var/lib/qinghe/roots
COPY requirements.lock /tmp/requirements.lock
RUN python3 -m venv /opt/qinghe && /opt/qinghe/bin/pip install --require-hashes -r /tmp/requirements.lock
ENV PATH=/opt/qinghe/bin:$PATH PYTHONUTF8=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /srv/qinghe
COPY backend ./backend
COPY config ./config
COPY --chmod=0755 config/qinghe.sh /usr/local/bin/qinghe
USER 10001:10001
ENTRYPOINT ["sh", "/srv/qinghe/config/entrypoint.sh"]
CMD ["qinghe", "backup", "--help"]

FROM python:3.12-slim-bookworm
# A volume takes over the owner of the folder it is mounted on.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin qinghe \
    && mkdir -p /var/lib/qinghe/roots && chown 10001:10001 /var/lib/qinghe/roots
ENV PATH=/opt/qinghe/bin:$PATH PYTHONUTF8=1 PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000 HOME=/tmp
WORKDIR /srv/qinghe
COPY --from=packages /opt/qinghe /opt/qinghe
COPY --chmod=0755 config/qinghe.sh /usr/local/bin/qinghe
COPY wsgi.py ./
COPY backend ./backend
COPY config ./config
COPY --from=desk /build/backend/desk/static ./backend/desk/static
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Alive, not ready: a database away must not make the engine restart the web server.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["sh", "/srv/qinghe/config/entrypoint.sh"]
CMD ["gunicorn", "-c", "config/gunicorn.py", "wsgi:app"]
