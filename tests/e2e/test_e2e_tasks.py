"""What callers want: the demo's tasks for two customers, cards that lead there, and the CLI."""

from tests.support.cases.tasks import *  # noqa: F403
