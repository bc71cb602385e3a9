"""A totally ordered log of transactions on ClickHouse, which has no transactions of its own.

Commit number N belongs to whoever creates the table ``_slot_N``: creating a table is atomic, on one server and, with
the Replicated database engine, on a cluster. The table's comment says which transaction won, so that anybody who finds
the slot taken finishes the winner's work (writes its marker into ``_commits``) before trying N + 1. No lock can be
left behind and no clock decides. A slot is dropped once its marker is written; who creates it again after that finds
the marker there and gives the slot back. On several servers without the Replicated engine all writers must use one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from trenddrop.core.errors import ConflictError
from trenddrop.warehouse.clickhouse.connection import TABLE_EXISTS, quoted
from trenddrop.warehouse.clickhouse.storage import COMMITS

ATTEMPTS = 100  # each lost attempt is a commit that somebody else finished


@dataclass(frozen=True, slots=True)
class Marker:
    """What the log keeps of one transaction."""

    commit_id: str
    claims: tuple[str, ...]
    committed_at: datetime

    def dumps(self) -> str:
        """Return the marker as the comment of its slot."""
        return json.dumps([self.commit_id, self.claims, self.committed_at.isoformat()])

    @classmethod
    def loads(cls, text: str) -> "Marker":
        """Read the comment of a slot."""
        commit_id, claims, committed_at = json.loads(text)
        return cls(commit_id, tuple(claims), datetime.fromisoformat(committed_at))


@dataclass(frozen=True, slots=True)
class CommitLog:
    """The log of one database."""

    client: Any

    def head(self) -> int:
        """Return the number of the newest finished transaction, 0 when there is none."""
        return int(self._value(f"SELECT ifNull(max(seq), 0) FROM {COMMITS}"))

    def head_before(self, moment: datetime) -> int:
        """Return the number of the newest transaction that was finished before the moment."""
        finished = f"committed_at < {quoted(f'{moment:%Y-%m-%d %H:%M:%S}')}"
        return int(self._value(f"SELECT ifNull(max(seq), 0) FROM {COMMITS} WHERE {finished}"))

    def claimed(self, claims: tuple[str, ...], *, after: int, upto: int) -> bool:
        """Return whether a transaction in (after, upto] holds one of the claims."""
        names = ", ".join(quoted(claim) for claim in claims)
        query = f"SELECT count() FROM {COMMITS} WHERE seq > {after} AND seq <= {upto} AND hasAny(claims, [{names}])"
        return bool(claims) and int(self._value(query)) > 0

    def publish(self, marker: Marker, *, base: int, check: Callable[[int, int], None]) -> int:
        """Append the marker and return its number.

        ``check(after, upto)`` raises when a transaction in (after, upto] forbids this one; it is called for every
        transaction after ``base``.
        """
        seen = base
        for _ in range(ATTEMPTS):
            if (head := self.head()) > seen:
                check(seen, head)
                seen = head
            seq = seen + 1
            if not self._take(seq, marker):
                self._finish(seq)
                continue
            winner = self._winner(seq)  # ours, when somebody was faster to finish our work than we are
            if winner is None:
                self._write(seq, marker)
            self._drop(seq)
            if winner in (None, marker.commit_id):
                return seq
        raise ConflictError(f"ClickHouse: {ATTEMPTS} commit numbers lost against other writers; run it again")

    def tidy(self) -> None:
        """Finish what a killed process had committed without saying so, and drop slots that are settled."""
        query = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '\\_slot\\_%'"
        for (name,) in self.client.query(query).result_rows:
            seq = int(name.removeprefix("_slot_"))
            self._finish(seq)
            if self.head() >= seq:
                self._drop(seq)

    def _take(self, seq: int, marker: Marker) -> bool:
        try:
            self.client.command(f"CREATE TABLE _slot_{seq} (x UInt8) ENGINE = Null COMMENT {quoted(marker.dumps())}")
        except DatabaseError as error:
            if error.code != TABLE_EXISTS:
                raise
            return False
        return True

    def _finish(self, seq: int) -> None:
        """Write the marker of a slot that somebody else holds, unless it is written."""
        query = f"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = '_slot_{seq}'"
        comments = self.client.query(query).result_rows
        if comments and self.head() < seq:  # in this order: a slot taken again after seq was settled is void
            self._write(seq, Marker.loads(comments[0][0]))

    def _winner(self, seq: int) -> str | None:
        rows = self.client.query(f"SELECT commit_id FROM {COMMITS} WHERE seq = {seq} LIMIT 1").result_rows
        return rows[0][0] if rows else None

    def _write(self, seq: int, marker: Marker) -> None:
        claims = ", ".join(quoted(claim) for claim in marker.claims)
        moment = f"{marker.committed_at:%Y-%m-%d %H:%M:%S.%f}"
        self.client.command(
            f"INSERT INTO {COMMITS} VALUES ({seq}, {quoted(marker.commit_id)}, [{claims}], {quoted(moment)})"
        )

    def _drop(self, seq: int) -> None:
        self.client.command(f"DROP TABLE IF EXISTS _slot_{seq}")

    def _value(self, query: str) -> Any:
        return self.client.query(query).result_rows[0][0]
