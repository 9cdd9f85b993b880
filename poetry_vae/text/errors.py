"""The root of the project's named exceptions."""


class PoetryVAEError(Exception):
    """An error raised on purpose: its text says what was wrong, where, and what to do."""


class CorpusError(PoetryVAEError):
    """A corpus file that cannot be read as poems."""


class FormError(PoetryVAEError):
    """A form that cannot be understood, or a poem that does not have the form asked for."""


class DownloadError(PoetryVAEError):
    """A corpus file that could not be fetched or does not have the expected content."""
