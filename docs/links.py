#!/usr/bin/env python3
"""Makes links of the pages that leave docs/ lead into the repository: a book has only what is in docs/.

mdbook starts this program by book.toml, and gives it the book as JSON on standard input. OWNER stands for whoever
publishes the repository, as docs/packaging/README.md says.
"""
import json
import posixpath
import re
import sys

REPOSITORY = "https://github.com/OWNER/keytrail/blob/main/"


def outside(text, folder):
    """The text of a page that lies in a folder of docs/, with such links replaced."""

    def replaced(found):
        path, mark, heading = found[1].partition("#")
        if "://" in path or not path:
            return found[0]
        path = posixpath.normpath(posixpath.join("docs", folder, path))
        inside = path == "docs" or path.startswith("docs/")
        return found[0] if inside else f"]({REPOSITORY}{path}{mark}{heading})"

    return re.sub(r"\]\(([^)\s]+)\)", replaced, text)


def walk(items):
    """All pages below a list of items."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            folder = posixpath.dirname(chapter.get("path") or "")
            chapter["content"] = outside(chapter["content"], folder)
            walk(chapter["sub_items"])


if sys.argv[1:2] == ["supports"]:
    sys.exit(0)
_, book = json.load(sys.stdin)
walk(book.get("items", book.get("sections", [])))
json.dump(book, sys.stdout)
