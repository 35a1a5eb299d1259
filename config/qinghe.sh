#!/bin/sh
# `qinghe` inside the images, where the application is copied and not installed.
exec python -m backend.cli "$@"
