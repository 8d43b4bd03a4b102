"""The store's errors in our words: obstore's texts hold paths, addresses and what the store answered."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from gesso.domain.errors import Conflict, NotFound, StorageFailed, StorageFull

# obstore raises one class for all of these; the system's number stands in its text.
_NUMBER = re.compile(r"\(os error (\d+)\)")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = re.compile(r"status code: 40[13] ")  # a listing's has no class of its own
_NO_BUCKET = re.compile(r"<Code>(NoSuchBucket|ContainerNotFound)</Code>|The specified bucket does not exist")


@contextmanager
def in_our_words(done: str, *, remote: bool) -> Iterator[None]:
    """Raise `Conflict`, `NotFound` or `StorageFailed` for the store's errors.

    Those of a remote store are left out of tracebacks too: in them are its answers, which name access keys.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

    try:
        yield
    except (AlreadyExistsError, FileExistsError) as error:
        raise Conflict("There is an object of this name already.") from _cause(error, remote)
    except (NotFoundError, FileNotFoundError) as error:
        if remote and _NO_BUCKET.search(str(error)):
            raise StorageFailed(f"The object could not be {done}: the store has no such bucket.") from None
        raise NotFound("There is no such object.") from _cause(error, remote)
    except TimeoutError:
        raise StorageFailed(f"The object could not be {done}: the store took too long.") from None
    except (BaseError, OSError) as error:
        failure = _of_remote(error, done) if remote else _of_disk(error, done)
        raise failure from _cause(error, remote)


def _cause(error: Exception, remote: bool) -> Exception | None:
    return None if remote else error


def _of_disk(error: Exception, done: str) -> StorageFailed:
    """Return our error for one of the disk's: the reason in words, no place on this machine."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := _NUMBER.search(str(error))):
        number = int(match[1])
    if number in _FULL:
        return StorageFull(f"The object could not be {done}: the disk is full.")
    if number == errno.EROFS:
        return StorageFailed(f"The object could not be {done}: the disk is read-only.")
    return StorageFailed(f"The object could not be {done}.")


def _of_remote(error: Exception, done: str) -> StorageFailed:
    from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

    refusals = (PermissionDeniedError, UnauthenticatedError, PermissionError)
    if isinstance(error, refusals) or _REFUSED.search(str(error)):
        reason = "the store refuses these credentials"
    elif isinstance(error, NotSupportedError):
        reason = "the store does not offer what is needed"
    elif _NO_BUCKET.search(str(error)):
        reason = "the store has no such bucket"
    elif "kind: Connect" in str(error):
        reason = "the store cannot be reached"
    else:
        reason = "the store did not do it"
    return StorageFailed(f"The object could not be {done}: {reason}.")
