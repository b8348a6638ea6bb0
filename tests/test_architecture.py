"""What holds for the package as a whole: layers, imports, the catalogue, the examples."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import art_snn

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
