"""Places in a module where one comparison, sign, constant or condition can be changed."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

SWAPPED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}

SPEED_ONLY = {
    "BLOCK_VALUES",
    "CACHED_WEIGHT_BYTES",
    "CHEAP_TO_COPY",
    "DEFAULT_MEMORY_BYTES",
    "FEW_CLASSES",
    "FORWARD_VALUES",
    "is_turned",
    "per_block",
}
"""Names whose values decide how fast something is and never what comes out of it."""


@dataclass(frozen=True)
class Mutation:
    """One change of a module.

    Attributes
    ----------
    line, column : int
    before, after : str
        The changed expression.
    source : str
        The whole module with the change.
    """

    line: int
    column: int
    before: str
    after: str
    source: str


def mutations(source: str) -> Iterator[Mutation]:
    """Yield every mutation of a module, in the order of its text."""
    tree = ast.parse(source)
    for index, (owner, field, position) in enumerate(_places(tree)):
        node = _at(owner, field, position)
        for changed in _changes(node):
            copy = deepcopy(tree)
            own, own_field, own_position = list(_places(copy))[index]
            _put(own, own_field, own_position, changed)
            before, after = ast.unparse(node), ast.unparse(changed)
            yield Mutation(
                node.lineno,
                node.col_offset,
                before,
                after,
                ast.unparse(ast.fix_missing_locations(copy)),
            )


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Yield where each expression hangs: its owner, the field, and the place in a list."""
    for field, value in ast.iter_fields(tree):
        if _is_left_out(tree, field):
            continue
        children = value if isinstance(value, list) else [value]
        for position, child in enumerate(children):
            if isinstance(child, ast.expr) and field != "slice":
                yield tree, field, position if isinstance(value, list) else None
            if isinstance(child, ast.AST):
                yield from _places(child)


def _is_left_out(owner: ast.AST, field: str) -> bool:
    """Leave out types, decorators, texts and speed, with all that is inside them."""
    if field in ("annotation", "returns", "decorator_list", "bases"):
        return True
    if isinstance(owner, ast.keyword) and owner.arg == "strict":
        # A guard against what the lines before rule out.
        return True
    if isinstance(owner, ast.Assign):
        names = {getattr(t, "id", getattr(t, "attr", None)) for t in owner.targets}
        return bool(names & SPEED_ONLY)
    return isinstance(owner, ast.JoinedStr)


def _at(owner: ast.AST, field: str, position: int | None) -> ast.expr:
    value = getattr(owner, field)
    return value if position is None else value[position]


def _put(owner: ast.AST, field: str, position: int | None, node: ast.expr) -> None:
    if position is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[position] = node


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    copy = deepcopy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        copy.ops[0] = SWAPPED[type(node.ops[0])]()
        yield copy
    elif (isinstance(node, ast.BinOp) and type(node.op) in SWAPPED) or isinstance(node, ast.BoolOp):
        copy.op = SWAPPED[type(node.op)]()
        yield copy
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield copy.operand
    elif isinstance(node, ast.IfExp):
        copy.body, copy.orelse = node.orelse, node.body
        yield copy
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.copy_location(ast.Constant(not node.value), node)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node, ast.Constant) and type(node.value) is float:
        yield ast.copy_location(ast.Constant(node.value * 2 or 1.0), node)
