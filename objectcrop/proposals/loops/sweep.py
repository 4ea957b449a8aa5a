"""The loop of the threshold sweep, compiled (decision 0008). What it computes is described in `sweep`, which alone calls it.

Cells are those of a map with a frame one cell wide, numbered column by column, so that every cell has all its neighbours. Pieces
are numbered as they are founded: the least number has the strongest cell.
"""

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.compiled import compiled

Ints = NDArray[np.int64]
SmallInts = NDArray[np.int32]
"""32 bits, so that what is read for each cell stays near the core."""

TOP, LABEL, SIZE, HEAD, TAIL, FIRST, LAST, LOW_ROW, HIGH_ROW = range(9)
"""Columns of the pieces: strongest cell; what its cells are marked with; number of cells, 0 once it is joined to an older piece;
ends of the chain of its cells; least and greatest cell, which are in its first and last column; rows."""

FOUNDED, GOOD, ALIVE, FEWEST = range(4)
"""FetchCounts: pieces founded, those that reach the top level (the first ones), pieces that were not joined to others, and how many
those were when the last cell that reaches the top level was visited."""

_NONE, _SEVERAL = -1, -2
"""In place of a label: the cell touches no piece, or more than one."""

X1, Y1, X2, Y2, ROOT, LEVEL = range(6)
"""Columns of a row of boxes: box of a piece, its strongest cell as a cell of the map without frame, level."""


@compiled
def sweep(
    order: Ints,
    starts: Ints,
    strong: Ints,
    counts: Ints,
    num_cells: int,
    height: int,
    num_steps: int,
    edges: Ints,
    repeats: bool,
) -> Ints:
    """Return boxes of the pieces of the greatest cells of maps, from few cells to many, in one pass (spec of LOD, 2.10).

    All cells of a piece bear its label; where two pieces meet, the cells of the smaller one are marked again. A cell that touches
    one piece alone, as nearly all do, costs one read of each neighbour and no search.

    Args:
        order: cells to visit, values falling, map after map; none of the frame.
        starts: the first of each map in that order, and the end of the last.
        strong: how many cells of each map, the first ones, reach the top level.
        counts: how many cells each level keeps, rising, shape (maps, levels). Levels with fewer cells than there are pieces of
            cells that reach the top level are left out.
        num_cells: of a map, with its frame.
        height: cells in a column, frame included.
        num_steps: 4 or 8 neighbours.
        edges: first pixel and one past the last pixel of each column and of each row, frame included, shape (4, longer side).
        repeats: give a piece at every level; otherwise not where box and root are those of the last level that gave the root.

    Returns:
        Map by map, level by level, within a level by the pieces' first cells; shape (boxes, 6), columns as named above.
    """
    rows, num_rows = np.empty((1024, 6), np.int64), 0
    for index in range(len(strong)):
        visits = order[starts[index] : starts[index + 1]]
        own = _sweep_map(visits, strong[index], counts[index], num_cells, height, num_steps, edges, repeats)
        while num_rows + len(own) > len(rows):
            rows = np.concatenate((rows, np.empty_like(rows)))
        rows[num_rows : num_rows + len(own)] = own
        num_rows += len(own)
    return rows[:num_rows]


@compiled
def _sweep_map(
    order: Ints, num_strong: int, counts: Ints, num_cells: int, height: int, num_steps: int, edges: Ints, repeats: bool
) -> Ints:
    """Boxes of one map."""
    labels, following = np.full(num_cells, -1, np.int32), np.empty(num_cells, np.int32)
    pieces, owner = np.empty((len(order), 9), np.int32), np.empty(len(order), np.int32)
    tally = np.zeros(4, np.int64)
    listed, num_listed = np.empty(len(order), np.int64), 0
    rows, num_rows = np.empty((1024, 6), np.int64), 0
    visited = 0
    for level in range(len(counts)):
        good, until = tally[GOOD], min(counts[level], len(order))
        _grow(labels, following, pieces, owner, tally, order, visited, until, num_strong, height, num_steps)
        visited = until
        for number in range(good, tally[GOOD]):
            listed[num_listed] = number
            num_listed += 1
        num_listed = _in_cell_order(pieces, listed, num_listed)
        while num_rows + num_listed > len(rows):
            rows = np.concatenate((rows, np.empty_like(rows)))
        _write(pieces, listed[:num_listed], height, edges, level, rows[num_rows:])
        num_rows += num_listed
    _grow(labels, following, pieces, owner, tally, order, visited, len(order), num_strong, height, num_steps)
    begin = 0
    while begin < num_rows and counts[rows[begin, LEVEL]] < tally[FEWEST]:
        begin += 1
    rows = rows[begin:num_rows]
    return rows if repeats else rows[: _drop_repeats(rows, num_cells)]


@compiled
def _grow(
    labels: SmallInts,
    following: SmallInts,
    pieces: SmallInts,
    owner: SmallInts,
    tally: Ints,
    order: Ints,
    begin: int,
    end: int,
    num_strong: int,
    height: int,
    num_steps: int,
) -> None:
    """Visit cells begin, ..., end - 1: each founds a piece or is added to the one it touches, after those were joined."""
    for visit in range(begin, end):
        cell = order[visit]
        label = _label_around(labels, cell, height, num_steps)
        if label == _NONE:
            label = tally[FOUNDED]
            _begin(pieces, owner, label, cell, cell % height)
            tally[FOUNDED] += 1
            tally[ALIVE] += 1
            tally[GOOD] += visit < num_strong
        else:
            if label == _SEVERAL:
                label = _join_around(labels, following, pieces, owner, tally, cell, height, num_steps)
            _add(pieces, owner[label], following, cell, cell % height)
        labels[cell] = label
        if visit < num_strong:
            tally[FEWEST] = tally[ALIVE]


