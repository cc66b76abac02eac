"""The guards of the checker, found in its source, and the checker without one of them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import singlearn.exact

ROOM = Path(singlearn.exact.__file__).parent
ORDER = [
    "certificate",
    "verify",
    "verify.polynomial",
    "verify.data",
    "verify.bounds",
    "verify.zeros",
    "verify.cones",
    "verify.witness",
    "verify.charts",
    "verify.polyhedron",
    "verify.faces",
    "verify.plane",
    "verify.tree",
    "verify.verify",
]
"""Modules that a verdict depends on, each after those that it imports."""


@dataclass(frozen=True)
class Guard:
    """One condition that can stop a certificate.

    Args:
        module: where it is.
        function: in which it is.
        condition: as ``ast.unparse`` writes it.
        place: which node of the module's tree it is, counted as ``ast.walk`` goes.
        holds: the value at which it lets the certificate pass.
    """

    module: str
    function: str
    condition: str
    place: int
    holds: bool

    @property
    def label(self) -> str:
        """By which a forged certificate names it."""
        return f"{self.module}.{self.function}: {self.condition}"


def source(module: str) -> str:
    path = ROOM / (module.replace(".", "/") + ("/__init__.py" if module == "verify" else ".py"))
    return path.read_text()


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(source(module))


def find() -> list[Guard]:
    """All guards.

    They are: every condition of a ``require``; every condition under which something is raised, or
    a function that answers a question answers no, and without which it would not answer yes; every
    condition without which an upper bound, a real point or a sign is not claimed. Where conditions
    are joined, each one.
    """
    found = []
    for module in ORDER:
        places = {id(node): place for place, node in enumerate(ast.walk(tree(module)))}
        for function in _functions(tree(module)):
            for condition, holds in _conditions(function):
                found.append(
                    Guard(
                        module, function.name, ast.unparse(condition), places[id(condition)], holds
                    )
                )
    return found


def _functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions and methods, not those inside functions."""
    for node in module.body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef):
                yield inner


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef):
            waiting += list(ast.iter_child_nodes(node))


def _conditions(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, bool]]:
    answers = isinstance(function.returns, ast.Name) and function.returns.id == "bool"
    for node in _own(function):
        match node:
            case ast.Call(func=ast.Name(id="require"), args=[condition, _]):
                yield from ((part, True) for part in _joined(condition, ast.And))
            case ast.If(test=condition, body=[ast.Raise()]):
                yield from ((part, False) for part in _joined(condition, ast.Or))
            case ast.If(
                test=condition,
                body=[ast.Return(value=ast.Constant(value=False | None) | ast.UnaryOp())],
            ):
                yield from ((part, False) for part in _joined(condition, ast.Or))
            case ast.Return(value=ast.BoolOp(op=ast.And()) as condition) if answers:
                yield from ((part, True) for part in _joined(condition, ast.And))
            case ast.If(
                test=ast.BoolOp(op=ast.And()) as condition,
                body=[ast.Return(value=ast.Constant(value=True))],
            ):
                yield from ((part, True) for part in _joined(condition, ast.And))
            case ast.Return(value=ast.Compare() as condition) if answers:
                yield condition, True
            case ast.Return(value=ast.Call(func=ast.Name(id="all" | "any")) as condition) if (
                answers
            ):
                yield condition, True
            case ast.Assign(targets=[ast.Name(id="even")], value=condition):
                yield condition, True
            case ast.Call(
                func=ast.Name(id="Poles"), args=[_, _, ast.Constant(value=False) as condition]
            ):
                yield condition, True
            case ast.IfExp(test=condition, orelse=ast.Name(id="NEVER")):
                yield condition, True
            case ast.keyword(arg="real", value=ast.BoolOp(op=ast.And()) as condition):
                yield from ((part, True) for part in _joined(condition, ast.And))


def _joined(condition: ast.expr, operator: type[ast.boolop]) -> list[ast.expr]:
    if isinstance(condition, ast.BoolOp) and isinstance(condition.op, operator):
        return condition.values
    return [condition]


class _Replace(ast.NodeTransformer):
    def __init__(self, condition: ast.AST, holds: bool) -> None:
        self.condition, self.holds = condition, holds

    def visit(self, node: ast.AST) -> Any:
        if node is self.condition:
            return ast.copy_location(ast.Constant(self.holds), node)
        return self.generic_visit(node)


@cache
def _code(module: str) -> CodeType:
    return compile(tree(module), f"<{module}>", "exec")


@contextmanager
def checker(without: Guard | None = None) -> Iterator[ModuleType]:
    """``verify.verify``, loaded anew with the modules that it depends on, one guard missing.
    Nothing is written to a file.
    """
    prefix = "singlearn.exact."
    kept = {prefix + module: sys.modules.get(prefix + module) for module in ORDER}
    try:
        for module in ORDER:
            fresh = ModuleType(prefix + module)
            fresh.__package__ = (prefix + module).rpartition(".")[0]
            if module == "verify":
                fresh.__path__ = [str(ROOM / "verify")]
            sys.modules[prefix + module] = fresh
            if module.startswith("verify."):
                setattr(sys.modules[prefix + "verify"], module.removeprefix("verify."), fresh)
            if without is not None and without.module == module:
                changed = deepcopy(tree(module))
                condition = list(ast.walk(changed))[without.place]
                code = compile(
                    _Replace(condition, without.holds).visit(changed),
                    f"<{module}, a guard missing>",
                    "exec",
                )
            else:
                code = _code(module)
            exec(code, fresh.__dict__)
        yield sys.modules[prefix + "verify.verify"]
    finally:
        for name, module_ in kept.items():
            if module_ is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module_
