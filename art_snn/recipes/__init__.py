"""The experiments of publications as files, and what came out of them beside what was published."""

from art_snn.recipes.compared import ComparedCell, ComparedRow, ComparedTable, compared
from art_snn.recipes.published import Published, published_values
from art_snn.recipes.recipe import MODES, SCALES, Recipe, recipe, recipe_names
from art_snn.recipes.run import RecipeRun, recipe_run
from art_snn.recipes.tables import Column, TableLayout, Term

__all__ = [
    "MODES",
    "SCALES",
    "Column",
    "ComparedCell",
    "ComparedRow",
    "ComparedTable",
    "Published",
    "Recipe",
    "RecipeRun",
    "TableLayout",
    "Term",
    "compared",
    "published_values",
    "recipe",
    "recipe_names",
    "recipe_run",
]
