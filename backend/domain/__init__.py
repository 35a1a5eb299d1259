"""The rules. Nothing here imports Flask or rq, reads a clock, commits, or opens a socket."""
