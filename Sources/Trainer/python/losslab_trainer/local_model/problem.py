"""What ends a fetch, as one sentence for the user."""

from typing import Literal

Kind = Literal["network", "disk", "content", "usage"]


class FetchProblem(Exception):
    """A fetch that cannot go on: its kind, and a sentence that names the thing and the next step."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
