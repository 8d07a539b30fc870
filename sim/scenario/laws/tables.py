"""Laws of durations as the scenario language writes them, and back.

Wherever an activity takes time, a duration ``"5s"`` or a law may stand::

    { law = "uniform", low = "450ms", high = "507ms" }
    { law = "lognormal", median = "1s", p99 = "30s", plus = "200ms", at_most = "5m" }
    { law = "mixture", parts = [
        { weight = 983, law = "constant", value = "0s" },
        { weight = 17, law = "uniform", low = "0s", high = "10m" } ] }
    { law = "empirical", file = "lags.csv" }

Every law takes the optional ``plus`` (a shift) and ``at_most`` (a hard cap on the shifted value).
The tables are pydantic models, one for each name in `LAW_NAMES`; what leaves this module is a law
of `sim.core.laws`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    TypeAdapter,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sim.core.laws import (
    Adjusted,
    Constant,
    Empirical,
    Exponential,
    Law,
    Lognormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
)
from sim.core.units import format_duration
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.values import (
    DURATION_PATTERN,
    Duration,
    Frozen,
    Longer,
    duration_us,
    refusal,
)
from sim.scenario.laws.observed import observed_law
from sim.scenario.laws.text import law_to_raw

__all__ = ["LAW_NAMES", "TABLES", "ActivityLaw", "PhaseLaw", "WeightedLaw", "weighted"]

_Weight = Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)]
_RULE: Final = 'be a duration with a unit such as "5m", or a law such as {law = "uniform", …}'


class _Table(Frozen):
    """A law as a table; subclasses say which."""

    law: str
    plus: Duration = Field(0, description="Added to every value.")
    at_most: Duration | None = Field(
        None, description="A hard cap: values beyond it are set to it. Without it there is none."
    )

    def bare(self, info: ValidationInfo) -> Law:
        """Return the law before `plus` and `at_most`."""
        raise NotImplementedError

    def build(self, info: ValidationInfo) -> Law:
        """Return the law; raises a refusal if its parameters make none."""
        try:
            law = self.bare(info)
            if not self.plus and self.at_most is None:
                return law
            cap = {} if self.at_most is None else {"at_most_us": float(self.at_most)}
            return Adjusted(law=law, plus_us=float(self.plus), **cap)
        except ValueError as error:
            if isinstance(error, PydanticCustomError):
                raise
            raise refusal(f"be a law: {error}") from None


class _ConstantTable(_Table):
    law: Literal["constant"]
    value: Duration = Field(description="The only value.")

    def bare(self, info: ValidationInfo) -> Law:
        return Constant(value_us=float(self.value))


class _UniformTable(_Table):
    law: Literal["uniform"]
    low: Duration = Field(description="The smallest value.")
    high: Duration = Field(description="The largest value.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.high < self.low:
            raise refusal(f'be at least low="{format_duration(self.low)}"', at=("high",))
        return self

    def bare(self, info: ValidationInfo) -> Law:
        return Uniform(low_us=float(self.low), high_us=float(self.high))


class _ExponentialTable(_Table):
    law: Literal["exponential"]
    mean: Duration = Field(description="The mean.")

    def bare(self, info: ValidationInfo) -> Law:
        return Exponential(mean_us=float(self.mean))


class _LognormalTable(_Table):
    law: Literal["lognormal"]
    median: Longer = Field(description="Half of the values are below.")
    p99: Longer = Field(description="99 % of the values are below.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.p99 < self.median:
            raise refusal(f'be at least median="{format_duration(self.median)}"', at=("p99",))
        return self

    def bare(self, info: ValidationInfo) -> Law:
        return Lognormal(median_us=float(self.median), p99_us=float(self.p99))


class _WeibullTable(_Table):
    law: Literal["weibull"]
    scale: Longer = Field(description="63 % of the values are below.")
    shape: Annotated[float, Field(strict=True, ge=0.05, le=1000.0, allow_inf_nan=False)] = Field(
        description="1 is exponential; below, the tail is heavier."
    )

    def bare(self, info: ValidationInfo) -> Law:
        return Weibull(scale_us=float(self.scale), shape=self.shape)


class _ParetoTable(_Table):
    law: Literal["pareto"]
    minimum: Longer = Field(description="The smallest value.")
    alpha: Annotated[float, Field(strict=True, ge=0.1, le=1000.0, allow_inf_nan=False)] = Field(
        description="P(X > x) = (minimum / x)^alpha; up to 1 the mean is infinite."
    )

    def bare(self, info: ValidationInfo) -> Law:
        return Pareto(minimum_us=float(self.minimum), alpha=self.alpha)


class _EmpiricalTable(_Table):
    law: Literal["empirical"]
    file: Annotated[str, Field(strict=True, min_length=1)] | None = Field(
        None,
        description="CSV of observed durations, relative to the scenario: one with its unit a "
        "line, or the column lag, lag_us, lag_ms or lag_s. What was not over yet has > before it, "
        "or true in the column censored.",
    )
    samples: tuple[Duration, ...] | None = Field(
        None, description="The observed durations themselves, instead of a file."
    )
    weights: tuple[_Weight, ...] | None = Field(
        None, description="How probable each of the samples is; all alike without."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.file is None) == (self.samples is None):
            raise refusal("have one of file and samples")
        if self.samples is not None and not self.samples:
            raise refusal("hold at least one duration", at=("samples",))
        if self.weights is not None and len(self.weights) != len(self.samples or ()):
            raise refusal("be as many as samples", at=("weights",))
        return self

    def bare(self, info: ValidationInfo) -> Law:
        if self.file is None:
            return Empirical(
                samples_us=tuple(map(float, self.samples or ())), weights=self.weights or ()
            )
        try:
            return observed_law(self.file, (info.context or {}).get("reading"), self.at_most)
        except ValueError as error:
            raise refusal(str(error), at=("file",)) from None


class ActivityLaw:
    """Annotation of a field that holds a `Law`: how it is read, printed and described."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(law_to_raw)
        return core_schema.with_info_plain_validator_function(_read_law, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["5m", "1h30m"]}
        return {"anyOf": [text, handler(_reader(*LAW_NAMES).core_schema)]}


