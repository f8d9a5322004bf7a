"""Floor 3. From statements to checked definitions: lineage, types, partition, bounds, fingerprint.

The engine's parser says what a query reads, describing says what it yields; everything else is decided here from
values. A table that fails takes only itself and its readers down, so that one call shows every problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.config_sources import FILES, SourceConfig
from mtctl.core.ddl_checks import check_columns
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.evolution import check_renames
from mtctl.core.interval import Interval
from mtctl.core.keys import TableOptions, table_options
from mtctl.core.model import Mode, RangeKind, Read, Source, TableDefinition
from mtctl.core.names import closest, spellings, split_name, table_meant
from mtctl.core.partition_rules import mode_of, partition_of
from mtctl.core.selector import find_cycle, topological
from mtctl.core.table_workflow import table_workflow
from mtctl.core.values import replace
from mtctl.core.variables import check_variables, rewrite_variables, variable_values
from mtctl.ports.engine import DescribeRequest, Relation
from mtctl.services.bounds import bounds_of, proposal
from mtctl.services.drafts import Draft, fingerprint_of, in_file, placed
from mtctl.services.source_names import known_names, not_a_source, reached, source_named
from mtctl.services.source_options import used_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Column
    from mtctl.core.statement import TableStatement
    from mtctl.ports.engine import Description, Engine

_SAMPLE = Interval(1_356_998_400_000_000, 1_357_084_800_000_000)
"""The interval bound while describing where a table has no start yet: 2013-01-01 in UTC; only its type matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What came of a set of statements: definitions by name, and the errors by name."""

    definitions: dict[str, TableDefinition]
    problems: dict[str, MtctlError]


class Resolver:
    """Turns statements into definitions, in reach of a project's sources and the tables in force."""

    def __init__(self, project: Project, engine: Engine) -> None:
        """Keep the project and the engine that parses and describes."""
        self._project = project
        self._engine = engine

    def resolve(
        self, statements: Sequence[tuple[TableStatement, str]], in_force: Mapping[str, TableDefinition]
    ) -> Resolved:
        """Return the definitions of the statements (each with its place for errors).

        `in_force` are tables that the statements may read besides each other.
        """
        problems: dict[str, MtctlError] = {}
        drafts = self._drafts(statements, problems)
        drafts = self._lineage(drafts, in_force, problems)
        known = {name: definition for name, definition in in_force.items() if name not in drafts}
        _refuse_cycles(drafts, known, problems)
        upstream = {name: frozenset(read for read in draft.reads if read in drafts) for name, draft in drafts.items()}
        return self._describe_all(drafts, upstream, known, problems)

    def _drafts(
        self, statements: Sequence[tuple[TableStatement, str]], problems: dict[str, MtctlError]
    ) -> dict[str, Draft]:
        drafts: dict[str, Draft] = {}
        for statement, where in statements:
            try:
                self._check_catalog(statement, where)
                options = table_options(statement, self._project.defaults, where=where)
                query = rewrite_variables(statement.query)
            except MtctlError as error:
                problems[statement.name] = placed(error, where)
                continue
            drafts[statement.name] = Draft(statement=statement, options=options, where=where, query=query)
        parsed = self._engine.parse([draft.query for draft in drafts.values()])
        for (name, draft), found in zip(list(drafts.items()), parsed, strict=True):
            if isinstance(found, MtctlError):
                problems[name] = in_file(found, draft)
                del drafts[name]
                continue
            drafts[name] = replace(draft, parsed=found)
            try:
                check_variables(found.params, has_intervals=bool(draft.statement.partition_columns))
            except MtctlError as error:
                problems[name] = placed(error, draft.where)
                del drafts[name]
        return drafts

    def _check_catalog(self, statement: TableStatement, where: str) -> None:
        if statement.catalog is not None and statement.catalog != self._project.name:
            raise invalid(
                "catalog_unknown",
                f"catalog {statement.catalog!r} is not this project",
                where=where,
                fix=f"write {spellings(statement.name, self._project.name)[-1]} or {statement.name}",
            )
        schema, _ = split_name(statement.name)
        taken = {source.name for source in self._project.sources if source.is_database} | {self._project.name}
        if schema in taken:
            whose = "the project's" if schema == self._project.name else "a source's"
            what = f"the schema {schema!r} has {whose} name: its tables could not be told from others"
            raise invalid("schema_taken", what, where=where, fix="choose another schema")

    # --- lineage ------------------------------------------------------------------------------------------------

    def _lineage(
        self, drafts: dict[str, Draft], in_force: Mapping[str, TableDefinition], problems: dict[str, MtctlError]
    ) -> dict[str, Draft]:
        names = set(drafts) | set(in_force)
        found: dict[str, Draft] = {}
        for name, draft in drafts.items():
            try:
                found[name] = self._reads_of(name, draft, names)
            except MtctlError as error:
                problems[name] = placed(error, draft.where)
        return found

    def _reads_of(self, name: str, draft: Draft, names: set[str]) -> Draft:
        if draft.parsed is None:
            raise MtctlError("internal", "a draft was not parsed", kind=Kind.INTERNAL)
        written = draft.options.upstream if draft.options.upstream is not None else draft.parsed.tables
        if written is None:
            raise invalid(
                "lineage_unknown",
                f"the parser cannot tell what {name!r} reads",
                fix="declare it: 'upstream' = 'a,b' ('' for none)",
            )
        reads: dict[str, None] = {}
        used: dict[str, Source] = {}
        for relation in written:
            table = table_meant(relation, self._project.name)
            if table == name:
                raise invalid(
                    "cycle", f"{name} reads itself: {name} → {name}", fix="read the table's own inputs instead"
                )
            if table is not None and table in names:
                reads[table] = None
            elif (found := source_named(relation, self._project)) is not None:
                used[found.name] = used_source(self._engine, self._project, found, draft.options)
            else:
                known = known_names(relation, names, self._project)
                raise _unknown_relation(relation, known, not_a_source(relation, self._project))
        for literal in draft.parsed.literals:
            config = SourceConfig(name=literal, type=FILES, path=literal)
            used.setdefault(literal, used_source(self._engine, self._project, config, draft.options))
        self._check_option_targets(draft, set(reads), set(used))
        return replace(draft, reads=tuple(reads), sources=tuple(used.values()))

    def _check_option_targets(self, draft: Draft, reads: set[str], sources: set[str]) -> None:
        for target in (*draft.options.upstream_range, *draft.options.upstream_wait):
            if target not in reads:
                raise invalid(
                    "option_target",
                    f"option upstream.{target} names a table that {draft.statement.name!r} does not read",
                    fix=f"it reads {', '.join(sorted(reads)) or 'no table'}",
                )
        for target in (*draft.options.source_change, *draft.options.source_version):
            if target not in sources:
                raise invalid(
                    "option_target",
                    f"option source.{target} names a source that {draft.statement.name!r} does not read",
                    fix=f"it reads {', '.join(sorted(sources)) or 'no source'}",
                )

    # --- describing ---------------------------------------------------------------------------------------------

    def _describe_all(
        self,
        drafts: dict[str, Draft],
        upstream: Mapping[str, frozenset[str]],
        known: Mapping[str, TableDefinition],
        problems: dict[str, MtctlError],
    ) -> Resolved:
        order = topological(tuple(drafts), upstream)
        described = self._describe_pass(order, drafts, known, {})
        again = {
            name: kind
            for name in order
            if (kind := _partition_kind(drafts[name], described[name])) is not None and _names_interval(drafts[name])
        }
        if again:
            described = self._describe_pass(order, drafts, known, again)
        definitions: dict[str, TableDefinition] = {}
        reach = dict(known)
        for name in order:
            draft, found = drafts[name], described[name]
            broken = [read for read in draft.reads if read in problems]
            if broken:
                problems[name] = invalid(
                    "upstream_invalid",
                    f"{name!r} reads {broken[0]!r}, which is not valid",
                    where=draft.where,
                    fix=f"mend {broken[0]!r} first",
                )
                continue
            if isinstance(found, MtctlError):
                problems[name] = in_file(found, draft)
                continue
            try:
                definitions[name] = reach[name] = self._definition(draft, found.columns, reach)
            except MtctlError as error:
                problems[name] = placed(error, draft.where)
        return Resolved(definitions=definitions, problems=problems)

    def _describe_pass(
        self,
        order: Sequence[str],
        drafts: Mapping[str, Draft],
        known: Mapping[str, TableDefinition],
        kinds: Mapping[str, str],
    ) -> dict[str, Description | MtctlError]:
        requests = [self._describe_request(drafts[name], known, kinds.get(name, "TIMESTAMP")) for name in order]
        return dict(zip(order, self._engine.describe(requests), strict=True))

    def _describe_request(self, draft: Draft, known: Mapping[str, TableDefinition], kind: str) -> DescribeRequest:
        params = draft.parsed.params if draft.parsed is not None else ()
        has_intervals = bool(draft.statement.partition_columns)
        zone = draft.options.time_zone or self._project.zone
        try:
            check_variables(params, has_intervals=has_intervals)
            values = variable_values(params, _SAMPLE, zone, kind)
        except MtctlError:
            values = {}
        return DescribeRequest(
            query=draft.query,
            zone=zone,
            relations=tuple(
                Relation(names=self.spellings(read), columns=known[read].columns)
                for read in draft.reads
                if read in known
            ),
            sources=reached(draft.sources, self._project),
            params=values,
            publish_as=self.spellings(draft.statement.name),
            declared=tuple((column.name, column.type) for column in draft.statement.columns),
        )

    def spellings(self, table: str) -> tuple[str, ...]:
        """Return the names that a query may use for a table."""
        return spellings(table, self._project.name)

    # --- the definition -----------------------------------------------------------------------------------------

    def _definition(
        self, draft: Draft, columns: tuple[Column, ...], reach: Mapping[str, TableDefinition]
    ) -> TableDefinition:
        statement, options = draft.statement, draft.options
        params = draft.parsed.params if draft.parsed is not None else ()
        check_columns(statement, [(column.name, column.stored_type, column.nullable) for column in columns])
        partition = partition_of(statement, options, {column.name: column.stored_type for column in columns})
        zone = options.time_zone or self._project.zone
        mode = mode_of(statement, options, partition)
        check_variables(params, has_intervals=mode is Mode.INTERVAL)
        reads = tuple(self._read(read, mode, options, reach[read]) for read in draft.reads)
        definition = TableDefinition(
            name=statement.name,
            ddl=statement.ddl,
            query=draft.query,
            fingerprint="",
            mode=mode,
            columns=columns,
            zone=zone,
            partition=partition if mode is Mode.INTERVAL else None,
            primary_key=statement.primary_key,
            comment=statement.comment,
            refresh_mode=statement.refresh_mode,
            freshness=statement.freshness.render() if statement.freshness is not None else None,
            schedule=options.schedule,
            reads=reads,
            sources=draft.sources,
            params=params,
            volatile=draft.parsed.volatile if draft.parsed is not None else (),
            auto=options.refresh_auto,
            open=options.refresh_open,
            delay=options.refresh_delay,
            batch=options.refresh_batch,
            on_empty=options.refresh_on_empty,
            tags=options.tags,
            options=tuple((key, value) for key, value in options.written),
        )
        check_renames(definition, options.column_renames)
        ask = proposal(self._engine, definition, reached(draft.sources, self._project))
        start, end = bounds_of(definition, options, reach, ask)
        definition = replace(definition, start=start, end=end)
        table_workflow(definition, options.places)  # whether the keys of its schedule fit together
        return replace(definition, fingerprint=fingerprint_of(definition, draft))

    def _read(self, name: str, mode: Mode, options: TableOptions, upstream: TableDefinition) -> Read:
        wait = options.upstream_wait.get(name, True)
        written = options.upstream_range.get(name)
        if written is not None:
            return Read(table=name, kind=written.kind, before=written.before, after=written.after, wait=wait)
        kind = RangeKind.LATEST if upstream.mode is Mode.FULL else RangeKind.OVERLAP
        if mode is Mode.FULL:
            kind = RangeKind.ALL  # a whole table has no past interval to protect: any change of its inputs is news
        return Read(table=name, kind=kind, wait=wait)


