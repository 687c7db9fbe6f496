"""`python -m installer`"""

from installer.cli import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()
