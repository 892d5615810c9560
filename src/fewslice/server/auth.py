"""Who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from fewslice.errors import AccessError
from fewslice.project.people import ADMIN, REVIEWER, Person, has_accounts, local_person
from fewslice.project.tokens import person_of_token
from fewslice.server.context import Context, Served
from fewslice.server.problems import LoginNeededError

COOKIE = "fewslice_token"


def token_of(request: Request) -> str | None:
    """Return the token that a request carries, in a header or a cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip() or None
    return request.cookies.get(COOKIE)


def _person(request: Request, served: Served) -> Person:
    token = token_of(request)
    if token is not None:
        found = person_of_token(served.project, token)
        if found is not None:
            return found
    if served.settings.loopback and not has_accounts(served.project):
        return local_person(served.project)
    raise LoginNeededError("Nobody is logged in; log in first.")


def _of_role(*roles: str) -> Callable[[Person], Person]:
    def check(person: Annotated[Person, Depends(_person)]) -> Person:
        if person.role not in roles:
            raise AccessError(f"Only people with the role {' or '.join(roles)} may do that.")
        return person

    return check


Somebody = Annotated[Person, Depends(_person)]
"""A parameter of a route: who asks. Without it a route needs no login."""

Admin = Annotated[Person, Depends(_of_role(ADMIN))]
Reviewer = Annotated[Person, Depends(_of_role(REVIEWER, ADMIN))]


def set_cookie(response: Response, token: str, request: Request, served: Context) -> None:
    """Let a browser stay logged in; scripts cannot read the cookie, nor other sites use it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(served.settings.session_days * 86_400),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def forget_cookie(response: Response) -> None:
    """Let a browser forget the token."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def shown(person: Person) -> dict[str, Any]:
    """Return what others see of a person."""
    return {"id": person.id, "name": person.name, "role": person.role}