class PhaseLaw(ActivityLaw):
    """As `ActivityLaw`; the word ``"uniform"`` may stand instead of a law."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        law = super().__get_pydantic_core_schema__(source, handler)
        written = core_schema.plain_serializer_function_ser_schema(_phase_to_raw)
        return core_schema.no_info_wrap_validator_function(_read_phase, law, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        law = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [{"const": "uniform", "type": "string"}, *law["anyOf"]]}


class WeightedLaw:
    """Annotation of a part of a mixture: a pair (weight, law) from a table with both."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        known = _tagged(weighted(), handler)
        return core_schema.with_info_wrap_validator_function(_read_part, known)


class _MixtureTable(_Table):
    law: Literal["mixture"]
    parts: tuple[Annotated[Any, WeightedLaw], ...] = Field(
        description="Laws with a weight each; the weights are divided by their sum."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.parts:
            raise refusal("hold at least one part", at=("parts",))
        return self

    def bare(self, info: ValidationInfo) -> Law:
        weights, laws = zip(*self.parts, strict=True)
        return Mixture(weights=weights, parts=laws)


TABLES: Final[Mapping[str, type[_Table]]] = {
    "constant": _ConstantTable,
    "uniform": _UniformTable,
    "exponential": _ExponentialTable,
    "lognormal": _LognormalTable,
    "weibull": _WeibullTable,
    "pareto": _ParetoTable,
    "mixture": _MixtureTable,
    "empirical": _EmpiricalTable,
}
LAW_NAMES: Final = tuple(TABLES)


@cache
def weighted() -> Mapping[str, type[_Table]]:
    """The tables of a part of a mixture, by the names of their laws."""
    weight = (_Weight, Field(description="How often, relative to the other parts."))
    return {
        name: create_model(f"_Weighted{table.__name__}", __base__=table, weight=weight)
        for name, table in TABLES.items()
    }


@cache
def _reader(*names: str) -> TypeAdapter[_Table]:
    """What reads tables of these laws; made when the first one is read, and for no other law."""
    schema = GetPydanticSchema(lambda _, h: _tagged({name: TABLES[name] for name in names}, h))
    return TypeAdapter(Annotated[_Table, schema])


def _tagged(tables: Mapping[str, type[_Table]], handler: GetCoreSchemaHandler) -> CoreSchema:
    """What reads any of these tables, by the key ``law``."""
    choices = {name: handler.generate_schema(table) for name, table in tables.items()}
    return core_schema.tagged_union_schema(choices, discriminator="law")


def _checked_table(value: object, rule: str) -> str:
    """Return the name of the law of a table, and refuse what is none with such a name."""
    if not isinstance(value, Mapping):
        duration_us(value, rule)
        raise refusal(rule)
    if "law" not in value:
        hint = next((did_you_mean(key, ["law"]) for key in value if did_you_mean(key, ["law"])), "")
        raise refusal("have a key law", hint=hint)
    if value["law"] not in LAW_NAMES:
        hint = did_you_mean(value["law"], LAW_NAMES)
        raise refusal(one_of(LAW_NAMES), hint=hint, at=("law",))
    return str(value["law"])


def _read_law(value: object, info: ValidationInfo) -> Law:
    """Read a duration or a table; a law itself passes through its table, by the same rules."""
    raw = law_to_raw(value) if isinstance(value, Law) else value
    if isinstance(raw, str):
        return Constant(value_us=float(duration_us(raw, _RULE)))
    table = _reader(_checked_table(raw, _RULE)).validate_python(raw, context=info.context)
    return table.build(info)


def _read_phase(value: object, read_law: ValidatorFunctionWrapHandler) -> Any:
    """Read ``"uniform"`` or a law."""
    return value if value == "uniform" else read_law(value)


def _phase_to_raw(phase: Law | str) -> Any:
    """Return a phase as the scenario language writes it."""
    return law_to_raw(phase) if isinstance(phase, Law) else phase


def _read_part(
    value: object, read_table: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> tuple[float, Law]:
    """Read one part of a mixture."""
    _checked_table(value, 'be a table such as {weight = 0.1, law = "constant", value = "5s"}')
    table = read_table(value)
    return table.weight, table.build(info)
