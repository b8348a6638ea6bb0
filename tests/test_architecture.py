"""What holds for the package as a whole: layers, imports, the catalogue, the examples."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from art.estimators.classification import PyTorchClassifier
from torch import nn

import art_snn
from art_snn.data.formats.aedat3 import Packet

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(art_snn.__path__, "art_snn.") if "__main__" not in module.name
)


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_layers_point_downwards() -> None:
    outcome = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout


def test_importing_the_package_loads_neither_torch_nor_art() -> None:
    assert _python("import art_snn, sys; print([m for m in ('torch', 'art') if m in sys.modules])").stdout == "[]\n"


def test_dependencies_are_what_is_imported() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "art_snn").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    modules = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"art_snn"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    cluster = {re.split(r"[<>=\[]", line)[0] for line in project["optional-dependencies"]["cluster"]}
    homes = packages_distributions()

    imported = {module: {home.lower() for home in homes[module]} for module in modules}

    assert [module for module, home in imported.items() if not home & (declared | cluster)] == [], (
        "imported, not declared"
    )
    assert declared - set().union(*imported.values()) == set(), "declared, not imported"


def test_public_names_have_docstrings() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__doc__ or name.count(".") == 1, f"{name} does not say what is found there"
        for exported in getattr(module, "__all__", ()):
            thing = getattr(module, exported)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                assert thing.__doc__, f"{name}.{exported} has no docstring"


def test_no_docstring_speaks_in_a_doctest_that_is_not_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = sum(len(finder.find(importlib.import_module(name), name)) for name in MODULES)
    assert found > 0


RULES = {"AnnClassifier", "SpikingClassifier", "ConvertedClassifier", "HybridClassifier"}
TREES = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in (ROOT / "art_snn").rglob("*.py")}


def _names_used(tree: ast.AST) -> set[str]:
    """Every name and attribute, imported ones too, but nothing inside of strings."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return names | {
        alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }


def test_no_learning_rule_is_asked_for_by_name() -> None:
    at_home = ("art_snn/estimators/", "art_snn/testing/", "art_snn/catalogue.py")

    asked = {
        str(path): sorted(used)
        for path, tree in TREES.items()
        if not str(path).startswith(at_home) and path.name != "__init__.py" and (used := _names_used(tree) & RULES)
    }

    assert asked == {}, "ask rule_of(classifier) instead"


def test_hooks_are_registered_in_one_place_outside_of_conversion() -> None:
    hooks = re.compile(r"register_(module_)?(forward|full_backward|backward)(_pre)?_hook")

    places = {str(path) for path, tree in TREES.items() if any(map(hooks.fullmatch, _names_used(tree)))}

    assert {place for place in places if not place.startswith("art_snn/conversion/")} == {
        "art_snn/estimators/classification/inspection/hooks.py"
    }


def _private_names(tree: ast.AST) -> set[str]:
    """What a file calls its own: names with one leading underscore of functions, classes and attributes."""
    nodes = list(ast.walk(tree))
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    names |= {node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    return {name for name in names if re.match("_[a-z]", name)}


def test_no_module_touches_private_members_of_another_package() -> None:
    own: dict[Path, set[str]] = {}
    for path, tree in TREES.items():
        own.setdefault(path.parent, set()).update(_private_names(tree))
    libraries = {name for owner in (nn.Module(), Packet, PyTorchClassifier) for name in dir(owner)}
    anybodys = set().union(*own.values()) - libraries

    touched = {
        f"{path}: {ast.unparse(node)}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "super()")
        if node.attr in anybodys - own[path.parent]  # the rest is the libraries'
    }

    assert touched == set()


SOURCES = {
    path.relative_to(ROOT): path.read_text()
    for folder in ("art_snn", "tests", "docs", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
LINES_OF_A_FILE, LINES_OF_MOST_FUNCTIONS = 400, 16


def test_no_file_is_longer_than_one_sitting() -> None:
    lengths = {str(path): len(text.splitlines()) for path, text in SOURCES.items()}

    assert {path: n for path, n in lengths.items() if n > LINES_OF_A_FILE} == {}, "split it by concept"


def _lines_of_code(function: ast.FunctionDef) -> int:
    """From `def` to the end, less the docstring."""
    first, *_ = function.body
    has_docstring = ast.get_docstring(function) is not None
    return _n_lines(function) - (_n_lines(first) if has_docstring else 0)


def _n_lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_nine_functions_of_ten_are_short() -> None:
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    lengths = sorted(_lines_of_code(node) for node in nodes if isinstance(node, ast.FunctionDef))

    assert lengths[len(lengths) * 9 // 10] <= LINES_OF_MOST_FUNCTIONS


# A private name is tested in one file, which is about it; all other tests use public names. These cannot:
SHARED_PRIVATE = {
    "art_snn._random.host_seed": "ART's code draws from the global streams, in tests too",
    "art_snn.defences._convolution_units.units": "tells which channels pruning took, of any network",
}


def _private_imports(tree: ast.AST) -> Iterator[str]:
    """What a file imports that is private, or from a private module, with the module's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("art_snn"):
            yield from (name for alias in node.names if re.search(r"\._[a-z]", name := f"{node.module}.{alias.name}"))


def _users_of_private_names() -> dict[str, set[str]]:
    users: dict[str, set[str]] = {}
    for path, text in SOURCES.items():
        if path.name.startswith("test_"):
            for name in _private_imports(ast.parse(text)):
                users.setdefault(name, set()).add(path.name)
    return users


def test_a_private_name_is_tested_in_one_file() -> None:
    shared = {name: files for name, files in _users_of_private_names().items() if len(files) > 1}

    assert {name: files for name, files in shared.items() if name not in SHARED_PRIVATE} == {}
    assert SHARED_PRIVATE.keys() - shared.keys() == set(), "no exception is needed any more"


def test_tests_import_what_is_public_by_its_public_name() -> None:
    faces = [importlib.import_module(name) for name in MODULES if "._" not in name]
    public = {id(getattr(face, name)) for face in faces for name in getattr(face, "__all__", ())}

    found = {}
    for name, files in _users_of_private_names().items():
        module, _, own = name.rpartition(".")
        thing = getattr(importlib.import_module(module), own, None)
        if id(thing) in public:
            found[name] = files

    assert found == {}
