"""What is killed in the middle of a task costs the task nothing but time."""

from tests.support.cases.failures import *  # noqa: F403
