"""Tables in Markdown, aligned for those who read the text itself."""

from collections.abc import Sequence


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is left-aligned and whose others are right-aligned.

    >>> print(markdown_table(["run", "mAP"], [["a|b", "41.20"]]))
    | run  |   mAP |
    |:-----|------:|
    | a\\|b | 41.20 |
    """
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (head, *rows)]
    widths = [max(len(line[idx]) for line in lines) for idx in range(len(head))]
    texts = [
        " | ".join(
            cell.rjust(width) if idx else cell.ljust(width)
            for idx, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    marks = [
        f"{'-' * (width + 1)}:" if idx else f":{'-' * (width + 1)}"
        for idx, width in enumerate(widths)
    ]
    head_line, *others = [f"| {text} |" for text in texts]
    return "\n".join([head_line, f"|{'|'.join(marks)}|", *others])
