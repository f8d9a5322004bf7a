"""Floor 1. The engine behind its pipe: what it is asked, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mtctl.core.errors import MtctlError
    from mtctl.core.evolution import Shape
    from mtctl.core.interval import Interval
    from mtctl.core.model import Column, EmptyPolicy, NullPolicy, Partition, Source, SourceFile
    from mtctl.core.pruning import Sight
    from mtctl.core.staged import Staged, StagedFile
    from mtctl.ports.rewriting import Rewrite, RewriteRequest


@frozen
class Parsed:
    """What the engine's parser finds in one SELECT, without looking anything up.

    `tables` are the relation names it reads (as written, dotted, CTE names left out, in order of appearance),
    None where the parser cannot tell (PIVOT). `literals` are path literals of file sources; `params` the named
    parameters (without `$`); `canonical` a text that is equal for queries that differ only in comments, white
    space and keyword case. `functions` are the names of all functions called, lower case.
    """

    tables: tuple[str, ...] | None
    literals: tuple[str, ...]
    params: tuple[str, ...]
    functions: tuple[str, ...]
    volatile: tuple[str, ...]
    canonical: str


@frozen
class FileRange:
    """Rows [start, start + rows) of a data file, marked with a number; `whole` where these are all rows of the file."""

    path: str
    start: int
    rows: int
    part: int
    whole: bool


@frozen
class DeleteFile:
    """Which rows of a data file another client has deleted: a file that lists their positions; paths are absolute.

    Of one that `is_partial` only those count that were deleted in a relation's snapshot or before.
    """

    data: str
    path: str
    is_partial: bool = False


@frozen
class Relation:
    """A table or source that a query may name.

    `names` are all the spellings it answers to (`t`, `main.t`, `project.main.t`). `columns` give its schema; `files`
    its pinned Parquet files (absolute paths), read by field id; a relation without files is empty. One that gives
    `ranges` instead has only the rows of these, and a first column `part` with their number. Of the files in `partial`
    only the rows count that came in `snapshot_id` or before, and what `deleted` lists is left out.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    files: tuple[str, ...] = ()
    ranges: tuple[FileRange, ...] | None = None
    partial: tuple[str, ...] = ()
    snapshot_id: int = 0
    deleted: tuple[DeleteFile, ...] = ()


@frozen
class CompareRequest:
    """Two states of a table to compare, each as ranges of files whose columns are named `c0`, `c1`, … alike.

    The types are those of `after`; `names` are the columns' names in the answer, `key` the places of the key's columns
    (none: rows are added or removed, never changed). With `summary` the answer counts by part: added, removed, changed.
    """

    before: Relation
    after: Relation
    names: tuple[str, ...]
    key: tuple[int, ...] = ()
    summary: bool = False


@frozen
class DescribeRequest:
    """One query to describe: the relations in reach are those of the request and earlier ones of the batch.

    `publish_as` lets later requests of the same call read this one's columns under these names.
    `bind` is an interval to bind to interval parameters.
    """

    query: str
    zone: str
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    params: Mapping[str, object]
    publish_as: tuple[str, ...] = ()
    declared: tuple[tuple[str, str | None], ...] = ()


@frozen
class Description:
    """The columns that a query yields, with stored types and casts (`Column.note`)."""

    columns: tuple[Column, ...]


@frozen
class Slice:
    """One interval of a batch: the instants, and the local wall texts of its edges in the table's zone."""

    interval: Interval
    values: tuple[str, ...] = ()


@frozen
class StageRequest:
    """One attempt's work: compute the intervals (or everything) and write Parquet files into `folder`.

    `slices` are the contiguous intervals to compute, in order (empty for a full table); `statements` groups them:
    each inner tuple is computed by one statement with its own parameters (a single group when the query names no
    interval variable). `params` gives, per statement, the values of the parameters that the query names. Files are
    named `<file_prefix>-<n>.parquet`. `rewrites` are live files to write anew beside them: those that hold other
    intervals too.
    """

    query: str
    zone: str
    columns: tuple[Column, ...]
    partition: Partition | None
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    slices: tuple[Slice, ...]
    statements: tuple[tuple[int, int], ...]
    params: tuple[Mapping[str, object], ...]
    folder: str
    file_prefix: str
    target_rows: int
    target_bytes: int
    null_policy: NullPolicy
    on_empty: EmptyPolicy
    rewrites: tuple[Rewrite, ...] = ()
    known: tuple[SourceFile, ...] = ()  # files hashed before; size, mtime and inode equal spares hashing again


@frozen
class Progress:
    """How far an attempt is: share of the query done in percent (None unknown) and rows so far."""

    percent: float | None
    rows: int


