"""Tables in LaTeX, in the style of booktabs, in which no string is anything but text."""

import pandas as pd

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # else an option of the line break before it
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "µ": r"$\mu$",
    "−": "$-$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def latex_table(table: pd.DataFrame, notes: tuple[str, ...] = ()) -> str:
    """A `tabular` to be put into a paper that uses the package booktabs; notes are comments above it."""
    rows = [[latex_text(str(cell)) for cell in row] for row in (table.columns, *table.to_numpy())]
    lines = [" & ".join(row) + r" \\" for row in rows]
    body = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    comments = [f"% {' '.join(note.split())}" for note in notes]
    return "\n".join([*comments, rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}", *body, r"\end{tabular}"]) + "\n"


def latex_text(text: str) -> str:
    r"""Text that LaTeX prints as it is, in one line.

    >>> print(latex_text("a_b ~ 50 % \\x [0.1, 0.2]"))
    a\_b \textasciitilde{} 50 \% \textbackslash{}x {[}0.1, 0.2{]}
    """
    return "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
