"""Runs the commands of the book's pages, in the pages' order.

    commands.py SOURCE PROGRAM     runs them in SOURCE, a copy of docs/, with PROGRAM as `wfr`
    commands.py --keep SOURCE DOCS copies the pictures that pages show from SOURCE to DOCS

A page's block of `wgsl`, `csv`, `toml` or `txt` is saved under the last name with that ending that the text
before it names; a block of `sh` is run line by line, where a line beginning with `wfr ` begins a
command. Blocks marked `sh,ignore` are for a terminal or a window, and are not run.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.M | re.S)
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)#]+)\)")


def pages(folder):
    """The pages in the order of the summary."""
    summary = (folder / "SUMMARY.md").read_text()
    return [folder / name for name in re.findall(r"\(([\w./-]+\.md)\)", summary)]


def blocks(text):
    """Language, inside, and the text between the block before and this one."""
    end = 0
    for match in FENCE.finditer(text):
        yield match[1], match[2], text[end : match.start()]
        end = match.end()


def commands(script):
    """The commands of a block."""
    found = []
    for line in script.splitlines():
        if line.startswith("wfr ") or not found:
            found.append(line)
        else:
            found[-1] += "\n" + line
    return found


def run_page(page, environment):
    text = page.read_text()
    for language, inside, before in blocks(text):
        if language in ("wgsl", "csv", "toml", "txt"):
            names = re.findall(rf"`([\w./-]+\.{language})`", before)
            if names:
                (page.parent / names[-1]).write_text(inside)
        elif language == "sh":
            for command in commands(inside):
                start = time.monotonic()
                done = subprocess.run(
                    ["bash", "-c", command], cwd=page.parent, env=environment,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                )
                took = time.monotonic() - start
                print(f"   {page.name} {took:6.1f} s  {command.splitlines()[0]}", flush=True)
                if done.returncode != 0:
                    sys.exit(f"error: {page.name}: {command}\n{done.stdout}")


def pictures(page):
    """The pictures that a page shows."""
    found = PICTURE.findall(page.read_text())
    return [picture for picture in found if not picture.startswith("http")]


def main(arguments):
    if arguments[0] == "--keep":
        source, docs = map(pathlib.Path, arguments[1:])
        for page in pages(source):
            for picture in pictures(page):
                (docs / picture).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / picture, docs / picture)
        return
    source, program = map(pathlib.Path, arguments)
    path = f"{program.resolve().parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    for page in pages(source):
        run_page(page, environment)
    for page in pages(source):
        for picture in pictures(page):
            if not (page.parent / picture).exists():
                sys.exit(f"error: {page.name} shows {picture}, which no command made")


main(sys.argv[1:])
