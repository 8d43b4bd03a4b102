"""A finished picture as the file that is handed out: just as it came where that carries credentials, else as we make it."""

from __future__ import annotations

from gesso.domain.picture import OutputFormat, RawPicture
from gesso.domain.request import Request
from gesso.imaging.credentials import may_go_whole
from gesso.imaging.encode import encode

WHOLE_FROM = 90  # the quality asked for, from which a file that is made anew would be no smaller


def finish(
    raw: RawPicture, request: Request, *, credentials: bool = True, as_format: OutputFormat | None = None
) -> bytes:
    """Return the file's bytes in the format the request asks for, or in another one.

    Without `credentials` none are kept. Blocking; raises what `encode` does.
    """
    output_format, quality = as_format or request.output_format, request.output_quality
    if credentials and raw.file is not None and (output_format == "png" or quality >= WHOLE_FROM):
        made_of_pictures = request.image is not None or bool(request.references)
        if may_go_whole(raw.file, output_format, thumbnails=not made_of_pictures):
            return raw.file
    return encode(raw.pixels, output_format, quality, raw.source, raw.file)
