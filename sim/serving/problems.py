"""Answers that are no success, as S3 names them."""

__all__ = ["Refused"]


class Refused(Exception):
    """A request gets no success for an answer.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        As S3 names it, such as "NoSuchKey".
    message : str
        A sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(status, code, message)

    @classmethod
    def absent(cls) -> "Refused":
        """Nothing is there, or nothing that the replica shows."""
        return cls(404, "NoSuchKey", "The specified key does not exist.")

    @classmethod
    def failed(cls) -> "Refused":
        """The scenario says that requests fail (S7, F2)."""
        return cls(500, "InternalError", "The request fails, as the scenario has it.")

    @classmethod
    def unmet(cls) -> "Refused":
        """A condition of the request does not hold."""
        message = "At least one of the pre-conditions you specified did not hold."
        return cls(412, "PreconditionFailed", message)

    @classmethod
    def full(cls, what: str) -> "Refused":
        """The endpoint holds as much as it may."""
        return cls(507, "InsufficientStorage", f"There are too many {what}.")

    @classmethod
    def unknown(cls, what: str) -> "Refused":
        """Something that S3 can do and this endpoint cannot."""
        return cls(501, "NotImplemented", f"{what} is not served.")
