"""How far it is, on standard error: a bar with the time left on a terminal, else quiet lines."""

import shutil
import sys
import time


class Progress:
    def __init__(self, total):
        self._total = total
        self._done = 0.0
        self._start = time.monotonic()
        self._on_terminal = sys.stderr.isatty()
        self._section = None

    def show(self, section, what):
        if not self._on_terminal:
            if section != self._section:
                self._section = section
                print(f"measuring {section}", file=sys.stderr, flush=True)
            return
        share = self._done / self._total
        elapsed = time.monotonic() - self._start
        left = f"{_clock(elapsed / share - elapsed)} left" if share > 0.02 else "…"
        bar = ("█" * round(24 * share)).ljust(24, "░")
        line = f"{bar} {100 * share:3.0f} %  {left}  {what}"
        print(
            "\r\033[K" + line[: shutil.get_terminal_size().columns - 1],
            end="",
            file=sys.stderr,
            flush=True,
        )

    def advance(self, amount):
        self._done += amount

    def close(self):
        if self._on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