@compiled
def _label_around(labels: SmallInts, cell: int, height: int, num_steps: int) -> int:
    """The label of the piece that a cell touches, or that it touches none, or that it may touch several."""
    left, right, above, below = labels[cell - height], labels[cell + height], labels[cell - 1], labels[cell + 1]
    label = max(max(left, right), max(above, below))
    alone = _lone(left, label) & _lone(right, label) & _lone(above, label) & _lone(below, label)
    if num_steps == 4:
        return label if alone else _SEVERAL
    for column in (cell - height, cell + height):
        for corner in (labels[column - 1], labels[column + 1]):
            alone &= _lone(corner, label)
            label = max(label, corner)
    return label if alone else _SEVERAL


@compiled
def _lone(near: int, label: int) -> bool:
    return (near < 0) | (near == label)


@compiled
def _begin(pieces: SmallInts, owner: SmallInts, number: int, cell: int, row: int) -> None:
    """Make a cell a piece."""
    owner[number] = number
    pieces[number, TOP], pieces[number, LABEL], pieces[number, SIZE] = cell, number, 1
    pieces[number, HEAD], pieces[number, TAIL] = cell, cell
    pieces[number, FIRST], pieces[number, LAST] = cell, cell
    pieces[number, LOW_ROW], pieces[number, HIGH_ROW] = row, row


@compiled
def _add(pieces: SmallInts, number: int, following: SmallInts, cell: int, row: int) -> None:
    """Add a cell to a piece."""
    pieces[number, SIZE] += 1
    following[pieces[number, TAIL]] = cell
    pieces[number, TAIL] = cell
    pieces[number, FIRST] = min(pieces[number, FIRST], cell)
    pieces[number, LAST] = max(pieces[number, LAST], cell)
    pieces[number, LOW_ROW] = min(pieces[number, LOW_ROW], row)
    pieces[number, HIGH_ROW] = max(pieces[number, HIGH_ROW], row)


@compiled
def _join_around(
    labels: SmallInts,
    following: SmallInts,
    pieces: SmallInts,
    owner: SmallInts,
    tally: Ints,
    cell: int,
    height: int,
    num_steps: int,
) -> int:
    """Make one of the pieces that a cell touches; its label."""
    steps = (-height, height, -1, 1, -height - 1, -height + 1, height - 1, height + 1)
    label = -1
    for index in range(num_steps):
        near = labels[cell + steps[index]]
        if near >= 0 and label >= 0 and near != label:
            _join(labels, following, pieces, owner, min(owner[label], owner[near]), max(owner[label], owner[near]))
            tally[ALIVE] -= 1
        label = labels[cell + steps[index]] if near >= 0 else label
    return label


@compiled
def _join(labels: SmallInts, following: SmallInts, pieces: SmallInts, owner: SmallInts, old: int, young: int) -> None:
    """Add a piece to an older one; the label of the larger one stays."""
    smaller, larger = (young, old) if pieces[young, SIZE] <= pieces[old, SIZE] else (old, young)
    label = pieces[larger, LABEL]
    cell = pieces[smaller, HEAD]
    for _ in range(pieces[smaller, SIZE]):
        labels[cell] = label
        cell = following[cell]
    owner[label] = old
    pieces[old, LABEL] = label
    following[pieces[old, TAIL]] = pieces[young, HEAD]
    pieces[old, TAIL] = pieces[young, TAIL]
    pieces[old, SIZE] += pieces[young, SIZE]
    pieces[young, SIZE] = 0
    pieces[old, FIRST] = min(pieces[old, FIRST], pieces[young, FIRST])
    pieces[old, LAST] = max(pieces[old, LAST], pieces[young, LAST])
    pieces[old, LOW_ROW] = min(pieces[old, LOW_ROW], pieces[young, LOW_ROW])
    pieces[old, HIGH_ROW] = max(pieces[old, HIGH_ROW], pieces[young, HIGH_ROW])


@compiled
def _in_cell_order(pieces: SmallInts, listed: Ints, num_listed: int) -> int:
    """Drop pieces joined to others, sort the rest by their first cells, in place, and return how many are left."""
    kept = 0
    for number in listed[:num_listed]:
        if pieces[number, SIZE] > 0:
            # they are nearly in order: few moves each
            place = kept
            while place > 0 and pieces[listed[place - 1], FIRST] > pieces[number, FIRST]:
                listed[place] = listed[place - 1]
                place -= 1
            listed[place] = number
            kept += 1
    return kept


@compiled
def _write(pieces: SmallInts, listed: Ints, height: int, edges: Ints, level: int, out: Ints) -> None:
    for row in range(len(listed)):
        piece = listed[row]
        out[row, X1], out[row, Y1] = edges[0, pieces[piece, FIRST] // height], edges[2, pieces[piece, LOW_ROW]]
        out[row, X2], out[row, Y2] = edges[1, pieces[piece, LAST] // height], edges[3, pieces[piece, HIGH_ROW]]
        top = pieces[piece, TOP]
        out[row, ROOT], out[row, LEVEL] = (top // height - 1) * (height - 2) + top % height - 1, level


@compiled
def _drop_repeats(rows: Ints, num_cells: int) -> int:
    """Drop boxes that equal the last one kept of their root, in place, and return how many are left."""
    last_of_root = np.full(num_cells, -1)
    kept = 0
    for row in range(len(rows)):
        last = last_of_root[rows[row, ROOT]]
        grown = last < 0
        for side in range(4):
            grown = grown or rows[last, side] != rows[row, side]
        if grown:
            for column in range(6):
                rows[kept, column] = rows[row, column]
            last_of_root[rows[row, ROOT]] = kept
            kept += 1
    return kept
