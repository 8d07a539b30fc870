"""How much one may ask of an endpoint."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused beyond.

    Attributes
    ----------
    body_bytes : int
        Of one request.
    held_bytes : int
        Of all that is stored, old versions that a replica may still show included, and of all
        parts of uploads that are under way.
    keys : int
        Ever used.
    uploads : int
        Under way at once.
    header_bytes : int
        Of one request, its first line included.
    document_bytes : int
        Of XML in one request.
    page : int
        Keys of one listing, and of one request to delete.
    connections : int
        Open at once.
    idle_s : int
        For how long one may say nothing.
    """

    body_bytes: int = 64 << 20
    held_bytes: int = 1 << 30
    keys: int = 100_000
    uploads: int = 1_000
    header_bytes: int = 32 << 10
    document_bytes: int = 2 << 20
    page: int = 1_000
    connections: int = 200
    idle_s: int = 60
