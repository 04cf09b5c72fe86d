"""Functions as tools: what the model is told of them, and what they are called with.

Source of the forms, and of what a name may be: xai-api.md sections 3.3 and 6.3.
"""

from __future__ import annotations

import enum
import functools
import inspect
import json
import math
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb.compact import compact, is_frame
from grok_nb.config import scrub
from grok_nb.errors import BadRequest, GrokError, SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from grok_nb.schema import Schema

MOST_STEPS = 5
LARGEST_MOST_STEPS = 100
#: Characters of a result that go to the model, some 25,000 tokens.
LONGEST_RESULT = 100_000
_LONGEST_ERROR = 2_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHOICES = ("auto", "none", "required")
#: Source: xai-api.md section 3.3.
_RESERVED = ("tool_search", *_CHOICES)
_EMPTY = inspect.Parameter.empty
#: what says no more than its type and address
_SAYS_NOTHING: tuple[Any, ...] = (object.__repr__, object.__str__)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may have called, or one that is only declared.

    Attributes
    ----------
    name, description : str
        What the model is told.
    parameters : dict
        JSON schema of the arguments: an object.
    function : callable or None
        ``None`` of one that is declared only: its calls are the caller's to answer.
    schema : Schema or None
        Reads the arguments; ``None`` where there are none.
    positional : tuple of str
        Parameters that take no name.
    whole : str
        The one parameter that takes all arguments, as an instance of its model.
    strict : bool or None
        As it was declared.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any] | None = None
    schema: Schema | None = None
    positional: tuple[str, ...] = ()
    whole: str = ""
    strict: bool | None = None

    @property
    def is_async(self) -> bool:
        """Whether it is awaited, on the event loop."""
        function = inspect.unwrap(self.function) if self.function else None
        while isinstance(function, functools.partial):
            function = function.func
        call = getattr(function, "__call__", None)  # noqa: B004 - of an instance
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            call
        )

    def declared(self, *, flat: bool) -> dict[str, Any]:
        """Return how a request declares it: flat for responses, nested for chat."""
        inner: dict[str, Any] = {"name": self.name, "parameters": dict(self.parameters)}
        if self.description:
            inner["description"] = self.description
        if self.strict is not None:
            inner["strict"] = self.strict
        return (
            {"type": "function", **inner}
            if flat
            else {"type": "function", "function": inner}
        )

    def bound(self, arguments: str) -> Callable[[], Any]:
        """Return the call that the model wants, with its arguments checked.

        Raises
        ------
        GrokError
            They are no JSON, or do not fit; the message is for the model.
        """
        function = self.function
        assert function is not None  # noqa: S101 - others are not called
        values: dict[str, Any] = {}
        if self.schema is None:
            given = _read(self.name, arguments)
            if given:
                extra = ", ".join(map(repr, given))
                raise GrokError(f"{self.name}() takes no arguments: not {extra}.")
        else:
            try:
                read = self.schema.read(arguments if arguments.strip() else "{}")
            except SchemaMismatch as error:
                reason = f"{error}".removeprefix("The reply ")
                reason = reason.removeprefix("does not fit the schema: ")
                reason = reason.replace("the reply: got", "got")
                raise GrokError(
                    f"The arguments of {self.name}() are wrong: {reason}"
                ) from None
            values = {self.whole: read} if self.whole else read
        first = [values.pop(name) for name in self.positional if name in values]
        return functools.partial(function, *first, **values)


def _read(name: str, arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError) as error:
        raise GrokError(f"The arguments of {name}() are no JSON: {error}.") from None


# -- what was given -> tools -----------------------------------------------------------


