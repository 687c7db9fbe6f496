"""How services start: warm, and never with tasks that replicas cannot share."""

from tests.support.cases.starts import *  # noqa: F403
