"""Work on every platform or source of a step: what a user must mend of one does not keep the others from theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trenddrop.core.errors import UserError


@dataclass(frozen=True, slots=True)
class Attempts:
    """What a user must mend, by platform or source, until all had their turn.

    >>> attempts = Attempts()
    >>> for platform in ("tiktok", "weibo"):
    ...     with attempts.of(platform):
    ...         raise UserError("no model; train one")
    >>> attempts.require_all()
    Traceback (most recent call last):
    trenddrop.core.errors.UserError: tiktok: no model; train one; weibo: no model; train one
    """

    errors: list[tuple[str, UserError]] = field(default_factory=list)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keep the user error of the block for later; a fault is raised at once, since all may share it."""
        try:
            yield
        except UserError as error:
            self.errors.append((name, error))

    def told(self) -> str:
        """Return what was kept, each under its name."""
        return "; ".join(f"{name}: {error}" for name, error in self.errors)

    def require_all(self) -> None:
        """Raise UserError with what was kept."""
        if self.errors:
            raise UserError(self.told()) from self.errors[0][1]
