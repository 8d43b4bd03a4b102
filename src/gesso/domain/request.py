"""The native request and the plan made for it: what every dialect is translated to and every engine is handed."""

from __future__ import annotations

from typing import Any, Literal

from gesso.domain.credits import Price
from gesso.domain.frozen import Frozen
from gesso.domain.picture import MaskPolarity, OutputFormat, PictureReference
from gesso.domain.privacy import Privacy

Operation = Literal["generate", "edit"]
Fidelity = Literal["exact", "approximate", "stand_in"]
Mode = Literal["live", "test"]
VerdictWord = Literal["used", "mapped", "clamped", "ignored"]

SEED_LIMIT = 1 << 32  # seeds are 0 … 2^32 − 1; image i of seed s has seed (s + i) mod 2^32


class SizeRule(Frozen):
    """How large an edit comes out when that hangs on the source's size, known only once the source is decoded.

    Starts from the source's size; each field that is set changes it, in this order: ratio (cut, not stretched), one
    given side, area, longest side, multiple. `catalogue.sizes.output_size` carries it out.
    """

    ratio: tuple[float, float] | None = None  # width : height; None keeps the source's
    width: int | None = None  # this side is fixed, the other follows the ratio
    height: int | None = None
    area_pixels: int | None = None  # scale to about this many pixels
    long_side: int | None = None  # scale so that the longer side is this
    at_most: bool = False  # area and long side are upper bounds: a smaller source keeps its size
    multiple_of: int = 1  # cut both sides to a multiple of this


class Request(Frozen):
    """A checked ask in canonical fields. `values` keeps the model's own parameters, typed and with defaults filled."""

    version: Literal[1] = 1
    model: str
    adapter: str | None = None  # weights put on the model, by the name the model's owner gave them
    operation: Operation
    prompt: str = ""
    negative_prompt: str = ""
    image: PictureReference | None = None
    mask: PictureReference | None = None
    mask_polarity: MaskPolarity = "white"
    references: tuple[PictureReference, ...] = ()
    count: int = 1
    width: int | None = None  # None: the engine's own choice, or the source's size for an edit
    height: int | None = None
    size_rule: SizeRule | None = None  # edits only, with width and height None: the size follows from the source's
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    seed: int
    seed_drawn: bool = False  # the asker left it open
    output_format: OutputFormat = "png"
    output_quality: int = 90
    values: dict[str, Any] = {}
    previews: int = 0  # how many are wanted of each picture while it is painted; they change nothing of it
    keep_seconds: int | None = None  # how long the pictures are kept; None: as the installation keeps them
    privacy: Privacy = "open"
    echo: dict[str, Any] = {}  # what the dialect that asked says again in its answers
    host: str = ""  # the server's address towards the asker, for links in what is sent to it later


class Verdict(Frozen):
    """What happens to one parameter: `got` came in (or was the default), `used` goes to the engine."""

    parameter: str
    verdict: VerdictWord
    reason: str
    got: Any = None  # never free text: prompts live in the request alone
    used: Any = None
    given: bool = False  # the asker named it; False: its default speaks


class PictureArgument(Frozen):
    """Where a picture of the request goes: the argument, whether that takes a list, and which picture it is."""

    argument: str
    picture: str  # "image", "mask", or "reference[i]"
    many: bool = False


class RouteChoice(Frozen):
    """One way to run the request: engine, fidelity, the engine's arguments and the verdict of every parameter.

    The arguments hold no pictures: those are in the request and reach the engine decoded.
    """

    engine: str
    fidelity: Fidelity
    runs: str  # the model that is really run: the asked one, or the one standing in
    slug: str = ""  # the asked one
    vendor: str = ""  # upstream: who runs it …
    target: str = ""  # … and under which name; locally: whose weights
    pipeline: str = ""  # the class that runs the weights
    beside: dict[str, str] = {}  # further weights it needs: what for → whose
    arguments: dict[str, Any] = {}
    pictures: tuple[PictureArgument, ...] = ()  # which argument takes which of the request's pictures
    repeats: bool = False  # one call for each picture, with a seed of its own in `seed_argument`
    seed_argument: str = ""
    seed_maximum: int | None = None  # what the model takes; None: any
    verdicts: tuple[Verdict, ...] = ()


class Plan(Frozen):
    """What was decided at submit. `routes[0]` runs; later ones are for failover."""

    version: Literal[1] = 1
    routes: tuple[RouteChoice, ...]
    price: Price
    price_micro: int  # for all pictures
    notes: tuple[str, ...] = ()
    fault: str | None = None  # a test fault the job is to suffer, as `domain.faults` spells it
