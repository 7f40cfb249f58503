"""What is wrong with a plan or schedule that somebody wrote, in words of one sentence."""

from pydantic import ValidationError


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong, with its place in the file where it has one."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return (f"{place}: " if place else "") + str(first["msg"]).removeprefix("Value error, ")
