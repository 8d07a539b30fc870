"""Objects that belong to the bucket and to no block (``SEMANTICS.md`` S9)."""

from typing import Generic, TypeVar

from sim.model.blocks.catalog import Version

T = TypeVar("T")


class BucketObject(Generic[T]):
    """An object of the bucket, such as an index of it, with the content of each version.

    Parameters
    ----------
    key : str
        Its name in the store, without a slash.
    """

    __slots__ = ("_versions", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self._versions: list[tuple[Version, T]] = []

    def __len__(self) -> int:
        """How many versions there have been."""
        return len(self._versions)

    @property
    def newest(self) -> T | None:
        """The content of the newest acknowledged version; None if there is none."""
        return self._versions[-1][1] if self._versions else None

    def add(self, version: Version, content: T) -> None:
        """Note a version that was acknowledged now."""
        self._versions.append((version, content))

    def shown(self, replica: int, t_us: int) -> T | None:
        """What a GET that ``replica`` answers at ``t_us`` finds; None if there is no version."""
        for version, content in reversed(self._versions):
            if (version.get[replica] if version.get else version.ack_us) <= t_us:
                return content
        return None
