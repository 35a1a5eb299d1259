"""The one kind of failure that the local system explains to its user instead of showing a traceback."""


class LocalError(Exception):
    """Something the user can understand and mend; the text is one Chinese sentence, fit to print as it is."""
