"""`python -m tests.cards`: keeps today's cards as those of the release that is being made.

Refuses to, with exit status 1, where a card lost something without a new major version.
"""

import sys

from tests.cards.comparison import losses
from tests.cards.releases import HERE, current, keep, released


def main() -> int:
    status = 0
    for name, card in current().items():
        lost = losses(released(name), card) if (HERE / f"{name}.json").exists() else []
        if lost:
            print(f"{name}: raise the major version first; {card.version} would lose {', '.join(lost)}")
            status = 1
            continue
        keep(name, card)
        print(f"{name}: kept {card.version}")
    return status


if __name__ == "__main__":
    sys.exit(main())