def checked_tools(given: object) -> tuple[list[Tool], list[dict[str, Any]]]:
    """Return functions, and the server's own tools, from what ``tools=`` was given.

    Parameters
    ----------
    given
        A function or dict, or several; ``None`` for none.

    Raises
    ------
    BadRequest
        One cannot be right; the message names it. Nothing was sent.
    """
    if given is None:
        return [], []
    if callable(given) or isinstance(given, (Mapping, Tool)):
        given = [given]
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise BadRequest(
            f"tools must be functions, not {_shown(given)}.",
            hint="tools=[function, ...], with annotations and a docstring.",
        )
    functions: list[Tool] = []
    others: list[dict[str, Any]] = []
    for number, one in enumerate(given):
        if isinstance(one, Tool):
            functions.append(one)
        elif isinstance(one, Mapping):
            declared = _declared(f"tools[{number}]", one)
            if isinstance(declared, Tool):
                functions.append(declared)
            else:
                others.append(declared)
        elif callable(one):
            functions.append(tool_of(one))
        else:
            raise BadRequest(
                f"tools[{number}] must be a function, not {_shown(one)}.",
                hint="A function with annotations and a docstring.",
            )
    names = [tool.name for tool in functions]
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(
                f"Two tools are called {name!r}.", hint="Give one another name."
            )
    return functions, others


def _declared(where: str, tool: Mapping[str, Any]) -> Tool | dict[str, Any]:
    """Read a tool that is a dict: a function in either form, or one of the server's."""
    if tool.get("type", "function") != "function":
        return dict(tool)
    inner = tool.get("function")
    inner = inner if isinstance(inner, Mapping) else tool
    name, parameters = inner.get("name"), inner.get("parameters")
    if not isinstance(name, str):
        raise BadRequest(
            f"{where} has no name.",
            hint='{"type": "function", "function": {"name": ..., "parameters": ...}}',
        )
    if parameters is None:
        parameters = _NO_PARAMETERS
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        raise BadRequest(f'parameters of {where} must have the type "object".')
    description, strict = inner.get("description"), inner.get("strict")
    return Tool(
        _checked_name(name, where),
        description if isinstance(description, str) else "",
        parameters,
        strict=strict if isinstance(strict, bool) else None,
    )


_NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}


def tool_of(function: Callable[..., Any]) -> Tool:
    """Return the tool that a function is.

    Parameters
    ----------
    function
        Its parameters have annotations (or defaults that tell the type); what its
        docstring says of them, and of itself, goes to the model. One whose only
        parameter is a pydantic model is called with the fields of that model.

    Raises
    ------
    BadRequest
        It cannot be described to a model.

    Examples
    --------
    >>> def double(x: int) -> int:
    ...     '''Double a number.'''
    ...     return 2 * x
    >>> tool_of(double).bound('{"x": 21}')()
    42
    """
    name = _name_of(function)
    what = f"The function {name}"
    if inspect.isclass(function):
        raise BadRequest(
            f"{name} is a class, not a function.",
            hint="Write a function that makes one, or schema= for an answer as data.",
        )
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        raise BadRequest(
            f"{what} does not say what it takes.",
            hint="Wrap it in a function with annotations.",
        ) from None
    hints = _hints(function, what)
    about, notes = _documented(function)
    parameters = {
        n: p for n, p in signature.parameters.items() if not _is_bound(function, n)
    }
    types: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise BadRequest(
                f"{what} takes {stars}{parameter.name}, which a model cannot fill.",
                hint="Give it parameters with names and annotations.",
            )
        types[parameter.name] = _annotation(what, parameter, hints)
    if not types:
        return Tool(name, about, _NO_PARAMETERS, function)
    whole = _only_model(types)
    if whole:
        schema, sent = _schema(name, types[whole])
    else:
        for n, kind in types.items():
            _check_sayable(what, n, kind)
        schema, sent = _schema(name, _arguments(name, parameters, types, notes))
        required = [n for n, p in parameters.items() if p.default is _EMPTY]
        sent = {**sent, "required": required}
        for n, parameter in parameters.items():
            _note_default(sent["properties"].get(n), parameter.default)
    return Tool(
        name,
        about,
        sent,
        function,
        schema,
        positional=tuple(
            n for n, p in parameters.items() if p.kind is p.POSITIONAL_ONLY
        ),
        whole=whole,
    )


def _name_of(function: Any) -> str:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__name__", None) or type(inner).__name__
    if name == "<lambda>":
        raise BadRequest(
            "A lambda has no name to be called by.",
            hint="Define it: def name(...): ...",
        )
    return _checked_name(name, f"The function {name}")


def _checked_name(name: str, what: str) -> str:
    if name in _RESERVED:
        raise BadRequest(
            f"No tool can be called {name!r}: the API keeps that word.",
            hint="Give it another name.",
        )
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{what} has a name that xAI does not take: {name[:80]!r}.",
            hint="Letters without accents, digits, _ and -; at most 64.",
        )
    return name


