"""What was probably meant by a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_matches(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the most similar known names, those that contain the name first.

    >>> near_matches("velocty", ["velocity", "velocity_6h", "score"])
    ['velocity', 'velocity_6h']
    """
    candidates = sorted(set(known))
    folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    holding = [text for text in candidates if name and name.casefold() in text.casefold()]
    close = [folded[text] for text in get_close_matches(name.casefold(), folded, n=count, cutoff=0.6)]
    return list(dict.fromkeys([*holding, *close]))[:count]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a half sentence for an error message, or nothing where no known name is similar.

    >>> did_you_mean("vlocity", ["velocity"]), did_you_mean("x", ["velocity"])
    ('; did you mean velocity?', '')
    """
    found = near_matches(name, known)
    return f"; did you mean {' or '.join(found)}?" if found else ""
