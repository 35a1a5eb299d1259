#!/bin/sh
# Secrets come as files: for each NAME_FILE, NAME is set to that file's contents, then the command takes over.
set -eu
for entry in $(env | sed -n 's/^\([A-Z0-9_]*\)_FILE=.*/\1/p'); do
    eval "file=\${${entry}_FILE}"
    if [ ! -r "$file" ]; then
        echo "$entry: the file $file cannot be read" >&2
        exit 1
    fi
    export "$entry=$(cat "$file")"
done
exec "$@"
