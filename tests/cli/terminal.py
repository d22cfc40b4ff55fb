"""A terminal of 60 by 20 for tests: runs a program on it and presses keys.

terminal.py OUT [KEY WORDS]... -- PROGRAM ARGUMENTS...

Standard output goes to the file OUT, standard error to the terminal. Each KEY is pressed, in order,
once WORDS are on the screen and nothing more comes, or have been there for a second while the picture
goes on to change; the screen of then is printed. At the end it prints what the terminal shows, the switches of its screen (h to the other one, l back), and whether
its settings are those of before. The exit code is the program's.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

COLUMNS, ROWS, PATIENCE = 60, 20, 300
# A move of the cursor, any other control sequence, a character.
TOKEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;?]*[ -/]*[@-~]|([^\x1b])", re.DOTALL)


def blank():
    return [[" "] * COLUMNS for _ in range(ROWS)]


class Screen:
    def __init__(self):
        self.cells, self.row, self.column = blank(), 0, 0
        self.other = blank(), 0, 0
        self.switches = ""
        self.decode = codecs.getincrementaldecoder("utf-8")().decode
        self.rest = ""

    def feed(self, data):
        text, at = self.rest + self.decode(data), 0
        while token := TOKEN.match(text, at):
            at = token.end()
            row, column, character = token.groups()
            if row:
                self.row, self.column = int(row) - 1, int(column) - 1
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.line()
            elif character:
                if self.column == COLUMNS:
                    self.line()
                    self.column = 0
                self.cells[self.row][self.column] = character
                self.column += 1
            elif token.group().startswith("\x1b[?1049"):
                self.switch(token.group()[-1])
        self.rest = text[at:]

    def line(self):
        self.row += 1
        if self.row == ROWS:
            self.row -= 1
            self.cells = self.cells[1:] + [[" "] * COLUMNS]

    def switch(self, mode):
        self.switches += mode
        now = self.cells, self.row, self.column
        self.cells, self.row, self.column = self.other
        self.other = now

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


def main():
    split = sys.argv.index("--")
    out, script, program = sys.argv[1], sys.argv[2:split], sys.argv[split + 1 :]
    keys = list(zip(script[::2], script[1::2]))
    child, terminal = pty.fork()
    if child == 0:
        os.dup2(os.open(out, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 1)
        os.execv(program[0], program)
    settings = termios.tcgetattr(terminal)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen, end, shown = Screen(), time.monotonic() + PATIENCE, None
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                screen.feed(os.read(terminal, 65536))
            except OSError:
                break
        if not keys or keys[0][1] not in screen.text():
            shown = None
            continue
        shown = shown or time.monotonic()
        if not ready or time.monotonic() > shown + 1.0:
            shown = None
            print(f"--- {keys[0][1]}\n{screen.text()}")
            os.write(terminal, keys.pop(0)[0].encode())
    else:
        print(f"gave up waiting for {keys}\n{screen.text()}")
        os.kill(child, 9)
    _, status = os.waitpid(child, 0)
    same = termios.tcgetattr(terminal) == settings
    print(f"--- end\n{screen.text()}")
    print(f"switches {screen.switches}, keys left {len(keys)}, settings restored {same}")
    sys.exit(os.waitstatus_to_exitcode(status))


main()
