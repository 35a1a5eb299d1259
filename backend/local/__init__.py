"""The servers and helpers of `make run` and of the tests: PostgreSQL, Redis and S3 from packages, on loopback."""
