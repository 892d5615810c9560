"""Who may ask: by a key of the server's own, or by the tokens of a project's people."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fewslice.errors import AccessError
from fewslice.project.database import Project
from fewslice.project.people import has_accounts
from fewslice.project.tokens import person_of_token


class KeyWrongError(AccessError):
    """The key is missing, unknown or no longer valid."""


@dataclass(frozen=True)
class Keys:
    """Which keys let somebody in.

    key: the only one, of a server without a project; None for none. project: whose people ask by
    their tokens; while it has no accounts, everybody who reaches the server may.
    """

    key: str | None = None
    project: Project | None = None

    def owner(self, given: str | None) -> str:
        """Return who asks, so that nobody works on with another's session.

        Raises KeyWrongError.
        """
        if self.project is not None and has_accounts(self.project):
            person = person_of_token(self.project, given or "")
            if person is None:
                raise KeyWrongError(
                    "The key is missing, unknown or has expired; make one with: fewslice project "
                    "person key DIRECTORY NAME."
                )
            return f"person {person.id}"
        if self.key is not None and not hmac.compare_digest(
            (given or "").encode(), self.key.encode()
        ):
            raise KeyWrongError("The key is missing or wrong; give the server's key.")
        return ""