def _hints(function: Any, what: str) -> dict[str, Any]:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not (inspect.isroutine(inner) or inspect.isfunction(inspect.unwrap(inner))):
        inner = type(inner).__call__
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except NameError as error:
        raise BadRequest(
            f"{what}: {error.name} in its annotations is not defined.",
            hint="Define it before, or correct the annotation.",
        ) from None
    except Exception as error:  # noqa: BLE001 - an annotation may be anything
        raise BadRequest(f"{what}: its annotations cannot be read: {error}.") from None


def _is_bound(function: Any, name: str) -> bool:
    """Whether a partial has filled a parameter already, by its name."""
    return isinstance(function, functools.partial) and name in function.keywords


def _annotation(
    what: str, parameter: inspect.Parameter, hints: Mapping[str, Any]
) -> Any:
    name, default = parameter.name, parameter.default
    if name in hints:
        return hints[name]
    if isinstance(default, (bool, int, float, str)):
        return type(default)
    raise BadRequest(
        f"{what}: {name} has no annotation.",
        hint=f"Write its type: {name}: str, for example.",
    )


def _only_model(types: Mapping[str, Any]) -> str:
    """Return the name of the only parameter, if it is a pydantic model."""
    from pydantic import BaseModel

    ((name, kind), *others) = types.items()
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
    return name if is_model and not others else ""


def _arguments(
    name: str,
    parameters: Mapping[str, inspect.Parameter],
    types: Mapping[str, Any],
    notes: Mapping[str, str],
) -> Any:
    """Return a type that holds the arguments by name: a TypedDict."""
    import typing_extensions
    from pydantic import ConfigDict, Field

    fields = {}
    for n, parameter in parameters.items():
        kind = types[n]
        said = [m for m in getattr(kind, "__metadata__", ()) if isinstance(m, str)]
        note = " ".join(said) or notes.get(n, "")
        if note and not _has_description(kind):
            kind = typing.Annotated[kind, Field(description=note)]
        if parameter.default is not _EMPTY:
            kind = typing_extensions.NotRequired[kind]
        fields[n] = kind
    make: Any = typing_extensions.TypedDict
    made = make(name, fields)
    made.__pydantic_config__ = ConfigDict(extra="forbid")
    return made


def _check_sayable(what: str, name: str, kind: Any) -> None:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        TypeAdapter(kind).json_schema()
    except PydanticUserError:
        type_ = getattr(kind, "__name__", str(kind))
        raise BadRequest(
            f"{what}: {name} is a {type_}, which no model can write as JSON.",
            hint="Text, numbers, lists, dicts, dates, enums and pydantic models can be.",
        ) from None


def _has_description(kind: Any) -> bool:
    return any(
        getattr(part, "description", None) for part in getattr(kind, "__metadata__", ())
    )


def _schema(name: str, source: Any) -> tuple[Schema | None, dict[str, Any]]:
    from grok_nb.schema import structured

    try:
        schema = structured(source)
    except BadRequest as error:
        reason = f"{error}".removeprefix("schema: ")
        if reason.startswith("it has no fields"):
            return None, dict(_NO_PARAMETERS)
        raise BadRequest(f"The function {name}: {reason}", hint=error.hint) from None
    return schema, {k: v for k, v in schema.sent.items() if k != "title"}


def _note_default(field: Any, default: object) -> None:
    """Tell the model what is taken where it says nothing, if JSON can say it."""
    plain = (bool, int, float, str)
    if isinstance(default, enum.Enum):
        default = default.value
    is_number = isinstance(default, float) and not math.isfinite(default)
    if isinstance(field, dict) and isinstance(default, plain) and not is_number:
        field.setdefault("default", default)


