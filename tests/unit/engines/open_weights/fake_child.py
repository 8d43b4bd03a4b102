"""What stands in for a device's process: it paints noise, without torch, and does what the prompt says.

`run` is handed to an engine by its name, `fake_child:run`. Words of a prompt: `slow` makes a thousand steps of 5 ms,
`stubborn` as many and hears no stop, `silent` says nothing for ever, `crash` dies in the middle, `crash=FILE` only when
there is no such file, which it makes; `crash_after=FILE` paints the first picture and dies in the second, once. `fail`
and `unsafe` fail.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.messages import (
    Alive,
    Ended,
    Failed,
    Held,
    Paint,
    Painted,
    Quit,
    Stepped,
    Stop,
)
from gesso.engines.diffusers.order import Order


def run(connection: Connection, settings: ChildSettings) -> None:
    """Serve until told to quit, or until nobody is there."""
    _Fake(connection, settings).serve()


def broken(connection: Connection, settings: ChildSettings) -> None:
    """Never get as far as to take orders."""


class _Gone(Exception):
    """It dies, as far as a thread can."""


class _Fake:
    def __init__(self, connection: Connection, settings: ChildSettings) -> None:
        self._connection, self._settings = connection, settings
        self._lock = threading.Lock()
        self._todo: SimpleQueue[Paint | Quit] = SimpleQueue()
        self._stopped: set[str] = set()
        self._held: list[object] = []
        self._in_process = threading.current_thread() is threading.main_thread()

    def serve(self) -> None:
        self._send(Alive((("fake", "1"),), self._settings.device, 1 << 30))
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            while not isinstance(message := self._todo.get(), Quit):
                self._paint(message)
        except _Gone:
            pass
        self._connection.close()

    def _listen(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Stop):
                    self._stopped.add(message.job)
                else:
                    self._todo.put(message)
        except (EOFError, OSError, TypeError):
            self._todo.put(Quit())

    def _send(self, message: object) -> None:
        with self._lock:
            self._connection.send(message)

    def _paint(self, message: Paint) -> None:
        for order in message.orders:
            self._held = [order.checkpoint]
            self._send(Held(((order.checkpoint, 100),), 100, 1000))
            words = str(order.arguments.get("prompt", "")).split()
            if (failed := _failed(order, words)) is not None:
                self._send(failed)
                continue
            stopped = not self._stepped(order, words)
            if not stopped:
                self._send(Painted(order.job, order.index, _noise(order), order.seed))
        for job in dict.fromkeys(order.job for order in message.orders):
            if not {"fail", "unsafe"} & set(str(message.orders[0].arguments.get("prompt", "")).split()):
                self._send(Ended(job, stopped=job in self._stopped))

    def _stepped(self, order: Order, words: list[str]) -> bool:
        total = 1000 if {"slow", "stubborn"} & set(words) else 2
        for step in range(total):
            self._send(Stepped(order.job, order.index, "denoise", step + 1, total))
            if total > 2:
                time.sleep(0.005)
            if "silent" in words:
                time.sleep(3600 if self._in_process else 2)
            for word in words:
                name, _, file = word.partition("=")
                if name == "crash" and (not file or _first_time(file)):
                    self._die()
                if name == "crash_after" and order.index == 1 and _first_time(file):
                    self._die()
            if order.job in self._stopped and "stubborn" not in words:
                return False
        return True

    def _die(self) -> None:
        if self._in_process:
            os.kill(os.getpid(), signal.SIGKILL)
        raise _Gone


def _first_time(file: str) -> bool:
    try:
        Path(file).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _failed(order: Order, words: list[str]) -> Failed | None:
    if "fail" in words:
        return Failed(order.job, "out_of_memory", "The device has too little memory for this picture.")
    return Failed(order.job, "unsafe", "The picture was held back.") if "unsafe" in words else None


def _noise(order: Order) -> np.ndarray:
    return np.random.default_rng(order.seed).integers(0, 256, (order.height, order.width, 3), np.uint8)
