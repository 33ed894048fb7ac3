"""What runs write to the console of their process; the Dagster UI keeps the whole event log anyway."""

import logging

import dagster as dg

CONSOLE = "orchestration.run"
"""Name of the Python logger that takes the messages, for commands that want them elsewhere or nowhere."""


@dg.logger(None, description="Python's own logging, under the name orchestration.run.")
def console_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """Messages of runs go through Python's logging, which prints warnings and errors unless told otherwise."""
    return logging.getLogger(CONSOLE)
