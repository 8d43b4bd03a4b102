"""What the built-in engine tells the asker about a prompt: each thing not understood or not done, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from gesso.domain.events import Note
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import MAX_OBJECTS, Avoided, Understood

_DOING = {"remove": "removing", "replace": "replacing", "recolour": "changing things in the picture"}
MOST_WORDS = 100  # named in a note; a prompt for a larger model may have thousands


def notes_on(
    wanted: Understood,
    avoided: Avoided,
    vocabulary: Vocabulary,
    *,
    editing: bool,
    referring: bool = False,
    altering: bool = False,
) -> Iterator[Note]:
    """Yield the notes a prompt and a negative prompt deserve.

    `altering`: what the prompt wants changed in the picture will be tried; otherwise it is said not to be done.
    """
    if wanted.corrected:
        read = ", ".join(f"{said} as {meant}" for said, meant in wanted.corrected)
        yield Note("spelling", f"Read as misspelt: {read}.", {"words": dict(wanted.corrected)})
    if wanted.unknown:
        words = list(dict.fromkeys(wanted.unknown))[:MOST_WORDS]
        yield Note("unknown_words", f"These words changed nothing: {', '.join(words)}.", {"words": words})
    changes = () if altering else tuple(dict.fromkeys(_DOING[change.kind] for change in wanted.changes))
    if wanted.undone or changes:
        things = list(dict.fromkeys((*changes, *wanted.undone)))
        yield Note("not_done", f"This model does not do this: {', '.join(things)}.", {"what": things})
    if wanted.kept:
        things = list(wanted.kept)
        message = f"Taken to be in the picture already, and neither drawn nor looked for: {', '.join(things)}."
        yield Note("not_drawn", message, {"objects": things})
    if wanted.left_out:
        message = f"A picture holds at most {MAX_OBJECTS} objects; {wanted.left_out} were left out."
        yield Note("too_many_objects", message, {"left_out": wanted.left_out, "most": MAX_OBJECTS})
    if not (wanted.objects or wanted.looks or wanted.changes) and (editing or wanted.background is None):
        kept = "only its colours were changed, to the references'" if referring else "the picture is as it came"
        what = kept if editing else "a landscape was painted instead"
        yield Note("nothing_understood", f"The prompt named nothing this model can draw or do; {what}.")
    if avoided.unused:
        words = list(dict.fromkeys(avoided.unused))[:MOST_WORDS]
        message = f"These words of the negative prompt changed nothing: {', '.join(words)}."
        yield Note("unknown_negative_words", message, {"words": words})
    drawn = (*wanted.objects, *(change.wish for change in wanted.changes if change.wish is not None))
    if not drawn and (avoided.noun is not None or avoided.colour is not None):
        yield Note("negative_prompt_idle", "No object was drawn that a negative prompt could keep away from something.")
    asked = {wish.noun for wish in drawn}
    if avoided.noun in asked and avoided.noun is not None:
        word = vocabulary.nouns[avoided.noun].word
        yield Note("negative_contradicts", f"The prompt and the negative prompt both name: {word}.", {"object": word})


def note_on_references(count: int, strength: float, *, drawn: bool, masked: bool) -> Note:
    """Return what became of the reference pictures; `drawn` says that only newly drawn objects took their colours."""
    which = "The reference's colours" if count == 1 else f"The average colours of the {count} references"
    data = {"references": count, "strength": strength}
    if strength == 0:
        return Note("reference_colours", f"{which} were not taken, as the reference strength is 0.", data)
    what = "what was newly drawn" if drawn else "the masked part" if masked else "the whole picture"
    message = f"{which} were taken for {what}, to {strength:.0%}; nothing else of a reference is looked at."
    return Note("reference_colours", message, data)
