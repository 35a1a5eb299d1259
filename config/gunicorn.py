"""gunicorn: two processes of eight threads. Listens on loopback unless HOST says otherwise, as the Dockerfile does."""

import os

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES") or 2)
# One database connection per thread; two more than that may be opened in a rush.
# So processes x (threads + 2) has to stay below max_connections of PostgreSQL.
threads = int(os.environ.get("DATABASE_POOL_SIZE") or 8)
raw_env = [f"DATABASE_POOL_SIZE={threads}"]

# Forking happens before the application opens its first connection.
preload_app = False

# A request that has not answered by then is a fault; uploads do not pass through here, phones post them to S3.
timeout = 30
graceful_timeout = 10
keepalive = 5
# Fresh processes now and then, not all at the same moment.
max_requests = 20_000
max_requests_jitter = 2_000
# Heartbeats in memory: a slow disk must not look like a hung process.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None  # noqa: PTH112

# One socket in the user's home would be shared by every checkout on the machine.
control_socket_disable = True

limit_request_line = 4_094
limit_request_fields = 60
limit_request_field_size = 8_190

# No access log: addresses carry receipt codes and signatures. The application logs requests by route name.
accesslog = None
errorlog = "-"
loglevel = "info"