def _documented(function: Any) -> tuple[str, dict[str, str]]:
    """Return what the docstring says of the function, and of each parameter."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not inspect.isroutine(inner) and not inspect.isfunction(inspect.unwrap(inner)):
        inner = type(inner).__call__ if not inner.__doc__ else inner
    text = inspect.getdoc(inner) or ""
    if not text.strip():
        return "", {}
    from docstring_parser import ParseError, parse

    try:
        found = parse(text)
    except ParseError:
        return text.strip(), {}
    parts = (found.short_description, found.long_description)
    about = "\n\n".join(part.strip() for part in parts if part)
    notes = {
        name.strip().lstrip("*"): " ".join(p.description.split())
        for p in found.params
        if p.description
        for name in p.arg_name.split(",")
    }
    return about or ("" if notes else text.strip()), notes


# -- which is to be called -------------------------------------------------------------


def checked_choice(
    choice: object, functions: Iterable[Tool], *, flat: bool
) -> str | dict[str, Any]:
    """Return ``tool_choice`` as a request has it.

    Raises
    ------
    BadRequest
        It is none of ``"auto"``, ``"none"``, ``"required"`` and the tools' names.
    """
    names = [tool.name for tool in functions]
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        choice = (inner if isinstance(inner, Mapping) else choice).get("name")
    if callable(choice):
        choice = getattr(choice, "__name__", choice)
    if isinstance(choice, str) and choice in _CHOICES:
        return choice
    if choice not in names:
        listed = ", ".join((*_CHOICES, *names))
        raise BadRequest(
            f"tool_choice must be one of {listed}, not {_shown(choice)}.",
        )
    if flat:
        return {"type": "function", "name": choice}
    return {"type": "function", "function": {"name": choice}}


def checked_steps(value: object) -> int:
    """Return how many rounds of calls are served at most."""
    if value is None:
        return MOST_STEPS
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not 1 <= value <= LARGEST_MOST_STEPS:  # type: ignore[operator]  # is_whole narrows
        raise BadRequest(
            f"max_steps must be a whole number from 1 to {LARGEST_MOST_STEPS}, "
            f"not {_shown(value)}."
        )
    return value  # type: ignore[return-value]  # as just checked


# -- what a call gave ------------------------------------------------------------------


def text_of(value: object, name: str) -> str:
    """Return what a function returned, as the model reads it.

    Text stays as it is, a DataFrame becomes its first rows, anything else JSON.

    Raises
    ------
    GrokError
        It can be no text; the message is for the model.
    """
    if is_frame(value):
        text = compact(value).text
    elif isinstance(value, str):
        text = value
    else:
        text = _json(value, name)
    text = scrub(text.encode("utf-8", "replace").decode("utf-8"))
    rest = len(text) - LONGEST_RESULT
    return text if rest <= 0 else f"{text[:LONGEST_RESULT]}… [{rest:,} more characters]"


def _json(value: object, name: str) -> str:
    from pydantic_core import PydanticSerializationError, to_json

    if inspect.isgenerator(value):  # may never end
        raise GrokError(f"{name}() returned a generator, which is no JSON.")
    unsaid: list[str] = []
    try:
        text = to_json(
            value, fallback=lambda v: _plain(v, unsaid), inf_nan_mode="null"
        ).decode()
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise GrokError(
            f"{name}() returned a {type(value).__name__} that is no JSON: {error}."
        ) from None
    if unsaid:
        raise GrokError(
            f"{name}() returned a {unsaid[0]}, which is neither text nor JSON."
        )
    return text


def _plain(value: Any, unsaid: list[str]) -> Any:
    """Return what pydantic does not know as something that it does.

    ``unsaid`` takes the type of what says no more than that and its address.
    """
    if is_frame(value):
        return compact(value).text
    kind = type(value)
    for method in ("tolist", "item", "to_dict"):
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert()
    is_silent = kind.__str__ in _SAYS_NOTHING and kind.__repr__ in _SAYS_NOTHING
    if is_silent or callable(value) or inspect.isawaitable(value):
        unsaid.append(kind.__name__)
        return None
    return str(value)


def error_text(error: BaseException) -> str:
    """Return an exception as the model reads it: class and message, and no key."""
    try:
        said = f"{error}"
    except Exception:  # noqa: BLE001 - an exception of the user's
        said = ""
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, GrokError):  # which says what is wrong by itself
        text = said
    text = scrub(text.encode("utf-8", "replace").decode("utf-8"))
    return f"Error: {text[:_LONGEST_ERROR]}"


def _shown(value: object) -> str:
    import reprlib

    return f"a {type(value).__name__}" if callable(value) else reprlib.repr(value)
