"""Measured values as an aligned table: median, worst, and what the last side adds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

_HEADER = ("", "median", "worst", "adds", "ratio")


@dataclass(frozen=True)
class Row:
    """One quantity, measured on one side or on several; the more, the worse."""

    what: str
    sides: Mapping[str, Sequence[float]]
    digits: int = 2


def _lines(row: Row) -> Iterable[Sequence[str]]:
    """Yield the cells of a quantity; sides are compared with the first one."""
    base: float | None = None
    yield (row.what,)
    for side, values in row.sides.items():
        middle = median(values)
        cells = [
            f"  {side}",
            f"{middle:.{row.digits}f}",
            f"{max(values):.{row.digits}f}",
        ]
        if base is not None:
            cells.append(f"{middle - base:+.{row.digits}f}")
            cells.append(f"{middle / base:.2f}" if base else "-")
        base = middle if base is None else base
        yield cells


def table(rows: Iterable[Row]) -> str:
    """Return the table."""
    lines = [_HEADER, *(cells for row in rows for cells in _lines(row))]
    widths = [
        max(len(cells[column]) for cells in lines if len(cells) > column)
        for column in range(len(_HEADER))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ).rstrip()
        for cells in lines
    )
