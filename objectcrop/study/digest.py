"""The digest of the code that a stage runs: it changes when what the code does may change, and only then.

Snakemake notices neither an edited script behind `shell:` nor an edited module (measured, version 9.27), so each rule has
this digest among its params. It is made of the syntax trees of the script and of every project module that it imports,
directly or not, without docstrings, comments, formatting and the descriptions of settings.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = ("objectcrop", "workflow_scripts")
ONLOOKERS = ("objectcrop", "identity")
"""The room that records and compares what others made: no number depends on it, so that an edit there reruns nothing."""


def code_digest(module: str, root: Path) -> str:
    """Return 12 hexadecimal digits for `module` (for example `workflow_scripts.pretrain`) of the checkout at `root`.

    Raises:
        ValueError: if there is no such module.
    """
    if _file(module, root) is None:
        raise ValueError(f"no module {module} under {root}")
    digests: dict[str, str] = {}
    todo = [module]
    while todo:
        name = todo.pop()
        path = _file(name, root)
        if name in digests or path is None or tuple(name.split(".")[:2]) == ONLOOKERS:
            continue
        stat = path.stat()
        digests[name], imported = _parsed(name, path, stat.st_mtime_ns, stat.st_size)
        todo += imported
    listing = "\n".join(f"{name} {digest}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(listing.encode()).hexdigest()[:12]


def recipe_number(module: str, root: Path) -> int:
    """Return the RECIPE constant of a module, read without running it.

    Raises:
        ValueError: if the module has no line `RECIPE = <number>`.
    """
    path = _file(module, root)
    if path is not None:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "RECIPE" for t in node.targets):
                return int(ast.literal_eval(node.value))
    raise ValueError(f"module {module} under {root} has no RECIPE number")


def _file(module: str, root: Path) -> Path | None:
    if module.split(".")[0] not in PROJECT:
        return None
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _parsed(name: str, path: Path, mtime_ns: int, size: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = tuple(sorted(set(_imports(tree))))
    bare = _WithoutWords().visit(tree)
    return hashlib.sha256(ast.dump(bare).encode()).hexdigest(), imported


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from package import name`: the name may be a module or something inside one; files decide
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in names:
            parts = module.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


class _WithoutWords(ast.NodeTransformer):
    """Drop what only people read: docstrings and the `description=` of settings."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        return node
