"""The commands of a how-to page, run as a reader runs them: block after block, in one shell, in one folder."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
SECONDS = 300.0  # for one block; none takes a tenth of it
END = "the block has ended with"


def blocks_of(page: str) -> dict[str, list[str]]:
    """Return the blocks of a page that are to be run (```bash), by the heading they stand below."""
    text = (HOWTO / page).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for section in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        heading = section.partition("\n")[0].lstrip("# ")
        if blocks := re.findall(r"^```bash\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            found[heading] = blocks
    return found


class PageShell:
    """A bash that goes on from block to block. What a page has its readers fill in is replaced first."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], replaced: Mapping[str, str]) -> None:
        self._folder, self._process, self._replaced = folder, process, replaced
        self._count = 0

    def run(self, block: str, code: int = 0) -> str:
        """Run a block and return what it printed; fail unless it ends with the code. One with another than 0 sets nothing."""
        if self._replaced:  # all at once: a port that is put in may read like another one of the page
            written = "|".join(re.escape(one) for one in sorted(self._replaced, key=len, reverse=True))
            block = re.sub(written, lambda found: self._replaced[found[0]], block)
        self._count += 1
        script = self._folder / f"block{self._count}.sh"
        script.write_text(block, encoding="utf-8")
        call = f". ./{script.name} </dev/null; e=0" if code == 0 else f"e=0; (. ./{script.name}) </dev/null || e=$?"
        assert self._process.stdin is not None
        self._process.stdin.write(f'{call}; echo; echo "{END} $e"\n'.encode())
        self._process.stdin.flush()
        printed = self._read(block)
        text, _, ended = printed.rpartition(END)
        assert int(ended) == code, f"{block}\nended with {ended}:\n{text}"
        return text.strip()

    def _read(self, block: str) -> str:
        assert self._process.stdout is not None
        descriptor, deadline, printed = self._process.stdout.fileno(), time.monotonic() + SECONDS, b""
        while not re.search(rb"%b \d+\n$" % END.encode(), printed):
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(descriptor, 65536) if readable else b""
            assert piece, f"{block}\nfailed, or did not end, and printed:\n{printed.decode(errors='replace')}"
            printed += piece
        return printed.decode(errors="replace")


@contextmanager
def page_shell(
    folder: Path, environment: Mapping[str, str], replaced: Mapping[str, str] | None = None
) -> Iterator[PageShell]:
    """Start a shell in a folder, with our `gesso` on its path; at the end everything it started is ended."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GESSO_", "AWS_"))}
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail"],
        cwd=folder,
        env={**kept, "PATH": path, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield PageShell(folder, process, replaced or {})
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + 20
        while _alive(process) and time.monotonic() < deadline:
            time.sleep(0.05)
    process.stdin.close()
    process.stdout.close()
    process.wait()


def _alive(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