def _partition_kind(draft: Draft, found: Description | MtctlError) -> str | None:
    """Return the type of the single native partition column where it changes how interval variables are bound."""
    if isinstance(found, MtctlError) or len(draft.statement.partition_columns) != 1:
        return None
    wanted = draft.statement.partition_columns[0]
    kind = next((column.stored_type for column in found.columns if column.name == wanted), "TIMESTAMP")
    return kind if kind in {"DATE", "TIMESTAMP WITH TIME ZONE"} else None


def _unknown_relation(relation: str, names: set[str], otherwise: str) -> MtctlError:
    near = closest(relation, sorted(names))
    meant = f"did you mean {near!r}?" if near else ""
    if otherwise:
        meant = f"{meant} Otherwise {otherwise}" if near else otherwise
    fix = meant or "define it in tables/, or name it in [sources.<name>] of mtctl.toml"
    return invalid("upstream_unknown", f"no table or source is named {relation!r}", fix=fix)


def _refuse_cycles(
    drafts: dict[str, Draft], known: Mapping[str, TableDefinition], problems: dict[str, MtctlError]
) -> None:
    """Move the drafts that stand in a circle, perhaps through tables in force, to the problems."""
    reads = {name: frozenset(read.table for read in table.reads) for name, table in known.items()}
    reads |= {name: frozenset(draft.reads) for name, draft in drafts.items()}
    while (cycle := find_cycle(reads)) is not None:
        for name in set(cycle):
            reads.pop(name)
            draft = drafts.pop(name, None)
            if draft is not None:
                problems[name] = _cycle(cycle, draft.where)


def _cycle(path: Sequence[str], where: str) -> MtctlError:
    return invalid(
        "cycle",
        f"tables read each other in a circle: {' → '.join(path)}",
        where=where,
        fix="take one of the reads out",
    )


def _names_interval(draft: Draft) -> bool:
    """Whether the query names a variable whose type follows the partition column."""
    return draft.parsed is not None and bool({"interval_start", "interval_end"} & set(draft.parsed.params))
