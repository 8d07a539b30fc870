"""A way to delete in the code of somebody else, and which ways a scenario may name."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from sim.scenario.language.cleanup import Cleanup
from sim.scenario.language.outside import OUTSIDE, from_table, place_of
from sim.scenario.language.schemes import (
    SCHEME_KINDS,
    Composed,
    DeletionMark,
    Immediate,
    SchemeBase,
    keys_of,
)
from sim.scenario.presets import over_scheme

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["OwnScheme", "SchemeSpec"]


class OwnScheme(SchemeBase):
    """Base of a scheme of somebody else, which a scenario names as ``kind = "module:Name"``.

    A subclass has keys of its own, and says in `composed` what stands in each slot. Rules prove of
    it what they prove of that.
    """

    model_config = ConfigDict(validate_default=True)

    source: ClassVar[str] = ""
    """Where it comes from."""

    kind: str = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        """Give it the name by which a scenario finds it."""
        is_unnamed = isinstance(raw, Mapping) and "kind" not in raw
        return {"kind": place_of(cls), **raw} if is_unnamed else raw

    @property
    def said(self) -> Mapping[str, Any]:
        """Its keys and their values as a scenario says them: durations as texts."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def slots(self, **parts: Any) -> Composed:
        """The scheme of these primitives: values of them, tables with a kind, or kinds alone."""
        return Composed.model_validate({"name": self.name, "kind": "composed", **parts})

    @property
    def delete_delay_us(self) -> int:
        """From retirement to deletion; NEVER if nothing is deleted."""
        return self.composed.delete_delay_us

    @property
    def hide_delay_us(self) -> int | None:
        """Age of a mark from which gateways ignore the block; None without marks."""
        return self.composed.hide_delay_us

    @property
    def delete_key(self) -> str | None:
        """The key of the delay of deletions, if it has one of that name."""
        return "delete_delay" if "delete_delay" in keys_of(type(self)) else None

    @property
    def hide_key(self) -> str | None:
        """The key of the delay of hiding, if it has one of that name."""
        has_key = "ignore_deletion_marks_delay" in keys_of(type(self))
        return "ignore_deletion_marks_delay" if has_key else None

    @property
    def tries_again(self) -> bool:
        """Whether what it does on a miss makes readers act."""
        return self.composed.tries_again

    def cleanup(self, default: Cleanup) -> Cleanup:
        """When retired blocks are deleted; `default` where the scheme does not say."""
        return self.composed.cleanup(default)

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """What keeps delays alone from proving that no read fails in a scenario."""
        return self.composed.obstacles(scenario)

    def with_delay(self, key: str, value_us: int) -> "SchemeSpec":
        """The scheme with another delay at a key of its table."""
        return self.model_copy(update={keys_of(type(self))[key]: value_us})


def _begun(raw: Any) -> Any:
    """Lay a scheme over the preset that it names."""
    return over_scheme(raw) if isinstance(raw, Mapping) and raw.get("preset") is not None else raw


class _ByKind:
    """Annotation of a scheme: one of the kinds of this program, or a class that is named."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        own = handler.generate_schema(Annotated[_Known, Field(discriminator="kind")])
        written = core_schema.wrap_serializer_function_ser_schema(self._written, schema=own)
        return core_schema.with_info_wrap_validator_function(self._read, own, serialization=written)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        named = {"kind": OUTSIDE, "name": {"type": "string"}}
        own = {"type": "object", "properties": named, "required": ["name", "kind"]}
        known = handler(schema)
        return {**known, "oneOf": [*known["oneOf"], own]}

    @staticmethod
    def _read(raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if isinstance(raw, OwnScheme):
            return raw
        is_text = isinstance(raw, Mapping) and isinstance(raw.get("kind"), str)
        if is_text and raw["kind"] not in SCHEME_KINDS:
            return from_table(raw, OwnScheme, SCHEME_KINDS, info)
        return handler(raw)

    @staticmethod
    def _written(scheme: Any, handler: SerializerFunctionWrapHandler) -> Any:
        if isinstance(scheme, OwnScheme):
            return scheme.model_dump(by_alias=True, exclude_none=True)
        return handler(scheme)


_Known = Immediate | DeletionMark | Composed

SchemeSpec = Annotated[_Known | OwnScheme, _ByKind(), BeforeValidator(_begun)]
"""A way to delete."""
