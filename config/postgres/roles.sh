#!/bin/sh
# Runs once, when the data volume is made: the application's role owns nothing, so that events stay append-only for it.
set -eu
password=$(cat /run/secrets/postgres_app_password)
psql -v ON_ERROR_STOP=1 -v password="$password" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE qinghe_app LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE qinghe TO qinghe_app;
GRANT USAGE ON SCHEMA public TO qinghe_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO qinghe_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO qinghe_app;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS btree_gist;
SQL
