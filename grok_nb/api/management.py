"""The management host: what the account was billed, and what is left of its credit.

It has a host and a key of its own: the API key is never sent there, nor this one to the
API. Source: xai-api.md section 12.3.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import reprlib
from typing import TYPE_CHECKING, Any

from grok_nb.account import AccountUsage, PrepaidBalance
from grok_nb.errors import BadRequest, ConfigError, Forbidden, ServerFault, Unauthorized

from .exchange import Exchange
from .parameters import in_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grok_nb.wire import ApiKey

#: Ours -> the API's. Names of groups and values beyond these are not documented.
UNITS = {
    "month": "MONTH",
    "week": "CALENDAR_WEEK",
    "day": "DAY",
    "hour": "HOUR",
    "quarter_hour": "QUARTER_HOUR",
    "minute": "MINUTE",
    "second": "SECOND",
    "none": "NONE",
}
GROUPS = ("description",)
_VALUES = ("usd",)
_SPAN = datetime.timedelta(days=30)
_WHICH_TEAM = "team_id= says of which team; by default it is that of the API key."


class AccountMethods:
    """The methods of the client for the account."""

    exchange: Exchange
    _management: Exchange | None = None
    _team: str | None = None

    async def api_key(self) -> ApiKey:
        """Say what the API knows of the key; the client's own."""
        raise NotImplementedError

    async def account_usage(
        self,
        start: datetime.date | str | None = None,
        end: datetime.date | str | None = None,
        *,
        by: str | Sequence[str] | None = "description",
        unit: str = "day",
        team_id: str | None = None,
    ) -> AccountUsage:
        """Say what the account was billed: ``POST .../teams/{team_id}/usage``.

        Of all keys of the team, of whatever program; ``gn.usage()`` is what this one
        has asked. Needs a management key.

        Parameters
        ----------
        start, end
            From when to when; ``end`` is no part of it. A date (its beginning in UTC),
            an aware datetime, or either as text in ISO form. Default: the last 30
            days, with today.
        by
            What to group by: ``"description"`` (of what was billed, such as a model),
            or ``None`` for one sum.
        unit
            Length of a point in time: ``"month"``, ``"week"``, ``"day"``, ``"hour"``,
            ``"quarter_hour"``, ``"minute"``, ``"second"``, or ``"none"`` for all.
        team_id
            Default: the team of the API key, asked for once in a session.

        Returns
        -------
        AccountUsage
            ``.df`` has the points, ``.usd`` their sum.

        Raises
        ------
        ConfigError
            There is no management key.
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 12.3.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox():
        ...     _ = gn.ask("What is 6*7?")
        ...     gn.Grok().account_usage().df.columns.tolist()
        ['time', 'description', 'usd']
        """
        groups = _groups(by)
        asked: object = unit
        if not (isinstance(asked, str) and asked in UNITS):
            raise _unknown("unit", unit, list(UNITS))
        begin, until = self._span(start, end)
        request = {
            "analyticsRequest": {
                "timeRange": {
                    "startTime": _written(begin),
                    "endTime": _written(until),
                    "timezone": "Etc/GMT",
                },
                "timeUnit": f"TIME_UNIT_{UNITS[unit]}",
                "values": [
                    {"name": n, "aggregation": "AGGREGATION_SUM"} for n in _VALUES
                ],
                "groupBy": groups,
                "filters": [],
            }
        }
        data = await self._billing("usage", team_id, request)
        if isinstance(data.get("timeSeries", []), list):
            return AccountUsage(data, groups, _VALUES)
        del data  # some tracebacks show variables
        raise _unusable("it tells of no usage")

    async def prepaid_balance(self, team_id: str | None = None) -> PrepaidBalance:
        """Say what is left of the prepaid credit: ``GET .../prepaid/balance``.

        Needs a management key.

        Parameters
        ----------
        team_id
            As for `account_usage`.

        Returns
        -------
        PrepaidBalance
            ``.balance_usd``; ``.df`` has what has changed it.

        Raises
        ------
        ConfigError
            There is no management key.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 12.3.
        """
        data = await self._billing("prepaid/balance", team_id)
        if "total" in data or "changes" in data:
            return PrepaidBalance(data)
        del data
        raise _unusable("it tells of no balance")

    async def _close_management(self) -> None:
        """Close the connections to the management host of the running event loop."""
        if self._management is not None:
            await self._management.http.close()

    def _span(
        self, start: object, end: object
    ) -> tuple[datetime.datetime, datetime.datetime]:
        now = self.exchange.clock.now()
        tomorrow = now.replace(
            hour=0, minute=0, second=0, microsecond=0
        ) + datetime.timedelta(days=1)
        until = tomorrow if end is None else _time("end", end)
        try:
            begin = until - _SPAN if start is None else _time("start", start)
        except OverflowError:
            begin = until
        if begin >= until:
            raise BadRequest(
                f"start ({begin.isoformat()}) is not before end ({until.isoformat()}).",
                hint="end is no part of the time: for one day it is the next one.",
            )
        return begin, until

    async def _billing(
        self, what: str, team_id: str | None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        if team_id is not None:
            in_path("team_id", team_id, _WHICH_TEAM)
        host = self._host()
        if team_id is None:
            team_id = await self._own_team()
        path = f"/v1/billing/teams/{in_path('team_id', team_id, _WHICH_TEAM)}/{what}"
        try:
            return await host.free(path, body, missing=_WHICH_TEAM)
        except (Unauthorized, Forbidden) as error:
            # what is said of keys elsewhere is about the other one
            refused = type(error)(
                f"{error}".replace(
                    "xAI refused the API key", "xAI refused the management key", 1
                ),
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                body=error.body,
                hint="Check it and its permissions at https://console.x.ai (Settings, "
                "Management Keys), then set XAI_MANAGEMENT_KEY.",
            )
        raise refused

    def _host(self) -> Exchange:
        """Return where requests to the management host go; made when it is needed."""
        exchange = self.exchange
        settings = exchange.settings
        settings.require_management_key()
        if self._management is None:
            self._management = Exchange(
                dataclasses.replace(
                    settings,
                    api_key=settings.management_key,
                    base_url=settings.management_base_url,
                    # never sent there, and never shown, whoever says it
                    management_key=settings.api_key,
                ),
                exchange.http.at(settings.management_base_url),
                exchange.books,
                clock=exchange.clock,
                jitter=exchange.jitter,
            )
        return self._management

    async def _own_team(self) -> str:
        if self._team is None:
            self._team = (await self.api_key()).team_id
        if not self._team:
            raise ConfigError("The API key names no team.", hint="Give team_id=...")
        return self._team


def _groups(by: object) -> list[str]:
    if by is None:
        return []
    groups = [by] if isinstance(by, str) else by
    if not isinstance(groups, (list, tuple)):
        raise BadRequest(f"by must be text or a list of texts, not {reprlib.repr(by)}.")
    for group in groups:
        if group not in GROUPS:
            raise _unknown("by", group, list(GROUPS))
    if len(set(groups)) < len(groups):
        raise BadRequest(f"by names something twice: {reprlib.repr(by)}.")
    return list(groups)


def _unknown(name: str, given: object, known: list[str]) -> BadRequest:
    close = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
    asked = f"Did you mean {close[0]!r}? " if close else ""
    return BadRequest(
        f"{name} cannot be {reprlib.repr(given)}.",
        hint=f"{asked}It can be: {', '.join(known)}.",
    )


def _time(name: str, value: object) -> datetime.datetime:
    """Return a time in UTC, in whole seconds: an end is not moved before what it ends."""
    wrong = BadRequest(
        f"{name} must be a date, or a time with its zone, not {reprlib.repr(value)}.",
        hint='For example "2026-01-31", or datetime.datetime.now(datetime.UTC).',
    )
    if isinstance(value, str):
        try:
            value = (
                datetime.date.fromisoformat(value)
                if len(value) <= 10
                else datetime.datetime.fromisoformat(value)
            )
        except ValueError:
            raise wrong from None
    if not isinstance(value, datetime.date) or value.isoformat() == "NaT":
        raise wrong
    if not isinstance(value, datetime.datetime):
        return datetime.datetime(
            value.year, value.month, value.day, tzinfo=datetime.UTC
        )
    if value.utcoffset() is None:
        raise wrong
    try:
        time = value.astimezone(datetime.UTC)
        whole = time.replace(microsecond=0)
        if name == "end" and time > whole:
            whole += datetime.timedelta(seconds=1)
    except OverflowError:
        raise wrong from None
    return whole


def _written(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _unusable(why: str) -> ServerFault:
    return ServerFault(
        f"No usable answer (200): {why}.",
        status=200,
        hint="Something between here and xAI answered: check management_base_url and "
        "proxies.",
    )
