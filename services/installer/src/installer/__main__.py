"""`python -m installer`"""

import logging

import structlog

from installer.cli import app


def main() -> None:
    # What goes wrong is told once, to the operator: the library's own log lines would say it before.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app()


if __name__ == "__main__":
    main()