@frozen
class QueryResult:
    """A streamed result: column names, DuckDB types, and rows of text (None for NULL), a chunk at a time.

    `snapshot_id` is what the lake's tables are read as of, None where nobody says.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    chunks: Iterator[list[list[str | None]]]
    snapshot_id: int | None = None


@frozen
class MeasureRequest:
    """One live data file to recompute: what `verify` compares with ledger and catalog.

    `sha256` is the checksum that it was published with, None where nobody wrote it down.
    """

    path: str
    columns: tuple[Column, ...]
    ranges: tuple[tuple[int, int], ...]  # (row_start, rows) per interval, to fingerprint each
    zone: str
    partition: Partition | None
    intervals: tuple[Interval, ...] = ()  # per range, where the partition says that its rows must belong
    sha256: str | None = None


@frozen
class Measured:
    """What a file really holds. `strays` are, per range, how many of its rows belong to another interval."""

    rows: int
    bytes: int
    footer_bytes: int
    sha256: str
    fingerprints: tuple[str, ...]
    stats: tuple[Any, ...]  # tuple[ColumnStats, ...] recomputed from the data
    strays: tuple[int, ...] = ()


@frozen
class ExportRequest:
    """One SELECT to write into one file: `format` is parquet, csv or json; `path` lies in an allowed folder.

    The file appears whole or not at all; a relative path is taken from the project's root.
    """

    query: str
    path: str
    format: str
    zone: str
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    params: Mapping[str, object]


@frozen
class Exported:
    """What an export wrote."""

    path: str
    rows: int
    bytes: int


@frozen
class ScriptRequest:
    """Statements to run in one transaction of a DuckDB file of its own (`database`, in an allowed folder)."""

    script: str
    database: str
    zone: str
    params: Mapping[str, object]


@frozen
class Scripted:
    """What a script did: how many statements, and the rows that they inserted, changed and deleted together."""

    statements: int
    rows: int


class Engine(Protocol):
    """The runner behind its pipe. Every method raises `MtctlError` (kinds INVALID, ENGINE, FAILED)."""

    def parse(self, queries: Sequence[str]) -> list[Parsed | MtctlError]:
        """Parse queries; each must be exactly one SELECT. No look-ups, nothing runs."""

    def sight(self, query: str) -> Sight:
        """Return what a parsed SELECT can see of its tables' rows, as far as its text proves it."""

    def shapes(self, queries: Sequence[str]) -> list[Shape | None]:
        """Take parsed SELECTs apart, to compare two versions of one; None where nothing can be proved of one."""

    def describe(self, requests: Sequence[DescribeRequest]) -> list[Description | MtctlError]:
        """Describe queries in the given order without running them."""

    def stage(self, request: StageRequest, on_progress: Callable[[Progress], None]) -> Staged:
        """Compute one batch and write its files, fsynced, into the staging folder."""

    def rewrite(self, request: RewriteRequest) -> tuple[StagedFile, ...]:
        """Write live files anew, fsynced, in the order of the request."""

    def layouts(self, paths: Sequence[str]) -> list[str]:
        """Return for each file a digest of its columns: files with equal ones may become one."""

    def query(
        self,
        sql: str,
        relations: Sequence[Relation],
        sources: Sequence[Source],
        zone: str,
        limit: int | None,
        params: Mapping[str, object],
    ) -> QueryResult:
        """Run one read-only SELECT and stream its rows as text."""

    def compare(self, request: CompareRequest, zone: str, limit: int | None) -> QueryResult:
        """Compare two states of a table and stream what differs as text.

        Rows come as (change, times, the columns): `added`, `removed`, or with a key `before` and `after`, in its order.
        A summary comes as (part, added, removed, changed).
        """

    def measure(self, request: MeasureRequest) -> Measured:
        """Recompute count, size, sha256, fingerprints and statistics of one live file."""

    def survey(self, requests: Sequence[MeasureRequest], *, deep: bool = False) -> list[Measured | None]:
        """Recompute the same of many files of one table at once, None for those of which that does not tell all.

        Only files with the checksum that they were published with are looked at; of these, what footers say of least
        and greatest values counts, with `deep` only where the rows agree. No path stands there twice.
        """

    def export(self, request: ExportRequest, on_progress: Callable[[Progress], None]) -> Exported:
        """Write the rows of one SELECT into a file, fsynced and renamed into place.

        Errors beside those of queries: `target_access` (INVALID) where the path may not be written, `io` (ENGINE).
        """

    def script(self, request: ScriptRequest, on_progress: Callable[[Progress], None]) -> Scripted:
        """Run statements in a database file, all of them or none.

        Errors beside those of queries: `target_access`, `script_statement`, `database_format` (INVALID),
        `source_locked` (BUSY) naming the process that has the file open.
        """

    def limit(self, memory: int | None, threads: int | None) -> None:
        """Let the calls from now on use so much memory (bytes) and so many threads; None: as it was started."""

    def cancel(self) -> None:
        """Interrupt what runs (callable from another thread); the call that ran it raises `cancelled`."""

    def close(self) -> None:
        """End the runner and its process group."""
