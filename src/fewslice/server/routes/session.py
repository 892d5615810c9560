"""Logging in and out, and who one is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from fewslice.project.login import check_password
from fewslice.project.people import add_person, list_people
from fewslice.project.tokens import give_token, revoke_token
from fewslice.server.auth import Admin, Somebody, forget_cookie, set_cookie, shown, token_of
from fewslice.server.context import Served
from fewslice.server.models.people import Credentials, LoggedIn, NewPerson, Person

router = APIRouter(tags=["people"])


@router.post("/login", response_model=LoggedIn)
def login(body: Credentials, request: Request, response: Response, served: Served) -> Any:
    """Log in. Browsers get a cookie; programs use the token."""
    address = request.client.host if request.client else ""
    person = check_password(served.project, body.name, body.password, address)
    lifetime = timedelta(days=served.settings.session_days)
    token = give_token(served.project, person.id, lifetime)
    set_cookie(response, token, request, served)
    return {"token": token, "person": shown(person)}


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response, served: Served, _: Somebody) -> None:
    """Make the token worthless."""
    token = token_of(request)
    if token is not None:
        revoke_token(served.project, token)
    forget_cookie(response)


@router.get("/me", response_model=Person)
def me(person: Somebody) -> Any:
    """Say who is logged in."""
    return shown(person)


@router.get("/people", response_model=list[Person])
def people(served: Served, _: Somebody) -> Any:
    """List everybody who works on the project."""
    return [shown(each) for each in list_people(served.project)]


@router.post("/people", response_model=Person, status_code=201)
def new_person(body: NewPerson, served: Served, _: Admin) -> Any:
    """Give somebody an account. From the first one on, everybody has to log in."""
    return shown(add_person(served.project, body.name, body.password, body.role))
