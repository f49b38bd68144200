"""The order in which a plan is executed: as few calls as its dependencies allow.

Two things make one call of many operations:

- Convolutions that read the same value with the same geometry are one convolution with more
  channels (an LSTM's four gates).
- An operation that does not depend on its own earlier values is one call for all steps, stacked
  along the batch: what stands before and behind a feedback loop or a recurrent state. What is
  inside of one runs step by step.

Which is which follows from the graph of operations, steps left aside: its strongly connected
components are the loops, and they are executed in topological order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from space.step.operations import Convolve, Frame, Normalise, What
from space.unroll.plan import Operation, Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """Some operations of a plan, computed at once.

    `rows` are stacked along the batch, one a step; each is the operations that share its
    operands, side by side on channels (more than one for convolutions only). `whats` says what
    those are, for all rows alike. `loop`: the call is one of several of its kind, in a loop.
    """

    rows: tuple[tuple[int, ...], ...]
    whats: tuple[What, ...]
    loop: bool


def schedule(plan: Plan) -> tuple[Call, ...]:
    """All operations of `plan` in calls, each after those that it reads."""
    kinds = _kinds(plan)
    members: dict[int, list[int]] = {}
    for index, kind in enumerate(kinds):
        members.setdefault(kind, []).append(index)
    reads: dict[int, set[int]] = {kind: set() for kind in members}
    for index, operation in enumerate(plan.operations):
        reads[kinds[index]].update(kinds[operand] for operand in operation.operands)
    calls: list[Call] = []
    for component in _components(reads):
        loop = len(component) > 1 or component[0] in reads[component[0]]
        indices = sorted(index for kind in component for index in members[kind])
        rows = _rows(plan, kinds, indices)
        if loop or not _stacks(plan, plan.operations[indices[0]].what):
            calls += (_call(plan, [row], loop) for row in _ordered(rows))
        else:
            calls += _stacked(plan, rows)
    return tuple(calls)


def _stacks(plan: Plan, what: What) -> bool:
    """Whether a call may compute several values of it: not with statistics of each batch."""
    if isinstance(what, Normalise):
        return not (what.batch and plan.training)
    return not isinstance(what, Frame)


def _kinds(plan: Plan) -> list[int]:
    """For every operation the number of its kind: those of one kind can be one call."""
    numbers: dict[object, int] = {}
    kinds: list[int] = []
    for operation in plan.operations:
        kinds.append(numbers.setdefault(_kind(operation, kinds), len(numbers)))
    return kinds


def _kind(operation: Operation, kinds: Sequence[int]) -> object:
    what = operation.what
    if isinstance(what, Convolve):
        source = kinds[operation.operands[0]]
        geometry = (what.kernel, what.stride, what.padding, operation.map.size)
        return (operation.stage, source, geometry)
    return (operation.place, what, len(operation.operands))


def _rows(plan: Plan, kinds: Sequence[int], indices: Sequence[int]) -> list[tuple[int, ...]]:
    """Operations of equal kind and equal operands together."""
    groups: dict[object, list[int]] = {}
    for index in indices:
        operation = plan.operations[index]
        shared = isinstance(operation.what, Convolve)
        key = (kinds[index], operation.operands) if shared else index
        groups.setdefault(key, []).append(index)
    return [tuple(row) for row in groups.values()]


def _ordered(rows: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """By their first operation, whose operands all stand before it."""
    return sorted(rows, key=lambda row: row[0])


def _stacked(plan: Plan, rows: Sequence[tuple[int, ...]]) -> Iterator[Call]:
    """One call for all rows that compute the same."""
    alike: dict[object, list[tuple[int, ...]]] = {}
    for row in rows:
        whats = tuple(plan.operations[index].what for index in row)
        alike.setdefault(whats, []).append(row)
    for group in alike.values():
        yield _call(plan, group, False)


def _call(plan: Plan, rows: Sequence[tuple[int, ...]], loop: bool) -> Call:
    whats = tuple(plan.operations[index].what for index in rows[0])
    return Call(rows=tuple(rows), whats=whats, loop=loop)


def _components(reads: dict[int, set[int]]) -> list[list[int]]:
    """Strongly connected components, each after those that it reads (Tarjan's, unrolled)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    components: list[list[int]] = []
    for root in reads:
        if root in order:
            continue
        work = [(root, iter(sorted(reads[root])))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, left = work[-1]
            for following in left:
                if following not in order:
                    order[following] = low[following] = len(order)
                    stack.append(following)
                    on_stack.add(following)
                    work.append((following, iter(sorted(reads[following]))))
                    break
                if following in on_stack:
                    low[node] = min(low[node], order[following])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    component: list[int] = []
                    while not component or component[-1] != node:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    components.append(component)
    return components
