"""Numbers, counts and spans as they stand in reasons and headlines."""


def number(value: float) -> str:
    """Six significant digits, thousands separated, no exponent for ordinary sizes."""
    if value == 0 or 1e-4 <= abs(value) < 1e12:
        text = f"{value:,.6f}" if abs(value) < 1 else f"{value:,.{max(0, 6 - len(str(int(abs(value)))))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.4g}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """A share of 1 in two significant digits, three from 10 % on; never with an exponent."""
    return f"{100 * share:.{3 if share >= 0.1 else 2}g} %"


def times(ratio: float) -> str:
    """`100 times more` or `10 times less`."""
    more = ratio >= 1
    factor = ratio if more else 1 / ratio
    shown = f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
    return f"{shown} times {'more' if more else 'less'}"


def span(seconds: float) -> str:
    """A length of time in the unit that fits it."""
    for unit, length in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if abs(seconds) >= length:
            count = seconds / length
            shown = f"{count:.0f}" if count == round(count) or count >= 10 else f"{count:.1f}"
            return f"{shown} {unit}{'' if shown == '1' else 's'}"
    return f"{seconds:.0f} seconds"
