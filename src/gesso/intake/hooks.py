"""What can be checked of a webhook's target before anything is sent to it."""

from __future__ import annotations

from gesso.domain.errors import InvalidInput
from gesso.domain.hook import Hook
from gesso.outgoing.address import check_url
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.policy import Policy

MAX_URL_LENGTH = 2048
MAX_SECRET_LENGTH = 256


def check_hook(hook: Hook, policy: Policy) -> None:
    """Raise `InvalidInput` for the field `webhook` (or `webhook_secret`) when the target cannot be used."""
    check_target(hook.url, "webhook", policy)
    check_secret(hook.secret, "webhook_secret")


def check_target(url: str, field: str, policy: Policy) -> None:
    """Raise `InvalidInput` unless webhooks may be sent to the link; a name is checked again when it is resolved."""
    if len(url) > MAX_URL_LENGTH:
        message = f"{field} is {len(url)} characters long; at most {MAX_URL_LENGTH} are allowed."
        raise InvalidInput.of(field, "too_long", message, allowed=MAX_URL_LENGTH)
    try:
        check_url(url, policy)
    except BlockedAddress as error:
        raise InvalidInput.of(field, "address_not_allowed", f"{field}: {error.message}", url[:200]) from error
    except BadUrl as error:
        raise InvalidInput.of(field, "not_a_link", f"{field}: {error.message}", url[:200]) from error


def check_secret(secret: str, field: str) -> None:
    """Raise `InvalidInput` for a secret that is too long or could not stand in a header as it is."""
    fits = secret.isascii() and secret.isprintable() and secret == secret.strip()
    if len(secret) > MAX_SECRET_LENGTH or not fits:
        message = f"{field} must be at most {MAX_SECRET_LENGTH} printable ASCII characters, without blanks at its ends."
        raise InvalidInput.of(field, "unusable_secret", message, allowed=MAX_SECRET_LENGTH)
