"""The loop of the threshold sweep, compiled (decision 0008). What it computes is told in `sweep`, which alone calls it.

Cells are numbered column by column. A piece is named by its strongest cell, the one that was visited first.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.lod.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
"""Columns and rows to the neighbours of a cell: those at its sides, then those at its corners."""


PARENT, VISIT, FIRST, LAST, LOW_ROW, HIGH_ROW = range(6)
"""Columns of the forest of cells: the next cell towards the top (-1 before the cell is visited; a top is its own) and when the
cell was visited; for a top the extent of its piece: least and greatest cell, which lie in its first and last column, and rows."""


class Snapshots(NamedTuple):
    """Pieces that reach the top level, at each level kept, by their first cells."""

    low: Ints
    """Least column and row, shape (pieces, 2)."""
    high: Ints
    """Greatest column and row, shape (pieces, 2)."""
    roots: Ints
    """The strongest cell of each piece."""
    levels: Ints


@compiled
def sweep(values: Floats, order: Ints, height: int, counts: Ints, reach: float, num_steps: int) -> Snapshots:
    """Pieces of the greatest cells, from few cells to many, in one pass of union and find (spec of LOD, 2.10).

    Args:
        values: map, shape (cells,).
        order: cells to visit, values falling.
        height: cells in a column.
        counts: how many cells each level keeps, rising. Levels with fewer cells than there are pieces of cells that reach the top
            level are left out.
        reach: top level.
        num_steps: 4 or 8 neighbours.
    """
    forest = np.full((len(values), 6), -1)
    tops, num_tops = np.empty(len(order), np.int64), 0
    found, num_found = np.empty((64, 6), np.int64), 0
    fewest, level = -1, 0
    for time in range(len(order) + 1):
        over = time == len(order)
        if fewest < 0 and (over or values[order[time]] < reach):
            num_tops = _in_cell_order(forest, tops, num_tops)
            fewest = num_tops
        while level < len(counts) and (over or counts[level] == time):
            num_tops = _in_cell_order(forest, tops, num_tops)
            while num_found + num_tops > len(found):
                found = np.concatenate((found, np.empty_like(found)))
            _write(forest, tops[:num_tops], height, level, found[num_found:])
            num_found += num_tops
            level += 1
        if not over:
            cell = order[time]
            _visit(forest, cell, time, height, num_steps)
            if forest[cell, PARENT] == cell and values[cell] >= reach:
                tops[num_tops] = cell
                num_tops += 1
    begin = 0
    while begin < num_found and counts[found[begin, 5]] < fewest:
        begin += 1
    found = found[begin:num_found]
    return Snapshots(found[:, 0:2], found[:, 2:4], found[:, 4], found[:, 5])


@compiled
def _visit(forest: Ints, cell: int, time: int, height: int, num_steps: int) -> None:
    """Make a cell a piece and join to it those of its neighbours that were visited before."""
    column, row = cell // height, cell % height
    width = len(forest) // height
    forest[cell, PARENT], forest[cell, VISIT] = cell, time
    forest[cell, FIRST], forest[cell, LAST] = cell, cell
    forest[cell, LOW_ROW], forest[cell, HIGH_ROW] = row, row
    top = cell
    for step in range(num_steps):
        to_column, to_row = column + _STEPS[step][0], row + _STEPS[step][1]
        if 0 <= to_column < width and 0 <= to_row < height:
            near = to_column * height + to_row
            if forest[near, PARENT] >= 0:
                top = _join(forest, _top(forest, near), top)


@compiled
def _top(forest: Ints, cell: int) -> int:
    while forest[cell, PARENT] != cell:
        forest[cell, PARENT] = forest[forest[cell, PARENT], PARENT]
        cell = forest[cell, PARENT]
    return cell


@compiled
def _join(forest: Ints, one: int, other: int) -> int:
    """Make one piece of those under two tops; its top, the one that was visited first."""
    if one == other:
        return one
    older, younger = (one, other) if forest[one, VISIT] < forest[other, VISIT] else (other, one)
    forest[younger, PARENT] = older
    forest[older, FIRST] = min(forest[older, FIRST], forest[younger, FIRST])
    forest[older, LAST] = max(forest[older, LAST], forest[younger, LAST])
    forest[older, LOW_ROW] = min(forest[older, LOW_ROW], forest[younger, LOW_ROW])
    forest[older, HIGH_ROW] = max(forest[older, HIGH_ROW], forest[younger, HIGH_ROW])
    return older


@compiled
def _in_cell_order(forest: Ints, tops: Ints, num_tops: int) -> int:
    """Drop what is no top any more and sort the others by their pieces' first cells, in place; how many those are."""
    kept = 0
    for cell in tops[:num_tops]:
        if forest[cell, PARENT] == cell:
            # they are nearly in order: few moves each
            place = kept
            while place > 0 and forest[tops[place - 1], FIRST] > forest[cell, FIRST]:
                tops[place] = tops[place - 1]
                place -= 1
            tops[place] = cell
            kept += 1
    return kept


@compiled
def _write(forest: Ints, tops: Ints, height: int, level: int, out: Ints) -> None:
    for row in range(len(tops)):
        top = tops[row]
        out[row, 0], out[row, 1] = forest[top, FIRST] // height, forest[top, LOW_ROW]
        out[row, 2], out[row, 3] = forest[top, LAST] // height, forest[top, HIGH_ROW]
        out[row, 4], out[row, 5] = top, level
