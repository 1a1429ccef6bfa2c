"""Audits: the warehouse held against its own rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.models import Audit, Severity
from tasks.warehouse.engine import (
    EVER,
    parents_asked,
    sql_names,
    sql_of,
    words_asked,
)

if TYPE_CHECKING:
    from tasks.warehouse.working import Warehouse

# Written to by every run, which never takes away a row or changes a key: a rule that
# held cannot be broken by them, but by the rows that name theirs.
_ALWAYS = frozenset({"runs", "sources"})


class AuditTables:
    """What the working file says of itself."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def audit(
        self,
        run_id: UUID,
        *,
        also: Sequence[Audit] = (),
        held: Mapping[str, Severity] = MappingProxyType({}),
        since: datetime | None = None,
        everything: bool = False,
    ) -> list[Audit]:
        """Hold the whole warehouse against every rule in `tasks/sql/audits`.

        *also* are rules that were looked at elsewhere; all are put on record. *held*
        are rules, each with its severity, that held when this run began, at *since*:
        they are looked at again only if it changed a table that they ask about, and
        only of the rows since, where the rule can tell. Of all edges, unless
        *everything* is to be looked at, others are looked at in each run.
        """
        rules = sql_names("audits")
        with self._warehouse.memory.frugal():
            audits = [
                self._audit(rule, held.get(rule), since, everything=everything)
                for rule in rules
            ]
        audits += also
        found = json.dumps([asdict(audit) for audit in audits])
        self._warehouse.ask("put_audits", {"run_id": run_id, "audits": found})
        return audits

    def _audit(
        self,
        rule: str,
        severity: Severity | None,
        since: datetime | None,
        *,
        everything: bool,
    ) -> Audit:
        name = f"audits/{rule}"
        warehouse = self._warehouse
        # More rows that others must name break no rule; nobody changes their keys.
        asks = words_asked(name) - _ALWAYS - (parents_asked(name) - warehouse.shrunk)
        if severity and not asks & warehouse.written:
            return Audit(rule, severity, 0, "")
        parameters: dict[str, Any] = {}
        if "$since" in sql_of(name):
            parameters["since"] = since if severity and since else EVER
        if "$sampled" in sql_of(name):
            parameters["sampled"] = not severity and not everything
        (found,) = warehouse.memory.frugally(lambda: warehouse.ask(name, parameters))
        return Audit(rule, *found)

    def loaded_files(self, moment: datetime) -> int:
        """Return how many articles the sources hold that were read at *moment*."""
        ((count,),) = self._warehouse.ask("loaded_files", {"moment": moment})
        return int(count)
