"""Reads a result document back, or says everything that is wrong with it.

The classes here say what a document holds: `document_schema` makes a JSON Schema of them. Keys that
they do not know are passed over, since a later version may add some.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NoReturn, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from sim.analysis.comparison.numbers import Numbers, OutcomeNumbers, SchemeNumbers
from sim.analysis.estimators import Interval
from sim.analysis.expect import Verdict
from sim.analysis.rules.safety import Status
from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.text import DEPTH_RULE, MISSING, format_path, too_deep, value_at
from sim.scenario.complaints.validation import findings_of
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import RULE
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES

__all__ = ["Document", "document_schema", "read_as", "read_numbers"]

Model = TypeVar("Model", bound=BaseModel)

_LATER_KEYS: Final = (("per_trial",), ("world_digest",))

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Fractions = Annotated[
    dict[str, tuple[Share | None, ...]], Field(description="By outcome, of each trial.")
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class _Estimate(_Part):
    """A fraction of queries and its 95 % interval; null where nothing was asked."""

    fraction: Share | None
    low: Share | None
    high: Share | None
    method: str
    seen_in_trials: int = Field(ge=0)


class _Total(_Estimate):
    expected: float = Field(ge=0.0, description="Queries, over all trials.")


class _Term(_Part):
    term: str
    meaning: str
    us: float | None
    usual_us: float | None = None


class _Rule(_Part):
    """A safety rule; what is without end is null."""

    rule: str
    protects: str
    key: str
    terms: tuple[_Term, ...]
    required_us: float | None
    usual_us: float | None = None
    configured_us: float | None
    slack_us: float | None
    dominant: str | None = None
    status: Status
    is_met: bool
    obstacles: tuple[str, ...]


class _Unsettled(_Part):
    """What was still changing after the warm-up."""

    metric: str
    mean: float
    settled_us: int = Field(description="From then on it no longer changes much.")
    settled_mean: float
    needed_us: int = Field(description="A warm-up that would be long enough.")
    because: str


class _PerTrial(_Part):
    """What each trial had, in order; an outcome that none had is left out."""

    outcomes: Fractions
    by_query: dict[str, Fractions]
    counts: dict[str, tuple[float | None, ...]]


class _Scheme(_Part):
    name: str = Field(min_length=1)
    kind: str
    digest: str
    world_digest: str
    queries: float = Field(ge=0.0)
    outcomes: dict[str, _Total]
    by_query: dict[str, dict[str, _Estimate]]
    counts: dict[str, Any]
    garbage_byte_seconds: float
    exposure: dict[str, float]
    unsettled: _Unsettled | None = None
    critical_delays: dict[str, dict[str, int]] = {}
    rules: tuple[_Rule, ...]
    per_trial: _PerTrial


class _Difference(_Part):
    scheme: str
    baseline: str
    outcome: str
    difference: float | None
    low: float | None
    high: float | None
    method: str
    variance_reduction: float | None = Field(
        None, le=1.0, description="Share of the variance that pairs take off; null where unknown."
    )


class _Witness(_Part):
    """What shows it; its other keys depend on its kind."""

    model_config = ConfigDict(extra="allow")

    kind: str


class _Goal(_Part):
    query: str | None
    outcome: str
    half_width: float = Field(gt=0.0, lt=1.0)
    is_relative: bool = Field(description="Whether the half-width is a share of the fraction.")


class _Precision(_Part):
    """What the run went on for; ``expect`` says whether it was reached."""

    goals: tuple[_Goal, ...]
    trials_max: int = Field(ge=1)


class _Judgement(_Part):
    scheme: str
    rule: str
    verdict: Verdict
    reason: str | None
    witness: _Witness | None


class Document(_Part):
    """A result document of the simulator, as ``sim run --json`` writes it."""

    schema_version: Literal[1] = Field(alias="schema")
    scenario: str
    scenario_digest: str
    seed: int
    trials: int = Field(ge=1)
    version: str
    mode: Literal["exact", "sampled"] = "exact"
    precision: _Precision | None = None
    digest: str
    schemes: tuple[_Scheme, ...] = Field(min_length=1)
    differences: tuple[_Difference, ...]
    expect: tuple[_Judgement, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        findings = [finding._asdict() for finding in _gaps(self)]
        if findings:
            raise PydanticCustomError(RULE, "parts do not fit together", {"findings": findings})
        return self


def _gaps(made: Document) -> Iterator[Finding]:
    """Find what is missing, or there once too often, for every number to have its place."""
    names: list[str] = []
    for i, scheme in enumerate(made.schemes):
        if scheme.name in names:
            yield Finding(("schemes", i, "name"), "be the name of one scheme only")
        names.append(scheme.name)
        tables: list[tuple[tuple[str, ...], Mapping[str, _Estimate]]]
        tables = [(("outcomes",), scheme.outcomes)]
        tables += [(("by_query", query), found) for query, found in scheme.by_query.items()]
        for at, there in tables:
            for outcome in OUTCOMES:
                if outcome not in there:
                    yield Finding(("schemes", i, *at, outcome), "be given")
        own = scheme.per_trial
        for query in scheme.by_query:
            if query not in own.by_query:
                yield Finding(("schemes", i, "per_trial", "by_query", query), "be given")
        rows = [
            *((("outcomes", key), row) for key, row in own.outcomes.items()),
            *(
                (("by_query", q, key), row)
                for q, f in own.by_query.items()
                for key, row in f.items()
            ),
            *((("counts", key), row) for key, row in own.counts.items()),
        ]
        for at, row in rows:
            if len(row) != made.trials:
                rule = f"have a number for each of {made.trials} trials"
                yield Finding(("schemes", i, "per_trial", *at), rule, hint=f"it has {len(row)}")


def document_schema() -> str:
    """Return the JSON Schema of result documents as text."""
    schema = Document.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A result of the consistency simulator"
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read_numbers(text: str, file: str = "") -> Numbers:
    """Read the numbers of a result document.

    Parameters
    ----------
    text : str
        The document.
    file : str
        Where it stands, for messages.

    Returns
    -------
    Numbers
        Equal to those of the result that it was made of.

    Raises
    ------
    ScenarioError
        With every problem: file, key path, value and rule.
    """
    made = read_as(Document, text, file)
    return Numbers(
        scenario=made.scenario,
        scenario_digest=made.scenario_digest,
        seed=made.seed,
        trials=made.trials,
        version=made.version,
        mode=made.mode,
        digest=made.digest,
        schemes=tuple(_scheme(scheme, made.trials) for scheme in made.schemes),
    )


def read_as(kind: type[Model], text: str, file: str = "") -> Model:
    """Read JSON text as a model; raises ScenarioError with every problem of it."""
    raw = _parsed(text, file)
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise ScenarioError(_problems(error, raw, file)) from None


def _parsed(text: str, file: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number in JSON")

    try:
        raw = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        problem = Problem("", MISSING, "be JSON", error.msg, error.lineno, error.colno, file)
        raise ScenarioError([problem]) from None
    except (ValueError, RecursionError) as error:
        raise ScenarioError([Problem("", MISSING, "be JSON", str(error), file=file)]) from None
    if not isinstance(raw, Mapping):
        raise ScenarioError([Problem("", raw, "be a table", file=file)])
    deep = too_deep(raw)
    if deep is not None:
        raise ScenarioError([Problem(format_path(deep), MISSING, DEPTH_RULE, file=file)])
    return raw


def _problems(error: ValidationError, raw: Any, file: str) -> Iterator[Problem]:
    """Word what pydantic found."""
    for finding in findings_of(error, raw):
        is_old = finding.at[-1:] in _LATER_KEYS and finding.rule == "be given"
        hint = "it was written before results could be compared; run it again"
        yield Problem(
            format_path(finding.at),
            value_at(raw, finding.at),
            finding.rule,
            hint if is_old else finding.hint,
            file=file,
        )


def _scheme(made: _Scheme, trials: int) -> SchemeNumbers:
    own = made.per_trial
    classes: list[tuple[str | None, Mapping[str, _Estimate]]]
    classes = [(None, made.outcomes), *made.by_query.items()]
    per_trial: dict[str | None, Fractions] = {query: own.by_query[query] for query in made.by_query}
    per_trial[None] = own.outcomes
    return SchemeNumbers(
        name=made.name,
        digest=made.digest,
        world_digest=made.world_digest,
        outcomes={
            query: {
                outcome: OutcomeNumbers(
                    interval=_interval(estimates[outcome]),
                    per_trial=_known(per_trial[query].get(outcome, (0.0,) * trials)),
                )
                for outcome in OUTCOMES
            }
            for query, estimates in classes
        },
        counts={name: _known(own.counts[name]) for name in METRICS if name in own.counts},
    )


def _interval(made: _Estimate) -> Interval:
    fraction, low, high = _known((made.fraction, made.low, made.high))
    return Interval(fraction, low, high, made.method)


def _known(values: tuple[float | None, ...]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)
