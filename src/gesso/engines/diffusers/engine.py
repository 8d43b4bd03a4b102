"""The engine of open weights: Hugging Face diffusers behind the engine port, in one process for each device."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import cached_property
from pathlib import Path

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Event, Progress, Task
from gesso.domain.picture import DigitalSource
from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.checkpoint import About, Checkpoint, Precision
from gesso.engines.diffusers.checkpoints import Checkpoints
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.composition import Composition
from gesso.engines.diffusers.devices import devices_here
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.families.table import FAMILIES, family_of
from gesso.engines.diffusers.fits import DEVICE_SHARE, HOST_SHARE
from gesso.engines.diffusers.gather import Asked
from gesso.engines.diffusers.launch import Isolation, Launch, Process, Thread
from gesso.engines.diffusers.levels import can_be_faster
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.loras.library import LoraLibrary
from gesso.engines.diffusers.loras.registry import registry
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.engines.diffusers.machine import device_bytes, host_bytes
from gesso.engines.diffusers.messages import FromChild
from gesso.engines.diffusers.needs import Needs
from gesso.engines.diffusers.order import Order
from gesso.engines.diffusers.orders import orders_of
from gesso.engines.diffusers.places import Places
from gesso.engines.diffusers.readiness import MISSING, installed, why_not
from gesso.engines.diffusers.rewriter import PromptRewriter, RewriterSettings
from gesso.engines.diffusers.supervise import Device, Patience
from gesso.engines.diffusers.told import Told
from gesso.engines.diffusers.worn import asks_for_loras, names_loras, why_no_loras, worn
from gesso.engines.engine import DeviceFigures, Readiness
from gesso.outgoing.fetch import Outgoing, Policy


class DiffusersEngine:
    """Paints with weights that lie on this machine. Each device has a process, started at its first picture.

    A device paints `settings.batch` pictures at once; a slot more each lets the next job be made ready meanwhile.
    `launch` replaces what starts a process, for tests.
    """

    name = "diffusers"

    def __init__(
        self,
        settings: EngineSettings,
        *,
        loras: LoraSettings | None = None,
        policy: Policy | None = None,
        rewriter: RewriterSettings | None = None,
        isolation: Isolation = "process",
        launch: Launch | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._settings = settings
        self._names = settings.devices or devices_here(os.environ)
        self.slots = len(self._names) * (settings.batch + 1)
        self._made_devices: dict[str, Device] = {}
        self._launch: Launch = launch or (Process if isolation == "process" else Thread)
        self._needs_libraries = launch is None
        self._patience = patience or Patience(silence=settings.silence_seconds)
        self._places = Places(settings.folder, settings.checkpoints)
        usual: Precision = "float32" if self._names[0] == "cpu" else "bfloat16"
        self._checkpoints = Checkpoints(settings, self._places, usual)
        self._memories: dict[str, int] = {}
        if settings.memory_bytes is None and self.installed:
            threading.Thread(target=self._measure, name="measures devices", daemon=True).start()
        self._loras = loras or LoraSettings(settings.folder / "loras")
        registry(self._loras.registered)  # what is wrong there is said now
        self._policy = policy or Policy()
        self._rewriting = rewriter
        self._rewriter: PromptRewriter | None = None
        self._outgoing: Outgoing | None = None
        self._library: LoraLibrary | None = None

    # ── what it can ───────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def installed(self) -> bool:
        """Whether what paints is installed here."""
        return not self._needs_libraries or installed()

    @property
    def device_names(self) -> tuple[str, ...]:
        """The devices it paints on: "cuda:0", "mps", "cpu"."""
        return tuple(self._names)

    @property
    def budgets(self) -> tuple[int | None, int | None]:
        """The bytes of weights on each device, and of those that wait in main memory, as set; None: the usual shares."""
        return self._settings.memory_bytes, self._settings.host_bytes

    @property
    def targets(self) -> tuple[str, ...]:
        """The weights that are here."""
        return self._places.all() if self.installed else ()

    def readiness(self, route: RouteChoice) -> Readiness:
        """Tell whether the weights of a route are here, whole, and what paints is installed."""
        reason = None if self.installed else MISSING
        if reason is None and route.target:
            reason = self._why_not(route)
        if reason is None and names_loras(route):
            reason = why_no_loras(route, self._loras_here())
        if reason is None and (made := self._made_devices) and all(device.trouble for device in made.values()):
            reason = "what paints on the devices ended several times in a row: the log says why; it is tried again soon"
        return Readiness(reason is None, reason or "")

    def able(self, route: RouteChoice) -> frozenset[str]:
        """Return what it does for a request beyond painting, as far as the operator set that up."""
        settings = self._settings
        able = {
            "check_pictures": settings.safety_model is not None,
            "expand_prompt": self._rewriting is not None,
            "runtime": settings.acceleration != "none" and self._can_be_faster(route),
            "runtime_high": settings.acceleration == "high" and self._can_be_faster(route),
        }
        return frozenset(word for word, can in able.items() if can)

    def _can_be_faster(self, route: RouteChoice) -> bool:
        if route.pipeline not in FAMILIES:
            return False
        family = family_of(route.pipeline).name
        return any(can_be_faster(family, device) for device in self._names)

    @property
    def devices(self) -> Mapping[str, DeviceFigures]:
        """What is counted of each device that was used."""
        return {name: device.figures for name, device in self._made_devices.items()}

    # ── one job ───────────────────────────────────────────────────────────────────────────────────────

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        """Paint the task's pictures; closing stops after the step in progress."""
        async with AsyncExitStack() as stack:
            if (reason := self._why_not(task.route)) is not None:
                raise EngineFailed(f"This model cannot run here now: {reason}.")
            checkpoint = self._checkpoints.of(task.route)
            found = self._checkpoints.look(checkpoint)
            loras: tuple[LoraUse, ...] = ()
            if asks_for_loras(task.route):
                yield Progress("fetch", 0, 1)
                loras = await stack.enter_async_context(worn(task.route, checkpoint, self._loras_here()))
            prompt: str | None = None
            if self._rewriting is not None and task.route.arguments.get("expand_prompt"):
                yield Progress("expand", 0, 1)
                prompt, note = await self._rewriter_here(self._rewriting).written_out(
                    str(task.route.arguments.get("prompt") or ""), task.request.operation
                )
                yield note
            orders = await asyncio.to_thread(  # calls are worked out for previews, which may look at pictures
                orders_of,
                task,
                checkpoint,
                found.about if isinstance(found, Composition) else About("", ()),
                loras=loras,
                prompt=prompt,
                highest=self._settings.acceleration,
                checks=self._settings.safety_model is not None,
            )
            source: DigitalSource = "composite" if task.mask is not None else "trained"
            told = Told(len(orders), source)
            async for message in await stack.enter_async_context(self._painted(orders)):
                for event in told.events(message):
                    yield event

    @asynccontextmanager
    async def _painted(self, orders: tuple[Order, ...]) -> AsyncIterator[AsyncGenerator[FromChild, None]]:
        """Give what a device tells of a job; stop it there when nobody listens any more."""
        heard: asyncio.Queue[FromChild] = asyncio.Queue()
        device, asked = self._device_for(orders[0].checkpoint), Asked(orders[0].job, heard.put_nowait)
        tickets = []

        async def told() -> AsyncGenerator[FromChild, None]:
            for first in range(0, len(orders), self._settings.batch):
                now = [device.submit(order, asked) for order in orders[first : first + self._settings.batch]]
                tickets.extend(now)
                while heard.qsize() or any(ticket.state != "ended" for ticket in now):
                    yield await heard.get()

        try:
            async with aclosing(told()) as messages:
                yield messages
        finally:
            await device.withdraw(asked, tickets)

    def _device_for(self, checkpoint: Checkpoint) -> Device:
        """Return the device that has least to do, or one that has the weights and not much to do."""
        devices = self._all_devices()
        much = 2 * self._settings.batch

        def burden(device: Device) -> tuple[bool, bool, int]:
            return device.trouble, not (device.holds(checkpoint) and device.load < much), device.load

        return min(devices, key=burden)

    def _all_devices(self) -> tuple[Device, ...]:
        if not self._made_devices:
            for name in self._names:
                settings = self._child_settings(name)
                self._made_devices[name] = Device(
                    settings, self._launch, most=self._settings.batch, patience=self._patience
                )
        return tuple(self._made_devices.values())

    # ── weights ───────────────────────────────────────────────────────────────────────────────────────

    def _why_not(self, route: RouteChoice) -> str | None:
        if self._settings.safety_model is not None and self._safety_model is None:
            return "the classifier that GESSO_SAFETY_MODEL names is not here, and pictures are not to go unchecked"
        return why_not(route, self._places, self._checkpoints, self._room)

    @property
    def _safety_model(self) -> Path | None:
        """Where the classifier lies: its target's place, else the folder that is named."""
        named = self._settings.safety_model
        if named is None:
            return None
        place = self._places.find(named)
        return place.path if place is not None else next((path for path in (Path(named),) if path.is_dir()), None)

    @property
    def _room(self) -> Needs | None:
        """What weights may take on the largest device, and of main memory; None while that is not known."""
        settings, host = self._settings, host_bytes()
        rooms = [settings.memory_bytes or self._memories.get(name) for name in self._names]
        known = [room for room in rooms if room is not None]
        return Needs(max(known), settings.host_bytes or int(host * HOST_SHARE)) if known else None

    def _measure(self) -> None:
        """Ask how much memory the devices have, which may take a moment."""
        for name in self._names:
            if (found := device_bytes(name)) is not None:
                self._memories[name] = int(found * (HOST_SHARE if name == "cpu" else DEVICE_SHARE))

    def _child_settings(self, device: str) -> ChildSettings:
        settings = self._settings
        return ChildSettings(
            device=device,
            memory_bytes=settings.memory_bytes,
            host_bytes=settings.host_bytes,
            keep=settings.keep,
            safety_model=self._safety_model,
            safety_threshold=settings.safety_threshold,
            threads=settings.threads,
        )

    async def close(self) -> None:
        """End the processes; a later task would start them again."""
        devices = tuple(self._made_devices.values())
        self._made_devices.clear()
        await asyncio.gather(*(device.close() for device in devices))
        if self._library is not None:
            await self._library.close()
        if self._outgoing is not None:
            await self._outgoing.aclose()
        if self._rewriter is not None:
            await self._rewriter.close()
        self._library = self._outgoing = self._rewriter = None

    def _rewriter_here(self, settings: RewriterSettings) -> PromptRewriter:
        if self._rewriter is None:
            self._rewriter = PromptRewriter(settings)
        return self._rewriter

    def _loras_here(self) -> LoraLibrary:
        if self._library is None:
            self._outgoing = Outgoing(self._policy)
            self._library = LoraLibrary(self._loras, self._outgoing)
        return self._library
