"""Preprocessor of mdBook: references such as [`Target::set`], which rustdoc makes links of, as code.

The chapters are part of the library's documentation too (`wfr::methods` and so on), where rustdoc
resolves and checks these names.
"""

import json
import re
import sys

# [`name`] or [words](`name`), without a target of its own behind it.
NAME = re.compile(r"\[(`[^`\]]+`)\](?![\[(:])")


def plain(items):
    """Rewrites the chapters and all below them."""
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            chapter = item["Chapter"]
            chapter["content"] = NAME.sub(r"\1", chapter["content"])
            plain(chapter["sub_items"])


if sys.argv[1:2] == ["supports"]:
    sys.exit(0)
_, book = json.load(sys.stdin)
plain(book.get("items", book.get("sections", [])))
json.dump(book, sys.stdout)
